/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the run that a command means, and its socket. Used by every command with a RUN. */
#pragma once

#include "engine/cli/context.h"
#include "engine/runtime/rundir.h"

struct cut_found {
	struct cut_places places;
	struct cut_run_entry entry;
	char *socket; /* owned; NULL where there is none */
};

/* The argument at index `at` names the run, or pick chooses. A run of another user is found by its
 * id as long as it lives: its socket is for everybody in a role of it, its folder is not. */
int cut_find(const struct cut_args *args, size_t at, enum cut_run_pick pick, struct cut_found *ret,
	     struct cut_err *err);
/* -EACCES: found by its socket alone; its journal is another user's. */
int cut_found_check_own(const struct cut_found *found, struct cut_err *err);
/* Its control socket; NULL: an engine has yet to make it. */
const char *cut_found_socket(struct cut_found *found);
bool cut_found_is_live(const struct cut_found *found); /* now, by its lock */
/* Has its journal the final record by now? Then *ret has outcome and unclosed. */
bool cut_found_has_ended(const struct cut_found *found, struct cut_run_entry *ret);
/* -EALREADY: an order came too late. */
int cut_found_say_ended(const struct cut_found *found, const char *outcome, struct cut_err *err);
/* No engine has answered for long: where somebody keeps `recover` from the run, err says who that
 * is instead. Returns err->code. */
int cut_found_say_held(const struct cut_found *found, struct cut_err *err);
/* As cut_client_request, and waits while the engine of a live run is being started again. Of an
 * order that is not answered err says that nobody knows what became of it. */
int cut_found_request(struct cut_found *found, const char *path, const json_t *body, json_t **ret,
		      struct cut_err *err);
void cut_found_done(struct cut_found *found);

static inline void cut_found_cleanup(struct cut_found *found)
{
	cut_found_done(found);
}
