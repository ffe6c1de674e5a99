/* SPDX-License-Identifier: Apache-2.0 */
/* The deadlines of a run: one heap on the run clock, one on the wall clock, which may jump. An
 * entry counts only while its owner still waits for that very instant; others are dropped when they
 * come to the top. */
#include "engine/core/run_internal.h"

void cut_timer_set(struct cut_run *run, enum cut_timer_kind kind, uint32_t target, cut_time at)
{
	cut_heap_push(&run->timers, (struct cut_heap_item){at, kind, target});
}

void cut_timer_set_wall(struct cut_run *run, enum cut_timer_kind kind, uint32_t target, cut_time at)
{
	cut_heap_push(&run->walls, (struct cut_heap_item){at, kind, target});
}

void cut_timer_step(struct cut_run *run, uint32_t step, cut_time at, bool wall)
{
	struct cut_run_step *s = &run->steps[step];

	s->due = at;
	s->due_wall = wall;
	if (at == CUT_NEVER)
		return;
	if (wall)
		cut_timer_set_wall(run, CUT_TIMER_STEP, step, at);
	else
		cut_timer_set(run, CUT_TIMER_STEP, step, at);
}

static bool downtime_counts(const struct cut_run *run, const struct cut_heap_item *item)
{
	const struct cut_run_clock *clock = &run->clocks[item->target];

	return clock->since != CUT_NEVER && !clock->over &&
	       item->key == clock->since + run->rb->downtimes[item->target].limit - clock->total;
}

/* Is its owner still waiting for it? */
static bool counts(const struct cut_run *run, const struct cut_heap_item *item)
{
	const struct cut_run_step *s = &run->steps[item->target];
	bool forward = cut_run_forward(run);

	if (cut_run_final(run))
		return false;
	switch ((enum cut_timer_kind)item->kind) {
	case CUT_TIMER_STEP: return s->due == item->key;
	case CUT_TIMER_DEADLINE: return s->deadline_at == item->key;
	case CUT_TIMER_BACKSTOP:
		return s->doing == CUT_DOING_NOTHING && cut_closing_open(run, item->target);
	case CUT_TIMER_PHASE: return forward;
	case CUT_TIMER_OPENS: return cut_hold_find(run, CUT_HOLD_WINDOW, NULL) != NULL;
	case CUT_TIMER_CLOSES: return forward && run->phase == item->target && !run->forward_done;
	case CUT_TIMER_FREEZE: return run->frozen_until == item->key;
	case CUT_TIMER_DOWNTIME: return downtime_counts(run, item);
	case CUT_TIMER_DECIDE: return run->decide_at == item->key;
	case CUT_TIMER_PROBE: return run->traffic == CUT_TRAFFIC_PROBING;
	case CUT_TIMER_TAIL:
		return run->state == CUT_RUN_ROLLING_BACK && run->undo_tail == item->key;
	}
	return false;
}

static void fire_step(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	s->due = CUT_NEVER;
	switch ((enum cut_doing)s->doing) {
	case CUT_DOING_DELAY: cut_step_again(run, step); break;
	case CUT_DOING_WAIT: cut_step_succeed(run, step); break;
	case CUT_DOING_PEOPLE: cut_gate_expire(run, step); break;
	default: break;
	}
}

static void fire(struct cut_run *run, const struct cut_heap_item *item)
{
	switch ((enum cut_timer_kind)item->kind) {
	case CUT_TIMER_STEP: fire_step(run, item->target); break;
	case CUT_TIMER_DEADLINE: cut_step_late(run, item->target); break;
	case CUT_TIMER_BACKSTOP: cut_closing_backstop(run, item->target); break;
	case CUT_TIMER_PHASE: cut_run_phase_opened(run, item->target); break;
	case CUT_TIMER_OPENS: cut_hold_drop(run, CUT_HOLD_WINDOW, NULL); break;
	case CUT_TIMER_CLOSES: cut_run_closes(run, item->target); break;
	case CUT_TIMER_FREEZE: cut_run_thaw(run); break;
	case CUT_TIMER_DOWNTIME: cut_downtime_limit(run, item->target); break;
	case CUT_TIMER_DECIDE: cut_run_decide(run); break;
	case CUT_TIMER_PROBE: cut_rollback_probe_over(run); break;
	case CUT_TIMER_TAIL: break; /* the rollback goes on to its end */
	}
}

static bool fire_first(struct cut_run *run, struct cut_heap *heap, cut_time now, bool *fired)
{
	struct cut_heap_item item;

	if (!heap->len || heap->items[0].key > now)
		return false;
	item = cut_heap_pop(heap);
	if (counts(run, &item)) {
		fire(run, &item);
		*fired = true;
	}
	return true;
}

bool cut_timer_advance(struct cut_run *run)
{
	bool fired = false;

	while (fire_first(run, &run->timers, run->t, &fired) ||
	       fire_first(run, &run->walls, run->wall, &fired))
		;
	return fired;
}

void cut_timer_purge(struct cut_run *run)
{
	while (run->timers.len && !counts(run, &run->timers.items[0]))
		cut_heap_pop(&run->timers);
	while (run->walls.len && !counts(run, &run->walls.items[0]))
		cut_heap_pop(&run->walls);
}

cut_time cut_run_wake(const struct cut_run *run)
{
	cut_time wake = run->timers.len ? run->timers.items[0].key : CUT_NEVER;

	if (run->walls.len) {
		cut_time wall = run->t + run->walls.items[0].key - run->wall;

		if (wall < wake)
			wake = wall;
	}
	return wake;
}
