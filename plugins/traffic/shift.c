/* SPDX-License-Identifier: Apache-2.0 */
/* traffic.shift: how many of the requests each server gets. Weights are set as absolute numbers
 * (percents would be of the configured weight, and nothing of a configured 0), those that grow
 * first, on every proxy, and only when they are seen to have grown, those that shrink.
 *
 *	read → judge → save → raise → read → lower → read → done */
#include "traffic/actions.h"
#include "traffic/shares.h"
#include "traffic/weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct cut_param params[] = {
	{"balancer", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "traffic",
	 "connection of the proxies"},
	{"to", CUT_T_MAP, CUT_P_REQUIRED, NULL, "percent",
	 "share of each server; what is left goes to those not named"},
	{"tolerance", CUT_T_PERCENT, 0, "0.1%", NULL,
	 "how far a share may be off: weights are whole numbers up to 256"},
	{0},
};

static const struct cut_param outputs[] = {
	{"before", CUT_T_MAP, 0, NULL, "percent", "share of each server before"},
	{"achieved", CUT_T_MAP, 0, NULL, "percent", "share of each server now"},
	{"tail", CUT_T_DURATION, 0, NULL, NULL, "how long old answers may live: proxies have none"},
	{0},
};

struct shift {
	struct balancer b; /* first */
	json_t *before;	   /* owned: socket → server → weight, as saved or as first read */
	json_t *after;	   /* owned: the same, wanted */
	json_t *shares;	   /* owned: shares before */
};

static void shift_free(struct balancer *b)
{
	struct shift *s = (struct shift *)b;

	json_decref(s->before);
	json_decref(s->after);
	json_decref(s->shares);
	free(s);
}

static bool backward(const struct shift *s)
{
	return s->b.op == KIT_ROLLBACK;
}

static const json_t *goal(const struct shift *s)
{
	return backward(s) ? s->before : s->after;
}

static int refuse_algorithm(const struct shift *s, size_t socket, struct kit_why *why)
{
	if (strcmp(s->b.states[socket].algorithm, "static-rr") == 0)
		return kit_why(why, -EINVAL,
			       "it uses `balance static-rr`, whose weights cannot change while it "
			       "runs: use roundrobin, random or leastconn");
	return 0;
}

/* The weights wanted at one socket. */
static int target_at(struct shift *s, size_t socket, struct kit_why *why)
{
	const struct state *state = &s->b.states[socket];
	double tolerance = json_number_value(json_object_get(s->b.call->params, "tolerance"));
	double *wanted = kit_new_array(double, state->n);
	unsigned *weights = kit_new_array(unsigned, state->n);
	json_t *of = json_object();
	double off;
	int r = refuse_algorithm(s, socket, why);

	if (r == 0)
		r = shares_wanted(json_object_get(s->b.call->params, "to"), state, wanted, why);
	if (r == 0) {
		off = shares_weights(wanted, state->n, weights);
		if (off > tolerance + 1e-9)
			r = kit_why(why, -ERANGE,
				    "weights up to %d come no closer than %.3g %% to these shares, "
				    "and tolerance is %.3g %%: choose another share or tolerance",
				    SHARES_WEIGHT_MAX, off * 100, tolerance * 100);
	}
	for (size_t i = 0; r == 0 && i < state->n; i++)
		if (!state->list[i].backup)
			json_object_set_new(of, state->list[i].name, json_integer(weights[i]));
	free(wanted);
	free(weights);
	json_object_set_new(s->after, s->b.sockets[socket].text, of);
	return r;
}

static bool share_is_zero(const struct shift *s, const char *server)
{
	const json_t *of = json_object_get(goal(s), s->b.sockets[0].text);

	return json_integer_value(json_object_get(of, server)) == 0;
}

/* How weights are felt with this algorithm; NULL: as shares of the requests. */
static const char *caveat(const char *algorithm)
{
	static const struct {
		const char *algorithm, *words;
	} known[] = {
		{"leastconn", "shares are of connections that are open at a time, and hardly felt "
			      "while there are few"},
		{"first", "only a weight of 0 makes a difference"},
		{"source", "weights change only with `hash-type consistent`"},
		{"uri", "weights change only with `hash-type consistent`"},
		{"url_param", "weights change only with `hash-type consistent`"},
		{"hdr", "weights change only with `hash-type consistent`"},
		{"rdp-cookie", "weights change only with `hash-type consistent`"},
	};

	for (size_t i = 0; i < KIT_ARRAY_LEN(known); i++)
		if (strcmp(known[i].algorithm, algorithm) == 0)
			return known[i].words;
	return NULL;
}

static void warn(const struct shift *s)
{
	const struct state *state = &s->b.states[0];
	const char *words = caveat(state->algorithm);

	if (words)
		s->b.call->api->note(s->b.call, 2, "backend %s uses `balance %s`: %s", s->b.backend,
				     state->algorithm, words);
	for (size_t i = 0; i < state->n; i++)
		if (state->list[i].sticky && share_is_zero(s, state->list[i].name)) {
			s->b.call->api->note(
				s->b.call, 2,
				"clients with the cookie of %s stay with it at weight 0: "
				"traffic.drain tells when they are gone",
				state->list[i].name);
			return;
		}
}

static json_t *give(struct shift *s)
{
	return json_pack("{s:O, s:o, s:i}", "before", s->shares, "achieved", balancer_shares(&s->b),
			 "tail", 0);
}

static void on_done(struct balancer *b)
{
	struct shift *s = (struct shift *)b;
	struct kit_why why;

	if (weights_differ(&s->b, goal(s), &why) < 0)
		balancer_end(b, CUT_FAIL, NULL,
			     "%s: somebody else changes it, or HAProxy was reloaded, which takes "
			     "all weights back",
			     why.text);
	else if (backward(s))
		balancer_end_rollback(b, "the weights are as they were before");
	else
		balancer_end(b, CUT_OK, give(s), "every proxy shows the wanted weights");
}

static void on_lowered(struct balancer *b)
{
	balancer_read(b, on_done);
}

static void on_raised_seen(struct balancer *b)
{
	struct shift *s = (struct shift *)b;
	struct kit_why why;

	if (weights_refuse_down(&s->b, goal(s), &why) < 0) {
		balancer_end(b, CUT_FAIL, NULL, "%s", why.text);
		return;
	}
	weights_change(&s->b, goal(s), false);
	balancer_send(b, on_lowered);
}

static void on_raised(struct balancer *b)
{
	balancer_read(b, on_raised_seen);
}

static void write_weights(struct shift *s)
{
	weights_change(&s->b, goal(s), true);
	balancer_send(&s->b, on_raised);
}

static void on_saved(struct cut_call *call)
{
	write_weights((struct shift *)call->data);
}

static void save(struct shift *s)
{
	json_t *state = json_pack("{s:s, s:O, s:O, s:O}", "backend", s->b.backend, "before",
				  s->before, "after", s->after, "shares", s->shares);

	if (s->b.call->api->save(s->b.call, state, on_saved) < 0)
		balancer_end(&s->b, CUT_FAIL, NULL,
			     "the old weights could not be stored, so nothing was changed");
}

static void act(struct shift *s)
{
	const char *words = caveat(s->b.states[0].algorithm);
	struct kit_why why;
	int r;

	if (s->b.op == KIT_OBSERVE && weights_are(&s->b, s->before) &&
	    !weights_are(&s->b, s->after)) {
		balancer_end(&s->b, CUT_RETRY, NULL, "the weights are as they were before");
		return;
	}
	r = s->b.op == KIT_VERIFY ? 0 : weights_conflict(&s->b, s->before, s->after, &why);
	if (r == 0 && (s->b.op == KIT_PLAN || s->b.op == KIT_APPLY))
		r = weights_refuse_unconfigured(&s->b, goal(s), &why);
	if (r == 0 && s->b.op != KIT_OBSERVE)
		r = weights_refuse_down(&s->b, goal(s), &why);
	if (r < 0) {
		balancer_end(&s->b, CUT_FAIL, NULL, "%s", why.text);
		return;
	}
	warn(s);
	switch (s->b.op) {
	case KIT_PLAN:
		balancer_end(
			&s->b, CUT_OK,
			json_pack("{s:o}", "changes", weights_shown(&s->b, s->before, s->after)),
			"every proxy can be reached, and the servers are up%s%s",
			words ? "; with its algorithm, " : "", words ? words : "");
		break;
	case KIT_APPLY: save(s); break;
	case KIT_ROLLBACK: write_weights(s); break;
	case KIT_VERIFY: on_done(&s->b); break;
	case KIT_OBSERVE:
		if (weights_are(&s->b, s->after))
			balancer_end(&s->b, CUT_OK, give(s),
				     "every proxy shows the wanted weights");
		else
			balancer_end(&s->b, CUT_RETRY, NULL, "only some of the weights are set");
	}
}

static void on_read(struct balancer *b)
{
	struct shift *s = (struct shift *)b;
	const json_t *saved = b->call->saved;
	struct kit_why why;

	if (saved) {
		s->before = json_incref(json_object_get(saved, "before"));
		s->after = json_incref(json_object_get(saved, "after"));
		s->shares = json_incref(json_object_get(saved, "shares"));
		if (!json_is_object(s->before) || !json_is_object(s->after)) {
			balancer_end(b, CUT_FAIL, NULL,
				     "the saved state is not of the form that "
				     "this plugin writes");
			return;
		}
		act(s);
		return;
	}
	s->before = weights_now(&s->b);
	s->after = json_object();
	s->shares = balancer_shares(b);
	for (size_t i = 0; i < b->n_sockets; i++)
		if (target_at(s, i, &why) < 0) {
			balancer_end(b, CUT_FAIL, NULL, "backend %s at %s: %s", b->backend,
				     b->sockets[i].text, why.text);
			return;
		}
	act(s);
}

static void shift(struct cut_call *call)
{
	struct shift *s = kit_new(struct shift);

	if (balancer_open(&s->b, call, shift_free))
		balancer_read(&s->b, on_read);
}

static int check(const json_t *p, char *text, size_t len)
{
	const json_t *to = json_object_get(p, "to"), *share;
	const char *name;
	double sum = 0;

	json_object_foreach ((json_t *)to, name, share) {
		if (!json_is_number(share))
			return 0;
		if (json_number_value(share) < 0 || json_number_value(share) > 1) {
			snprintf(text, len, "the share of %s is not between 0%% and 100%%", name);
			return -EINVAL;
		}
		sum += json_number_value(share);
	}
	if (json_object_size(to) == 0) {
		snprintf(text, len, "to is empty: name the share of at least one server");
		return -EINVAL;
	}
	if (sum > 1 + 1e-9) {
		snprintf(text, len, "the shares add up to %g %%, more than there is", sum * 100);
		return -EINVAL;
	}
	return 0;
}

const struct cut_action traffic_shift = {
	.name = "shift",
	.help = "sets how many of the requests each server gets",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_TRAFFIC | CUT_SAVES,
	.check = check,
	.plan = shift,
	.apply = shift,
	.verify = shift,
	.observe = shift,
	.rollback = shift,
	.cancel = balancer_cancel,
};
