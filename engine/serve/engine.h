/* SPDX-License-Identifier: Apache-2.0 */
/* The engine process of one run: arms it or takes it up again, serves its control socket, drives it
 * to its end. Started by the supervisor, with the runbook already in memory. */
#pragma once

#include "engine/runtime/driver.h"
#include "engine/runtime/supervisor.h"

struct cut_engine_options {
	const struct cut_runbook *rb; /* all borrowed; the identity is made */
	const struct cut_graph *graph;
	const char *state; /* the state directory, where the key is that seals the journal */
	const char *dir, *run_id, *socket, *host_path;
	int64_t starter; /* uid */
	const char *starter_name;
	bool resume;
	bool yes;		     /* start without being told */
	cut_time at;		     /* wall: start then; CUT_NEVER: when told */
	const char *until;	     /* phase after which it holds, or NULL */
	const json_t *acked;	     /* list of trigger ids, or NULL */
	const char *override_reason; /* --override-window --reason, or NULL */
	const json_t *pinned;	     /* the saved plan that must still hold, or NULL */
	int client_fd;		     /* socketpair with the client that waits, or -1 */
	int log_fd;
};

/* What the engine tells its client, one JSON object a line: {"type": "armed", "plans": {…}, …},
 * {"type": "started"}, {"type": "refused", "error": {…}, "errno": code}. The client answers with
 * the line "start", or closes: then a run that has not started is withdrawn without a trace. One
 * that is taken up again tells {"type": "resumed"} or "refused". */

/* The supervisor's engine function: arg is a struct cut_engine_options. A second start of the same
 * options resumes the run. */
int cut_engine_run(void *arg, const struct cut_engine_start *start);
