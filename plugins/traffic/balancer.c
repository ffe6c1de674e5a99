/* SPDX-License-Identifier: Apache-2.0 */
/* One operation on the backend of one or more HAProxy processes; see balancer.h. */
#include "traffic/balancer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN_MS 250 /* before the call's deadline, to end it ourselves with a reason */

const struct cut_param balancer_connection_params[] = {
	{"sockets", CUT_T_LIST, CUT_P_REQUIRED, NULL, "string",
	 "runtime sockets (stats socket … level admin) of every HAProxy process: path or ip:port"},
	{"backend", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL, "backend with the servers"},
	{0},
};

static void send_next(struct balancer *b);

static void drop_script(struct balancer *b)
{
	for (size_t i = 0; i < b->n_script; i++)
		free(b->script[i].text);
	free(b->script);
	b->script = NULL;
	b->n_script = b->next = 0;
}

void balancer_end(struct balancer *b, enum cut_status status, json_t *data, const char *fmt, ...)
{
	struct cut_call *call = b->call;
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	haproxy_ask_cancel(b->ask);
	drop_script(b);
	for (size_t i = 0; i < b->n_sockets; i++) {
		free(b->sockets[i].text);
		free(b->lost[i]);
		state_done(&b->states[i]);
	}
	free(b->sockets);
	free(b->states);
	free(b->lost);
	free(b->backend);
	b->free(b);
	kit_done(call, status, data, "%s", text);
	free(text);
}

void balancer_cancel(struct cut_call *call)
{
	struct balancer *b = call->data;

	balancer_end(b, CUT_CANCELED, NULL,
		     b->changes ? "canceled after some of the changes"
				: "canceled before any change");
}

/* How a call ends that cannot reach a proxy: whether something may have been changed decides. */
static enum cut_status status_of_silence(const struct balancer *b, bool may_have_landed)
{
	switch (b->op) {
	case KIT_OBSERVE: return CUT_UNKNOWN;
	case KIT_APPLY: return may_have_landed ? CUT_UNKNOWN : b->changes ? CUT_FAIL : CUT_RETRY;
	case KIT_PLAN:
	case KIT_VERIFY:
	case KIT_ROLLBACK: break;
	}
	return CUT_FAIL;
}

static void on_deadline(struct cut_call *call)
{
	struct balancer *b = call->data;

	balancer_end(b, status_of_silence(b, b->changes > 0), NULL,
		     "the time of this call was over before all of HAProxy had answered");
}

/* Names go into commands: a blank, a semicolon or a line end would start another one. */
static bool is_plain_name(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-_.:")];
}

static int open_connection(struct balancer *b, struct kit_why *why)
{
	const char *name = json_string_value(json_object_get(b->call->params, "balancer"));
	const json_t *connection = b->call->api->connection(b->call, name ? name : "");
	const char *backend = json_string_value(json_object_get(connection, "backend"));
	const json_t *sockets = json_object_get(connection, "sockets");
	size_t i, n = json_array_size(sockets);

	if (!backend || n == 0)
		return kit_why(why, -EINVAL,
			       "%s is not a connection of this plugin with sockets and a backend",
			       name ? name : "balancer");
	if (!is_plain_name(backend))
		return kit_why(why, -EINVAL, "%s is not the name of a backend", backend);
	b->backend = kit_strdup(backend);
	b->sockets = kit_new_array(struct haproxy_socket, n);
	b->states = kit_new_array(struct state, n);
	b->lost = kit_new_array(char *, n);
	for (i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(sockets, i));
		int r = haproxy_socket_parse(text ? text : "", &b->sockets[i], why);

		if (r < 0)
			return r;
		b->n_sockets++;
	}
	return 0;
}

bool balancer_open(struct balancer *b, struct cut_call *call, void (*free_fn)(struct balancer *))
{
	int64_t left = call->deadline - call->api->now(call);
	struct kit_why why;

	b->call = call;
	b->op = kit_op(call);
	b->free = free_fn;
	call->data = b;
	if (!call->saved && (b->op == KIT_ROLLBACK || b->op == KIT_OBSERVE)) {
		balancer_end(b, b->op == KIT_ROLLBACK ? CUT_OK : CUT_RETRY, NULL,
			     "nothing was saved, so nothing was changed");
		return false;
	}
	if (open_connection(b, &why) < 0) {
		balancer_end(b, CUT_FAIL, NULL, "%s", why.text);
		return false;
	}
	call->api->after(call, left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2, on_deadline);
	return true;
}

static struct balancer_command *add(struct balancer *b, size_t at, char *text)
{
	struct balancer_command *command;

	b->script = kit_realloc(b->script, b->n_script + 1, sizeof(*b->script));
	command = &b->script[b->n_script++];
	*command = (struct balancer_command){.socket = at, .text = text, .balancer = b};
	return command;
}

void balancer_add(struct balancer *b, size_t at, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	add(b, at, text);
}

void balancer_add_question(struct balancer *b, size_t at, const char *text,
			   int (*take)(struct balancer_command *, const char *, struct kit_why *))
{
	add(b, at, kit_strdup(text))->take = take;
}

/* What an operator can do about HAProxy's own words. */
static const char *advice(const char *reply)
{
	static const struct {
		const char *says, *advice;
	} known[] = {
		{"Permission denied", "; the socket needs `level admin` in haproxy.cfg"},
		{"Backend is using a static LB algorithm",
		 "; use `balance roundrobin`, `random` or `leastconn`, or `hash-type consistent`"},
		{"No such server", "; its configuration is not the one that was read"},
		{"Unknown command", "; is it HAProxy 2.0 or later?"},
	};

	for (size_t i = 0; i < KIT_ARRAY_LEN(known); i++)
		if (strstr(reply, known[i].says))
			return known[i].advice;
	return "";
}

static void end_refused(struct balancer *b, const struct balancer_command *command,
			const char *reply)
{
	balancer_end(b, CUT_FAIL, NULL, "HAProxy at %s refuses `%s`: %.*s%s%s",
		     b->sockets[command->socket].text, command->text, (int)strcspn(reply, "\n"),
		     reply, advice(reply),
		     b->changes ? "; what was changed before it stands until the rollback" : "");
}

/* A rollback helps those proxies that it can reach; anything else stops here. */
static void on_silence(struct balancer *b, const struct balancer_command *command, int error,
		       bool sent)
{
	const char *socket = b->sockets[command->socket].text;
	struct kit_why why;

	kit_why(&why, error, "HAProxy at %s cannot be reached: %s", socket,
		error == -ETIMEDOUT ? "no answer in 2 s" : strerror(-error));
	if (b->op != KIT_ROLLBACK) {
		balancer_end(b, status_of_silence(b, command->take ? b->changes > 0 : sent), NULL,
			     "%s%s", why.text,
			     error == -ENOENT || error == -ECONNREFUSED
				     ? "; is it running, and is this its runtime socket?"
			     : error == -EACCES
				     ? "; let the user who runs cutover write to it (user, group "
				       "and mode of `stats socket`)"
				     : "");
		return;
	}
	b->call->api->note(b->call, 3, "%s", why.text);
	b->lost[command->socket] = kit_strdup(why.text);
	state_done(&b->states[command->socket]);
	send_next(b);
}

void balancer_end_rollback(struct balancer *b, const char *text)
{
	const char *first = NULL;
	size_t lost = 0;

	for (size_t i = 0; i < b->n_sockets; i++) {
		lost += b->lost[i] != NULL;
		first = first ? first : b->lost[i];
	}
	if (first)
		balancer_end(b, CUT_FAIL, NULL,
			     "%s; start it, or take it out of service, then retry%s%s", first,
			     lost < b->n_sockets ? "; at the others " : "",
			     lost < b->n_sockets ? text : "");
	else
		balancer_end(b, CUT_OK, NULL, "%s", text);
}

static void on_reply(void *data, int error, bool sent, const char *reply)
{
	struct balancer *b = data;
	struct balancer_command *command = &b->script[b->next];
	const char *socket = b->sockets[command->socket].text;
	struct kit_why why;

	b->ask = NULL;
	if (error) {
		on_silence(b, command, error, sent);
		return;
	}
	if (!command->take && reply[strspn(reply, " \n")]) {
		end_refused(b, command, reply);
		return;
	}
	if (!command->take) {
		b->changes++;
	} else if (command->take(command, reply, &why) < 0) {
		balancer_end(b, CUT_FAIL, NULL, "HAProxy at %s: %s", socket, why.text);
		return;
	}
	b->next++;
	send_next(b);
}

static void send_next(struct balancer *b)
{
	while (b->next < b->n_script && b->lost[b->script[b->next].socket])
		b->next++;
	if (b->next == b->n_script) {
		drop_script(b);
		b->then(b);
		return;
	}
	b->ask = haproxy_ask_start(b->call->api->loop(b->call),
				   &b->sockets[b->script[b->next].socket], b->script[b->next].text,
				   on_reply, b);
}

void balancer_send(struct balancer *b, void (*then)(struct balancer *))
{
	b->then = then;
	send_next(b);
}

static int take_servers(struct balancer_command *command, const char *reply, struct kit_why *why)
{
	struct balancer *b = command->balancer;

	return state_read_servers(&b->states[command->socket], b->backend, reply, why);
}

static int take_stat(struct balancer_command *command, const char *reply, struct kit_why *why)
{
	struct balancer *b = command->balancer;

	return state_read_stat(&b->states[command->socket], b->backend, reply, why);
}

/* A plan finds before the window what would be refused in it. */
static int take_level(struct balancer_command *command, const char *reply, struct kit_why *why)
{
	bool admin = strncmp(reply, "operator\n", 9) != 0 && strncmp(reply, "user\n", 5) != 0;

	return admin ? 0
		     : kit_why(why, -EACCES,
			       "it would refuse changes at this socket, whose level is %.*s: it "
			       "needs `level admin` in haproxy.cfg",
			       (int)strcspn(reply, "\n"), reply);
}

void balancer_read(struct balancer *b, void (*then)(struct balancer *))
{
	char *servers = kit_printf("show servers state %s", b->backend);
	char *stat = kit_printf("show stat %s 6 -1", b->backend);

	for (size_t i = 0; i < b->n_sockets; i++) {
		balancer_add_question(b, i, servers, take_servers);
		balancer_add_question(b, i, stat, take_stat);
		if (b->op == KIT_PLAN)
			balancer_add_question(b, i, "show cli level", take_level);
	}
	free(servers);
	free(stat);
	balancer_send(b, then);
}

json_t *balancer_shares(const struct balancer *b)
{
	json_t *sum = json_object(), *one, *share;
	const char *name;

	for (size_t i = 0; i < b->n_sockets; i++) {
		one = state_shares(&b->states[i]);
		json_object_foreach (one, name, share) {
			double before = json_number_value(json_object_get(sum, name));

			json_object_set_new(sum, name,
					    json_real(before + json_number_value(share) /
								       (double)b->n_sockets));
		}
		json_decref(one);
	}
	return sum;
}
