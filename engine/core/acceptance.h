/* SPDX-License-Identifier: Apache-2.0 */
/* The acceptance of one stage as a pure machine: settle, then a clock of clean time, then tests,
 * then sign-off. Held by core/watch; the rules are those of docs/acceptance.md.
 *
 * waiting → settling → running ⇄ suspended → met → signed → accepted; `overdue` and `failed` by the
 * deadline or by `on_bad: fail`. */
#pragma once

#include "engine/base/json.h"
#include "engine/base/statetable.h"
#include "engine/core/event.h"

/* How often a running clock is journaled, and how long a failed test waits for the next. */
#define CUT_ACCEPTANCE_EVERY (10 * CUT_SECOND)

struct cut_acceptance_machine {
	const struct cut_runbook *rb; /* borrowed */
	uint32_t phase;		      /* CUT_NONE: no acceptance */
	unsigned state;		      /* enum cut_acceptance_state, without OVERDUE */
	bool overdue;		      /* the deadline has passed and a person was asked */
	cut_time done_at;	      /* the stage's last step */
	cut_time settled_at;	      /* when the clock may start */
	cut_time clock_at;	      /* the clock started, or was set to zero */
	cut_time now;		      /* up to here clean is counted */
	cut_time clean, needed;	      /* needed grows under `extend` */
	cut_time journaled_at;
	unsigned bad;	   /* bad samples since the clock started */
	cut_time tests_at; /* when they were asked for last; CUT_NEVER: not since the start */
	cut_time good_at;  /* when those were asked for that passed last; CUT_NEVER */
	bool testing, tests_final; /* asked for; and the clock was full then */
	bool passed;		   /* the ones of a full clock */
	struct cut_coverage {
		bool watched;	     /* armed, not shadow: set by the holder at every call */
		cut_time last_at;    /* the last evidence, for the bad interval; CUT_NEVER: none */
		int64_t slots, slot; /* with evidence; the newest of them, -1: none */
		bool hole;	     /* the slot before it is empty */
	} * triggers;		     /* owned, one a trigger */
};

/* What a call of the machine wants journaled. */
enum cut_acceptance_note {
	CUT_ACC_QUIET,
	CUT_ACC_CHANGED, /* its state, or the 10 s are over */
	CUT_ACC_TESTS,	 /* changed, and the tests are to run */
	CUT_ACC_ASK,	 /* changed, and a person is to be asked: OVERDUE, told once */
};

/* What the machine sees of the run. */
struct cut_acceptance_input {
	cut_time t;
	bool stage_done;
	cut_time done_at, tail; /* of the stage */
	bool quiet;		/* no trigger that counts is pending, firing or blind */
	bool is_signed;
};

void cut_acceptance_init(struct cut_acceptance_machine *a, const struct cut_runbook *rb,
			 uint32_t phase);
void cut_acceptance_done(struct cut_acceptance_machine *a);
/* Moves at most one state; call again while it returns something else than QUIET. */
enum cut_acceptance_note cut_acceptance_update(struct cut_acceptance_machine *a,
					       const struct cut_acceptance_input *in);
/* A sample of a trigger that counts arrived at t. bad: it counts as bad. */
enum cut_acceptance_note cut_acceptance_sample(struct cut_acceptance_machine *a, uint32_t trigger,
					       bool evidence, bool bad, cut_time t);
enum cut_acceptance_note cut_acceptance_tests(struct cut_acceptance_machine *a, bool ok,
					      cut_time t);
/* Did those fail that ended last, since the clock started? */
bool cut_acceptance_tests_failed(const struct cut_acceptance_machine *a);
/* The engine was away and goes on at t: what was not watched is neither clean nor uncovered. */
void cut_acceptance_gap(struct cut_acceptance_machine *a, cut_time t);
cut_time cut_acceptance_wake(const struct cut_acceptance_machine *a);

enum cut_acceptance_state cut_acceptance_shown(const struct cut_acceptance_machine *a);
double cut_acceptance_coverage(const struct cut_acceptance_machine *a); /* lowest; NaN: none */
void cut_acceptance_text(const struct cut_acceptance_machine *a, struct cut_buf *out);
/* What a sign-off is about; its digest is what voters are bound to. */
json_t *cut_acceptance_evidence(const struct cut_acceptance_machine *a);
json_t *cut_acceptance_save(const struct cut_acceptance_machine *a);
int cut_acceptance_restore(struct cut_acceptance_machine *a, const json_t *memory,
			   struct cut_err *err);
extern const struct cut_state_row cut_acceptance_moves[CUT_ACC_STATES];
