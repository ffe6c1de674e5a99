/* SPDX-License-Identifier: Apache-2.0 */
/* Events to journal records and back. */
#include "engine/core/event.h"

#include "engine/base/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const event_names[CUT_EV_TYPES] = {
	[CUT_EV_ARMED] = "armed",	[CUT_EV_TICK] = "tick",
	[CUT_EV_SAVED] = "saved",	[CUT_EV_OUTCOME] = "outcome",
	[CUT_EV_TRIGGER] = "trigger",	[CUT_EV_ACCEPTANCE] = "acceptance",
	[CUT_EV_APPROVAL] = "approval", [CUT_EV_ORDER] = "order",
	[CUT_EV_NOTE] = "note",		[CUT_EV_CLOCK] = "clock",
	[CUT_EV_RESUMED] = "resumed",
};

static const char *const op_names[CUT_OPS] = {
	[CUT_OP_APPLY] = "apply",
	[CUT_OP_VERIFY] = "verify",
	[CUT_OP_OBSERVE] = "observe",
	[CUT_OP_ROLLBACK] = "rollback",
};

static const char *const order_names[CUT_ORDERS] = {
	[CUT_ORDER_START] = "start",	 [CUT_ORDER_PAUSE] = "pause",
	[CUT_ORDER_RESUME] = "resume",	 [CUT_ORDER_FREEZE] = "freeze",
	[CUT_ORDER_RETRY] = "retry",	 [CUT_ORDER_SKIP] = "skip",
	[CUT_ORDER_ATTEST] = "attest",	 [CUT_ORDER_ROLLBACK] = "rollback",
	[CUT_ORDER_ABORT] = "abort",	 [CUT_ORDER_ACK] = "ack",
	[CUT_ORDER_COMMAND] = "command",
};

static const char *const trigger_names[CUT_TRIGGER_STATES] = {
	[CUT_TRIGGER_DISARMED] = "disarmed", [CUT_TRIGGER_WARMUP] = "warmup",
	[CUT_TRIGGER_CLEAR] = "clear",	     [CUT_TRIGGER_PENDING] = "pending",
	[CUT_TRIGGER_FIRING] = "firing",     [CUT_TRIGGER_BLIND] = "blind",
};

static const char *const acceptance_names[CUT_ACC_STATES] = {
	[CUT_ACC_WAITING] = "waiting",	 [CUT_ACC_SETTLING] = "settling",
	[CUT_ACC_RUNNING] = "running",	 [CUT_ACC_SUSPENDED] = "suspended",
	[CUT_ACC_MET] = "met",		 [CUT_ACC_SIGNED] = "signed",
	[CUT_ACC_ACCEPTED] = "accepted", [CUT_ACC_FAILED] = "failed",
	[CUT_ACC_OVERDUE] = "overdue",
};

static const char *const status_names[] = {
	[CUT_OK] = "ok",	   [CUT_FAIL] = "fail",
	[CUT_RETRY] = "retry",	   [CUT_CANCELED] = "canceled",
	[CUT_UNKNOWN] = "unknown",
};

static int named(const char *const *names, size_t len, const char *name)
{
	for (size_t i = 0; name && i < len; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *cut_event_name(enum cut_event_type type)
{
	return event_names[type];
}

const char *cut_op_name(enum cut_op op)
{
	return op_names[op];
}

const char *cut_order_name(enum cut_order order)
{
	return order_names[order];
}

int cut_order_named(const char *name)
{
	return named(order_names, CUT_ORDERS, name);
}

const char *cut_acceptance_name(enum cut_acceptance_state state)
{
	return acceptance_names[state];
}

const char *cut_trigger_shown(const struct cut_trigger *trigger, enum cut_trigger_state state)
{
	if (state == CUT_TRIGGER_FIRING && trigger->then == CUT_THEN_ROLLBACK)
		return "latched";
	if (state == CUT_TRIGGER_FIRING && trigger->then == CUT_THEN_PAUSE)
		return "held";
	return trigger_names[state];
}

/* --- encoding --- */

static void optional(struct cut_jw *w, const char *key, const char *value)
{
	if (value)
		cut_jw_str(w, key, value);
}

static void optional_json(struct cut_jw *w, const char *key, const json_t *value)
{
	if (value)
		cut_jw_json(w, key, value);
}

/* Members that every record has, or that the journal adds. */
static bool reserved(const char *key)
{
	static const char *const keys[] = {"type", "at", "t", "actor", "epoch", "synced", "seq"};

	return named(keys, CUT_ARRAY_LEN(keys), key) >= 0;
}

static void encode_armed(struct cut_jw *w, const json_t *armed)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)armed, key, value)
		if (!reserved(key))
			cut_jw_json(w, key, value);
}

static void encode_outcome(struct cut_jw *w, const struct cut_event *ev,
			   const struct cut_runbook *rb)
{
	cut_jw_str(w, "step", rb->steps[ev->outcome.step].address);
	cut_jw_str(w, "op", op_names[ev->outcome.op]);
	cut_jw_int(w, "attempt", ev->outcome.attempt);
	cut_jw_str(w, "status", status_names[ev->outcome.status]);
	optional(w, "text", ev->outcome.text);
	optional_json(w, "data", ev->outcome.data);
	if (ev->outcome.not_sent)
		cut_jw_bool(w, "not_sent", true);
	cut_jw_real(w, "duration_s", ev->outcome.duration_s);
}

static void encode_trigger(struct cut_jw *w, const struct cut_event *ev,
			   const struct cut_runbook *rb)
{
	const struct cut_trigger *trigger = &rb->triggers[ev->trigger.trigger];

	cut_jw_str(w, "trigger", trigger->id);
	cut_jw_str(w, "state", trigger_names[ev->trigger.state]);
	cut_jw_str(w, "shown", cut_trigger_shown(trigger, ev->trigger.state));
	cut_jw_real(w, "value", ev->trigger.value);
	if (trigger->bad.kind == CUT_BOUND_BELOW || trigger->bad.kind == CUT_BOUND_OUTSIDE)
		cut_jw_real(w, "min", trigger->bad.low);
	if (trigger->bad.kind == CUT_BOUND_ABOVE || trigger->bad.kind == CUT_BOUND_OUTSIDE)
		cut_jw_real(w, "threshold", trigger->bad.high);
	optional(w, "text", ev->trigger.text);
	optional_json(w, "memory", ev->trigger.memory);
}

static void encode_acceptance(struct cut_jw *w, const struct cut_event *ev,
			      const struct cut_runbook *rb)
{
	cut_jw_str(w, "phase", rb->phases[ev->acceptance.phase].id);
	cut_jw_str(w, "state", acceptance_names[ev->acceptance.state]);
	if (ev->acceptance.want_tests)
		cut_jw_bool(w, "want_tests", true);
	optional(w, "text", ev->acceptance.text);
	optional_json(w, "memory", ev->acceptance.memory);
	optional_json(w, "evidence", ev->acceptance.evidence);
}

static void encode_approval(struct cut_jw *w, const struct cut_event *ev)
{
	cut_jw_str(w, "gate", ev->approval.gate);
	cut_jw_str(w, "vote", ev->approval.decline ? "decline" : "approve");
	cut_jw_int(w, "uid", ev->approval.uid);
	optional(w, "name", ev->approval.name);
	optional(w, "comment", ev->approval.comment);
	optional(w, "key", ev->approval.key);
	optional(w, "nonce", ev->approval.nonce);
	optional(w, "evidence_sha256", ev->approval.evidence);
	optional_json(w, "values", ev->approval.values);
	optional_json(w, "proof", ev->approval.proof);
}

static void encode_order(struct cut_jw *w, const struct cut_event *ev)
{
	cut_jw_str(w, "order", order_names[ev->order.order]);
	optional(w, "target", ev->order.target);
	cut_jw_int(w, "uid", ev->order.uid);
	optional_json(w, "args", ev->order.args);
}

void cut_event_encode(const struct cut_event *ev, const struct cut_runbook *rb, struct cut_buf *out)
{
	struct cut_jw w = {.out = out};

	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "type", event_names[ev->type]);
	cut_jw_rfc3339(&w, "at", ev->wall);
	cut_jw_int(&w, "t", ev->t);
	cut_jw_str(&w, "actor", ev->actor ? ev->actor : "engine");
	optional(&w, "refused", ev->refused);
	switch (ev->type) {
	case CUT_EV_ARMED: encode_armed(&w, ev->armed); break;
	case CUT_EV_SAVED:
		cut_jw_str(&w, "step", rb->steps[ev->saved.step].address);
		cut_jw_json(&w, "state", ev->saved.state);
		break;
	case CUT_EV_OUTCOME: encode_outcome(&w, ev, rb); break;
	case CUT_EV_TRIGGER: encode_trigger(&w, ev, rb); break;
	case CUT_EV_ACCEPTANCE: encode_acceptance(&w, ev, rb); break;
	case CUT_EV_APPROVAL: encode_approval(&w, ev); break;
	case CUT_EV_ORDER: encode_order(&w, ev); break;
	case CUT_EV_NOTE: cut_jw_str(&w, "text", ev->note.text); break;
	case CUT_EV_CLOCK: cut_jw_int(&w, "jump_ms", ev->clock.jump); break;
	case CUT_EV_RESUMED:
		cut_jw_int(&w, "gap_ms", ev->resumed.gap);
		cut_jw_bool(&w, "same_boot", ev->resumed.same_boot);
		optional(&w, "boot_id", ev->resumed.boot_id);
		cut_jw_int(&w, "boot_ms", ev->resumed.boot_ms);
		break;
	case CUT_EV_TICK:
	case CUT_EV_TYPES: break;
	}
	cut_jw_close(&w);
}

/* --- decoding --- */

static int wrong(struct cut_err *err, const json_t *record, const char *key)
{
	return cut_err_set(err, -EPROTO, NULL, "run cutover audit verify",
			   "a record of type '%s' has no usable '%s'",
			   cut_json_str(record, "type", "?"), key);
}

typedef uint32_t look_up_fn(const struct cut_runbook *rb, const char *name);

static int find(const struct cut_runbook *rb, look_up_fn *look_up, const json_t *record,
		const char *key, uint32_t *ret, struct cut_err *err)
{
	const char *name = cut_json_str(record, key, NULL);
	uint32_t index = name ? look_up(rb, name) : CUT_NONE;

	if (index == CUT_NONE)
		return wrong(err, record, key);
	*ret = index;
	return 0;
}

static int pick(const char *const *names, size_t len, const json_t *record, const char *key,
		struct cut_err *err)
{
	int i = named(names, len, cut_json_str(record, key, NULL));

	return i < 0 ? wrong(err, record, key) : i;
}

static json_t *member(const json_t *record, const char *key)
{
	return json_object_get(record, key);
}

static int decode_outcome(const json_t *record, const struct cut_runbook *rb, struct cut_event *ev,
			  struct cut_err *err)
{
	int op, status, r;

	r = find(rb, cut_runbook_address, record, "step", &ev->outcome.step, err);
	if (r < 0)
		return r;
	op = pick(op_names, CUT_OPS, record, "op", err);
	if (op < 0)
		return op;
	status = pick(status_names, CUT_ARRAY_LEN(status_names), record, "status", err);
	if (status < 0)
		return status;
	ev->outcome.op = (enum cut_op)op;
	ev->outcome.status = (enum cut_status)status;
	ev->outcome.attempt = (unsigned)cut_json_int(record, "attempt", 0);
	ev->outcome.text = cut_json_str(record, "text", NULL);
	ev->outcome.data = member(record, "data");
	ev->outcome.not_sent = cut_json_bool(record, "not_sent", false);
	ev->outcome.duration_s = cut_json_real(record, "duration_s", 0);
	return 1;
}

static int decode_trigger(const json_t *record, const struct cut_runbook *rb, struct cut_event *ev,
			  struct cut_err *err)
{
	const char *id = cut_json_str(record, "trigger", "");
	int state = pick(trigger_names, CUT_TRIGGER_STATES, record, "state", err);

	if (state < 0)
		return state;
	for (uint32_t i = 0; i < rb->triggers_len; i++) {
		if (strcmp(rb->triggers[i].id, id) != 0)
			continue;
		ev->trigger.trigger = i;
		ev->trigger.state = (enum cut_trigger_state)state;
		ev->trigger.value = cut_json_real(record, "value", NAN);
		ev->trigger.text = cut_json_str(record, "text", NULL);
		ev->trigger.memory = member(record, "memory");
		return 1;
	}
	return wrong(err, record, "trigger");
}

static int decode_acceptance(const json_t *record, const struct cut_runbook *rb,
			     struct cut_event *ev, struct cut_err *err)
{
	int state, r;

	r = find(rb, cut_runbook_phase, record, "phase", &ev->acceptance.phase, err);
	if (r < 0)
		return r;
	state = pick(acceptance_names, CUT_ACC_STATES, record, "state", err);
	if (state < 0)
		return state;
	ev->acceptance.state = (enum cut_acceptance_state)state;
	ev->acceptance.want_tests = cut_json_bool(record, "want_tests", false);
	ev->acceptance.text = cut_json_str(record, "text", NULL);
	ev->acceptance.memory = member(record, "memory");
	ev->acceptance.evidence = member(record, "evidence");
	return 1;
}

static int decode_approval(const json_t *record, struct cut_event *ev, struct cut_err *err)
{
	static const char *const votes[] = {"approve", "decline"};
	int vote = pick(votes, CUT_ARRAY_LEN(votes), record, "vote", err);

	if (vote < 0)
		return vote;
	ev->approval.gate = cut_json_str(record, "gate", NULL);
	if (!ev->approval.gate)
		return wrong(err, record, "gate");
	ev->approval.decline = vote == 1;
	ev->approval.uid = cut_json_int(record, "uid", -1);
	ev->approval.name = cut_json_str(record, "name", NULL);
	ev->approval.comment = cut_json_str(record, "comment", NULL);
	ev->approval.key = cut_json_str(record, "key", NULL);
	ev->approval.nonce = cut_json_str(record, "nonce", NULL);
	ev->approval.evidence = cut_json_str(record, "evidence_sha256", NULL);
	ev->approval.proof = member(record, "proof");
	ev->approval.values = member(record, "values");
	return 1;
}

static int decode_order(const json_t *record, struct cut_event *ev, struct cut_err *err)
{
	int order = pick(order_names, CUT_ORDERS, record, "order", err);

	if (order < 0)
		return order;
	ev->order.order = (enum cut_order)order;
	ev->order.target = cut_json_str(record, "target", NULL);
	ev->order.uid = cut_json_int(record, "uid", -1);
	ev->order.args = member(record, "args");
	return 1;
}

static int decode_body(const json_t *record, const struct cut_runbook *rb, struct cut_event *ev,
		       struct cut_err *err)
{
	int r;

	switch (ev->type) {
	case CUT_EV_ARMED: ev->armed = (json_t *)record; return 1;
	case CUT_EV_SAVED:
		r = find(rb, cut_runbook_address, record, "step", &ev->saved.step, err);
		ev->saved.state = member(record, "state");
		return r < 0 ? r : ev->saved.state ? 1 : wrong(err, record, "state");
	case CUT_EV_OUTCOME: return decode_outcome(record, rb, ev, err);
	case CUT_EV_TRIGGER: return decode_trigger(record, rb, ev, err);
	case CUT_EV_ACCEPTANCE: return decode_acceptance(record, rb, ev, err);
	case CUT_EV_APPROVAL: return decode_approval(record, ev, err);
	case CUT_EV_ORDER: return decode_order(record, ev, err);
	case CUT_EV_NOTE:
		ev->note.text = cut_json_str(record, "text", NULL);
		return ev->note.text ? 1 : wrong(err, record, "text");
	case CUT_EV_CLOCK: ev->clock.jump = cut_json_int(record, "jump_ms", 0); return 1;
	case CUT_EV_RESUMED:
		ev->resumed.epoch = (unsigned)cut_json_int(record, "epoch", 0);
		ev->resumed.gap = cut_json_int(record, "gap_ms", 0);
		ev->resumed.same_boot = cut_json_bool(record, "same_boot", true);
		ev->resumed.boot_id = cut_json_str(record, "boot_id", NULL);
		ev->resumed.boot_ms = cut_json_int(record, "boot_ms", 0);
		return 1;
	case CUT_EV_TICK:
	case CUT_EV_TYPES: break;
	}
	return 1;
}

int cut_event_decode(const json_t *record, const struct cut_runbook *rb, struct cut_event *ret,
		     struct cut_err *err)
{
	const char *at = cut_json_str(record, "at", "");
	struct cut_event ev = {0};
	int type, r;

	type = named(event_names, CUT_EV_TYPES, cut_json_str(record, "type", NULL));
	if (type < 0 || json_object_get(record, "refused"))
		return 0;

	ev.type = (enum cut_event_type)type;
	ev.t = cut_json_int(record, "t", -1);
	if (ev.t < 0)
		return wrong(err, record, "t");
	if (cut_rfc3339_parse(at, strlen(at), &ev.wall) < 0)
		return wrong(err, record, "at");
	ev.actor = cut_json_str(record, "actor", NULL);
	if (!ev.actor)
		return wrong(err, record, "actor");

	r = decode_body(record, rb, &ev, err);
	if (r < 0)
		return r;
	*ret = ev;
	return r;
}
