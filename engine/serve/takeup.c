/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/takeup.h"

#include "engine/runtime/clock.h"
#include "engine/runtime/orphans.h"

#include <string.h>

#define ORPHANS_WAIT (5 * CUT_SECOND) /* for them to die */

struct left {
	const struct cut_run *run;
	const struct cut_runbook *rb;
};

static bool in_flight(void *data, const char *step, unsigned attempt)
{
	const struct left *left = data;
	uint32_t i = cut_runbook_address(left->rb, step);
	struct cut_step_view view;

	if (i == CUT_NONE)
		return false;
	cut_run_step_view(left->run, i, &view);
	return view.state == CUT_STEP_ROLLING_BACK ||
	       (attempt == view.attempt && (view.state == CUT_STEP_RUNNING ||
	                                    view.state == CUT_STEP_VERIFYING ||
	                                    view.state == CUT_STEP_UNKNOWN));
}

int cut_takeup_orphans(const struct cut_run *run, const struct cut_runbook *rb, const char *run_id,
                       struct cut_err *err)
{
	struct left left = {run, rb};

	return cut_orphans_end(run_id, in_flight, &left, cut_clock_boot() + ORPHANS_WAIT, err);
}

cut_time cut_takeup_zero(const struct cut_replay *replay, bool *ret_same_boot, cut_time *ret_gap)
{
	const char *boot = cut_json_str(replay->boot, "boot_id", "");
	char now[37] = "";
	cut_time at = (cut_time)cut_json_int(replay->boot, "boot_ms", 0);
	cut_time t = (cut_time)cut_json_int(replay->boot, "t", 0);
	cut_time away;

	cut_clock_boot_id(now);
	*ret_same_boot = strcmp(boot, now) == 0;
	if (*ret_same_boot) {
		*ret_gap = cut_clock_boot() - (at - t) - replay->t;
		return at - t;
	}
	away = cut_clock_wall() - replay->wall;
	*ret_gap = away > 0 ? away : 0;
	return cut_clock_boot() - replay->t - *ret_gap;
}
