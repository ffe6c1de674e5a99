/* SPDX-License-Identifier: Apache-2.0 */
/* Looking on: what watch, status and rendering read of a run. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

enum cut_run_state cut_run_state(const struct cut_run *run)
{
	return (enum cut_run_state)run->state;
}

/* Why a ready step does not run, where it has no reason of its own. */
static const char *why_ready(const struct cut_run *run, const struct cut_run_step *s)
{
	if (s->doing == CUT_DOING_PARKED)
		return "parallel limit";
	if (cut_hold_find(run, CUT_HOLD_WINDOW, NULL))
		return "window";
	if (cut_hold_find(run, CUT_HOLD_TRIGGER, NULL) || cut_hold_find(run, CUT_HOLD_BLIND, NULL))
		return "trigger";
	if (run->blocking)
		return "hold";
	return "parallel limit";
}

static cut_time due_wall(const struct cut_run *run, const struct cut_run_step *s)
{
	if (s->doing != CUT_DOING_WAIT || s->due == CUT_NEVER)
		return CUT_NEVER;
	return s->due_wall ? s->due : run->wall + s->due - run->t;
}

void cut_run_step_view(const struct cut_run *run, uint32_t step, struct cut_step_view *ret)
{
	const struct cut_run_step *s = &run->steps[step];

	*ret = (struct cut_step_view){
		.state = (enum cut_step_state)s->state,
		.attempt = s->attempt,
		.started = s->started,
		.ended = s->ended,
		.started_wall = s->started_wall,
		.ended_wall = s->ended_wall,
		.due_wall = due_wall(run, s),
		.outputs = s->outputs,
		.reason = s->reason,
		.saved = s->saved,
	};
	if (!ret->reason && s->state == CUT_STEP_READY)
		ret->reason = why_ready(run, s);
}

const struct cut_hold *cut_run_holds(const struct cut_run *run, size_t *ret_len)
{
	*ret_len = run->holds.len;
	return run->holds.items;
}

uint32_t cut_run_phase(const struct cut_run *run)
{
	return run->phase;
}

uint32_t cut_run_stage_phase(const struct cut_run *run)
{
	if (!cut_run_forward(run))
		return CUT_NONE;
	for (uint32_t i = run->stage_first; i < run->rb->forward_len; i++)
		if (run->rb->phases[i].acceptance.given)
			return i;
	return CUT_NONE;
}

cut_time cut_run_stage_tail(const struct cut_run *run)
{
	return run->stage_tail;
}

bool cut_run_stage_done(const struct cut_run *run, cut_time *ret_since)
{
	if (run->stage_done && ret_since)
		*ret_since = run->stage_since;
	return run->stage_done;
}

bool cut_run_past_return(const struct cut_run *run)
{
	return run->ponr != CUT_NONE;
}

cut_time cut_run_frozen_until(const struct cut_run *run)
{
	return run->frozen_until;
}

static bool unclosed(const struct cut_run *run)
{
	for (uint32_t i = 0; i < run->rb->steps_len; i++)
		if (run->steps[i].unclosed)
			return true;
	return false;
}

int cut_run_exit_code(const struct cut_run *run)
{
	switch ((enum cut_run_state)run->state) {
	case CUT_RUN_ACCEPTED:
	case CUT_RUN_DONE: return unclosed(run) ? 5 : 0;
	case CUT_RUN_ROLLED_BACK: return unclosed(run) ? 5 : 4;
	case CUT_RUN_ROLLBACK_INCOMPLETE: return 5;
	case CUT_RUN_ABORTED: return unclosed(run) ? 5 : 7;
	case CUT_RUN_FAILED: return unclosed(run) ? 5 : 9;
	case CUT_RUN_ARMED:
	case CUT_RUN_PAUSED: return 3;
	default: break;
	}
	return run->holds.len || (run->waiting.len && !run->doing[CUT_DOING_CALL]) ? 3 : 0;
}

const json_t *cut_run_armed(const struct cut_run *run)
{
	return run->armed;
}

bool cut_run_tests_done(const struct cut_run *run, uint32_t phase, bool *ret_ok)
{
	uint32_t tests = run->rb->phases[phase].acceptance.tests;

	if (tests == CUT_NONE || run->aux[tests].state != CUT_AUX_ENDED)
		return false;
	*ret_ok = !run->aux[tests].failed;
	return true;
}

bool cut_run_temporary_open(const struct cut_run *run, uint32_t step)
{
	return cut_closing_open(run, step) ||
	       (run->rb->steps[step].temporary && run->steps[step].unclosed);
}

bool cut_run_unclosed(const struct cut_run *run, uint32_t step)
{
	return run->steps[step].unclosed;
}

const char *cut_run_in_command(const struct cut_run *run)
{
	return run->in_command;
}

bool cut_run_acked(const struct cut_run *run, uint32_t client)
{
	return run->acked[client];
}
