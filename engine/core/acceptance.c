/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/acceptance.h"

#include <assert.h>
#include <math.h>

#define OPEN (CUT_TO(CUT_ACC_RUNNING) | CUT_TO(CUT_ACC_SUSPENDED) | CUT_TO(CUT_ACC_FAILED))
const struct cut_state_row cut_acceptance_moves[CUT_ACC_STATES] = {
	[CUT_ACC_WAITING] = {"waiting", CUT_TO(CUT_ACC_SETTLING)},
	[CUT_ACC_SETTLING] = {"settling", OPEN},
	[CUT_ACC_RUNNING] = {"running", OPEN | CUT_TO(CUT_ACC_MET)},
	[CUT_ACC_SUSPENDED] = {"suspended", OPEN},
	[CUT_ACC_MET] = {"met", OPEN | CUT_TO(CUT_ACC_SIGNED) | CUT_TO(CUT_ACC_ACCEPTED)},
	[CUT_ACC_SIGNED] = {"signed", OPEN | CUT_TO(CUT_ACC_ACCEPTED)},
	[CUT_ACC_ACCEPTED] = {"accepted", 0},
	[CUT_ACC_FAILED] = {"failed", 0},
	[CUT_ACC_OVERDUE] = {"overdue", 0}, /* shown only: the clock goes on beneath it */
};

static const struct cut_acceptance *spec_of(const struct cut_acceptance_machine *a)
{
	return &a->rb->phases[a->phase].acceptance;
}

static enum cut_acceptance_note move_to(struct cut_acceptance_machine *a,
					enum cut_acceptance_state to)
{
	cut_state_move(cut_acceptance_moves, "acceptance", &a->state, to);
	a->journaled_at = a->now;
	return CUT_ACC_CHANGED;
}

static bool has_clock(const struct cut_acceptance_machine *a)
{
	return a->state == CUT_ACC_RUNNING || a->state == CUT_ACC_SUSPENDED ||
	       a->state == CUT_ACC_MET || a->state == CUT_ACC_SIGNED;
}

static bool is_full(const struct cut_acceptance_machine *a)
{
	return a->clean >= a->needed;
}

static void advance(struct cut_acceptance_machine *a, cut_time t)
{
	if (a->state == CUT_ACC_RUNNING && t > a->now)
		a->clean += t - a->now;
	if (t > a->now)
		a->now = t;
}

static void start_clock(struct cut_acceptance_machine *a)
{
	a->clock_at = a->now;
	a->clean = 0;
	a->needed = spec_of(a)->clean_for;
	a->bad = 0;
	a->good_at = CUT_NEVER;
	a->tests_final = a->passed = false;
	for (uint32_t i = 0; i < a->rb->triggers_len; i++) {
		struct cut_coverage *c = &a->triggers[i];
		bool seen = c->last_at == a->now; /* evidence that starts the clock counts */

		c->slots = seen ? 1 : 0;
		c->slot = c->slots - 1;
		c->hole = false;
	}
}

void cut_acceptance_init(struct cut_acceptance_machine *a, const struct cut_runbook *rb,
			 uint32_t phase)
{
	*a = (struct cut_acceptance_machine){
		.rb = rb,
		.phase = phase,
		.state = CUT_ACC_WAITING,
		.tests_at = CUT_NEVER,
		.triggers = cut_new_array(struct cut_coverage, rb->triggers_len + 1),
	};
	for (uint32_t i = 0; i < rb->triggers_len; i++)
		a->triggers[i].last_at = CUT_NEVER;
	if (phase != CUT_NONE)
		start_clock(a);
}

void cut_acceptance_done(struct cut_acceptance_machine *a)
{
	if (!a)
		return;
	free(a->triggers);
	a->triggers = NULL;
}

/* --- coverage: slots of a trigger's period with evidence, of all slots since the clock started ---
 */

/* Where samples come at the turn of two slots, some land a little before it and some after: each
 * slot that this leaves empty has one, sooner or later, that gets two. The second fills the hole.
 */
static void cover(struct cut_acceptance_machine *a, uint32_t trigger)
{
	struct cut_coverage *c = &a->triggers[trigger];
	int64_t slot = (a->now - a->clock_at) / a->rb->triggers[trigger].every;

	if (slot > c->slot) {
		c->hole |= slot > c->slot + 1;
		c->slot = slot;
		c->slots++;
	} else if (c->hole) {
		c->hole = false;
		c->slots++;
	}
}

static double coverage_of(const struct cut_acceptance_machine *a, uint32_t trigger)
{
	const struct cut_coverage *c = &a->triggers[trigger];
	int64_t slots = (a->now - a->clock_at) / a->rb->triggers[trigger].every;

	if (c->slot == slots)
		slots++;
	return slots > 0 ? (double)c->slots / (double)slots : 0;
}

double cut_acceptance_coverage(const struct cut_acceptance_machine *a)
{
	double lowest = NAN;

	for (uint32_t i = 0; i < a->rb->triggers_len; i++)
		if (a->triggers[i].watched)
			lowest = fmin(lowest, coverage_of(a, i));
	return lowest;
}

static bool is_covered(const struct cut_acceptance_machine *a)
{
	double lowest = cut_acceptance_coverage(a);

	return isnan(lowest) || (lowest > 0 && lowest >= spec_of(a)->coverage);
}

/* --- bad samples --- */

/* since: from when on the world may have been bad. */
static enum cut_acceptance_note turned_bad(struct cut_acceptance_machine *a, cut_time since)
{
	bool news = a->clean > 0 || a->state != CUT_ACC_SUSPENDED;

	if (++a->bad <= spec_of(a)->max_bad)
		return CUT_ACC_CHANGED;

	switch (spec_of(a)->on_bad) {
	case CUT_BAD_FAIL: return move_to(a, CUT_ACC_FAILED);
	case CUT_BAD_RESTART: start_clock(a); break;
	case CUT_BAD_EXTEND:
		if (since < a->clock_at)
			since = a->clock_at;
		if (a->state != CUT_ACC_SUSPENDED)
			a->needed += a->now - since;
		a->passed = a->tests_final = false;
		break;
	}
	if (a->state == CUT_ACC_MET || a->state == CUT_ACC_SIGNED)
		return move_to(a, CUT_ACC_RUNNING);
	return news ? CUT_ACC_CHANGED : CUT_ACC_QUIET;
}

enum cut_acceptance_note cut_acceptance_sample(struct cut_acceptance_machine *a, uint32_t trigger,
					       bool evidence, bool bad, cut_time t)
{
	enum cut_acceptance_note note = CUT_ACC_QUIET;
	cut_time since;

	advance(a, t);
	if (has_clock(a)) {
		since = a->triggers[trigger].last_at;
		if (bad)
			note = turned_bad(a, since == CUT_NEVER ? a->now : since);
		if (evidence)
			cover(a, trigger);
	}
	if (evidence)
		a->triggers[trigger].last_at = a->now;
	return note;
}

enum cut_acceptance_note cut_acceptance_tests(struct cut_acceptance_machine *a, bool ok, cut_time t)
{
	assert(a->testing);
	advance(a, t);
	a->testing = false;
	if (!has_clock(a))
		return CUT_ACC_QUIET;
	if (!ok) {
		turned_bad(a, a->good_at == CUT_NEVER ? a->clock_at : a->good_at);
		return CUT_ACC_CHANGED;
	}
	a->good_at = a->tests_at;
	a->passed = a->tests_final;
	return CUT_ACC_CHANGED;
}

bool cut_acceptance_tests_failed(const struct cut_acceptance_machine *a)
{
	return !a->testing && a->tests_at != CUT_NEVER && a->good_at != a->tests_at;
}

/* --- time --- */

static cut_time deadline_at(const struct cut_acceptance_machine *a)
{
	cut_time deadline = spec_of(a)->deadline;

	return deadline == CUT_NEVER || a->overdue ? CUT_NEVER : a->done_at + deadline;
}

/* When tests are due next while the clock runs. Those that failed are not repeated at once. */
static cut_time tests_due(const struct cut_acceptance_machine *a)
{
	const struct cut_acceptance *spec = spec_of(a);
	cut_time last =
		a->tests_at == CUT_NEVER || a->tests_at < a->clock_at ? a->clock_at : a->tests_at;
	cut_time due = spec->tests_every == CUT_NEVER ? CUT_NEVER : last + spec->tests_every;
	cut_time full =
		cut_acceptance_tests_failed(a) ? a->tests_at + CUT_ACCEPTANCE_EVERY : a->now;

	if (spec->tests == CUT_NONE || a->testing)
		return CUT_NEVER;
	if (is_full(a) && is_covered(a) && !a->passed && full < due)
		due = full;
	return due;
}

static enum cut_acceptance_note update_running(struct cut_acceptance_machine *a)
{
	if (a->now >= tests_due(a)) {
		a->testing = true;
		a->tests_final = is_full(a);
		a->tests_at = a->journaled_at = a->now;
		return CUT_ACC_TESTS;
	}
	if (is_full(a) && is_covered(a) && (spec_of(a)->tests == CUT_NONE || a->passed))
		return move_to(a, CUT_ACC_MET);
	if (a->now - a->journaled_at < CUT_ACCEPTANCE_EVERY)
		return CUT_ACC_QUIET;
	a->journaled_at = a->now;
	return CUT_ACC_CHANGED;
}

static enum cut_acceptance_note update_deadline(struct cut_acceptance_machine *a)
{
	a->overdue = true;
	if (spec_of(a)->on_deadline == CUT_DEADLINE_ROLLBACK)
		return move_to(a, CUT_ACC_FAILED);
	if (a->state == CUT_ACC_MET || a->state == CUT_ACC_SIGNED)
		move_to(a, CUT_ACC_RUNNING);
	return CUT_ACC_ASK;
}

static void begin(struct cut_acceptance_machine *a, const struct cut_acceptance_input *in)
{
	cut_time settle = spec_of(a)->settle;

	a->done_at = in->done_at;
	a->settled_at = in->done_at + (settle == CUT_NEVER ? in->tail : settle);
}

enum cut_acceptance_note cut_acceptance_update(struct cut_acceptance_machine *a,
					       const struct cut_acceptance_input *in)
{
	if (a->state == CUT_ACC_ACCEPTED || a->state == CUT_ACC_FAILED)
		return CUT_ACC_QUIET;
	advance(a, in->t);
	if (a->state == CUT_ACC_WAITING) {
		if (!in->stage_done)
			return CUT_ACC_QUIET;
		begin(a, in);
		return move_to(a, CUT_ACC_SETTLING);
	}
	if (a->now >= deadline_at(a))
		return update_deadline(a);
	if (a->state == CUT_ACC_SETTLING) {
		if (a->now < a->settled_at)
			return CUT_ACC_QUIET;
		start_clock(a);
		return move_to(a, in->quiet ? CUT_ACC_RUNNING : CUT_ACC_SUSPENDED);
	}
	if (!in->quiet)
		return a->state == CUT_ACC_SUSPENDED ? CUT_ACC_QUIET
						     : move_to(a, CUT_ACC_SUSPENDED);
	switch (a->state) {
	case CUT_ACC_SUSPENDED:
		if (a->clean == 0 && a->bad == 0)
			start_clock(a);
		return move_to(a, CUT_ACC_RUNNING);
	case CUT_ACC_RUNNING: return update_running(a);
	case CUT_ACC_MET:
		if (spec_of(a)->sign_off_len == 0)
			return move_to(a, CUT_ACC_ACCEPTED);
		return in->is_signed ? move_to(a, CUT_ACC_SIGNED) : CUT_ACC_QUIET;
	default: return move_to(a, CUT_ACC_ACCEPTED);
	}
}

static cut_time earlier(cut_time a, cut_time b)
{
	return a < b ? a : b;
}

cut_time cut_acceptance_wake(const struct cut_acceptance_machine *a)
{
	cut_time wake;

	if (a->phase == CUT_NONE || a->state == CUT_ACC_WAITING || a->state == CUT_ACC_ACCEPTED ||
	    a->state == CUT_ACC_FAILED)
		return CUT_NEVER;
	wake = deadline_at(a);
	if (a->state == CUT_ACC_SETTLING)
		return earlier(wake, a->settled_at);
	if (a->state != CUT_ACC_RUNNING)
		return wake;
	wake = earlier(wake, a->journaled_at + CUT_ACCEPTANCE_EVERY);
	if (!is_full(a))
		wake = earlier(wake, a->now + a->needed - a->clean);
	return earlier(wake, tests_due(a));
}

void cut_acceptance_gap(struct cut_acceptance_machine *a, cut_time t)
{
	cut_time gap = t - a->now;

	if (a->phase == CUT_NONE || gap <= 0)
		return;
	if (has_clock(a))
		a->clock_at += gap;
	for (uint32_t i = 0; i < a->rb->triggers_len; i++)
		if (a->triggers[i].last_at != CUT_NEVER)
			a->triggers[i].last_at = t;
	a->now = a->journaled_at = t;
}

enum cut_acceptance_state cut_acceptance_shown(const struct cut_acceptance_machine *a)
{
	bool open = a->state == CUT_ACC_SETTLING || a->state == CUT_ACC_RUNNING ||
		    a->state == CUT_ACC_SUSPENDED;

	return a->overdue && open ? CUT_ACC_OVERDUE : (enum cut_acceptance_state)a->state;
}
