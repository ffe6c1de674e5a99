/* SPDX-License-Identifier: Apache-2.0 */
/* One run as a pure state machine: events in, effects out, time inside the event. Driven by
 * runtime/driver against the world, by runtime/sim against a random one, and by a replay of the
 * journal on resume. */
#pragma once

#include "engine/core/effect.h"
#include "engine/core/graph.h"

enum cut_step_state {
	CUT_STEP_PENDING,
	CUT_STEP_READY,
	CUT_STEP_RUNNING,
	CUT_STEP_VERIFYING,
	CUT_STEP_SUCCEEDED,
	CUT_STEP_FAILED,
	CUT_STEP_UNKNOWN,
	CUT_STEP_SKIPPED,
	CUT_STEP_ROLLBACK_PENDING,
	CUT_STEP_ROLLING_BACK,
	CUT_STEP_ROLLED_BACK,
	CUT_STEP_ROLLBACK_FAILED,
	CUT_STEP_ROLLBACK_IMPOSSIBLE,
	CUT_STEP_STATES
};

enum cut_run_state {
	CUT_RUN_NEW, /* before the armed event */
	CUT_RUN_ARMED,
	CUT_RUN_RUNNING,
	CUT_RUN_PAUSED,
	CUT_RUN_ROLLING_BACK,
	CUT_RUN_CLOSING,
	CUT_RUN_ACCEPTED, /* final from here on */
	CUT_RUN_DONE,
	CUT_RUN_ROLLED_BACK,
	CUT_RUN_ROLLBACK_INCOMPLETE,
	CUT_RUN_ABORTED,
	CUT_RUN_FAILED,
	CUT_RUN_STATES
};

enum cut_hold_kind {
	CUT_HOLD_OPERATOR,
	CUT_HOLD_STEP,	  /* failed step */
	CUT_HOLD_UNKNOWN, /* a person must say whether it was applied */
	CUT_HOLD_GATE,
	CUT_HOLD_TRIGGER,
	CUT_HOLD_BLIND,
	CUT_HOLD_WINDOW,
	CUT_HOLD_DOWNTIME,
	CUT_HOLD_ACCEPTANCE,
	CUT_HOLD_ROLLBACK,
	CUT_HOLD_KINDS
};

struct cut_hold {
	enum cut_hold_kind kind;
	const char *id; /* step, gate, trigger … or "" */
	cut_time since; /* wall */
	char *what;	/* owned: "shift failed: exited with 3" */
	char *remedy;	/* owned: "cutover retry shift, skip shift, attest shift, or rollback" */
	bool decision;	/* resume alone does not clear it */
	bool blocks;	/* nothing new starts meanwhile; else only its dependants wait */
};

/* Somebody is waited for. */
struct cut_waiting {
	enum { CUT_WAITING_APPROVAL, CUT_WAITING_MANUAL, CUT_WAITING_SIGN_OFF } kind;
	uint32_t step;		 /* approval, manual; else CUT_NONE */
	uint32_t phase;		 /* sign-off: of its acceptance */
	cut_time since, expires; /* wall; expires CUT_NEVER: does not */
	json_t *approved;	 /* owned by the run: names of those who have; NULL: nobody yet */
	json_t *evidence;	 /* what is voted on; owned by the run; NULL: manual work */
	char digest[65];	 /* SHA-256 of its canonical form: what votes are bound to */
	char *asks;		 /* owned by the run: the question, the work to be done; or NULL */
};

struct cut_run;

/* rb and graph are borrowed and outlive the run. */
struct cut_run *cut_run_new(const struct cut_runbook *rb, const struct cut_graph *graph);
void cut_run_free(struct cut_run *run);

/* Events come in the order of t. What is due at ev->t is done before the event itself.
 *
 * 0; 1: something was due (such a tick is journaled even where nothing came of it, so that a replay
 * sees it at the same time); or negative: refused, the run is unchanged and err says why and what
 * next (-EPERM role, -EINVAL no such target, -EALREADY, -EBUSY a decision is open, -ENOTSUP). A
 * refused order or vote is journaled by the driver with "refused". Effects are appended to out. */
int cut_run_feed(struct cut_run *run, const struct cut_event *ev, struct cut_effects *out,
		 struct cut_err *err);
/* When a tick would change something, on the run clock, or CUT_NEVER; always later than the last
 * event's t unless that tick moves a state. */
cut_time cut_run_wake(const struct cut_run *run);

/* Evaluates a check or a gate's checks with the run's values and what live looks up (metrics,
 * window; may be NULL). Are all true? data gets {"values": [...]}, CEL's errors among them. */
bool cut_run_check(struct cut_run *run, uint32_t step, const struct cut_expr_env *live,
		   json_t **ret_data);
/* One of those values: "metrics.lag.value < 5 (metrics.lag.value = 7)", and its error. */
void cut_check_say(const json_t *value, struct cut_buf *out);
/* The names that expressions see, for `cutover eval`; valid while the run lives. */
struct cut_expr_env cut_run_env(struct cut_run *run, uint32_t step,
				const struct cut_expr_env *live);

/* --- looking on: used by watch, status, rendering; all O(1) unless said --- */
struct cut_step_view {
	enum cut_step_state state;
	unsigned attempt;	 /* from 1; 0: never started */
	cut_time started, ended; /* run clock; CUT_NEVER: not yet */
	cut_time started_wall, ended_wall;
	cut_time due_wall;     /* when its wait will be over; CUT_NEVER: it does not wait */
	const json_t *outputs; /* or NULL */
	const char *reason;    /* why it waits or failed, or NULL */
	const json_t *saved;
};
enum cut_run_state cut_run_state(const struct cut_run *run);
void cut_run_step_view(const struct cut_run *run, uint32_t step, struct cut_step_view *ret);
const struct cut_hold *cut_run_holds(const struct cut_run *run, size_t *ret_len);
uint32_t cut_run_phase(const struct cut_run *run);	 /* current forward phase, or CUT_NONE */
uint32_t cut_run_stage_phase(const struct cut_run *run); /* phase whose acceptance is wanted now */
cut_time cut_run_stage_tail(const struct cut_run *run);	 /* longest `tail` of the stage's steps */
bool cut_run_stage_done(const struct cut_run *run, cut_time *ret_since); /* its last step is done */
/* A point of no return of the stage has started: what would roll back holds instead. */
bool cut_run_past_return(const struct cut_run *run);
cut_time cut_run_frozen_until(const struct cut_run *run); /* run clock; 0: not frozen */
int cut_run_exit_code(const struct cut_run *run); /* of the state; 3 while it waits for people */
const json_t *cut_run_armed(const struct cut_run *run);
/* Have the tests of an acceptance, asked for by want_tests, ended? phase is that of the acceptance.
 */
bool cut_run_tests_done(const struct cut_run *run, uint32_t phase, bool *ret_ok);
/* Is every role of the phase's sign_off satisfied (or none asked for)? Votes count for the evidence
 * of the last ACCEPTANCE met, and are void once such an event says another state. */
bool cut_run_signed(const struct cut_run *run, uint32_t phase);
/* Who may sign votes with this key, whatever the gate: {"name", "uid"} as armed; NULL: nobody. */
const json_t *cut_run_key_holder(const struct cut_run *run, const char *fingerprint);
const struct cut_waiting *cut_run_waiting(const struct cut_run *run, size_t *ret_len);
/* A downtime clock at t: false while it never started. */
bool cut_run_downtime(const struct cut_run *run, uint32_t downtime, cut_time t, bool *ret_running,
		      cut_time *ret_elapsed);
bool cut_run_temporary_open(const struct cut_run *run, uint32_t step); /* applied, not undone yet */
bool cut_run_unclosed(const struct cut_run *run, uint32_t step);
const char *cut_run_in_command(const struct cut_run *run); /* or NULL */
/* The command that a person would run instead of its undo, or the values to restore; owned by the
 * caller. */
char *cut_undo_by_hand(struct cut_run *run, uint32_t step);
bool cut_run_acked(const struct cut_run *run, uint32_t client);
const char *cut_step_state_name(enum cut_step_state state);
const char *cut_run_state_name(enum cut_run_state state);
const char *cut_hold_kind_name(enum cut_hold_kind kind);

/* What a rollback would do now, in order: for `rollback --show` and the confirmation.
 * {"steps": [{"step", "restores", "planned_s", "by_hand"}], "impossible": [{"step", "reason"}],
 * "temporary":
 * [...], "time_s", "accept_loss_needed", "until": [...],
 * "downtime": [{"id", "since", "ends_with": step or null, "more_s"}]}; target as in
 * CUT_ORDER_ROLLBACK. */
json_t *cut_run_rollback_preview(struct cut_run *run, const char *target, struct cut_err *err);
/* The sums of that for a status, which may not take long: {"steps": how many, "time_s",
 * "downtime_s", "impossible": [addresses]}. */
json_t *cut_run_rollback_cost(const struct cut_run *run);
