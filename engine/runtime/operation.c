/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/operation.h"

#include "engine/base/vec.h"
#include "engine/core/plan.h"
#include "engine/runtime/world.h"

#include <assert.h>

struct operation {
	struct cut_operations *all;
	uint32_t step;
	enum cut_op op, entry;
	unsigned attempt;
	const struct cut_body *body;
	json_t *params, *saved; /* owned, counted */
	json_t *planned;	/* owned, counted: what is still to be compared; or NULL */
	char key[53];
	cut_time timeout;
	cut_time started; /* boot-time clock; when it was handed to its plugin, CUT_NEVER before */
	bool rollback, poll;
	uint64_t after_seq; /* waits for the disk while > 0 */
	uint64_t call;	    /* at a host; 0: not */
	bool canceled, sent;
	bool saves;		/* the host waits for its state to be durable */
	unsigned good, tries;	/* of a poll */
	struct cut_bell *again; /* between two tries; owned */
	struct operation *next_waiting;
};

struct cut_operations {
	struct cut_world *world; /* borrowed */
	const struct cut_runbook *rb;
	struct cut_calls *calls;
	struct cut_operations_events events;
	struct operation **by_step; /* owned array; NULL: none in flight */
	struct operation *waiting, **waiting_tail;
	size_t in_flight;
};

static void operation_call(struct operation *o);

struct cut_operations *cut_operations_new(struct cut_world *world, const struct cut_runbook *rb,
					  struct cut_calls *calls,
					  const struct cut_operations_events *events)
{
	struct cut_operations *ops = cut_new(struct cut_operations);

	ops->world = world;
	ops->rb = rb;
	ops->calls = calls;
	ops->events = *events;
	ops->by_step = cut_new_array(struct operation *, rb->steps_len ? rb->steps_len : 1);
	ops->waiting_tail = &ops->waiting;
	return ops;
}

static void operation_free(struct operation *o)
{
	if (o->call)
		cut_calls_forget(o->call);
	cut_bell_free(o->again);
	json_decref(o->params);
	json_decref(o->saved);
	json_decref(o->planned);
	free(o);
}

void cut_operations_free(struct cut_operations *ops)
{
	if (!ops)
		return;
	for (uint32_t i = 0; i < ops->rb->steps_len; i++) {
		if (ops->by_step[i])
			operation_free(ops->by_step[i]);
	}
	free(ops->by_step);
	free(ops);
}

static void operation_end(struct operation *o, enum cut_status status, const char *text,
			  json_t *data)
{
	struct cut_operations *ops = o->all;
	cut_time now = cut_world_boot(ops->world);
	struct cut_operation_end end = {
		.step = o->step,
		.op = o->op,
		.attempt = o->attempt,
		.status = status,
		.text = text,
		.data = data,
		.not_sent = !o->sent,
		.duration_s = o->started == CUT_NEVER ? 0 : (double)(now - o->started) / 1000.0,
	};

	ops->by_step[o->step] = NULL;
	ops->in_flight--;
	ops->events.end(ops->events.data, &end);
	operation_free(o);
}

static void on_poll_again(void *data)
{
	operation_call(data);
}

/* Until the next try: longer where the other side asked for that and there is the time. */
static cut_time poll_pause(const struct cut_poll *poll, const json_t *data, cut_time left)
{
	cut_time asked = cut_json_ms(json_object_get(data, "retry_after_s"), 0);

	return asked > poll->every && asked < left ? asked : poll->every;
}

/* The end of one try of a poll: another one, or the end of the operation. */
static void poll_next(struct operation *o, enum cut_status status, const char *text, json_t *data)
{
	const struct cut_poll *poll = &o->all->rb->steps[o->step].poll;
	cut_time left = o->started + o->timeout - cut_world_boot(o->all->world);
	cut_auto(cut_str) char *late = NULL;

	o->tries++;
	o->good = status == CUT_OK ? o->good + 1 : 0;
	if (o->canceled || (status == CUT_OK && o->good >= (poll->stable ? poll->stable : 1))) {
		operation_end(o, o->canceled && status != CUT_OK ? CUT_CANCELED : status, text,
			      data);
		return;
	}
	if ((poll->limit && o->tries >= poll->limit) || left <= poll->every) {
		late = cut_printf("not reached after %u tr%s: %s", o->tries,
				  o->tries == 1 ? "y" : "ies", text ? text : "");
		operation_end(o, CUT_FAIL, late, data);
		return;
	}
	if (!o->again)
		o->again = cut_bell_new(o->all->world, on_poll_again, o);
	cut_bell_set(o->again, cut_world_boot(o->all->world) + poll_pause(poll, data, left));
}

static void on_done(void *data, enum cut_status status, const char *text, json_t *result, bool sent)
{
	struct operation *o = data;

	o->call = 0;
	o->sent |= sent;
	if (o->poll)
		poll_next(o, status, text, result);
	else
		operation_end(o, status, text, result);
}

static void on_save(void *data, json_t *state)
{
	struct operation *o = data;

	o->saves = true;
	o->all->events.save(o->all->events.data, o->step, state);
}

/* Before the first change: is what it starts from still as the plan says that was pinned? */
static void on_planned(void *data, enum cut_status status, const char *text, json_t *result,
		       bool sent)
{
	struct operation *o = data;
	cut_auto(cut_buf) struct cut_buf why = {0};
	cut_auto(cut_json) json_t *planned = cut_take(o->planned);
	bool lost = status == CUT_UNKNOWN || status == CUT_RETRY;

	o->call = 0;
	if (o->canceled) {
		operation_end(o, CUT_CANCELED, "canceled before it started", NULL);
	} else if (status != CUT_OK) {
		cut_buf_printf(&why, "whether the plan still holds cannot be read: %s",
			       text ? text : "no reason was given");
		operation_end(o, lost ? CUT_RETRY : CUT_FAIL, cut_buf_str(&why), NULL);
	} else if (!cut_plan_same(planned, json_object_get(result, "changes"), &why)) {
		cut_auto(cut_str) char *told = cut_printf("the plan no longer holds: %s; nothing "
							  "was changed: put that back, then retry",
							  cut_buf_str(&why));

		operation_end(o, CUT_FAIL, told, NULL);
	} else {
		operation_call(o);
	}
}

static void operation_call(struct operation *o)
{
	cut_time now = cut_world_boot(o->all->world);
	struct cut_calls_request request = {
		.action = o->body->action,
		.op = cut_op_name(o->entry),
		.step = o->all->rb->steps[o->step].address,
		.key = o->key,
		.attempt = o->attempt,
		.params = o->params,
		.saved = o->saved,
		.rollback = o->rollback,
	};
	struct cut_calls_handler handler = {.done = on_done, .save = on_save, .data = o};

	if (o->started == CUT_NEVER)
		o->started = now;
	request.timeout = o->started + o->timeout - now;
	if (request.timeout < 1)
		request.timeout = 1;
	if (o->planned) {
		request.op = "plan";
		handler.done = on_planned;
	}
	o->call = cut_calls_call(o->all->calls, &request, &handler);
}

void cut_operations_start(struct cut_operations *ops, struct cut_effect *fx, uint64_t after_seq)
{
	struct operation *o = cut_new(struct operation);

	assert(!ops->by_step[fx->call.step]);
	o->all = ops;
	o->step = fx->call.step;
	o->op = fx->call.op;
	o->entry = fx->call.entry;
	o->attempt = fx->call.attempt;
	o->body = fx->call.body;
	o->params = cut_take(fx->call.params);
	o->saved = json_incref((json_t *)fx->call.saved);
	o->planned = json_incref((json_t *)fx->call.planned);
	memcpy(o->key, fx->call.key, sizeof(o->key));
	o->timeout = fx->call.timeout;
	o->rollback = fx->call.rollback;
	o->poll = fx->call.poll;
	o->after_seq = after_seq;
	o->started = CUT_NEVER;
	ops->by_step[o->step] = o;
	ops->in_flight++;
	if (after_seq == 0) {
		operation_call(o);
		return;
	}
	*ops->waiting_tail = o;
	ops->waiting_tail = &o->next_waiting;
}

void cut_operations_synced(struct cut_operations *ops, uint64_t seq)
{
	while (ops->waiting && ops->waiting->after_seq <= seq) {
		struct operation *o = ops->waiting;

		ops->waiting = o->next_waiting;
		if (!ops->waiting)
			ops->waiting_tail = &ops->waiting;
		o->after_seq = 0;
		if (o->canceled)
			operation_end(o, CUT_CANCELED, "canceled before it started", NULL);
		else
			operation_call(o);
	}
}

void cut_operations_cancel(struct cut_operations *ops, uint32_t step)
{
	struct operation *o = ops->by_step[step];

	if (!o || o->canceled)
		return;
	o->canceled = true;
	if (o->call)
		cut_calls_cancel(ops->calls, o->call);
	else if (o->after_seq == 0)
		operation_end(o, CUT_CANCELED, "canceled between two tries", NULL);
}

void cut_operations_saved(struct cut_operations *ops, uint32_t step, const json_t *first)
{
	struct operation *o = ops->by_step[step];

	if (!o || !o->call || !o->saves)
		return; /* who saved has ended meanwhile, and another operation of the step runs */
	o->saves = false;
	cut_calls_saved(ops->calls, o->call, first);
}

size_t cut_operations_in_flight(const struct cut_operations *ops)
{
	return ops->in_flight;
}
