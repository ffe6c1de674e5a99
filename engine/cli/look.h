/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a run: from its engine when it lives, from its journal when not. Used by status,
 * watch, rollback --show, report. */
#pragma once

#include "engine/cli/find.h"
#include "engine/core/watch.h"
#include "engine/runtime/replay.h"

/* `status --output json`, whoever can tell it; new reference. */
int cut_look_status(const struct cut_args *args, struct cut_found *found, json_t **ret,
		    struct cut_err *err);

/* A run rebuilt from its journal. */
struct cut_look {
	struct cut_context ctx;
	struct cut_run *run;	 /* owned */
	struct cut_watch *watch; /* owned */
	struct cut_replay replay;
};
int cut_look_open(const struct cut_args *args, const char *dir, struct cut_look *ret,
		  struct cut_err *err);
void cut_look_done(struct cut_look *look);

static inline void cut_look_cleanup(struct cut_look *look)
{
	cut_look_done(look);
}
