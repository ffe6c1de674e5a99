/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/planner.h"

#include "engine/base/hash.h"

#include <uv.h>

/* Questions asked at once. */
#define SIDE_BY_SIDE 8

struct planner {
	struct cut_calls *calls;
	const struct cut_runbook *rb;
	cut_time timeout;
	cut_planned_fn *done;
	void *data;
	json_t *plans; /* owned */
	uint32_t next, asking;
	bool working; /* guards against answers that come while asking */
};

struct question {
	struct planner *planner;
	uint32_t step;
};

static void planner_go_on(struct planner *p);

static void note(struct planner *p, uint32_t step, const char *text, bool failed, json_t *changes)
{
	json_t *plan = json_object();

	json_object_set_new(plan, "changes", changes ? json_incref(changes) : json_array());
	if (text)
		json_object_set_new(plan, "note", json_string(text));
	json_object_set_new(plan, "failed", json_boolean(failed));
	json_object_set_new(p->plans, p->rb->steps[step].address, plan);
}

static void on_answer(void *data, enum cut_status status, const char *text, json_t *result,
		      bool sent)
{
	struct question *q = data;
	struct planner *p = q->planner;

	note(p, q->step, text && *text ? text : NULL, status != CUT_OK,
	     json_object_get(result, "changes"));
	free(q);
	p->asking--;
	if (!p->working)
		planner_go_on(p);
}

static void ask(struct planner *p, uint32_t index)
{
	const struct cut_step *step = &p->rb->steps[index];
	struct question *q;
	struct cut_calls_request request = {
		.action = step->body.action,
		.op = "plan",
		.step = step->address,
		.timeout = p->timeout,
		.params = step->body.params,
	};

	if (step->kind != CUT_STEP_ACTION)
		return;
	if (step->body.dynamic_len > 0) {
		note(p, index, "(known after other steps)", false, NULL);
		return;
	}
	if (!(step->body.ops & CUT_HAS_PLAN)) {
		if (cut_step_writes(step))
			note(p, index, "would run, effect not known", false, NULL);
		return;
	}
	q = cut_new(struct question);
	*q = (struct question){.planner = p, .step = index};
	p->asking++;
	cut_calls_call(p->calls, &request,
		       &(struct cut_calls_handler){.done = on_answer, .data = q});
}

static void planner_go_on(struct planner *p)
{
	if (cut_calls_stopping(p->calls))
		p->next = p->rb->steps_len;
	p->working = true;
	while (p->next < p->rb->steps_len && p->asking < SIDE_BY_SIDE)
		ask(p, p->next++);
	p->working = false;
	if (p->next < p->rb->steps_len || p->asking > 0)
		return;
	p->done(p->data, p->plans);
	json_decref(p->plans);
	free(p);
}

void cut_planner_start(struct cut_calls *calls, const struct cut_runbook *rb, cut_time timeout,
		       cut_planned_fn *done, void *data)
{
	struct planner *p = cut_new(struct planner);

	*p = (struct planner){
		.calls = calls,
		.rb = rb,
		.timeout = timeout,
		.done = done,
		.data = data,
		.plans = json_object(),
	};
	planner_go_on(p);
}

void cut_plan_identity(const struct cut_runbook *rb, char ret[65])
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *plan = json_object();
	json_t *plugins = json_object();

	json_object_set_new(plan, "runbook", json_string(rb->sha256));
	json_object_set(plan, "parameters", rb->parameters);
	for (size_t i = 0; i < rb->catalog->plugins.len; i++) {
		const struct cut_catalog_plugin *p = &rb->catalog->plugins.items[i];

		json_object_set_new(plugins, p->name,
				    json_string(p->digest ? p->digest : p->version));
	}
	json_object_set_new(plan, "plugins", plugins);
	cut_json_canonical(plan, &text);
	cut_sha256_hex(text.data, text.len, ret);
}
