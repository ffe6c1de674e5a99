/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/trigger.h"

#include "engine/base/alloc.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* disarmed → warmup → clear ⇄ pending → firing → clear
 *                       └──── ⇄ blind ────┘             */
#define ARMED (CUT_TO(CUT_TRIGGER_CLEAR) | CUT_TO(CUT_TRIGGER_PENDING) | CUT_TO(CUT_TRIGGER_FIRING))
const struct cut_state_row cut_trigger_moves[CUT_TRIGGER_STATES] = {
	[CUT_TRIGGER_DISARMED] = {"disarmed",
				  CUT_TO(CUT_TRIGGER_WARMUP) | CUT_TO(CUT_TRIGGER_CLEAR)},
	[CUT_TRIGGER_WARMUP] = {"warmup",
				ARMED | CUT_TO(CUT_TRIGGER_BLIND) | CUT_TO(CUT_TRIGGER_DISARMED)},
	[CUT_TRIGGER_CLEAR] = {"clear",
			       ARMED | CUT_TO(CUT_TRIGGER_BLIND) | CUT_TO(CUT_TRIGGER_DISARMED)},
	[CUT_TRIGGER_PENDING] = {"pending",
				 ARMED | CUT_TO(CUT_TRIGGER_BLIND) | CUT_TO(CUT_TRIGGER_DISARMED)},
	[CUT_TRIGGER_FIRING] = {"firing",
				ARMED | CUT_TO(CUT_TRIGGER_BLIND) | CUT_TO(CUT_TRIGGER_DISARMED)},
	[CUT_TRIGGER_BLIND] = {"blind", ARMED | CUT_TO(CUT_TRIGGER_DISARMED)},
};

/* Letters of slots: what the last sample in a slot of the metric's period was. */
enum { SLOT_NONE = '.', SLOT_MISSING = '-', SLOT_GREY = 'y', SLOT_GOOD = 'g', SLOT_BAD = 'b' };

static bool move_to(struct cut_trigger_machine *m, enum cut_trigger_state to)
{
	if (m->state == to)
		return false;
	cut_state_move(cut_trigger_moves, m->spec->id, &m->state, to);
	return true;
}

static bool is_latched(const struct cut_trigger_machine *m)
{
	return m->state == CUT_TRIGGER_FIRING && m->spec->then == CUT_THEN_ROLLBACK &&
	       !m->unlatched;
}

static size_t slots_len(const struct cut_trigger_machine *m)
{
	return (size_t)m->spec->n + 2;
}

void cut_trigger_init(struct cut_trigger_machine *m, const struct cut_trigger *spec)
{
	*m = (struct cut_trigger_machine){
		.spec = spec,
		.state = CUT_TRIGGER_DISARMED,
		.armed_at = CUT_NEVER,
		.bad_at = CUT_NEVER,
	};
	if (spec->persist == CUT_PERSIST_M_OF_N) {
		m->slots = cut_malloc(slots_len(m) + 1);
		memset(m->slots, SLOT_NONE, slots_len(m));
		m->slots[slots_len(m)] = '\0';
	}
}

void cut_trigger_done(struct cut_trigger_machine *m)
{
	if (!m)
		return;
	free(m->slots);
	m->slots = NULL;
}

/* --- class --- */

static bool bound_hit(const struct cut_bound *bound, double value)
{
	switch (bound->kind) {
	case CUT_BOUND_ABOVE: return value > bound->high;
	case CUT_BOUND_BELOW: return value < bound->low;
	case CUT_BOUND_OUTSIDE: return value < bound->low || value > bound->high;
	case CUT_BOUND_NONE: break;
	}
	return false;
}

/* `clear` may be written as the weaker form of `bad` ({above: 3%} under {above: 5%}: good again
 * once it is not hit) or as its opposite ({below: 3%}: good again once it is). */
static bool is_good(const struct cut_trigger *spec, double value)
{
	if (spec->clear.kind == CUT_BOUND_NONE)
		return true;
	return bound_hit(&spec->clear, value) == (spec->clear.kind != spec->bad.kind);
}

enum cut_sample_class cut_trigger_classify(const struct cut_trigger *spec,
					   const struct cut_sample *sample, cut_time t)
{
	if (sample->error)
		return CUT_SAMPLE_ERROR;
	if (!isfinite(sample->value))
		return CUT_SAMPLE_MISSING;
	if (sample->at != CUT_NEVER && t - sample->at > spec->max_age)
		return CUT_SAMPLE_MISSING;
	if (sample->n < spec->min_events)
		return CUT_SAMPLE_MISSING;
	if (bound_hit(&spec->bad, sample->value))
		return CUT_SAMPLE_BAD;
	return is_good(spec, sample->value) ? CUT_SAMPLE_GOOD : CUT_SAMPLE_GREY;
}

enum cut_sample_class cut_trigger_counts(const struct cut_trigger *spec, enum cut_sample_class c)
{
	if (c != CUT_SAMPLE_MISSING && c != CUT_SAMPLE_ERROR)
		return c;
	switch (spec->missing) {
	case CUT_MISSING_BAD: return CUT_SAMPLE_BAD;
	case CUT_MISSING_GOOD: return CUT_SAMPLE_GOOD;
	case CUT_MISSING_HOLD: break;
	}
	return CUT_SAMPLE_GREY;
}

/* --- slots of m_of_n --- */

/* Makes the slot that t falls into the newest; those passed over get the letter skipped. */
static void slots_advance(struct cut_trigger_machine *m, cut_time t, char skipped)
{
	size_t len = slots_len(m);
	int64_t slot = (t - m->armed_at) / m->spec->every;
	size_t by;

	if (slot <= m->slot)
		return;
	by = slot - m->slot < (int64_t)len ? (size_t)(slot - m->slot) : len;
	memmove(m->slots, m->slots + by, len - by);
	memset(m->slots + len - by, skipped, by);
	m->slot = slot;
}

/* From the end of the warm-up on slots count: the one that begins there from its beginning. */
static void slots_begin(struct cut_trigger_machine *m)
{
	slots_advance(m, m->armed_at + m->spec->warmup, SLOT_NONE);
	if (m->spec->warmup % m->spec->every == 0)
		m->slots[slots_len(m) - 1] = SLOT_MISSING;
}

static void slots_note(struct cut_trigger_machine *m, enum cut_sample_class c, cut_time at)
{
	static const char letters[CUT_SAMPLE_CLASSES] = {
		[CUT_SAMPLE_GOOD] = SLOT_GOOD,	   [CUT_SAMPLE_BAD] = SLOT_BAD,
		[CUT_SAMPLE_GREY] = SLOT_GREY,	   [CUT_SAMPLE_MISSING] = SLOT_MISSING,
		[CUT_SAMPLE_ERROR] = SLOT_MISSING,
	};

	slots_advance(m, at, SLOT_MISSING);
	m->slots[slots_len(m) - 1] = letters[c];
}

/* Bad ones of the newest n with evidence; missing slots fill up to n as the policy says. */
static unsigned slots_bad(const struct cut_trigger_machine *m)
{
	unsigned evidence = 0, bad = 0, missing = 0, room;

	for (size_t i = slots_len(m); i-- > 0;) {
		char c = m->slots[i];

		if (c == SLOT_MISSING)
			missing++;
		if ((c == SLOT_GOOD || c == SLOT_BAD) && evidence < m->spec->n) {
			evidence++;
			bad += c == SLOT_BAD;
		}
	}
	if (m->spec->missing != CUT_MISSING_BAD)
		return bad;
	room = m->spec->n - evidence;
	return bad + (missing < room ? missing : room);
}

/* --- persistence --- */

static void count_sample(struct cut_trigger_machine *m, enum cut_sample_class counts, cut_time at)
{
	if (counts == CUT_SAMPLE_BAD) {
		if (m->linked && at - m->seen_at <= m->spec->max_gap)
			m->bad_time += at - m->seen_at;
		m->count++;
		m->bad_at = at;
	} else if (counts == CUT_SAMPLE_GOOD) {
		m->bad_time = 0;
		if (m->spec->persist != CUT_PERSIST_TOTAL)
			m->count = 0;
	}
	m->linked = counts == CUT_SAMPLE_BAD;
	m->seen_at = at;
}

/* Does the rule hold at a sample that counts so? */
static bool rule_holds(const struct cut_trigger_machine *m, enum cut_sample_class counts)
{
	switch (m->spec->persist) {
	case CUT_PERSIST_M_OF_N: return slots_bad(m) >= m->spec->m;
	case CUT_PERSIST_FOR: return counts == CUT_SAMPLE_BAD && m->bad_time >= m->spec->for_time;
	case CUT_PERSIST_CONSECUTIVE:
	case CUT_PERSIST_TOTAL: return counts == CUT_SAMPLE_BAD && m->count >= m->spec->n;
	}
	return false;
}

/* Clear or pending, by what is remembered. */
static enum cut_trigger_state resting_state(const struct cut_trigger_machine *m)
{
	bool pending = m->evidence_bad;

	switch (m->spec->persist) {
	case CUT_PERSIST_M_OF_N: pending = false; break;
	case CUT_PERSIST_FOR: pending |= m->bad_time > 0; break;
	case CUT_PERSIST_CONSECUTIVE: pending |= m->count > 0; break;
	case CUT_PERSIST_TOTAL: break;
	}
	return pending ? CUT_TRIGGER_PENDING : CUT_TRIGGER_CLEAR;
}

/* Does firing go on at a sample at which the rule does not hold (any more)? */
static bool keeps_firing(const struct cut_trigger_machine *m, enum cut_sample_class counts,
			 cut_time at)
{
	if (m->state != CUT_TRIGGER_FIRING)
		return false;
	if (is_latched(m) || counts == CUT_SAMPLE_GREY)
		return true;
	if (m->spec->persist != CUT_PERSIST_M_OF_N && counts == CUT_SAMPLE_BAD)
		return true;
	/* Slots without any sample may have made it fire, with none that was bad. */
	return m->bad_at != CUT_NEVER && at - m->bad_at <= m->spec->keep;
}

static enum cut_trigger_state state_after(const struct cut_trigger_machine *m,
					  enum cut_sample_class c, enum cut_sample_class counts,
					  cut_time at)
{
	bool sees = cut_sample_is_evidence(c) || c == CUT_SAMPLE_GREY;

	if (counts != CUT_SAMPLE_GREY && rule_holds(m, counts))
		return CUT_TRIGGER_FIRING;
	if (keeps_firing(m, counts, at))
		return CUT_TRIGGER_FIRING;
	if (!sees && (m->state == CUT_TRIGGER_BLIND || at - m->evidence_at >= m->spec->blind_after))
		return CUT_TRIGGER_BLIND;
	return resting_state(m);
}

bool cut_trigger_arm(struct cut_trigger_machine *m, cut_time t)
{
	m->armed_at = m->evidence_at = m->seen_at = t;
	if (m->slots && m->spec->warmup == 0)
		slots_begin(m);
	return move_to(m, m->spec->warmup > 0 ? CUT_TRIGGER_WARMUP : CUT_TRIGGER_CLEAR);
}

bool cut_trigger_disarm(struct cut_trigger_machine *m)
{
	return !is_latched(m) && move_to(m, CUT_TRIGGER_DISARMED);
}

bool cut_trigger_sample(struct cut_trigger_machine *m, enum cut_sample_class c, cut_time at)
{
	enum cut_sample_class counts = cut_trigger_counts(m->spec, c);
	bool moved;

	if (m->state == CUT_TRIGGER_DISARMED || at < m->armed_at + m->spec->warmup)
		return false;
	if (at < m->seen_at)
		at = m->seen_at;

	if (m->slots) {
		if (m->state == CUT_TRIGGER_WARMUP)
			slots_begin(m);
		slots_note(m, c, at);
	}
	count_sample(m, counts, at);
	if (cut_sample_is_evidence(c))
		m->evidence_bad = c == CUT_SAMPLE_BAD;
	if (cut_sample_is_evidence(c) || c == CUT_SAMPLE_GREY)
		m->evidence_at = at;
	moved = move_to(m, state_after(m, c, counts, at));
	return moved || (counts == CUT_SAMPLE_BAD && m->state != CUT_TRIGGER_FIRING);
}

/* --- time --- */

/* The first sample after the warm-up is given the time to arrive. */
static cut_time blind_at(const struct cut_trigger_machine *m)
{
	cut_time at = m->evidence_at + m->spec->blind_after;
	cut_time first = m->armed_at + m->spec->warmup + m->spec->max_gap;

	return m->spec->warmup > 0 && at < first ? first : at;
}

cut_time cut_trigger_wake(const struct cut_trigger_machine *m)
{
	if (m->state == CUT_TRIGGER_WARMUP)
		return m->armed_at + m->spec->warmup;
	if (m->state == CUT_TRIGGER_CLEAR || m->state == CUT_TRIGGER_PENDING)
		return blind_at(m);
	return CUT_NEVER;
}

bool cut_trigger_tick(struct cut_trigger_machine *m, cut_time t)
{
	bool moved = false;

	if (m->state == CUT_TRIGGER_WARMUP && t >= cut_trigger_wake(m)) {
		if (m->slots)
			slots_begin(m);
		moved = move_to(m, CUT_TRIGGER_CLEAR);
	}
	if (m->state != CUT_TRIGGER_WARMUP && t >= cut_trigger_wake(m))
		moved |= move_to(m, CUT_TRIGGER_BLIND);
	return moved;
}

bool cut_trigger_gap(struct cut_trigger_machine *m, cut_time t, cut_time gap)
{
	if (m->state == CUT_TRIGGER_DISARMED)
		return false;
	m->linked = false;
	m->evidence_at = t;
	if (m->slots)
		slots_advance(m, t, SLOT_NONE);
	if (gap <= CUT_TRIGGER_GAP_MAX)
		return false;
	m->bad_time = 0;
	m->evidence_bad = false;
	if (m->spec->persist != CUT_PERSIST_TOTAL)
		m->count = 0;
	return m->state == CUT_TRIGGER_PENDING && move_to(m, CUT_TRIGGER_CLEAR);
}

/* --- memory --- */

static const struct {
	const char *key;
	size_t offset;
} memory_times[] = {
	{"armed", offsetof(struct cut_trigger_machine, armed_at)},
	{"evidence", offsetof(struct cut_trigger_machine, evidence_at)},
	{"seen", offsetof(struct cut_trigger_machine, seen_at)},
	{"bad", offsetof(struct cut_trigger_machine, bad_at)},
	{"bad_time", offsetof(struct cut_trigger_machine, bad_time)},
};

json_t *cut_trigger_save(const struct cut_trigger_machine *m)
{
	json_t *memory = json_object();

	for (size_t i = 0; i < CUT_ARRAY_LEN(memory_times); i++) {
		cut_time at = *(const cut_time *)((const char *)m + memory_times[i].offset);

		if (at != CUT_NEVER)
			json_object_set_new(memory, memory_times[i].key, json_integer(at));
	}
	json_object_set_new(memory, "evidence_bad", json_boolean(m->evidence_bad));
	json_object_set_new(memory, "linked", json_boolean(m->linked));
	json_object_set_new(memory, "count", json_integer(m->count));
	if (m->slots) {
		json_object_set_new(memory, "slot", json_integer(m->slot));
		json_object_set_new(memory, "slots", json_string(m->slots));
	}
	return memory;
}

int cut_trigger_restore(struct cut_trigger_machine *m, enum cut_trigger_state state,
			const json_t *memory, struct cut_err *err)
{
	const char *slots = cut_json_str(memory, "slots", NULL);
	int64_t count = cut_json_int(memory, "count", -1);

	if (count < 0 || count > UINT32_MAX ||
	    (state != CUT_TRIGGER_DISARMED && !json_object_get(memory, "armed")) ||
	    (m->slots && (!slots || strlen(slots) != slots_len(m))))
		return cut_err_set(err, -EPROTO, "its memory is not that of such a trigger",
				   "see `cutover audit verify`", "trigger %s cannot go on",
				   m->spec->id);

	for (size_t i = 0; i < CUT_ARRAY_LEN(memory_times); i++)
		*(cut_time *)((char *)m + memory_times[i].offset) =
			cut_json_int(memory, memory_times[i].key, CUT_NEVER);
	m->state = state;
	m->evidence_bad = cut_json_bool(memory, "evidence_bad", false);
	m->linked = cut_json_bool(memory, "linked", false);
	m->count = (unsigned)count;
	if (m->slots) {
		m->slot = cut_json_int(memory, "slot", 0);
		memcpy(m->slots, slots, slots_len(m));
	}
	return 0;
}
