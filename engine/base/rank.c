/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/rank.h"

#include "engine/base/alloc.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From sched_setattr(2): the C library has no declaration. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

enum { RESET_ON_FORK = 1 };

static const struct {
	const char *name;
	struct attributes of[2]; /* enum cut_rank_of */
} ranks[] = {
	[CUT_RANK_NORMAL] = {"normal", {{0}}},
	[CUT_RANK_RAISED] = {"raised",
			     {{.policy = SCHED_OTHER, .nice = -5},
			      {.policy = SCHED_OTHER, .nice = -4}}},
	[CUT_RANK_REALTIME] = {"realtime",
			       {{.policy = SCHED_RR, .priority = 2},
				{.policy = SCHED_RR, .priority = 1}}},
};

enum cut_rank cut_rank_take(enum cut_rank_of who)
{
	const char *wish = getenv(CUT_RANK_VARIABLE);

	for (enum cut_rank rank = CUT_RANK_RAISED; wish && rank < CUT_ARRAY_LEN(ranks); rank++) {
		struct attributes a = ranks[rank].of[who];

		a.size = sizeof(a);
		a.flags = RESET_ON_FORK;
		if (strcmp(wish, ranks[rank].name) == 0 &&
		    syscall(SYS_sched_setattr, 0, &a, 0) == 0)
			return rank;
	}
	return CUT_RANK_NORMAL;
}

const char *cut_rank_name(enum cut_rank rank)
{
	return ranks[rank].name;
}
