/* SPDX-License-Identifier: Apache-2.0 */
/* One trigger as a pure machine: sample → class → persistence → state. Held by core/watch for every
 * trigger of a run and by `cutover trigger test`; the rules are those of docs/triggers.md.
 *
 * Only samples move its timers, never the mere passing of time; blindness and warm-up aside. */
#pragma once

#include "engine/base/statetable.h"
#include "engine/core/event.h"

enum cut_sample_class {
	CUT_SAMPLE_GOOD,
	CUT_SAMPLE_BAD,
	CUT_SAMPLE_GREY, /* between `clear` and `bad` */
	CUT_SAMPLE_MISSING,
	CUT_SAMPLE_ERROR, /* missing, because the source failed */
	CUT_SAMPLE_CLASSES
};

struct cut_sample {
	double value; /* NaN: missing */
	double n;     /* denominator, or NaN: the source gives none */
	cut_time at;  /* of the sample itself, run clock; CUT_NEVER: when it arrived */
	bool error;   /* of the source; text says which */
	const char *text;
};

/* Down time of the engine that a pending trigger survives. */
#define CUT_TRIGGER_GAP_MAX (10 * CUT_MINUTE)

/* Everything that a trigger remembers; all of it is in cut_trigger_save(). */
struct cut_trigger_machine {
	const struct cut_trigger *spec; /* borrowed */
	unsigned state;			/* enum cut_trigger_state */
	cut_time armed_at;		/* CUT_NEVER: never was */
	cut_time
		evidence_at; /* blindness counts from here: evidence, arming, an engine's restart */
	cut_time seen_at;    /* the last sample, whatever its class; never goes back */
	cut_time bad_at;     /* the last one that counted as bad; CUT_NEVER: none */
	bool evidence_bad;   /* the last evidence was bad */
	bool unlatched;	     /* its rollback can only be a pause; set by the holder at every call */
	bool linked;	     /* the last sample counted as bad: the interval up to a bad one adds */
	cut_time bad_time;
	unsigned count; /* in a row, or in all for `total` */
	int64_t slot;	/* of slots[n + 1], the newest */
	char *slots;	/* owned: n + 2 letters, oldest first, for m_of_n; NULL otherwise */
};

void cut_trigger_init(struct cut_trigger_machine *m, const struct cut_trigger *spec);
void cut_trigger_done(struct cut_trigger_machine *m);

/* What the sample says by itself. t: now, for max_age. */
enum cut_sample_class cut_trigger_classify(const struct cut_trigger *spec,
					   const struct cut_sample *sample, cut_time t);
/* What it counts as after the policy for missing ones: GOOD, BAD, or GREY for neither. */
enum cut_sample_class cut_trigger_counts(const struct cut_trigger *spec, enum cut_sample_class c);
static inline bool cut_sample_is_evidence(enum cut_sample_class c)
{
	return c == CUT_SAMPLE_GOOD || c == CUT_SAMPLE_BAD;
}

/* These return whether there is something to journal: the state moved, or a sample counted as bad
 * on the way to firing. */
bool cut_trigger_arm(struct cut_trigger_machine *m, cut_time t);
bool cut_trigger_disarm(struct cut_trigger_machine *m); /* a latched rollback stays */
bool cut_trigger_sample(struct cut_trigger_machine *m, enum cut_sample_class c, cut_time at);
bool cut_trigger_tick(struct cut_trigger_machine *m, cut_time t);
/* The engine was away for gap and goes on at t. */
bool cut_trigger_gap(struct cut_trigger_machine *m, cut_time t, cut_time gap);
cut_time cut_trigger_wake(const struct cut_trigger_machine *m); /* of the next tick that moves it */

/* The memory as JSON (times in ms of the run clock) and back; the state travels beside it. */
json_t *cut_trigger_save(const struct cut_trigger_machine *m);
int cut_trigger_restore(struct cut_trigger_machine *m, enum cut_trigger_state state,
			const json_t *memory, struct cut_err *err);

/* Why it is in its state, with value and threshold: "7.2 % > 5 % for 3m00s". unit "ratio" shows
 * percent. */
void cut_trigger_text(const struct cut_trigger_machine *m, double value, const char *unit,
		      cut_time t, struct cut_buf *out);
const char *cut_sample_class_name(enum cut_sample_class c);
extern const struct cut_state_row cut_trigger_moves[CUT_TRIGGER_STATES];
