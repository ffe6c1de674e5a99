/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the supervisor of a run, which starts its engine, in processes of their own: the client
 * only waits for a word. Used by run and recover. */
#pragma once

#include "engine/cli/context.h"
#include "engine/serve/engine.h"

/* Hosts, plans and first samples have shorter ones of their own. */
#define CUT_LAUNCH_TIMEOUT (2 * CUT_MINUTE)

struct cut_launch {
	struct cut_engine_options engine; /* dir, run_id, socket, host_path are set by the caller */
	const char *state_dir;
	int lock_fd; /* of the run; taken over */
	const int *named_locks;
	size_t named_locks_len;
};

/* Forks. *ret_client: the line to the engine (see serve/engine.h). */
int cut_launch(const struct cut_launch *launch, int *ret_client, struct cut_err *err);
/* Reads the engine's next message: -ETIMEDOUT, or -EPIPE when it closed without one; then err names
 * the log in dir, the run's folder. */
int cut_launch_message(int client, const char *dir, cut_time timeout, struct cut_buf *in,
		       json_t **ret, struct cut_err *err);
/* 0, or the error that the message tells: the engine refused. */
int cut_launch_refusal(const json_t *message, struct cut_err *err);
