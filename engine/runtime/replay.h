/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a journal back into a machine: the resume after a crash, and every look at a run that is
 * not live. The inputs are fed again and must reach the very outputs that were journaled. */
#pragma once

#include "engine/core/watch.h"
#include "engine/runtime/journal.h"

struct cut_replay {
	struct cut_journal_scan scan;
	cut_time t, wall;    /* of the last record */
	json_t *armed;	     /* owned: the first record */
	json_t *boot;	     /* owned: the last record that says boot_id and boot_ms */
	struct cut_outputs { /* decided but not journaled before the crash; JSON texts, owned */
		char **items;
		size_t len, cap;
	} missing;
	uint64_t seq; /* of the record that differs, when -EPROTO */
};

/* run and watch are new. disk: for a resume, by the holder of the run's lock, past the page cache;
 * NULL: for a look, which may be beside a live engine. -EPROTO: the journal is not
 * what this machine would have done, err shows both sides; -EBADMSG: it is corrupt. */
int cut_replay(const char *dir, const struct cut_journal_io *disk, const struct cut_runbook *rb,
	       struct cut_run *run, struct cut_watch *watch, struct cut_replay *ret,
	       struct cut_err *err);
/* Only the first record, new reference: enough to find runbook, folder and parameters. */
int cut_replay_armed(const char *dir, json_t **ret, struct cut_err *err);
void cut_replay_done(struct cut_replay *replay);
