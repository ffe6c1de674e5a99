/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of all servers at all sockets; see weights.h. */
#include "traffic/weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned weight_in(const json_t *weights, const struct balancer *b, size_t socket,
			  const char *server)
{
	const json_t *of = json_object_get(weights, b->sockets[socket].text);

	return (unsigned)json_integer_value(json_object_get(of, server));
}

static bool backward(const struct balancer *b)
{
	return b->op == KIT_ROLLBACK;
}

json_t *weights_now(const struct balancer *b)
{
	json_t *weights = json_object();

	for (size_t i = 0; i < b->n_sockets; i++) {
		const struct state *state = &b->states[i];
		json_t *of = json_object();

		for (size_t j = 0; j < state->n; j++)
			if (!state->list[j].backup)
				json_object_set_new(of, state->list[j].name,
						    json_integer(state->list[j].weight));
		json_object_set_new(weights, b->sockets[i].text, of);
	}
	return weights;
}

int weights_differ(const struct balancer *b, const json_t *weights, struct kit_why *why)
{
	const char *server;
	const json_t *weight;

	for (size_t i = 0; i < b->n_sockets; i++) {
		const json_t *of = json_object_get(weights, b->sockets[i].text);

		if (b->lost[i])
			continue;
		json_object_foreach ((json_t *)of, server, weight) {
			const struct state_server *now = state_find(&b->states[i], server);

			unsigned want = (unsigned)json_integer_value(weight);

			if (!now)
				return kit_why(why, -ENOENT, "server %s/%s is gone at %s",
					       b->backend, server, b->sockets[i].text);
			if (now->weight != want)
				return kit_why(why, -EEXIST, "%s/%s has weight %u at %s, not %u",
					       b->backend, server, now->weight, b->sockets[i].text,
					       want);
		}
	}
	return 0;
}

bool weights_are(const struct balancer *b, const json_t *weights)
{
	struct kit_why ignored;

	return weights_differ(b, weights, &ignored) == 0;
}

/* Nothing may be given to a server that cannot take it: it would look like success. Backward only
 * where nobody would be left to take what another one loses. */
static const struct state_server *find_down(const struct balancer *b, size_t socket,
					    const json_t *goal)
{
	const struct state *state = &b->states[socket];
	const struct state_server *down = NULL;
	bool loser = false, taker = false;

	for (size_t j = 0; j < state->n; j++) {
		const struct state_server *server = &state->list[j];
		unsigned want = weight_in(goal, b, socket, server->name);

		if (server->backup)
			continue;
		if (want > 0 && !server->up)
			down = server;
		loser |= server->up && want < server->weight;
		taker |= server->up && want > 0;
	}
	return !backward(b) || (loser && !taker) ? down : NULL;
}

int weights_refuse_down(const struct balancer *b, const json_t *goal, struct kit_why *why)
{
	for (size_t i = 0; i < b->n_sockets; i++) {
		const struct state_server *down = find_down(b, i, goal);

		if (down)
			return kit_why(
				why, -EHOSTDOWN,
				"%s is %s at %s and would get none of the traffic that is "
				"meant for it: bring it up (`set server %s/%s state ready` if "
				"an operator took it out)%s, then retry",
				down->name, down->status, b->sockets[i].text, b->backend,
				down->name, backward(b) ? "" : " or give it 0% in `to`");
	}
	return 0;
}

/* Weights are compared as parts of their sums: one that stays gains where others shrink. */
static const struct state_server *find_unconfigured_gainer(const struct balancer *b, size_t socket,
							   const json_t *goal)
{
	const struct state *state = &b->states[socket];
	unsigned long sum = 0, sum_wanted = 0;

	for (size_t i = 0; i < state->n; i++)
		if (!state->list[i].backup) {
			sum += state->list[i].weight;
			sum_wanted += weight_in(goal, b, socket, state->list[i].name);
		}
	for (size_t i = 0; i < state->n; i++) {
		const struct state_server *server = &state->list[i];
		unsigned long want = weight_in(goal, b, socket, server->name);

		if (server->configured == 0 && !server->backup && want > 0 &&
		    want * sum > server->weight * sum_wanted)
			return server;
	}
	return NULL;
}

int weights_refuse_unconfigured(const struct balancer *b, const json_t *goal, struct kit_why *why)
{
	for (size_t i = 0; i < b->n_sockets; i++) {
		const struct state_server *server = find_unconfigured_gainer(b, i, goal);

		if (server)
			return kit_why(
				why, -EINVAL,
				"%s/%s is configured with weight 0 at %s: HAProxy's percentages "
				"are relative to the configured weight, and a reload would take "
				"the server out silently; configure e.g. `weight 100`, set 0 at "
				"run time (`set server %s/%s weight 0`), then retry",
				b->backend, server->name, b->sockets[i].text, b->backend,
				server->name);
	}
	return 0;
}

/* The three-way rule: each weight must be as before or as wanted. */
int weights_conflict(const struct balancer *b, const json_t *before, const json_t *after,
		     struct kit_why *why)
{
	const json_t *goal = backward(b) ? before : after, *weight;
	const char *server;

	for (size_t i = 0; i < b->n_sockets; i++) {
		const char *socket = b->sockets[i].text;
		const json_t *of = json_object_get(after, socket);

		if (b->lost[i])
			continue;
		json_object_foreach ((json_t *)of, server, weight) {
			const struct state_server *now = state_find(&b->states[i], server);
			unsigned was = weight_in(before, b, i, server);
			unsigned wanted = (unsigned)json_integer_value(weight);

			if (!now)
				return kit_why(why, -ENOENT,
					       "server %s/%s is gone at %s: add it again, or set "
					       "the weights of the others by hand",
					       b->backend, server, socket);
			if (now->weight == was || now->weight == wanted)
				continue;
			return kit_why(
				why, -EEXIST,
				"somebody else changed the weight of %s/%s at %s: before %u, "
				"now %u, %s %u; nothing was overwritten: find out who did (a "
				"reload takes all weights back), then `set server %s/%s "
				"weight %u` there and retry",
				b->backend, server, socket, was, now->weight,
				backward(b) ? "this run had set" : "wanted", wanted, b->backend,
				server, weight_in(goal, b, i, server));
		}
	}
	return 0;
}

/* Commands for those weights that grow, or those that shrink. */
void weights_change(struct balancer *b, const json_t *goal, bool raise)
{
	const char *server;
	const json_t *weight;

	for (size_t i = 0; i < b->n_sockets; i++) {
		const json_t *of = json_object_get(goal, b->sockets[i].text);

		json_object_foreach ((json_t *)of, server, weight) {
			const struct state_server *now = state_find(&b->states[i], server);
			unsigned want = (unsigned)json_integer_value(weight);

			if (now && want != now->weight && raise == (want > now->weight))
				balancer_add(b, i, "set server %s/%s weight %u", b->backend, server,
					     want);
		}
	}
}

static char *weights_text(const json_t *weights, const char *server)
{
	const char *socket;
	const json_t *of;
	char *text = NULL;

	json_object_foreach ((json_t *)weights, socket, of) {
		json_int_t weight = json_integer_value(json_object_get(of, server));
		char *one = kit_printf("%s%s%" JSON_INTEGER_FORMAT, text ? text : "",
				       text ? ", " : "weight ", weight);

		free(text);
		text = one;
	}
	return text ? text : kit_strdup("none");
}

json_t *weights_shown(const struct balancer *b, const json_t *before, const json_t *after)
{
	json_t *changes = json_array();

	for (size_t j = 0; j < b->states[0].n; j++) {
		const char *server = b->states[0].list[j].name;
		char *what, *was, *wanted;

		if (!json_object_get(json_object_get(after, b->sockets[0].text), server))
			continue;
		what = kit_printf("%s/%s", b->backend, server);
		was = weights_text(before, server);
		wanted = weights_text(after, server);
		if (strcmp(was, wanted) != 0)
			json_array_append_new(changes, json_pack("{s:s, s:s, s:s}", "what", what,
								 "before", was, "after", wanted));
		free(what);
		free(was);
		free(wanted);
	}
	return changes;
}
