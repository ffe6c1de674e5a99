/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/orders.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More are not named one by one. */
#define RELEASED_MAX 20

static bool is_operator(int64_t uid)
{
	return uid == 0 || uid == (int64_t)geteuid();
}

static bool in_any_role(struct cut_driver *driver, int64_t uid)
{
	const json_t *roles = json_object_get(cut_run_armed(cut_driver_run(driver)), "roles");
	const char *name;
	json_t *members;

	json_object_foreach((json_t *)roles, name, members) {
		for (size_t i = 0; i < json_array_size(members); i++) {
			if (cut_json_int(json_array_get(members, i), "uid", -1) == uid)
				return true;
		}
	}
	return false;
}

bool cut_person_may_look(struct cut_driver *driver, int64_t uid)
{
	return is_operator(uid) || in_any_role(driver, uid);
}

/* Evaluates a gate's checks now, so that the vote carries what they saw. */
static int give_vote(struct cut_driver *driver, struct cut_event *ev, uint64_t *ret_seq,
                     struct cut_err *err)
{
	const struct cut_runbook *rb = cut_driver_options(driver)->rb;
	uint32_t step = cut_runbook_step(rb, CUT_NONE, ev->approval.gate);
	cut_auto(cut_json) json_t *values = NULL;
	cut_auto(cut_err) struct cut_err ignored = {0};
	int r;

	if (step != CUT_NONE && rb->steps[step].kind == CUT_STEP_APPROVE &&
	    rb->steps[step].approve->checks_len > 0) {
		struct cut_expr_env env = cut_driver_live(driver);

		cut_run_check(cut_driver_run(driver), step, &env, &values, &ignored);
	}
	ev->approval.values = values;
	r = cut_driver_feed(driver, ev, ret_seq, err);
	return r;
}

/* Everything beside order and target is the order's own. */
static json_t *order_args(const json_t *request)
{
	json_t *args = json_copy((json_t *)request);

	json_object_del(args, "order");
	json_object_del(args, "target");
	return args;
}

static int need_target(const char *order, const char *target, struct cut_err *err)
{
	return target ? 0
	              : cut_err_set(err, -EINVAL, "\"target\" is missing", "name what it is for",
	                            "the order %s", order);
}

/* The steps that waited for the skipped one. */
static json_t *released(struct cut_driver *driver, const char *target)
{
	const struct cut_driver_options *o = cut_driver_options(driver);
	uint32_t step = cut_runbook_step(o->rb, CUT_NONE, target), steps[RELEASED_MAX], len = 0;
	json_t *list = json_array();

	if (step != CUT_NONE)
		len = cut_graph_dependants(o->graph, step, steps, RELEASED_MAX);
	for (uint32_t i = 0; i < len; i++)
		json_array_append_new(list, json_string(o->rb->steps[steps[i]].address));
	return list;
}

int cut_order_give(struct cut_driver *driver, const struct cut_person *who, const json_t *request,
                   uint64_t *ret_seq, json_t *reply, struct cut_err *err)
{
	const char *order = cut_json_str(request, "order", "");
	const char *target = cut_json_str(request, "target", NULL);
	bool vote = strcmp(order, "approve") == 0 || strcmp(order, "decline") == 0;
	cut_auto(cut_str) char *actor = cut_printf("%s (uid %lld)", who->name, (long long)who->uid);
	cut_auto(cut_json) json_t *args = NULL;
	struct cut_event ev = {.actor = actor};
	int known, r;

	*ret_seq = 0;
	if (!cut_person_may_look(driver, who->uid))
		return cut_err_set(err, -EPERM, "they are neither an operator of this run nor in a role of it",
		                   "ask its operator", "%s may not give orders", who->name);
	if (vote) {
		if (need_target(order, target, err) < 0)
			return -EINVAL;
		ev.type = CUT_EV_APPROVAL;
		ev.approval.gate = target;
		ev.approval.decline = order[0] == 'd';
		ev.approval.uid = who->uid;
		ev.approval.name = who->name;
		ev.approval.comment = cut_json_str(request, "comment", NULL);
		return give_vote(driver, &ev, ret_seq, err);
	}
	if (strcmp(order, "note") == 0) {
		ev.type = CUT_EV_NOTE;
		ev.note.text = cut_json_str(request, "text", "");
		return cut_driver_feed(driver, &ev, ret_seq, err);
	}
	known = cut_order_named(order);
	if (known < 0)
		return cut_err_set(err, -EINVAL, "there is no such order", "see `cutover help`",
		                   "order \"%s\"", order);
	args = order_args(request);
	ev.type = CUT_EV_ORDER;
	ev.order.order = (enum cut_order)known;
	ev.order.target = target;
	ev.order.uid = who->uid;
	ev.order.args = args;
	r = cut_driver_feed(driver, &ev, ret_seq, err);
	if (r == 0 && known == CUT_ORDER_SKIP)
		json_object_set_new(reply, "releases", released(driver, target));
	return r;
}
