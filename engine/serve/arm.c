/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/arm.h"

#include "config.h"
#include "engine/base/vec.h"
#include "engine/core/plan.h"
#include "engine/core/trigger.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/planner.h"
#include "engine/runtime/sampler.h"

#include <errno.h>
#include <math.h>
#include <pwd.h>

/* How long one action may take to say what it would change. */
#define PLAN_TIMEOUT (10 * CUT_SECOND)

static bool has_right(const struct cut_engine_options *o, const json_t *roles, const char *right,
		      struct cut_buf *ret_names)
{
	const json_t *names = json_object_get(o->rb->authority, right);
	const json_t *name, *member;
	size_t i, k;

	json_array_foreach ((json_t *)names, i, name) {
		cut_buf_printf(ret_names, "%s%s", i ? ", " : "", json_string_value(name));
		json_array_foreach (json_object_get(roles, json_string_value(name)), k, member)
			if (cut_json_int(member, "uid", -1) == o->starter)
				return true;
	}
	return json_array_size(names) == 0;
}

static int check_override(const struct cut_engine_options *o, const json_t *roles,
			  struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf names = {0};

	if (!o->override_reason || has_right(o, roles, "override_window", &names))
		return 0;
	return cut_err_set(err, -EPERM, cut_buf_str(&names), "ask one of that role",
			   "%s may not override the window: it takes one of "
			   "authority.override_window",
			   o->starter_name);
}

static int check_window(const struct cut_engine_options *o, cut_time wall, struct cut_err *err)
{
	const struct cut_window *w = &o->rb->window;
	cut_auto(cut_buf) struct cut_buf closes = {0};

	if (w->closes == CUT_NEVER || wall < w->closes || o->override_reason)
		return 0;
	cut_rfc3339_format(w->closes, &closes);
	return cut_err_set(err, -EPERM, NULL, "move the window, or --override-window --reason TEXT",
			   "the window closed at %s", cut_buf_str(&closes));
}

static int resolve_member(const struct cut_role *role, const char *name, json_t *list,
			  struct cut_err *err)
{
	const struct passwd *pw = getpwnam(name);
	json_t *keys = json_array();
	char *end;
	long uid = strtol(name, &end, 10);
	bool known = pw || (!*end && end != name);

	for (uint32_t i = 0; i < role->keys_len; i++)
		if (strcmp(role->keys[i].member, name) == 0)
			json_array_append_new(keys, json_string(role->keys[i].fingerprint));
	if (!known && json_array_size(keys) == 0) {
		json_decref(keys);
		return cut_err_set(err, -ENOENT, "this machine knows no such user",
				   "correct the name, make the account, or give a key under `keys`",
				   "role %s: member %s", role->name, name);
	}
	json_array_append_new(
		list,
		json_pack("{s:s, s:o, s:o}", "name", name, "uid",
			  known ? json_integer(pw ? (json_int_t)pw->pw_uid : uid) : json_null(),
			  "keys", keys));
	return 0;
}

static int resolve_roles(const struct cut_runbook *rb, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *roles = json_object();

	for (uint32_t i = 0; i < rb->roles_len; i++) {
		const struct cut_role *role = &rb->roles[i];
		json_t *list = json_array();

		json_object_set_new(roles, role->name, list);
		for (uint32_t m = 0; m < role->members_len; m++) {
			int r = resolve_member(role, role->members[m], list, err);

			if (r < 0)
				return r;
		}
	}
	*ret = cut_take(roles);
	return 0;
}

int cut_arm_check(const struct cut_engine_options *o, cut_time wall, json_t **ret_roles,
		  struct cut_err *err)
{
	int r;

	if (o->rb->unsupported_len > 0)
		return cut_err_set(err, -ENOTSUP, "not supported yet",
				   "take it out of the runbook: nothing is ever silently ignored",
				   "%s:%u: %s", o->rb->file, o->rb->unsupported[0].mark.line,
				   o->rb->unsupported[0].what);
	r = check_window(o, wall, err);
	if (r == 0)
		r = resolve_roles(o->rb, ret_roles, err);
	return r < 0 ? r : check_override(o, *ret_roles, err);
}

/* --- looking at the world --- */

struct look {
	const struct cut_engine_options *o;
	struct cut_calls *calls;
	cut_armed_fn *done;
	void *data;
	json_t *plans;
	struct cut_err refusal;
	size_t open; /* answers to come */
};

static void look_done(struct look *look)
{
	if (--look->open > 0)
		return;
	look->done(look->data, look->plans, look->refusal.code ? &look->refusal : NULL);
	json_decref(look->plans);
	cut_err_done(&look->refusal);
	free(look);
}

static bool acked(const struct cut_engine_options *o, const char *id)
{
	for (size_t i = 0; i < json_array_size(o->acked); i++) {
		if (strcmp(json_string_value(json_array_get(o->acked, i)), id) == 0)
			return true;
	}
	return false;
}

/* What its target refuses now, it will refuse in the window as well: said before anything starts.
 * Not so where earlier steps may make it possible; that is shown with the plan. */
static void refuse_unplanned(struct look *look, const json_t *plans)
{
	const struct cut_runbook *rb = look->o->rb;
	bool *as_is = cut_plan_finds_as_is(rb, look->o->graph);

	for (uint32_t i = 0; i < rb->steps_len && !look->refusal.code; i++) {
		const struct cut_step *step = &rb->steps[i];
		const json_t *plan = json_object_get(plans, step->address);

		if (as_is[i] && !step->cond && step->on_failure != CUT_FAIL_CONTINUE &&
		    cut_json_bool(plan, "failed", false))
			cut_err_set(&look->refusal, -EPERM, cut_json_str(plan, "note", NULL),
				    "mend that; `cutover plan` shows whether it holds",
				    "step %s would fail", step->address);
	}
	free(as_is);
}

/* Whoever signed the pinned plan signed what it starts from: changed since, it is another plan. */
static void refuse_moved(struct look *look, const json_t *plans)
{
	const json_t *then;
	size_t i;

	json_array_foreach (json_object_get(look->o->pinned, "steps"), i, then) {
		const char *step = cut_json_str(then, "id", "");
		const json_t *now = json_object_get(plans, step);
		cut_auto(cut_buf) struct cut_buf why = {0};

		if (look->refusal.code)
			return;
		if (cut_json_bool(now, "failed", false))
			cut_buf_add_str(&why, cut_json_str(now, "note", "it cannot be planned"));
		else if (cut_plan_same(json_object_get(then, "changes"),
				       json_object_get(now, "changes"), &why))
			continue;
		cut_err_set(&look->refusal, -EPERM, cut_buf_str(&why),
			    "put that back, or make a new plan and have it signed again",
			    "the plan no longer holds: the world has changed under step %s", step);
	}
}

static void on_plans(void *data, json_t *plans)
{
	struct look *look = data;

	refuse_unplanned(look, plans);
	refuse_moved(look, plans);
	look->plans = json_incref(plans);
	look_done(look);
}

/* A trigger that is bad, or whose source fails, is no protection: say so before anything starts. */
static void on_sample(void *data, uint32_t metric, const struct cut_sample *sample)
{
	struct look *look = data;
	const struct cut_runbook *rb = look->o->rb;

	for (uint32_t i = 0; i < rb->triggers_len && !look->refusal.code; i++) {
		const struct cut_trigger *t = &rb->triggers[i];
		enum cut_sample_class class;
		cut_auto(cut_str) char *ack = NULL;

		if (t->metric != metric || t->shadow || acked(look->o, t->id))
			continue;
		class = cut_trigger_classify(t, sample, cut_clock_boot());
		ack = cut_printf("mend it, or acknowledge it with --ack-trigger %s", t->id);
		if (class == CUT_SAMPLE_BAD)
			cut_err_set(&look->refusal, -EPERM,
				    "a trigger that fires at once protects nothing", ack,
				    "trigger %s is bad already: %s is %g", t->id,
				    rb->metrics[metric].id, sample->value);
		else if (class == CUT_SAMPLE_ERROR)
			cut_err_set(&look->refusal, -EIO, sample->text ? sample->text : "no answer",
				    ack, "trigger %s cannot be watched: metric %s", t->id,
				    rb->metrics[metric].id);
	}
	look_done(look);
}

void cut_arm_look(struct cut_world *world, struct cut_calls *calls,
		  const struct cut_engine_options *options, cut_armed_fn *done, void *data)
{
	const struct cut_runbook *rb = options->rb;
	struct look *look = cut_new(struct look);

	*look = (struct look){
		.o = options,
		.calls = calls,
		.done = done,
		.data = data,
		.open = 1 + rb->metrics_len,
	};
	for (uint32_t i = 0; i < rb->metrics_len; i++)
		cut_sample_once(world, calls, rb, i, on_sample, look);
	cut_planner_start(calls, rb, PLAN_TIMEOUT, on_plans, look);
}

/* What is compared once more before the first change: of steps that will find the world as it is
 * now. What earlier steps of the run have changed is theirs to change. */
static json_t *planned(const struct cut_engine_options *o)
{
	bool *as_is = cut_plan_finds_as_is(o->rb, o->graph);
	json_t *all = json_object(), *step;
	size_t i;

	json_array_foreach (json_object_get(o->pinned, "steps"), i, step) {
		const char *address = cut_json_str(step, "id", "");
		uint32_t index = cut_runbook_address(o->rb, address);
		json_t *changes = json_object_get(step, "changes");

		if (index != CUT_NONE && as_is[index] && cut_step_writes(&o->rb->steps[index]) &&
		    json_array_size(changes))
			json_object_set(all, address, changes);
	}
	free(as_is);
	return all;
}

json_t *cut_arm_record(const struct cut_engine_options *o, json_t *roles, json_t *hosts)
{
	const struct cut_runbook *rb = o->rb;
	char plan[65], boot_id[37] = "";
	json_t *armed;

	cut_plan_identity(rb, plan);
	cut_clock_boot_id(boot_id);
	armed = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:O, s:O, s:o, s:s, s:s, s:I, s:s, s:s}",
			  "run", o->run_id, "name", rb->name, "starter", (json_int_t)o->starter,
			  "starter_name", o->starter_name, "plan_sha256", plan, "runbook_sha256",
			  rb->sha256, "roles", roles, "parameters", rb->parameters, "plugins",
			  hosts, "version", CUT_VERSION, "boot_id", boot_id, "boot_ms",
			  (json_int_t)cut_clock_boot(), "folder", rb->folder, "file", rb->file);
	json_object_set_new(armed, "start",
			    o->at != CUT_NEVER
				    ? cut_json_rfc3339(o->at)
				    : json_string(o->yes ? CUT_START_NOW : CUT_START_ASKED));
	json_object_set_new(armed, "until", o->until ? json_string(o->until) : json_null());
	json_object_set_new(armed, "acked_triggers",
			    o->acked ? json_deep_copy(o->acked) : json_array());
	json_object_set_new(armed, "override_window",
			    o->override_reason ? json_string(o->override_reason) : json_null());
	if (o->pinned)
		json_object_set_new(armed, "planned", planned(o));
	if (rb->title)
		json_object_set_new(armed, "title", json_string(rb->title));
	if (rb->ticket)
		json_object_set_new(armed, "ticket", json_string(rb->ticket));
	return armed;
}
