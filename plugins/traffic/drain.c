/* SPDX-License-Identifier: Apache-2.0 */
/* traffic.drain: takes a server out of rotation and waits until its last session has ended. Nobody
 * is cut off unless allow_kill says so.
 *
 *	read → judge → save → state drain → wait for quiet ┬→ done
 *	                                                   └→ after max: fail, or kill and state
 *maint */
#include "traffic/actions.h"
#include "traffic/balancer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250

static const struct cut_param params[] = {
	{"balancer", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "traffic",
	 "connection of the proxies"},
	{"server", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL, "the server to be drained"},
	{"quiet", CUT_T_DURATION, 0, "5s", "0s..1h",
	 "how long it must have no session; those of a process that a reload left are not seen"},
	{"max", CUT_T_DURATION, 0, "5m", "1s..1d", "how long to wait for that"},
	{"allow_kill", CUT_T_BOOL, 0, "false", NULL,
	 "after max, cut off the sessions that are left and put the server into maintenance"},
	{0},
};

static const struct cut_param outputs[] = {
	{"sessions", CUT_T_INT, 0, NULL, NULL,
	 "sessions that were cut off, or were still open where the drain failed"},
	{"oldest_s", CUT_T_NUMBER, 0, NULL, NULL, "age of the oldest of them in seconds"},
	{0},
};

struct drain {
	struct balancer b;	      /* first */
	const char *server;	      /* borrowed from params */
	json_t *before;		      /* owned: socket → "ready", "drain" or "maint" */
	int64_t started, quiet_since; /* on the call's clock; 0: not quiet */
	unsigned long sessions, sessions_at_start;
	double oldest_s;
};

static void drain_free(struct balancer *b)
{
	struct drain *d = (struct drain *)b;

	json_decref(d->before);
	free(d);
}

static double seconds_of(const struct drain *d, const char *param)
{
	return json_number_value(json_object_get(d->b.call->params, param));
}

static const struct state_server *at(const struct drain *d, size_t socket)
{
	return state_find(&d->b.states[socket], d->server);
}

static unsigned long sessions_now(const struct drain *d)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < d->b.n_sockets; i++)
		sum += at(d, i)->current + at(d, i)->queued;
	return sum;
}

static bool is_drained(const struct drain *d)
{
	for (size_t i = 0; i < d->b.n_sockets; i++)
		if (!(at(d, i)->admin & (STATE_DRAIN | STATE_MAINT)))
			return false;
	return true;
}

static json_t *give(const struct drain *d)
{
	return json_pack("{s:I, s:f}", "sessions", (json_int_t)d->sessions, "oldest_s",
			 d->oldest_s);
}

static void on_killed(struct balancer *b)
{
	struct drain *d = (struct drain *)b;

	balancer_end(b, CUT_OK, give(d),
		     "%lu sessions of %s were still open after %g s and were cut off, the oldest "
		     "%g s old; it is in maintenance now",
		     d->sessions, d->server, seconds_of(d, "max"), d->oldest_s);
}

static void on_oldest_known(struct balancer *b)
{
	struct drain *d = (struct drain *)b;

	if (!json_is_true(json_object_get(b->call->params, "allow_kill"))) {
		balancer_end(
			b, CUT_FAIL, give(d),
			"%s still has %lu sessions after %g s, the oldest %g s old: wait longer "
			"(max), close them at their application, or cut them off (allow_kill)",
			d->server, d->sessions, seconds_of(d, "max"), d->oldest_s);
		return;
	}
	for (size_t i = 0; i < b->n_sockets; i++) {
		balancer_add(b, i, "set server %s/%s state maint", b->backend, d->server);
		balancer_add(b, i, "shutdown sessions server %s/%s", b->backend, d->server);
	}
	balancer_send(b, on_killed);
}

static int take_oldest(struct balancer_command *command, const char *reply, struct kit_why *why)
{
	struct drain *d = (struct drain *)command->balancer;
	double oldest = state_oldest_session(reply, d->b.backend, d->server);

	(void)why;
	if (oldest > d->oldest_s)
		d->oldest_s = oldest;
	return 0;
}

static void look_again(struct cut_call *call);

static int check_there(struct drain *d, struct kit_why *why)
{
	for (size_t i = 0; i < d->b.n_sockets; i++)
		if (!d->b.lost[i] && !at(d, i))
			return kit_why(why, -ENOENT, "HAProxy at %s has no server %s/%s",
				       d->b.sockets[i].text, d->b.backend, d->server);
	return 0;
}

/* The time to wait is over: how old is what is left? */
static void give_up(struct drain *d)
{
	for (size_t i = 0; i < d->b.n_sockets; i++)
		balancer_add_question(&d->b, i, "show sess", take_oldest);
	balancer_send(&d->b, on_oldest_known);
}

static void on_look(struct balancer *b)
{
	struct drain *d = (struct drain *)b;
	int64_t now = b->call->api->now(b->call);
	char text[64];
	struct kit_why why;

	if (check_there(d, &why) < 0 || !is_drained(d)) {
		balancer_end(b, CUT_FAIL, NULL,
			     "%s is not in drain any more: somebody else put it back, or HAProxy "
			     "was reloaded",
			     d->server);
		return;
	}
	d->sessions = sessions_now(d);
	if (d->sessions)
		d->quiet_since = 0;
	else if (!d->quiet_since)
		d->quiet_since = now;
	if (d->quiet_since && now - d->quiet_since >= (int64_t)(seconds_of(d, "quiet") * 1000)) {
		balancer_end(b, CUT_OK, give(d), "%s is drained and quiet", d->server);
		return;
	}
	if (!d->quiet_since && now - d->started >= (int64_t)(seconds_of(d, "max") * 1000)) {
		give_up(d);
		return;
	}
	if (d->sessions > d->sessions_at_start)
		d->sessions_at_start = d->sessions;
	snprintf(text, sizeof(text), "%lu sessions left", d->sessions);
	b->call->api->progress(
		b->call,
		d->sessions_at_start ? 1 - (double)d->sessions / (double)d->sessions_at_start : 1,
		text);
	b->call->api->after(b->call, LOOK_MS, look_again);
}

static void look_again(struct cut_call *call)
{
	balancer_read(call->data, on_look);
}

static void on_draining(struct balancer *b)
{
	struct drain *d = (struct drain *)b;

	d->started = b->call->api->now(b->call);
	balancer_read(b, on_look);
}

static void on_saved(struct cut_call *call)
{
	struct drain *d = call->data;

	for (size_t i = 0; i < d->b.n_sockets; i++)
		if (!(at(d, i)->admin & (STATE_DRAIN | STATE_MAINT)))
			balancer_add(&d->b, i, "set server %s/%s state drain", d->b.backend,
				     d->server);
	balancer_send(&d->b, on_draining);
}

/* Without another server that takes requests, the backend would answer 503 at once. */
static int refuse_last(const struct drain *d, struct kit_why *why)
{
	for (size_t i = 0; i < d->b.n_sockets; i++) {
		const struct state *state = &d->b.states[i];
		bool other = false;

		for (size_t j = 0; j < state->n; j++)
			if (&state->list[j] != at(d, i) && state->list[j].up &&
			    (state->list[j].weight > 0 || state->list[j].backup))
				other = true;
		if (!other && !(at(d, i)->admin & (STATE_DRAIN | STATE_MAINT)))
			return kit_why(
				why, -EBUSY,
				"%s is the only server of %s at %s that takes requests: shift "
				"the traffic first",
				d->server, d->b.backend, d->b.sockets[i].text);
	}
	return 0;
}

static json_t *states_now(const struct drain *d)
{
	json_t *states = json_object();

	for (size_t i = 0; i < d->b.n_sockets; i++)
		json_object_set_new(states, d->b.sockets[i].text,
				    json_string(state_admin_word(at(d, i)->admin)));
	return states;
}

static void apply_it(struct drain *d)
{
	struct kit_why why;

	if (refuse_last(d, &why) < 0)
		balancer_end(&d->b, CUT_FAIL, NULL, "%s", why.text);
	else if (d->b.call->api->save(d->b.call,
				      json_pack("{s:s, s:s, s:O}", "backend", d->b.backend,
						"server", d->server, "before", d->before),
				      on_saved) < 0)
		balancer_end(&d->b, CUT_FAIL, NULL,
			     "the old state could not be stored, so nothing was changed");
}

/* Steps before this one may shift the traffic first, so a last server is no fault of a plan. */
static void plan_it(struct drain *d)
{
	bool last;
	char *what;
	struct kit_why why;
	json_t *changes;

	last = refuse_last(d, &why) < 0;
	what = kit_printf("%s/%s", d->b.backend, d->server);
	/* Without the sessions, which come and go: a pinned plan would never hold. */
	changes = json_array();
	for (size_t i = 0; i < d->b.n_sockets && !json_array_size(changes); i++)
		if (!(at(d, i)->admin & (STATE_DRAIN | STATE_MAINT)))
			json_array_append_new(changes,
					      json_pack("{s:s, s:s, s:s}", "what", what, "before",
							state_admin_word(at(d, i)->admin), "after",
							"drain"));
	free(what);
	balancer_end(&d->b, CUT_OK, json_pack("{s:o}", "changes", changes), "%lu sessions now; %s",
		     sessions_now(d),
		     last ? why.text
			  : "every proxy can be reached, and another server takes requests");
}

static void on_restored(struct balancer *b)
{
	struct drain *d = (struct drain *)b;

	for (size_t i = 0; i < b->n_sockets; i++) {
		const char *before =
			json_string_value(json_object_get(d->before, b->sockets[i].text));

		if (!b->lost[i] && before && at(d, i) &&
		    strcmp(before, state_admin_word(at(d, i)->admin)) != 0) {
			balancer_end(b, CUT_FAIL, NULL,
				     "HAProxy at %s took `state %s` for %s and shows %s",
				     b->sockets[i].text, before, d->server,
				     state_admin_word(at(d, i)->admin));
			return;
		}
	}
	balancer_end_rollback(b, "the server's state is as it was before");
}

static void on_put_back(struct balancer *b)
{
	balancer_read(b, on_restored);
}

/* Neither as it was nor as this run has left it: maintenance is another one's. */
static int refuse_foreign(const struct drain *d, struct kit_why *why)
{
	bool kills = json_is_true(json_object_get(d->b.call->params, "allow_kill"));

	for (size_t i = 0; i < d->b.n_sockets && !kills; i++) {
		const char *socket = d->b.sockets[i].text;
		const char *before = json_string_value(json_object_get(d->before, socket));

		if (!d->b.lost[i] && before && strcmp(before, "maint") != 0 &&
		    at(d, i)->admin & STATE_MAINT)
			return kit_why(why, -EEXIST,
				       "somebody else put %s/%s into maintenance at %s: before "
				       "%s, now maint, this run had set drain; nothing was "
				       "overwritten: find out why, then `set server %s/%s state "
				       "%s` there and retry",
				       d->b.backend, d->server, socket, before, d->b.backend,
				       d->server, before);
	}
	return 0;
}

static void roll_back(struct drain *d)
{
	struct kit_why why;

	if (refuse_foreign(d, &why) < 0) {
		balancer_end(&d->b, CUT_FAIL, NULL, "%s", why.text);
		return;
	}
	for (size_t i = 0; i < d->b.n_sockets; i++) {
		const char *before =
			json_string_value(json_object_get(d->before, d->b.sockets[i].text));

		if (!d->b.lost[i] && before &&
		    strcmp(before, state_admin_word(at(d, i)->admin)) != 0)
			balancer_add(&d->b, i, "set server %s/%s state %s", d->b.backend, d->server,
				     before);
	}
	balancer_send(&d->b, on_put_back);
}

static void on_read(struct balancer *b)
{
	struct drain *d = (struct drain *)b;
	struct kit_why why;

	if (check_there(d, &why) < 0) {
		balancer_end(b, CUT_FAIL, NULL, "%s", why.text);
		return;
	}
	if (b->op != KIT_ROLLBACK)
		d->sessions = sessions_now(d);
	d->before = b->call->saved ? json_incref(json_object_get(b->call->saved, "before"))
				   : states_now(d);
	switch (b->op) {
	case KIT_PLAN: plan_it(d); break;
	case KIT_APPLY: apply_it(d); break;
	case KIT_ROLLBACK: roll_back(d); break;
	case KIT_VERIFY:
		if (is_drained(d))
			balancer_end(b, CUT_OK, give(d), "%s takes no new requests", d->server);
		else
			balancer_end(b, CUT_FAIL, NULL, "%s takes requests", d->server);
		break;
	case KIT_OBSERVE:
		if (is_drained(d) && d->sessions == 0)
			balancer_end(b, CUT_OK, give(d), "%s is drained", d->server);
		else
			balancer_end(b, CUT_RETRY, NULL, "%s is %s and has %lu sessions", d->server,
				     state_admin_word(at(d, 0)->admin), d->sessions);
	}
}

static void drain(struct cut_call *call)
{
	struct drain *d = kit_new(struct drain);

	d->server = json_string_value(json_object_get(call->params, "server"));
	if (!d->server)
		d->server = "";
	if (balancer_open(&d->b, call, drain_free))
		balancer_read(&d->b, on_read);
}

const struct cut_action traffic_drain = {
	.name = "drain",
	.help = "takes a server out of rotation and waits until its last session has ended",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_TRAFFIC | CUT_SAVES,
	.plan = drain,
	.apply = drain,
	.verify = drain,
	.observe = drain,
	.rollback = drain,
	.cancel = balancer_cancel,
};
