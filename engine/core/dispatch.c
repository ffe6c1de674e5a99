/* SPDX-License-Identifier: Apache-2.0 */
/* Which step starts next: the queues of steps that are ready, and the limits that hold them back:
 * places in a phase, a group, a foreach; locks; the window; not_before; holds. */
#include "engine/core/run_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum cut_lane_id cut_run_lane(const struct cut_run *run, uint32_t step)
{
	return run->rb->phases[run->rb->steps[step].phase].role == CUT_PHASE_FORWARD
		       ? CUT_LANE_FORWARD
		       : CUT_LANE_AUX;
}

static bool quick(const struct cut_step *step)
{
	return step->kind != CUT_STEP_ACTION && step->kind != CUT_STEP_CHECK;
}

/* --- places in a group --- */

bool cut_run_take_slot(struct cut_run *run, uint32_t node, uint32_t group)
{
	unsigned limit = run->rb->groups[group].max_parallel;
	struct cut_run_group *g = &run->groups[group];

	if (!limit)
		return true;
	if (g->active >= limit) {
		cut_vec_push(g, node);
		return false;
	}
	g->active++;
	return true;
}

/* A step that was skipped meanwhile does not wait any more. */
static bool still_parked(const struct cut_run *run, uint32_t node)
{
	return node >= run->graph->steps_len || run->steps[node].doing == CUT_DOING_PARKED;
}

/* Gives a place back: to the first that waits for one. */
void cut_run_give_slot(struct cut_run *run, uint32_t group)
{
	struct cut_run_group *g = &run->groups[group];

	assert(g->active);
	g->active--;
	while (g->parked_at < g->len && g->active < run->rb->groups[group].max_parallel) {
		uint32_t node = g->items[g->parked_at++];

		if (still_parked(run, node))
			cut_run_unpark(run, node);
	}
}

/* --- locks --- */

static struct cut_run_lock *lock_of(const struct cut_run *run, const char *name)
{
	return &run->locks.items[cut_map_find(&run->lock_names, name)];
}

static void wake_lock(struct cut_run *run, struct cut_run_lock *lock)
{
	while (!lock->held && lock->parked_at < lock->len) {
		uint32_t step = lock->items[lock->parked_at++];

		if (still_parked(run, step)) {
			cut_run_queue(run, step);
			return;
		}
	}
}

/* All of them or none. Where one is held the step waits in its line, and the next in the line of
 * those that are free is woken instead. */
static bool take_locks(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	for (uint32_t i = 0; i < model->locks_len; i++) {
		struct cut_run_lock *lock = lock_of(run, model->locks[i]);

		if (!lock->held)
			continue;
		cut_vec_push(lock, step);
		cut_step_doing(run, step, CUT_DOING_PARKED);
		cut_step_say(run, step, "lock %s", model->locks[i]);
		for (uint32_t k = 0; k < model->locks_len; k++)
			wake_lock(run, lock_of(run, model->locks[k]));
		return false;
	}
	for (uint32_t i = 0; i < model->locks_len; i++)
		lock_of(run, model->locks[i])->held = true;
	s->locked = model->locks_len != 0;
	return true;
}

static void give_locks(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	if (!run->steps[step].locked)
		return;
	run->steps[step].locked = false;
	for (uint32_t i = 0; i < model->locks_len; i++)
		lock_of(run, model->locks[i])->held = false;
	for (uint32_t i = 0; i < model->locks_len; i++)
		wake_lock(run, lock_of(run, model->locks[i]));
}

/* --- queues --- */

void cut_run_queue(struct cut_run *run, uint32_t step)
{
	struct cut_lane *lane = &run->lanes[cut_run_lane(run, step)];

	cut_step_doing(run, step, CUT_DOING_QUEUED);
	cut_heap_push(quick(&run->rb->steps[step]) ? &lane->quick : &lane->ready,
		      (struct cut_heap_item){step, 0, step});
}

void cut_run_leave_lane(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	if (s->active) {
		s->active = false;
		run->lanes[s->part == CUT_PART_UNDO ? CUT_LANE_UNDO : cut_run_lane(run, step)]
			.active--;
	}
	give_locks(run, step);
}

void cut_step_rest(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	cut_run_leave_lane(run, step);
	cut_step_doing(run, step, CUT_DOING_NOTHING);
	s->due = s->deadline_at = CUT_NEVER;
	s->late = s->canceled = false;
	if (s->slot) {
		s->slot = false;
		cut_run_give_slot(run, run->rb->steps[step].group);
	}
}

/* Is its condition false (0), true (1), or beyond evaluation (negative)? */
static int wanted(struct cut_run *run, uint32_t step, struct cut_err *err)
{
	const struct cut_step *model = &run->rb->steps[step];
	const struct cut_run_group *group =
		model->group == CUT_NONE ? NULL : &run->groups[model->group];

	if (group && group->error)
		return cut_err_set(err, -EINVAL, group->error, NULL, "of its group");
	if (group && group->skipped)
		return 0;
	return model->cond ? cut_env_true(run, step, CUT_NONE, model->cond, NULL, err) : 1;
}

/* All before the step is done. */
void cut_run_open_step(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];
	cut_auto(cut_err) struct cut_err err = {0};

	if (s->state == CUT_STEP_SKIPPED) { /* by an operator, before its turn */
		cut_run_node_done(run, step);
		return;
	}
	if (s->state == CUT_STEP_PENDING) {
		int r = wanted(run, step, &err);

		if (r == 0) {
			cut_step_skip(run, step, "its condition is false");
			return;
		}
		cut_step_move(run, step, CUT_STEP_READY);
		if (r < 0) {
			cut_auto(cut_str) char *why = cut_err_text(&err);

			cut_step_say(run, step, "its condition cannot be evaluated: %s", why);
			cut_step_fail(run, step, NULL);
			return;
		}
	}
	if (model->group != CUT_NONE) {
		cut_step_doing(run, step, CUT_DOING_PARKED);
		if (!cut_run_take_slot(run, step, model->group))
			return;
		s->slot = run->rb->groups[model->group].max_parallel != 0;
	}
	cut_run_queue(run, step);
}

static bool window_open(const struct cut_run *run, uint32_t phase)
{
	const struct cut_window *window = &run->rb->phases[phase].window;

	if (run->window_override || run->wall < window->opens)
		return run->window_override;
	return run->wall < window->closes || window->on_overrun == CUT_OVERRUN_CONTINUE;
}

static void hold_window(struct cut_run *run, uint32_t phase)
{
	const struct cut_window *window = &run->rb->phases[phase].window;
	bool early = run->wall < window->opens;
	cut_auto(cut_buf) struct cut_buf at = {0};

	cut_rfc3339_format(early ? window->opens : window->closes, &at);
	if (early)
		cut_timer_set_wall(run, CUT_TIMER_OPENS, phase, window->opens);
	cut_hold_add(
		run, CUT_HOLD_WINDOW, run->rb->phases[phase].id, false, true,
		early ? cut_strdup("it goes on by itself when the window opens; cutover resume to "
				   "start outside the window")
		      : cut_strdup("cutover resume to go on outside the window, or cutover "
				   "rollback"),
		early ? "the window opens at %s and nothing starts before"
		      : "the window has closed at %s and nothing starts after it",
		cut_buf_str(&at));
}

/* Started, or set aside until something else lets it. False: nothing at all may start. */
static bool start(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	bool forward = cut_run_lane(run, step) == CUT_LANE_FORWARD;
	cut_time not_before;

	if (forward && !window_open(run, model->phase)) {
		cut_run_queue(run, step);
		hold_window(run, model->phase);
		return false;
	}
	not_before = cut_run_when(run, &model->not_before, model->phase);
	if (not_before > run->wall) {
		cut_step_doing(run, step, CUT_DOING_DELAY);
		cut_step_say(run, step, "not_before");
		cut_timer_step(run, step, not_before, true);
		return true;
	}
	if (!take_locks(run, step))
		return true;
	cut_step_start(run, step);
	return true;
}

static bool may_start(const struct cut_run *run, enum cut_lane_id lane)
{
	if (lane == CUT_LANE_AUX)
		return true;
	return cut_run_forward(run) && !run->blocking && run->decide_at == CUT_NEVER;
}

static unsigned limit_of(const struct cut_run *run, enum cut_lane_id lane)
{
	unsigned limit = run->rb->max_parallel;

	if (lane == CUT_LANE_FORWARD && run->rb->phases[run->phase].max_parallel)
		limit = run->rb->phases[run->phase].max_parallel;
	return limit;
}

static void dispatch(struct cut_run *run, enum cut_lane_id id)
{
	struct cut_lane *lane = &run->lanes[id];

	for (;;) {
		struct cut_heap *heap = lane->quick.len ? &lane->quick : &lane->ready;
		uint32_t step;

		if (!heap->len || !may_start(run, id))
			return;
		if (heap == &lane->ready && lane->active >= limit_of(run, id))
			return;
		step = cut_heap_pop(heap).target;
		/* Skipped or undone since it was queued. */
		if (run->steps[step].doing != CUT_DOING_QUEUED)
			continue;
		cut_step_doing(run, step, CUT_DOING_NOTHING);
		if (!start(run, step))
			return;
	}
}

void cut_run_dispatch(struct cut_run *run)
{
	dispatch(run, CUT_LANE_FORWARD);
	dispatch(run, CUT_LANE_AUX);
}
