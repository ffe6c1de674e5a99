/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: what was temporary is undone, newest first; then `finally`; then one final
 * record. And temporaries whose end comes earlier. */
#include "engine/core/run_internal.h"

#include <stdlib.h>

/* Was it applied and is it not undone yet? */
bool cut_closing_open(const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	return model->temporary && cut_step_duty(run, step) &&
	       run->steps[step].state < CUT_STEP_ROLLBACK_PENDING;
}

static bool may_undo(const struct cut_run *run, uint32_t step)
{
	return cut_closing_open(run, step) && run->steps[step].doing == CUT_DOING_NOTHING;
}

void cut_closing_until(struct cut_run *run, uint32_t node)
{
	for (uint32_t step = run->until_head[node]; step != CUT_NONE; step = run->until_next[step])
		if (may_undo(run, step))
			cut_undo_start(run, step);
}

void cut_closing_backstop(struct cut_run *run, uint32_t step)
{
	cut_run_page(run, "step", "%s was temporary and its backstop has passed: it is undone now",
		     run->rb->steps[step].address);
	cut_undo_start(run, step);
}

/* For qsort: what began last comes first. Only used while closing starts. */
static int newest_first(const void *a, const void *b, void *steps)
{
	const struct cut_run_step *s = steps;
	uint32_t x = s[*(const uint32_t *)a].seq, y = s[*(const uint32_t *)b].seq;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void sort_temporaries(struct cut_run *run)
{
	if (run->temporaries.len)
		qsort_r(run->temporaries.items, run->temporaries.len, sizeof(uint32_t),
			newest_first, run->steps);
	run->closing_at = 0;
}

void cut_closing_start(struct cut_run *run, enum cut_run_state ending, const char *why)
{
	cut_hold_forget(run);
	run->ending = ending;
	run->why_final = cut_strdup(why);
	run->frozen_until = 0;
	run->decide_at = CUT_NEVER;
	json_decref(cut_take(run->causes));
	run->done.len = 0;
	cut_run_move(run, CUT_RUN_CLOSING);
	cut_run_record(run, NULL, "%s", why);
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		cut_step_interrupt(run, i, false);
	sort_temporaries(run);
}

/* Stops and undoes nothing; what is temporary is closed all the same. */
void cut_run_abort(struct cut_run *run, enum cut_run_state ending, const char *why)
{
	if (run->state == CUT_RUN_ROLLING_BACK)
		ending = CUT_RUN_ROLLBACK_INCOMPLETE;
	cut_closing_start(run, ending, why);
	if (ending == CUT_RUN_FAILED)
		cut_run_page(run, "run", "the run failed, nothing is undone: %s", why);
}

static void undo_next(struct cut_run *run)
{
	while (run->closing_at < run->temporaries.len) {
		uint32_t step = run->temporaries.items[run->closing_at++];
		bool again = run->steps[step].state == CUT_STEP_ROLLBACK_FAILED;

		if (!again && !may_undo(run, step))
			continue;
		cut_undo_start(run, step);
		return;
	}
}

/* {"unclosed": [steps]}, or NULL: nothing was left. */
static json_t *left_open(const struct cut_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		if (cut_run_unclosed(run, i))
			json_array_append_new(list, json_string(run->rb->steps[i].address));
	if (json_array_size(list))
		return json_pack("{s:o}", "unclosed", list);
	json_decref(list);
	return NULL;
}

static void end(struct cut_run *run)
{
	cut_downtime_end(run);
	cut_run_move(run, (enum cut_run_state)run->ending);
	cut_run_record(run, left_open(run), "%s", run->why_final);
	cut_run_page(run, "run", "the run has ended as %s: %s",
		     cut_run_state_name((enum cut_run_state)run->ending), run->why_final);
	cut_run_fx(run, CUT_FX_END);
}

static bool busy(const struct cut_run *run)
{
	return run->doing[CUT_DOING_CALL] || run->doing[CUT_DOING_DELAY];
}

static bool finally_over(struct cut_run *run)
{
	uint32_t phase = run->rb->finally_phase;

	if (phase == CUT_NONE)
		return true;
	if (run->aux[phase].state == CUT_AUX_IDLE)
		cut_run_aux_start(run, phase);
	return run->aux[phase].state == CUT_AUX_ENDED;
}

static bool accepted_any(const struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->forward_len; i++)
		if (run->rb->phases[i].acceptance.given)
			return true;
	return false;
}

void cut_closing_advance(struct cut_run *run)
{
	if (cut_run_forward(run) && run->forward_done && !run->done.len &&
	    run->decide_at == CUT_NEVER) {
		cut_hold_drop(run, CUT_HOLD_WINDOW, NULL); /* nothing is left to start */
		if (run->blocking || busy(run))
			return;
		if (accepted_any(run))
			cut_closing_start(run, CUT_RUN_ACCEPTED, "accepted");
		else
			cut_closing_start(run, CUT_RUN_DONE, "all steps are done");
	}
	if (run->state != CUT_RUN_CLOSING || busy(run) || run->done.len)
		return;
	if (!run->keep_temporary && run->closing_at < run->temporaries.len) {
		undo_next(run);
		if (busy(run))
			return;
	}
	if (run->keep_temporary || run->closing_at == run->temporaries.len)
		if (finally_over(run))
			end(run);
}
