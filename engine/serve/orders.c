/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/orders.h"

#include "engine/serve/ballot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More are not named one by one. */
#define RELEASED_MAX 20

static bool is_operator(int64_t uid)
{
	return uid == 0 || uid == (int64_t)geteuid();
}

static bool is_member(const json_t *members, int64_t uid)
{
	for (size_t i = 0; uid >= 0 && i < json_array_size(members); i++) {
		if (cut_json_int(json_array_get(members, i), "uid", -1) == uid)
			return true;
	}
	return false;
}

struct cut_person cut_person_of(struct cut_driver *driver, int64_t uid)
{
	const json_t *armed = cut_run_armed(cut_driver_run(driver)), *members, *member;
	struct cut_person who = {.uid = uid, .name = uid == 0 ? "root" : "unknown"};
	const char *role;
	size_t i;

	if (uid >= 0 && cut_json_int(armed, "starter", -1) == uid)
		who.name = cut_json_str(armed, "starter_name", who.name);
	json_object_foreach (json_object_get(armed, "roles"), role, members)
		json_array_foreach (members, i, member)
			if (uid >= 0 && cut_json_int(member, "uid", -1) == uid)
				who.name = cut_json_str(member, "name", who.name);
	return who;
}

/* Of this role; NULL: of any. */
static bool in_role(struct cut_driver *driver, const char *wanted, int64_t uid)
{
	const json_t *roles = json_object_get(cut_run_armed(cut_driver_run(driver)), "roles");
	const char *name;
	json_t *members;

	json_object_foreach ((json_t *)roles, name, members) {
		if ((!wanted || strcmp(wanted, name) == 0) && is_member(members, uid))
			return true;
	}
	return false;
}

/* Is the step a work of people that is this person's to attest? */
static bool attests(struct cut_driver *driver, const char *target, int64_t uid)
{
	const struct cut_runbook *rb = cut_driver_options(driver)->rb;
	uint32_t step = cut_runbook_step(rb, CUT_NONE, target ? target : "");

	return step != CUT_NONE && rb->steps[step].kind == CUT_STEP_MANUAL &&
	       rb->steps[step].manual->role != CUT_NONE &&
	       in_role(driver, rb->roles[rb->steps[step].manual->role].name, uid);
}

/* What `authority` gives a role, its members may order without being operators. */
static bool has_right(struct cut_driver *driver, const char *right, int64_t uid)
{
	const json_t *roles = json_object_get(cut_driver_options(driver)->rb->authority, right);

	for (size_t i = 0; i < json_array_size(roles); i++) {
		if (in_role(driver, json_string_value(json_array_get(roles, i)), uid))
			return true;
	}
	return false;
}

static bool may_order(struct cut_driver *driver, const char *order, const char *target, int64_t uid)
{
	static const char *const of_members[] = {"ack", "command", "note"};
	static const struct {
		const char *order, *right;
	} rights[] = {{"freeze", "freeze"}, {"skip", "skip"}, {"rollback", "accept_loss"}};

	if (is_operator(uid))
		return true;
	for (size_t i = 0; i < CUT_ARRAY_LEN(of_members); i++) {
		if (strcmp(of_members[i], order) == 0)
			return in_role(driver, NULL, uid);
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(rights); i++) {
		if (strcmp(rights[i].order, order) == 0)
			return has_right(driver, rights[i].right, uid);
	}
	return strcmp(order, "attest") == 0 && attests(driver, target, uid);
}

bool cut_person_may_look(struct cut_driver *driver, int64_t uid)
{
	return is_operator(uid) || in_role(driver, NULL, uid);
}

/* The digest of what such a gate shows; NULL: nobody is asked there. */
static const char *evidence_now(struct cut_driver *driver, const char *gate)
{
	const struct cut_runbook *rb = cut_driver_options(driver)->rb;
	size_t len;
	const struct cut_waiting *waiting = cut_run_waiting(cut_driver_run(driver), &len);

	for (size_t i = 0; i < len; i++) {
		const char *id = waiting[i].step != CUT_NONE ? rb->steps[waiting[i].step].address
							     : rb->phases[waiting[i].phase].id;

		if (waiting[i].evidence && strcmp(id, gate) == 0)
			return waiting[i].digest;
	}
	return NULL;
}

/* Evaluates a gate's checks now, so that the vote carries what they saw. */
static int give_vote(struct cut_driver *driver, struct cut_event *ev, uint64_t *ret_seq,
		     struct cut_err *err)
{
	const struct cut_runbook *rb = cut_driver_options(driver)->rb;
	uint32_t step = cut_runbook_step(rb, CUT_NONE, ev->approval.gate);
	cut_auto(cut_json) json_t *values = NULL;
	cut_auto(cut_str) char *digest = NULL;
	int r;

	if (step != CUT_NONE && rb->steps[step].kind == CUT_STEP_APPROVE &&
	    rb->steps[step].approve->checks_len > 0) {
		struct cut_expr_env env = cut_driver_live(driver);

		cut_run_check(cut_driver_run(driver), step, &env, &values);
	}
	ev->approval.values = values;
	if (!ev->approval.evidence) /* a copy: the vote may close the gate before it is journaled */
		ev->approval.evidence = digest =
			cut_strdup(evidence_now(driver, ev->approval.gate));
	r = cut_driver_feed(driver, ev, ret_seq, err);
	return r;
}

/* From the statement that was signed, whoever brings it. */
static int give_signed(struct cut_driver *driver, const json_t *request, struct cut_event *ev,
		       uint64_t *ret_seq, struct cut_err *err)
{
	cut_auto(cut_ballot) struct cut_ballot ballot = {0};
	int r = cut_ballot_read(driver, request, cut_world_wall(cut_driver_options(driver)->world),
				&ballot, ev, err);

	if (r == 0)
		return give_vote(driver, ev, ret_seq, err);
	*ret_seq = cut_driver_refuse(driver, ev, err);
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

/* The steps that waited for the skipped one, and for nothing else. */
static json_t *released(struct cut_driver *driver, const char *target)
{
	const struct cut_driver_options *o = cut_driver_options(driver);
	uint32_t step = cut_runbook_step(o->rb, CUT_NONE, target), steps[RELEASED_MAX], len = 0;
	json_t *list = json_array();

	if (step != CUT_NONE)
		len = cut_graph_dependants(o->graph, step, steps, RELEASED_MAX);
	for (uint32_t i = 0; i < len; i++) {
		struct cut_step_view view;

		cut_run_step_view(cut_driver_run(driver), steps[i], &view);
		if (view.state != CUT_STEP_PENDING)
			json_array_append_new(list, json_string(o->rb->steps[steps[i]].address));
	}
	return list;
}

static int not_for(const struct cut_person *who, const char *order, struct cut_err *err)
{
	return cut_err_set(err, -EPERM,
			   "it is for operators of this run, and for those with a role for it",
			   "ask one of them", "%s may not order %s", who->name, order);
}

static int give_note(struct cut_driver *driver, struct cut_event *ev, const struct cut_person *who,
		     const json_t *request, uint64_t *ret_seq, struct cut_err *err)
{
	if (!may_order(driver, "note", NULL, who->uid))
		return not_for(who, "note", err);
	ev->type = CUT_EV_NOTE;
	ev->note.text = cut_json_str(request, "text", "");
	return cut_driver_feed(driver, ev, ret_seq, err);
}

static int give_order(struct cut_driver *driver, struct cut_event *ev, uint64_t *ret_seq,
		      json_t *reply, struct cut_err *err)
{
	int r = cut_driver_feed(driver, ev, ret_seq, err);

	if (r == 0 && ev->order.order == CUT_ORDER_SKIP)
		json_object_set_new(reply, "releases", released(driver, ev->order.target));
	return r;
}

static int refuse(struct cut_driver *driver, struct cut_event *ev, const struct cut_person *who,
		  uint64_t *ret_seq, struct cut_err *err)
{
	not_for(who, cut_order_name(ev->order.order), err);
	*ret_seq = cut_driver_refuse(driver, ev, err);
	return -EPERM;
}

bool cut_order_needs_room(const json_t *request, struct cut_err *err)
{
	if (strcmp(cut_json_str(request, "order", ""), "rollback") == 0)
		return false;
	cut_err_set(err, -ENOSPC, "the disk is full, and what is ordered must be in the journal",
		    "make room, then give it again; a rollback works without",
		    "the order is not taken");
	return true;
}

int cut_order_unsafe(bool full, struct cut_err *err)
{
	return cut_err_set(err, full ? -ENOSPC : -EBUSY,
			   full ? "the disk is full" : "the disk does not answer",
			   "mend that; cutover logs shows it once it is safe, else give it again",
			   "the order is taken, but not on the disk yet");
}

int cut_order_give(struct cut_driver *driver, const struct cut_person *who, const json_t *request,
		   uint64_t *ret_seq, json_t *reply, struct cut_err *err)
{
	const char *order = cut_json_str(request, "order", "");
	const char *target = cut_json_str(request, "target", NULL);
	cut_auto(cut_str) char *actor = cut_printf("%s (uid %lld)", who->name, (long long)who->uid);
	cut_auto(cut_json) json_t *args = order_args(request);
	struct cut_event ev = {.actor = actor};
	int known = cut_order_named(order);

	*ret_seq = 0;
	if (strcmp(order, "approve") == 0 || strcmp(order, "decline") == 0) {
		if (need_target(order, target, err) < 0)
			return -EINVAL;
		ev.type = CUT_EV_APPROVAL;
		ev.approval.gate = target;
		ev.approval.decline = order[0] == 'd';
		ev.approval.uid = who->uid;
		ev.approval.name = who->name;
		if (json_object_get(request, "signed"))
			return give_signed(driver, request, &ev, ret_seq, err);
		ev.approval.comment = cut_json_str(request, "comment", NULL);
		ev.approval.evidence = cut_json_str(request, "evidence_sha256", NULL);
		return give_vote(driver, &ev, ret_seq, err);
	}
	if (strcmp(order, "note") == 0)
		return give_note(driver, &ev, who, request, ret_seq, err);
	if (known < 0)
		return cut_err_set(err, -EINVAL, "there is no such order", "see `cutover help`",
				   "order \"%s\"", order);
	ev.type = CUT_EV_ORDER;
	ev.order.order = (enum cut_order)known;
	ev.order.target = target;
	ev.order.uid = who->uid;
	ev.order.args = args;
	if (!may_order(driver, order, target, who->uid))
		return refuse(driver, &ev, who, ret_seq, err);
	return give_order(driver, &ev, ret_seq, reply, err);
}
