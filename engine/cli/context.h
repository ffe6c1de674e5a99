/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are (state, plugins, host) and the runbook that a command works on. Used by every
 * command that reads a runbook or looks for a run. */
#pragma once

#include "engine/cli/cli.h"
#include "engine/core/graph.h"
#include "engine/runbook/runbook.h"

struct cut_places {
	char *state_dir;  /* owned; NULL for commands that need none */
	char *plugin_dir; /* owned */
	char *host_path;  /* owned: cutover-host */
};

/* Plugins and host, from --plugin-dir, environment, installation; a program in a build tree finds
 * that tree's. */
void cut_places_find(const struct cut_args *args, struct cut_places *ret);
/* That, and where runs are: --state-dir, environment. */
int cut_places_of_runs(const struct cut_args *args, struct cut_places *ret, struct cut_err *err);
void cut_places_done(struct cut_places *places);

/* A runbook ready to be worked with. */
struct cut_context {
	struct cut_places places;
	struct cut_catalog catalog;
	bool all_loaded; /* every plugin that is there, to find one with a like name */
	struct cut_faults faults;
	struct cut_runbook *rb;	       /* owned */
	const struct cut_graph *graph; /* rb's */
};

/* Loads by the arguments' --set, --params, --large. 0; else the exit code, everything printed: all
 * faults of the file, or why it could not be read. Under --output json `validate` prints the faults
 * itself: quiet leaves them in ctx->faults. */
int cut_context_load(const struct cut_args *args, const char *path, bool quiet,
		     struct cut_context *ret);
/* The runbook of a run as it was armed. */
int cut_context_of_run(const struct cut_args *args, const char *dir, struct cut_context *ret,
		       struct cut_err *err);
void cut_context_done(struct cut_context *ctx);

/* Adds every plugin of the plugin directory: for `plugins` and `schema`. */
int cut_catalog_load_all(const struct cut_places *places, struct cut_catalog *catalog,
			 struct cut_err *err);

static inline void cut_context_cleanup(struct cut_context *ctx)
{
	cut_context_done(ctx);
}
