/* SPDX-License-Identifier: Apache-2.0 */
/* Waits: they end by time alone; a clean one starts again while a trigger is not clear. */
#include "engine/core/run_internal.h"

static bool is_clean(const struct cut_run *run, uint32_t step)
{
	return run->rb->steps[step].wait->clean;
}

/* The later of both, where a length and a time are given. */
static void arm(struct cut_run *run, uint32_t step, cut_time length)
{
	const struct cut_step *model = &run->rb->steps[step];
	const struct cut_wait *wait = model->wait;
	struct cut_run_step *s = &run->steps[step];
	cut_time until = cut_run_when(run, &wait->until, model->phase);
	cut_time from = s->started, end;

	if (wait->since != CUT_NONE)
		from = run->steps[wait->since].ended;
	if (s->doing == CUT_DOING_WAIT)
		from = run->t; /* again, from now on */
	cut_step_doing(run, step, CUT_DOING_WAIT);
	if (wait->clean && run->unclear) {
		cut_timer_step(run, step, CUT_NEVER, false);
		cut_step_say(run, step, "a trigger is not clear");
		return;
	}
	cut_step_say(run, step, NULL);
	end = length == CUT_NEVER ? run->t : from + length;
	if (until > run->wall && run->t + (until - run->wall) > end)
		cut_timer_step(run, step, until, true);
	else
		cut_timer_step(run, step, end > run->t ? end : run->t, false);
}

static cut_time length_of(struct cut_run *run, uint32_t step, struct cut_err *err)
{
	const struct cut_wait *wait = run->rb->steps[step].wait;
	cut_time length = wait->length;

	if (wait->for_text && cut_env_duration(run, step, wait->for_text, &length, err) < 0)
		return -1;
	return length;
}

void cut_wait_start(struct cut_run *run, uint32_t step)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_time length = length_of(run, step, &err);

	cut_step_move(run, step, CUT_STEP_RUNNING);
	if (length < 0) {
		cut_auto(cut_str) char *why = cut_err_text(&err);

		cut_step_say(run, step, "its length cannot be told: %s", why);
		cut_step_fail(run, step, NULL);
		return;
	}
	run->steps[step].attempt++;
	arm(run, step, length);
	if (is_clean(run, step))
		cut_vec_push(&run->clean_waits, step);
	if (run->steps[step].due <= run->t && !run->steps[step].due_wall)
		cut_step_succeed(run, step);
}

/* The triggers have all become clear, or are not any more. */
void cut_wait_triggers(struct cut_run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->clean_waits.len; i++) {
		uint32_t step = run->clean_waits.items[i];

		if (run->steps[step].doing != CUT_DOING_WAIT)
			continue;
		run->clean_waits.items[kept++] = step;
		arm(run, step, length_of(run, step, NULL));
	}
	run->clean_waits.len = kept;
}
