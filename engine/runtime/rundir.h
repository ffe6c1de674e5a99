/* SPDX-License-Identifier: Apache-2.0 */
/* Where runs live on disk and how they are found again: the state directory, a run's folder and id,
 * its control socket's path, the named locks. Used by the commands and the engine's start. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/base/vec.h"

#include <stdbool.h>
#include <sys/types.h>

/* option (or NULL), else $CUTOVER_STATE_DIR, $XDG_STATE_HOME/cutover, ~/.local/state/cutover: its
 * name. Whatever looks into it or makes something there says -EPERM where it is another user's, or
 * others may write to it. */
int cut_state_dir(const char *option, char **ret, struct cut_err *err);
/* With 0700 where it is missing. */
int cut_state_make(const char *state, struct cut_err *err);

struct cut_run_entry {
	char *id, *dir, *name;	 /* owned; name: the runbook's */
	const char *outcome;	 /* the final state's name; NULL: unfinished */
	char *state;		 /* owned: of its last record of type run; NULL: none */
	cut_time started, ended; /* wall; CUT_NEVER: unknown, not yet */
	bool unclosed;		 /* ended, but something temporary was left open */
	bool live;		 /* somebody holds its lock */
	bool empty;		 /* not one record: it was never armed */
};
/* Takes outcome and unclosed from a record of type run. */
void cut_run_entry_end(struct cut_run_entry *entry, const json_t *record);
int cut_run_outcome_exit(const struct cut_run_entry *entry);
void cut_run_entry_done(struct cut_run_entry *entry);
struct cut_run_list {
	CUT_VEC(struct cut_run_entry);
};
void cut_run_list_done(struct cut_run_list *list);

/* Makes "<state>/runs/YYYYMMDDTHHMMSSZ-<name>-<4 hex>", durably. */
int cut_run_dir_create(const char *state, const char *name, cut_time wall,
		       struct cut_run_entry *ret, struct cut_err *err);
/* For a run that was refused when it was to be armed: its folder and what is in it. */
void cut_run_dir_remove(const char *dir);
/* All runs, oldest first. */
int cut_run_list(const char *state, struct cut_run_list *ret, struct cut_err *err);

enum cut_run_pick {
	CUT_PICK_LIVE,	     /* the one live run */
	CUT_PICK_UNFINISHED, /* the one unfinished run, live or not */
	CUT_PICK_NEWEST,     /* the one live run, else the newest */
	CUT_PICK_TO_WATCH,   /* the one live run; where none is live, the newest */
};
/* wanted: a run's id, or NULL to pick one. -ENOENT: none; -ENOTUNIQ: several, err names them. */
int cut_run_find(const char *state, const char *wanted, enum cut_run_pick pick,
		 struct cut_run_entry *ret, struct cut_err *err);
/* -EBUSY where a run of a runbook of this name is unfinished: err says to watch or recover it. */
int cut_run_refuse_second(const char *state, const char *name, struct cut_err *err);

/* The control socket. to_listen: the directory is made where missing and checked; else the path at
 * which the socket of the run is found, whoever's run it is; -ENOENT: nowhere. */
int cut_socket_path(const char *run, bool to_listen, char **ret, struct cut_err *err);

/* The runbook's `locks`: files under <state>/locks, held until the descriptors are closed. All or
 * none; -EBUSY: err names the lock, its holder, since when, and the ticket. */
struct cut_named_locks {
	CUT_VEC(int);
};
int cut_named_locks_take(const char *state, const char *const *names, size_t len, const char *run,
			 const char *ticket, cut_time wall, struct cut_named_locks *ret,
			 struct cut_err *err);
void cut_named_locks_done(struct cut_named_locks *locks);
