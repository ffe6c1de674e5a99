/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a run to its end: a live view on a terminal, plain lines elsewhere. Used by run, watch
 * and recover; `logs -f` takes the records only. */
#pragma once

#include "engine/cli/client.h"
#include "engine/cli/find.h"

/* Exit code of how the run ended, or CUT_EXIT_DETACHED after Ctrl-C. engine: the line to an engine
 * that was just started, or -1; owned. Its run may end at once, but the engine stays until the
 * first record has come and this is closed. */
int cut_follow(const struct cut_args *args, struct cut_found *found, int engine);

struct cut_follower {
	const uint64_t *seq; /* of the newest record that each was given */
	cut_client_record_fn *each;
	cut_client_idle_fn *idle;
	bool (*is_over)(
		void *data); /* asked when a stream breaks: has it ended, or is it enough? */
	void *data;
};
/* Records as they come, from one engine after the other. 0: it is over; negative: it cannot be
 * followed. */
int cut_follow_records(struct cut_found *found, const struct cut_follower *by, struct cut_err *err);
