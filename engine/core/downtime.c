/* SPDX-License-Identifier: Apache-2.0 */
/* Downtime clocks: each runs from the start of one step to the end of another, or until the first
 * is undone, and may have a limit. */
#include "engine/core/run_internal.h"

void cut_downtime_start(struct cut_run *run, uint32_t step)
{
	for (uint32_t i = 0; i < run->rb->downtimes_len; i++) {
		const struct cut_downtime *downtime = &run->rb->downtimes[i];
		struct cut_run_clock *clock = &run->clocks[i];

		if (downtime->from != step || clock->since != CUT_NEVER)
			continue;
		clock->since = run->t;
		clock->started = true;
		if (downtime->limit != CUT_NEVER && !clock->over)
			cut_timer_set(run, CUT_TIMER_DOWNTIME, i,
				      run->t + downtime->limit - clock->total);
	}
}

void cut_downtime_stop(struct cut_run *run, uint32_t step, bool undone)
{
	for (uint32_t i = 0; i < run->rb->downtimes_len; i++) {
		const struct cut_downtime *downtime = &run->rb->downtimes[i];
		struct cut_run_clock *clock = &run->clocks[i];

		if (clock->since == CUT_NEVER || (undone ? downtime->from : downtime->to) != step)
			continue;
		clock->total += run->t - clock->since;
		clock->since = CUT_NEVER;
	}
}

void cut_downtime_end(struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->downtimes_len; i++)
		cut_downtime_stop(run, run->rb->downtimes[i].to, false);
}

void cut_downtime_limit(struct cut_run *run, uint32_t index)
{
	const struct cut_downtime *downtime = &run->rb->downtimes[index];
	cut_auto(cut_buf) struct cut_buf text = {0};

	run->clocks[index].over = true;
	cut_buf_printf(&text, "%s has passed its limit of ", downtime->id);
	cut_duration_human(downtime->limit, &text);
	if (!cut_run_forward(run) || downtime->on_limit == CUT_LIMIT_PAGE)
		cut_run_page(run, "run", "%s", cut_buf_str(&text));
	else if (downtime->on_limit == CUT_LIMIT_ROLLBACK)
		cut_run_cause(run, cut_cause("downtime", downtime->id, cut_buf_str(&text)));
	else
		cut_hold_add(run, CUT_HOLD_DOWNTIME, downtime->id, false, true,
			     cut_strdup("cutover resume to go on, or cutover rollback"), "%s",
			     cut_buf_str(&text));
}

bool cut_run_downtime(const struct cut_run *run, uint32_t index, cut_time t, bool *ret_running,
		      cut_time *ret_elapsed)
{
	const struct cut_run_clock *clock = &run->clocks[index];

	*ret_running = clock->since != CUT_NEVER;
	*ret_elapsed = clock->total + (*ret_running && t > clock->since ? t - clock->since : 0);
	return clock->started;
}
