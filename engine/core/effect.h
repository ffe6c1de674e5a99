/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs of the machine: records to journal and things to do, in order. The driver appends the
 * records, waits for the disk where it must, and carries out the rest. */
#pragma once

#include "engine/core/event.h"

enum cut_effect_type {
	CUT_FX_INTENT, /* record: an operation with an effect is about to be started */
	CUT_FX_STEP,   /* record: a step's state and why */
	CUT_FX_RUN,    /* record: the run's state and cause, holds that came and went */
	CUT_FX_CALL,   /* ask a plugin host */
	CUT_FX_CANCEL, /* ask the host to end a call early; it still ends through its outcome */
	CUT_FX_EVAL,   /* evaluate a check (cut_run_check) and feed its outcome */
	CUT_FX_PAGE,   /* tell every notify entry */
	CUT_FX_END,    /* the final record is out: nothing follows */
};

struct cut_effect {
	enum cut_effect_type type;
	bool durable; /* records: must be on disk before a later CALL of any step starts */
	union {
		struct { /* intent, call, cancel, eval: all of one operation */
			uint32_t step;
			enum cut_op op; /* as journaled */
			unsigned attempt;
			const struct cut_body *body; /* whose action is called */
			enum cut_op entry;	     /* which operation of that action */
			json_t *params;		     /* owned; NULL for check */
			const json_t *saved; /* borrowed from the run; valid until the next feed */
			char key[53];	     /* base32(SHA-256("run|step|attempt|direction")) */
			cut_time timeout;    /* from its start */
			bool rollback; /* to be served by the standby host where there is one */
			bool poll; /* repeat until success, by the driver, as body's step says */
			/* Only if the action's plan still tells these changes; NULL: whatever it
			 * tells. Borrowed from the run. */
			const json_t *planned;
		} call;
		struct {
			uint32_t step;
			unsigned state; /* enum cut_step_state */
			char *reason;	/* owned, or NULL */
		} step;
		struct {
			unsigned state; /* enum cut_run_state */
			char *cause;	/* owned: one line for people */
			json_t *details; /* owned, or NULL: {"holds", "causes", "scope": [steps], …}
					  */
		} run;
		struct {
			const char *event; /* record type */
			char *text;	   /* owned */
		} page;
	};
};

struct cut_effects {
	struct cut_effect *items; /* owned */
	size_t len, cap;
};

void cut_effects_clear(struct cut_effects *effects); /* frees what they own, keeps the array */
void cut_effects_done(struct cut_effects *effects);
/* Is it one that is journaled: intent, step, run? */
bool cut_effect_is_record(const struct cut_effect *fx);
/* The record's type: "intent", "step", "run". */
const char *cut_effect_name(const struct cut_effect *fx);
/* The JSON of an output record, as cut_event_encode; t, wall and actor are those of the event. */
void cut_effect_encode(const struct cut_effect *fx, const struct cut_event *cause,
		       const struct cut_runbook *rb, struct cut_buf *out);
