/* SPDX-License-Identifier: Apache-2.0 */
/* What the expressions of a model refer to: is it there, is it certain to be before, has it a
 * value? Called by check.c for each use. */
#include "engine/core/check.h"
#include "engine/base/near.h"
#include "engine/base/vec.h"
#include "engine/core/run.h"

#include <stdarg.h>
#include <string.h>

/* One use with what its references said so far. */
struct use {
	const struct cut_check *check;
	const struct cut_use *use;
	bool told;
	bool guarding; /* first walk: only collect what is guarded */
	struct {
		CUT_VEC(uint32_t);
	} guarded; /* steps whose outputs the expression asks for with has() */
};

static void tell(struct use *u, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct use *u, const char *hint, const char *fmt, ...)
{
	struct cut_buf what = {.max_bytes = 2048};
	va_list ap;

	if (u->told)
		return;
	u->told = true; /* one mistake, one fault */
	va_start(ap, fmt);
	cut_buf_vprintf(&what, fmt, ap);
	va_end(ap);
	u->check->fault(u->check->data, u->use->node, u->use->offset, NULL, hint,
			cut_buf_str(&what));
	cut_buf_done(&what);
}

static const char *did_you_mean(const struct cut_near *near, char *buf, size_t size)
{
	if (!near->best)
		return NULL;
	snprintf(buf, size, "did you mean '%s'?", near->best);
	return buf;
}

static const struct cut_phase *phase_of_use(const struct use *u)
{
	const struct cut_runbook *rb = u->check->rb;

	if (u->use->step != CUT_NONE)
		return &rb->phases[rb->steps[u->use->step].phase];
	return u->use->group != CUT_NONE ? &rb->phases[rb->groups[u->use->group].phase] : NULL;
}

static uint32_t group_of_use(const struct use *u)
{
	const struct cut_runbook *rb = u->check->rb;

	if (u->use->step != CUT_NONE)
		return rb->steps[u->use->step].group;
	return u->use->group != CUT_NONE ? rb->groups[u->use->group].parent : CUT_NONE;
}

static bool has_group(const struct cut_runbook *rb, uint32_t group, uint32_t outer)
{
	for (; group != CUT_NONE; group = rb->groups[group].parent)
		if (group == outer)
			return true;
	return false;
}

static void tell_instances(struct use *u, uint32_t group, const char *name)
{
	const struct cut_runbook *rb = u->check->rb;
	char hint[192] = "its list is empty";

	for (uint32_t i = rb->steps_len; i-- > 0;)
		if (has_group(rb, rb->steps[i].group, group))
			snprintf(hint, sizeof(hint), "name one instance: steps[\"%s\"]",
				 rb->steps[i].address);
	tell(u, hint, "'%s' is repeated by a foreach and stands for several steps", name);
}

static void tell_unknown(struct use *u, const char *name)
{
	const struct cut_runbook *rb = u->check->rb;
	uint32_t group = cut_runbook_group(rb, group_of_use(u), name);
	struct cut_near near = {.word = name};
	char hint[192];

	if (group != CUT_NONE && rb->groups[group].foreach) {
		tell_instances(u, group, name);
		return;
	}
	if (group != CUT_NONE) {
		tell(u, "name a step inside it", "'%s' is a group, which has no outputs or state",
		     name);
		return;
	}
	for (uint32_t i = 0; i < rb->steps_len; i++)
		cut_near_try(&near, rb->steps[i].address);
	tell(u, did_you_mean(&near, hint, sizeof(hint)), "there is no step '%s'", name);
}

static bool declares(const struct cut_body *body, const char *name, struct cut_near *near)
{
	bool found = false;

	if (body->outputs_len) {
		for (uint32_t i = 0; i < body->outputs_len; i++) {
			found |= strcmp(body->outputs[i].name, name) == 0;
			cut_near_try(near, body->outputs[i].name);
		}
		return found || strcmp(name, "duration_s") == 0;
	}
	for (const struct cut_param *o = body->action ? body->action->outputs : NULL; o && o->name;
	     o++) {
		found |= strcmp(o->name, name) == 0;
		cut_near_try(near, o->name);
	}
	return found || strcmp(name, "duration_s") == 0;
}

/* A drill gives back the outputs that its parameters name. */
static bool gives_values(const struct cut_body *body, const char *name)
{
	return body->action && body->action->effects & CUT_KEYS_BODY &&
	       json_object_get(json_object_get(body->params, "outputs"), name);
}

/* "it has old_ttl_max, tail and duration_s" */
static void list_outputs(const struct cut_body *body, char *buf, size_t size)
{
	cut_auto(cut_buf) struct cut_buf list = {0};

	cut_buf_add_str(&list, "it has ");
	for (uint32_t i = 0; i < body->outputs_len; i++)
		cut_buf_printf(&list, "%s, ", body->outputs[i].name);
	for (const struct cut_param *o = body->action && !body->outputs_len ? body->action->outputs
									    : NULL;
	     o && o->name; o++)
		if (strcmp(o->name, "duration_s") != 0)
			cut_buf_printf(&list, "%s, ", o->name);
	cut_buf_add_str(&list, "duration_s");
	snprintf(buf, size, "%s", cut_buf_str(&list));
}

static void check_output(struct use *u, const struct cut_step *step, const char *name)
{
	struct cut_near near = {.word = name};
	char hint[192];

	if (step->kind == CUT_STEP_MANUAL) {
		for (uint32_t i = 0; i < step->manual->evidence_len; i++) {
			if (strcmp(step->manual->evidence[i], name) == 0)
				return;
			cut_near_try(&near, step->manual->evidence[i]);
		}
	}
	if (declares(&step->body, name, &near) || gives_values(&step->body, name))
		return;
	if (!near.best)
		list_outputs(&step->body, hint, sizeof(hint));
	tell(u, near.best ? did_you_mean(&near, hint, sizeof(hint)) : hint,
	     "step '%s' (%s) has no output '%s'", step->address, step->body.uses, name);
}

/* May the step be skipped while the one that asks for it runs? */
static bool may_be_skipped(const struct use *u, const struct cut_step *step)
{
	const struct cut_runbook *rb = u->check->rb;
	const struct cut_phase *asking = phase_of_use(u);
	uint32_t own = group_of_use(u);

	if (step->cond)
		return true;
	/* after a rollback or an abort any step may never have run */
	if (asking && asking->role != CUT_PHASE_FORWARD && asking->role != CUT_PHASE_TESTS &&
	    rb->phases[step->phase].role == CUT_PHASE_FORWARD)
		return true;
	for (uint32_t g = step->group; g != CUT_NONE; g = rb->groups[g].parent)
		if (rb->groups[g].cond && !has_group(rb, own, g))
			return true;
	return false;
}

static bool is_before(const struct use *u, uint32_t step)
{
	const struct cut_runbook *rb = u->check->rb;
	const struct cut_graph *graph = u->check->graph;
	const struct cut_phase *asking = phase_of_use(u),
			       *there = &rb->phases[rb->steps[step].phase];
	uint32_t node;

	if (!graph || !asking)
		return true;
	if (asking == there ||
	    (asking->role == CUT_PHASE_FORWARD && there->role == CUT_PHASE_FORWARD)) {
		if (asking != there)
			return there < asking;
		node = u->use->step != CUT_NONE ? u->use->step
						: cut_graph_group_begin(graph, u->use->group);
		return (u->use->own && node == step) || cut_graph_before(graph, step, node);
	}
	if (there->role != CUT_PHASE_FORWARD)
		return false;
	if (asking->role == CUT_PHASE_TESTS) /* of a phase: all of it and what is before is done */
		return there->stage <= asking->stage;
	return true; /* ready, verify, finally: guarded by has() */
}

static bool is_tainted(const struct use *u, uint32_t step)
{
	return u->check->tainted[step] ||
	       (u->use->step != CUT_NONE && u->check->tainted[u->use->step]);
}

static void check_step(struct use *u, const char *const *path, size_t len, bool in_has)
{
	const struct cut_runbook *rb = u->check->rb;
	uint32_t index = cut_runbook_step(rb, group_of_use(u), path[1]);
	const struct cut_step *step;
	bool outputs = len > 2 && strcmp(path[2], "outputs") == 0;

	if (index == CUT_NONE) {
		if (!u->guarding)
			tell_unknown(u, path[1]);
		return;
	}
	step = &rb->steps[index];
	if (len < 3 && !in_has && !u->guarding) {
		tell(u, "outputs.<name> or state", "step '%s' is no value of its own",
		     step->address);
		return;
	}
	if (u->guarding) {
		if (in_has)
			cut_vec_push(&u->guarded, index);
		return;
	}
	if (len > 2 && !outputs && strcmp(path[2], "state") != 0) {
		tell(u, "outputs.<name> or state", "a step has no '%s'", path[2]);
		return;
	}
	if (is_tainted(u, index))
		return;
	if (outputs && len > 3)
		check_output(u, step, path[3]);
	if (u->use->step == index && !u->use->own)
		tell(u, "its outputs are there for its verify and rollback",
		     "step '%s' cannot refer to itself", step->address);
	else if (!is_before(u, index))
		tell(u, "add it to 'needs', directly or through another step",
		     "step '%s' is not certain to be done before this", step->address);
	if (!outputs || in_has || !may_be_skipped(u, step))
		return;
	for (size_t i = 0; i < u->guarded.len; i++)
		if (u->guarded.items[i] == index)
			return;
	tell(u, "ask first: has(steps.<id>.outputs.<name>) ? … : …",
	     "step '%s' may be skipped, and then this has no value", step->address);
}

static void check_named(struct use *u, const char *kind, const char *name, const char *const *names,
			size_t stride, uint32_t len)
{
	struct cut_near near = {.word = name};
	char hint[192];

	for (uint32_t i = 0; i < len; i++) {
		const char *have = *(const char *const *)((const char *)names + i * stride);

		if (have && strcmp(have, name) == 0)
			return;
		if (have)
			cut_near_try(&near, have);
	}
	tell(u, did_you_mean(&near, hint, sizeof(hint)), "there is no %s '%s'", kind, name);
}

static void check_member(struct use *u, const char *root, const char *const *path, size_t len,
			 bool in_has, const char *const *allowed)
{
	const char *const *a = allowed;
	cut_auto(cut_str) char *example = NULL;

	if (len < 3) {
		example = cut_printf("such as %s.%s.%s", root, path[1], allowed[0]);
		if (!in_has)
			tell(u, example, "%s.%s is no value of its own; name what of it is meant",
			     root, path[1]);
		return;
	}
	while (*a && strcmp(*a, path[2]) != 0)
		a++;
	if (!*a)
		tell(u, NULL, "%s.%s has no '%s'", root, path[1], path[2]);
}

static void check_live(struct use *u, const char *const *path, size_t len, bool in_has)
{
	const struct cut_runbook *rb = u->check->rb;

	if (u->use->place != CUT_USE_CHECK) {
		tell(u, "they can be used in 'checks' of a gate and in a check",
		     "'%s' changes while the run goes on and cannot be used here", path[0]);
	} else if (len < 2) {
		return;
	} else if (strcmp(path[0], "metrics") == 0) {
		check_named(u, "metric", path[1],
			    rb->metrics ? (const char *const *)&rb->metrics[0].id : NULL,
			    sizeof(*rb->metrics), rb->metrics_len);
		check_member(u, "metrics", path, len, in_has,
			     (const char *const[]){"value", "age", NULL});
	} else if (strcmp(path[0], "triggers") == 0) {
		check_named(u, "trigger", path[1],
			    rb->triggers ? (const char *const *)&rb->triggers[0].id : NULL,
			    sizeof(*rb->triggers), rb->triggers_len);
		check_member(u, "triggers", path, len, in_has,
			     (const char *const[]){"state", NULL});
	} else if (strcmp(path[0], "downtime") == 0) {
		check_named(u, "downtime clock", path[1],
			    rb->downtimes ? (const char *const *)&rb->downtimes[0].id : NULL,
			    sizeof(*rb->downtimes), rb->downtimes_len);
	} else if (strcmp(path[0], "clients") == 0 && strcmp(path[1], "all_acknowledged") != 0) {
		tell(u, "clients.all_acknowledged", "clients has no '%s'", path[1]);
	} else if (strcmp(path[0], "window") == 0 && strcmp(path[1], "margin") != 0) {
		tell(u, "window.margin", "window has no '%s'", path[1]);
	}
}

static bool is_loop_variable(const struct use *u, const char *name)
{
	const struct cut_runbook *rb = u->check->rb;
	const struct cut_scope *s = u->use->step != CUT_NONE	? rb->steps[u->use->step].scope
				    : u->use->group != CUT_NONE ? rb->groups[u->use->group].scope
								: NULL;

	for (; s; s = s->outer)
		if (strcmp(s->name, name) == 0)
			return true;
	return false;
}

static void on_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	static const char *const live[] = {"metrics", "triggers", "window", "downtime", "clients"};
	struct use *u = data;

	if (is_loop_variable(u, path[0]))
		return;
	if (strcmp(path[0], "steps") == 0) {
		if (len > 1)
			check_step(u, path, len, in_has);
		return;
	}
	if (u->guarding)
		return;
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
		if (strcmp(path[0], live[i]) == 0)
			check_live(u, path, len, in_has);
	if (strcmp(path[0], "run") == 0 && len > 1 && strcmp(path[1], "id") != 0 &&
	    strcmp(path[1], "starter") != 0)
		tell(u, "run.id or run.starter", "run has no '%s'", path[1]);
}

/* A state that there is not would never be: the step would be skipped, the gate stay shut. */
static void on_text(void *data, const char *const *path, size_t len, const char *text)
{
	static const char *const of_triggers[] = {"disarmed", "warmup",	 "clear", "pending",
						  "firing",   "latched", "held",  "blind"};
	bool step = strcmp(path[0], "steps") == 0;
	size_t states = step ? CUT_STEP_STATES : CUT_ARRAY_LEN(of_triggers);
	cut_auto(cut_buf) struct cut_buf list = {0};
	struct cut_near near = {.word = text};
	char hint[192];

	if (len != 3 || strcmp(path[2], "state") != 0 || is_loop_variable(data, path[0]) ||
	    (!step && strcmp(path[0], "triggers") != 0))
		return;
	for (size_t i = 0; i < states; i++) {
		const char *state =
			step ? cut_step_state_name((enum cut_step_state)i) : of_triggers[i];

		if (strcmp(state, text) == 0)
			return;
		cut_near_try(&near, state);
		cut_buf_printf(&list, "%s%s",
			       i == 0		? "it may be "
			       : i + 1 < states ? ", "
						: " or ",
			       state);
	}
	tell(data, near.best ? did_you_mean(&near, hint, sizeof(hint)) : cut_buf_str(&list),
	     "there is no state '%s' of a %s", text, step ? "step" : "trigger");
}

void cut_check_use(const struct cut_check *check, const struct cut_use *use)
{
	struct use u = {.check = check, .use = use, .guarding = true};

	cut_expr_refs(use->expr, on_ref, &u);
	u.guarding = false;
	cut_expr_refs(use->expr, on_ref, &u);
	cut_expr_texts(use->expr, on_text, &u);
	cut_vec_done(&u.guarded);
}
