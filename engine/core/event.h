/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of the machine. Each is journaled as one record before its effects are carried out,
 * and reading the records back and feeding them again reaches the same state: that is the resume.
 */
#pragma once

#include "engine/core/model.h"

/* The record types of docs/journal.md that are inputs. */
enum cut_event_type {
	CUT_EV_ARMED,	   /* first of a run: who, what, members' uids */
	CUT_EV_TICK,	   /* time passed; journaled only where it changed something */
	CUT_EV_SAVED,	   /* an action stored what it is about to change */
	CUT_EV_OUTCOME,	   /* an operation ended */
	CUT_EV_TRIGGER,	   /* a trigger machine moved (core/trigger) */
	CUT_EV_ACCEPTANCE, /* the acceptance machine moved (core/acceptance) */
	CUT_EV_APPROVAL,   /* a vote; refused ones are journaled too */
	CUT_EV_ORDER,	   /* an operator's command; refused ones are journaled too */
	CUT_EV_NOTE,
	CUT_EV_CLOCK,	/* the wall clock jumped */
	CUT_EV_RESUMED, /* a new engine goes on: calls in flight are lost */
	CUT_EV_TYPES
};

/* What an operation does, as in the journal's `op`. */
enum cut_op { CUT_OP_APPLY, CUT_OP_VERIFY, CUT_OP_OBSERVE, CUT_OP_ROLLBACK, CUT_OPS };

enum cut_order {
	CUT_ORDER_START,
	CUT_ORDER_PAUSE,
	CUT_ORDER_RESUME,
	CUT_ORDER_FREEZE,   /* args {"for": seconds} */
	CUT_ORDER_RETRY,    /* target: step */
	CUT_ORDER_SKIP,	    /* target: step, args {"reason"} */
	CUT_ORDER_ATTEST,   /* target: step, args {"applied": bool or absent, "comment", "evidence":
			       {}} */
	CUT_ORDER_ROLLBACK, /* target: phase or step after which all is undone, or NULL; args
			       {"accept_loss"} */
	CUT_ORDER_ABORT,    /* args {"keep_temporary"} */
	CUT_ORDER_ACK,	    /* target: client */
	CUT_ORDER_COMMAND,  /* target: person who leads from now on; args {"note"} */
	CUT_ORDERS
};

/* States of a trigger, as in the journal; shown names by cut_trigger_shown(). */
enum cut_trigger_state {
	CUT_TRIGGER_DISARMED,
	CUT_TRIGGER_WARMUP,
	CUT_TRIGGER_CLEAR,
	CUT_TRIGGER_PENDING,
	CUT_TRIGGER_FIRING, /* shown as latched (rollback), held (pause), firing (notify) */
	CUT_TRIGGER_BLIND,
	CUT_TRIGGER_STATES
};

enum cut_acceptance_state {
	CUT_ACC_WAITING,
	CUT_ACC_SETTLING,
	CUT_ACC_RUNNING,
	CUT_ACC_SUSPENDED,
	CUT_ACC_MET, /* clock, coverage and tests are met; sign-off is missing */
	CUT_ACC_SIGNED,
	CUT_ACC_ACCEPTED,
	CUT_ACC_FAILED,	 /* on_bad: fail, or the deadline with on_deadline: rollback */
	CUT_ACC_OVERDUE, /* the deadline with on_deadline: ask: a hold */
	CUT_ACC_STATES
};

struct cut_event {
	enum cut_event_type type;
	cut_time t;	   /* run clock: ms since armed, boot-time clock */
	cut_time wall;	   /* ms since 1970 */
	const char *actor; /* "engine", or a person: "alice (uid 1001)"; borrowed */
	const char
		*refused; /* why cut_run_feed refused it, else NULL: journaled, never fed again */
	union {
		/* {"run", "name", "starter": uid, "starter_name", "plan_sha256", "runbook_sha256",
		 *  "roles": {role: [{"name", "uid": or null, "keys": [fingerprints]}]},
		 * "parameters", "plugins", "boot_id", "until", "acked_triggers": [],
		 * "override_window": reason|null, …} */
		json_t *armed;
		struct {
			uint32_t step;
			json_t *state;
		} saved;
		struct {
			uint32_t step;
			enum cut_op op;
			unsigned attempt;
			enum cut_status status;
			const char *text;
			json_t *data;  /* outputs; for a check {"values": [...]} */
			bool not_sent; /* proven to have had no effect: it never got out */
			double duration_s;
		} outcome;
		struct {
			uint32_t trigger;
			enum cut_trigger_state state;
			double value;	  /* of the sample that moved it; NaN: none */
			const char *text; /* "7.2 % > 5 % for 3m00s" */
			json_t *memory;	  /* the machine's whole memory */
		} trigger;
		struct {
			uint32_t phase;
			enum cut_acceptance_state state;
			bool want_tests; /* run the phase's tests now */
			const char *text;
			json_t *memory, *evidence;
		} acceptance;
		struct {
			const char *gate; /* step address, or phase id for a sign-off */
			bool decline;
			int64_t uid; /* -1: signed by a member who has no account here */
			const char *name, *comment;
			const char *key; /* fingerprint: its signature was verified; NULL: by uid */
			const char *nonce; /* of the signed statement, or NULL */
			const char
				*evidence; /* digest of what the voter was shown; NULL: not told */
			json_t *proof;	   /* {"statement", "signature", "delivered_by"} or NULL */
			json_t *values; /* what the checks' expressions saw, filled by the driver */
		} approval;
		struct {
			enum cut_order order;
			const char *target;
			int64_t uid;
			json_t *args;
		} order;
		struct {
			const char *text;
		} note;
		struct {
			cut_time jump; /* wall moved by this much against the run clock */
		} clock;
		struct {
			unsigned epoch;
			cut_time gap; /* down time */
			bool same_boot;
			const char *boot_id; /* of this engine's boot, and its clock then: where t
						is from */
			cut_time boot_ms;
		} resumed;
	};
};

/* The record's JSON body without the fields that the journal adds (epoch, synced): written with
 * "type", "at", "t", "actor" first. */
void cut_event_encode(const struct cut_event *ev, const struct cut_runbook *rb,
		      struct cut_buf *out);
/* Borrowed texts and json live as long as record. -EPROTO with what is missing or of the wrong
 * kind. Returns 1 when it is an event to feed, 0 when the record is an output (intent, step, run),
 * was refused, or is sealed. */
int cut_event_decode(const json_t *record, const struct cut_runbook *rb, struct cut_event *ret,
		     struct cut_err *err);
const char *cut_event_name(enum cut_event_type type);
const char *cut_op_name(enum cut_op op);
const char *cut_order_name(enum cut_order order);
int cut_order_named(const char *name); /* or -1 */
const char *cut_trigger_shown(const struct cut_trigger *trigger, enum cut_trigger_state state);
const char *cut_acceptance_name(enum cut_acceptance_state state);
