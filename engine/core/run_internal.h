/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a run, shared by the files that each handle one concern of it: run (feed, nodes),
 * dispatch, step, undo, rollback, gate, hold, timer, decide, closing, order, env, view.
 *
 * Words: a *node* is a step or a join of the graph; *opening* a node means that everything before
 * it is done. A *call* is an operation in flight. A *lane* is a queue of steps with its own limit.
 * The *duty* of a step is to be undone: it may have changed something. */
#pragma once

#include "engine/core/heap.h"
#include "engine/core/run.h"

/* What a step is at, beneath its state. */
enum cut_doing {
	CUT_DOING_NOTHING,
	CUT_DOING_QUEUED, /* in the queue of its lane */
	CUT_DOING_PARKED, /* its group or a lock has no room; woken when there is */
	CUT_DOING_CALL,	  /* an operation is in flight */
	CUT_DOING_DELAY,  /* until `due`: before the next try, or not_before */
	CUT_DOING_WAIT,	  /* a wait runs until `due` */
	CUT_DOING_PEOPLE, /* a gate or manual work is open */
	CUT_DOINGS
};

/* Which body of the step the call in flight, or the next one, is of. */
enum cut_part { CUT_PART_BODY, CUT_PART_VERIFY, CUT_PART_UNDO };

enum cut_lane_id { CUT_LANE_FORWARD, CUT_LANE_AUX, CUT_LANE_UNDO, CUT_LANES };

struct cut_lane {
	struct cut_heap ready, quick; /* quick: waits and gates take no place in the limit */
	unsigned active;
};

struct cut_run_step {
	unsigned state; /* enum cut_step_state */
	uint8_t doing, part, op, entry;
	bool touched;	     /* some attempt may have changed something */
	bool touched_before; /* … before the current attempt */
	bool applied;	     /* an apply ended well or was attested: to be undone, saved or not */
	bool active;	     /* counts in its lane */
	bool slot;	     /* counts in its group */
	bool locked;	     /* holds its locks */
	bool due_wall;	     /* `due` is on the wall clock */
	bool late;	     /* its deadline passed while a call was in flight */
	bool canceled;	     /* the call in flight was asked to end */
	bool in_scope;	     /* of the rollback */
	bool undo_open;	     /* all that came after it is undone */
	bool checking;	     /* a gate's checks are being evaluated */
	bool observed;	     /* the current attempt was observed and could not be told */
	bool unclosed;
	bool resent;  /* the current attempt was sent before, nobody knows what came of it */
	uint8_t lost; /* executors lost in a row */
	uint16_t tries, verify_tries, undo_tries; /* used of the retries */
	unsigned attempt, undo_attempt;
	uint32_t seq;	  /* order of the first intents, from 1 */
	uint32_t waiting; /* its row among the people waited for, or CUT_NONE */
	cut_time started, ended, started_wall, ended_wall;
	cut_time due, deadline_at; /* CUT_NEVER: none */
	json_t *outputs, *saved;   /* owned */
	char *reason;		   /* owned */
};

struct cut_run_group {
	unsigned active;
	bool skipped, slot;
	char *error; /* owned: its condition cannot be evaluated, which fails its steps */
	uint32_t parked_at;
	CUT_VEC(uint32_t); /* nodes that wait for a place, from parked_at on */
};

struct cut_run_lock {
	bool held;
	uint32_t parked_at;
	CUT_VEC(uint32_t); /* steps */
};

struct cut_run_clock {	       /* of downtime */
	cut_time since, total; /* since CUT_NEVER: it does not run */
	bool started, over;
};

/* A person: somebody of this machine, or the holder of a key. Texts borrowed from the armed record
 * where they are kept. */
struct cut_voter {
	int64_t uid;	  /* -1: has no account here */
	const char *name; /* who it is then */
	const char *key;  /* voted with it; NULL: by uid */
};

struct cut_vote {
	uint32_t step, phase; /* the gate: one of them CUT_NONE */
	struct cut_voter voter;
};

enum cut_timer_kind {
	CUT_TIMER_STEP,	    /* step->due */
	CUT_TIMER_DEADLINE, /* step->deadline_at */
	CUT_TIMER_BACKSTOP, /* of a temporary step */
	CUT_TIMER_PHASE,    /* its not_before */
	CUT_TIMER_OPENS,    /* the window of a phase */
	CUT_TIMER_CLOSES,
	CUT_TIMER_FREEZE,
	CUT_TIMER_DOWNTIME,
	CUT_TIMER_DECIDE, /* causes were collected at this instant */
	CUT_TIMER_PROBE,  /* rollback.ready had its time */
	CUT_TIMER_TAIL,	  /* old answers are gone */
};

/* Where a phase of another role than forward is. */
enum cut_aux { CUT_AUX_IDLE, CUT_AUX_RUNNING, CUT_AUX_ENDED };

/* How far a rollback is with moving traffic back. */
enum cut_traffic { CUT_TRAFFIC_ASK, CUT_TRAFFIC_PROBING, CUT_TRAFFIC_HELD, CUT_TRAFFIC_GO };

struct cut_run_names { /* what an expression of one step sees */
	const struct cut_run *run;
	uint32_t step, group;		 /* where it stands: siblings are named plainly */
	const struct cut_expr_env *live; /* borrowed, or NULL */
};

struct cut_run {
	const struct cut_runbook *rb;  /* borrowed */
	const struct cut_graph *graph; /* borrowed */
	json_t *armed;		       /* owned */
	unsigned state;		       /* enum cut_run_state */
	cut_time t, wall;	       /* of the last event */
	struct cut_effects *out;       /* borrowed: during a feed */

	struct cut_run_step *steps;
	struct cut_run_group *groups;
	uint32_t *left; /* of each node: how many before it are not done */
	struct {
		CUT_VEC(uint32_t);
	} done; /* nodes done whose followers were not told yet */
	struct {
		uint8_t state;
		bool failed, tried;
	} * aux; /* of each phase: enum cut_aux */
	struct cut_lane lanes[CUT_LANES];
	struct cut_map lock_names;
	struct {
		CUT_VEC(struct cut_run_lock);
	} locks;
	uint32_t doing[CUT_DOINGS]; /* how many steps are at each */
	uint32_t seq;
	uint32_t phase;	      /* current forward phase, or CUT_NONE */
	uint32_t stage_first; /* first phase of the stage */
	bool stage_done, accepted, forward_done;
	cut_time stage_since, stage_tail;
	uint32_t ponr; /* the step that was the point of no return, or CUT_NONE */

	struct cut_heap timers, walls; /* on the run clock, on the wall clock */
	struct {
		CUT_VEC(struct cut_hold);
	} holds;
	uint32_t blocking;	 /* holds that block */
	json_t *held, *released; /* owned: what changed in this feed, or NULL */
	char *hold_cause;	 /* owned: the first of them, as a sentence */
	struct {
		CUT_VEC(struct cut_waiting);
	} waiting;
	struct {
		CUT_VEC(struct cut_vote);
	} votes;
	struct {
		CUT_VEC(char *);
	} nonces;	  /* owned: of the signed votes that counted, void ones too */
	json_t *evidence; /* owned: of the acceptance that is met, for its sign-off; or NULL */
	struct {
		CUT_VEC(uint32_t);
	} clean_waits;	    /* steps */
	uint8_t *triggers;  /* of each: enum cut_trigger_state */
	uint32_t unclear;   /* triggers that are not clear */
	uint8_t acceptance; /* enum cut_acceptance_state */
	bool window_override;
	cut_time frozen_until; /* run clock; 0: not frozen */
	json_t *causes;	       /* owned: of an automatic rollback that is to be decided */
	cut_time decide_at;    /* CUT_NEVER: nothing to decide */

	uint32_t *undo_left; /* of each node: followers not undone; NULL: no rollback */
	struct {
		CUT_VEC(uint32_t);
	} undone;		      /* nodes whose predecessors were not told yet */
	struct cut_heap undo_traffic; /* steps that move traffic, ready to be undone */
	uint8_t traffic;	      /* enum cut_traffic */
	uint32_t undo_failed, undo_impossible;
	bool undo_complete; /* the order is worked off */
	bool verify_failed; /* rollback.verify */
	bool tail_told;
	cut_time undo_tail; /* until when old answers may live */

	unsigned ending; /* final state once closed, or 0 */
	bool keep_temporary;
	struct {
		CUT_VEC(uint32_t);
	} temporaries;		      /* steps that are temporary */
	uint32_t *until_next;	      /* chains of temporaries by the node that ends them */
	uint32_t *until_head;	      /* of each node, or NULL */
	size_t closing_at;	      /* the next of them, newest first, while closing */
	struct cut_run_clock *clocks; /* of downtime */
	bool *acked;		      /* clients */
	char *in_command;	      /* owned */
	char *why_final;	      /* owned */
	struct cut_run_names names;   /* of the last cut_run_env */
};

/* --- run.c: effects; node.c: the graph --- */
struct cut_effect *cut_run_fx(struct cut_run *run, enum cut_effect_type type);
void cut_run_page(struct cut_run *run, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void cut_run_record(struct cut_run *run, json_t *details, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* details is stolen */
void cut_run_move(struct cut_run *run, enum cut_run_state state);
void cut_run_drain(struct cut_run *run);
void cut_run_node_done(struct cut_run *run, uint32_t node);
void cut_run_begin(struct cut_run *run); /* the first phase */
void cut_run_phase_opened(struct cut_run *run, uint32_t phase);
bool cut_run_forward(const struct cut_run *run); /* running or paused */
bool cut_run_final(const struct cut_run *run);
bool cut_run_member(const struct cut_run *run, const char *role, int64_t uid);

/* vote.c */
struct cut_voter cut_voter_of(const struct cut_run *run, const struct cut_event *ev);
bool cut_voter_same(struct cut_voter a, struct cut_voter b);
/* In that role, and not kept out of it as the starter. */
bool cut_voter_counts(const struct cut_run *run, const struct cut_role *role,
		      struct cut_voter voter);
bool cut_voter_member(const struct cut_run *run, const char *role, struct cut_voter voter);
/* Does each role reach its quorum, each person filling one place? */
bool cut_vote_quorum(const struct cut_run *run, const uint32_t *roles, uint32_t roles_len,
		     const struct cut_voter *voters, uint32_t voters_len);

void cut_run_close_phase(struct cut_run *run, uint32_t phase);
void cut_run_aux_start(struct cut_run *run, uint32_t phase);
cut_time cut_run_when(const struct cut_run *run, const struct cut_when *when, uint32_t phase);
json_t *cut_cause(const char *kind, const char *id, const char *text);

/* --- dispatch.c --- */
void cut_run_open_step(struct cut_run *run, uint32_t step);
bool cut_run_take_slot(struct cut_run *run, uint32_t node, uint32_t group);
void cut_run_give_slot(struct cut_run *run, uint32_t group);
void cut_run_queue(struct cut_run *run, uint32_t step);
void cut_run_unpark(struct cut_run *run, uint32_t node); /* it has a place now */
void cut_run_dispatch(struct cut_run *run);
void cut_run_leave_lane(struct cut_run *run, uint32_t step);
enum cut_lane_id cut_run_lane(const struct cut_run *run, uint32_t step);

/* --- step.c, outcome.c: an attempt's life --- */
void cut_step_move(struct cut_run *run, uint32_t step, enum cut_step_state state);
void cut_step_doing(struct cut_run *run, uint32_t step, enum cut_doing doing);
bool cut_step_stopping(const struct cut_run *run, uint32_t step);
void cut_step_say(struct cut_run *run, uint32_t step, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* sets the reason; NULL fmt clears it */
void cut_step_record(struct cut_run *run, uint32_t step, bool durable);
void cut_step_start(struct cut_run *run, uint32_t step);
void cut_step_again(struct cut_run *run, uint32_t step); /* its delay is over */
void cut_step_succeed(struct cut_run *run, uint32_t step);
void cut_step_fail(struct cut_run *run, uint32_t step, const char *text);
void cut_step_skip(struct cut_run *run, uint32_t step, const char *reason);
void cut_step_verify(struct cut_run *run, uint32_t step);
void cut_step_outcome(struct cut_run *run, const struct cut_event *ev);
bool cut_step_may_have_landed(const struct cut_run *run, uint32_t step);
void cut_step_stop_unknown(struct cut_run *run, uint32_t step, const char *why);
void cut_step_late(struct cut_run *run, uint32_t step); /* its deadline passed */
void cut_step_interrupt(struct cut_run *run, uint32_t step, bool even_waiting);
void cut_step_end(struct cut_run *run, uint32_t step, enum cut_step_state state);
void cut_step_rest(struct cut_run *run, uint32_t step); /* gives back lane, group, locks */
bool cut_step_duty(const struct cut_run *run, uint32_t step);
const char *cut_step_short(const char *text, const char *fallback);

/* --- call.c: operations --- */
void cut_call_start(struct cut_run *run, uint32_t step, enum cut_part part, enum cut_op op,
		    enum cut_op entry);
void cut_call_intent(struct cut_run *run, uint32_t step); /* manual work that writes */
void cut_call_gate(struct cut_run *run, uint32_t step);	  /* evaluates its checks */
void cut_call_resend(struct cut_run *run, uint32_t step, enum cut_op op, enum cut_op entry);
void cut_call_cancel(struct cut_run *run, uint32_t step);
void cut_call_lost(struct cut_run *run, uint32_t step, bool not_sent, const char *why);
void cut_call_observed(struct cut_run *run, const struct cut_event *ev);
void cut_call_resume(struct cut_run *run); /* all calls in flight are lost */
cut_time cut_call_delay(const struct cut_run *run, const struct cut_event *ev,
			const struct cut_retry *retry, unsigned attempt, unsigned tries);
const struct cut_body *cut_call_body(const struct cut_run *run, uint32_t step);

/* --- timer.c --- */
void cut_timer_set(struct cut_run *run, enum cut_timer_kind kind, uint32_t target, cut_time at);
void cut_timer_set_wall(struct cut_run *run, enum cut_timer_kind kind, uint32_t target,
			cut_time at);
void cut_timer_step(struct cut_run *run, uint32_t step, cut_time at, bool wall);
/* Fires what is due at run->t and run->wall; false: nothing was. */
bool cut_timer_advance(struct cut_run *run);
void cut_timer_purge(struct cut_run *run);

/* --- wait.c --- */
void cut_wait_start(struct cut_run *run, uint32_t step);
void cut_wait_triggers(struct cut_run *run); /* all clear, or not any more */

/* --- gate.c: approvals, sign-off, manual work --- */
void cut_gate_open(struct cut_run *run, uint32_t step);
void cut_waiting_done(struct cut_waiting *waiting);
void cut_gate_close(struct cut_run *run, uint32_t step); /* nobody is waited for any more */
void cut_gate_checked(struct cut_run *run, const struct cut_event *ev);
void cut_gate_expire(struct cut_run *run, uint32_t step);
void cut_gate_sign_off(struct cut_run *run, uint32_t phase, bool open);
int cut_gate_may_vote(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
void cut_gate_vote(struct cut_run *run, const struct cut_event *ev);

/* --- hold.c --- */
void cut_hold_add(struct cut_run *run, enum cut_hold_kind kind, const char *id, bool decision,
		  bool blocks, char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 7, 8))); /* remedy is stolen; fmt: what happened */
/* id NULL: all of the kind. */
bool cut_hold_drop(struct cut_run *run, enum cut_hold_kind kind, const char *id);
void cut_hold_done(struct cut_hold *hold);
void cut_hold_drop_all(struct cut_run *run);
void cut_hold_forget(struct cut_run *run);
const struct cut_hold *cut_hold_find(const struct cut_run *run, enum cut_hold_kind kind,
				     const char *id);
void cut_hold_settle(struct cut_run *run); /* running or paused, and the record of what changed */

/* --- decide.c: triggers, acceptance, window, downtime → what the run does about them --- */
void cut_run_trigger(struct cut_run *run, const struct cut_event *ev);
void cut_run_acceptance(struct cut_run *run, const struct cut_event *ev);
void cut_run_cause(struct cut_run *run, json_t *cause); /* an automatic rollback; stolen */
/* A person has decided about the step or gate: no cause any more, where one waits in a freeze. */
void cut_run_uncause(struct cut_run *run, const char *address);
void cut_run_decide(struct cut_run *run);
void cut_run_thaw(struct cut_run *run);
void cut_run_closes(struct cut_run *run, uint32_t phase);
void cut_downtime_start(struct cut_run *run, uint32_t step);
void cut_downtime_stop(struct cut_run *run, uint32_t step, bool undone);
void cut_downtime_limit(struct cut_run *run, uint32_t downtime);

void cut_downtime_end(struct cut_run *run); /* all of them: the run is over */

/* --- rollback.c: what is undone, in which order --- */
int cut_rollback_scope(const struct cut_run *run, const char *target, bool *ret_scope,
		       struct cut_err *err);		    /* a flag for each step */
uint32_t *cut_rollback_counters(const struct cut_run *run); /* of each node: followers */
bool cut_rollback_in_stage(const struct cut_run *run, uint32_t node);
int64_t cut_rollback_rank(const struct cut_run *run, uint32_t step); /* order among those ready */
void cut_rollback_start(struct cut_run *run, json_t *causes, const char *target); /* stolen */
void cut_rollback_advance(struct cut_run *run);
void cut_rollback_ended(struct cut_run *run, uint32_t step); /* a live step, or an undo */
void cut_rollback_probe_over(struct cut_run *run);
void cut_rollback_confirm(struct cut_run *run); /* traffic goes to blue on a person's word */

/* --- undo.c: the undo of one step --- */
void cut_undo_start(struct cut_run *run, uint32_t step);
void cut_undo_call(struct cut_run *run, uint32_t step);
void cut_undo_fail(struct cut_run *run, uint32_t step, const char *text);
void cut_undo_attested(struct cut_run *run, uint32_t step);
void cut_undo_outcome(struct cut_run *run, const struct cut_event *ev);

/* --- closing.c --- */
void cut_closing_start(struct cut_run *run, enum cut_run_state ending, const char *why);
void cut_closing_advance(struct cut_run *run);
void cut_closing_until(struct cut_run *run, uint32_t node); /* temporaries that end with it */
void cut_closing_backstop(struct cut_run *run, uint32_t step);
bool cut_closing_open(const struct cut_run *run, uint32_t step);
void cut_run_abort(struct cut_run *run, enum cut_run_state ending, const char *why);

/* --- order.c --- */
int cut_order_may(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
const char *cut_order_who(const struct cut_event *ev);
int cut_order_authorised(const struct cut_run *run, const struct cut_event *ev, const char *right,
			 struct cut_err *err);
int cut_order_need_forward(const struct cut_run *run, const struct cut_event *ev,
			   struct cut_err *err);
int cut_order_may_retry(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
int cut_order_may_skip(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
int cut_order_may_attest(const struct cut_run *run, const struct cut_event *ev,
			 struct cut_err *err);
void cut_order_retry(struct cut_run *run, const struct cut_event *ev);
void cut_order_skip(struct cut_run *run, const struct cut_event *ev);
void cut_order_attest(struct cut_run *run, const struct cut_event *ev);
void cut_order_apply(struct cut_run *run, const struct cut_event *ev);

/* --- env.c: what expressions see --- */
int cut_env_params(struct cut_run *run, uint32_t step, const struct cut_body *body, json_t **ret,
		   struct cut_err *err);
int cut_env_duration(struct cut_run *run, uint32_t step, const struct cut_template *text,
		     cut_time *ret, struct cut_err *err);
char *cut_env_text(struct cut_run *run, uint32_t step, const struct cut_template *text);
/* 1 true, 0 false, negative: CEL's error. */
int cut_env_true(struct cut_run *run, uint32_t step, uint32_t group, const struct cut_expr *expr,
		 const struct cut_expr_env *live, struct cut_err *err);
