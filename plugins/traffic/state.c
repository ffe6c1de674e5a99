/* SPDX-License-Identifier: Apache-2.0 */
/* Reading HAProxy's replies; see state.h. */
#include "traffic/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SERVERS 4096
#define MAX_FIELDS  256

struct field {
	const char *text;
	size_t len;
};

void state_done(struct state *state)
{
	free(state->list);
	*state = (struct state){0};
}

struct state_server *state_find(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->n; i++)
		if (strcmp(state->list[i].name, name) == 0)
			return &state->list[i];
	return NULL;
}

const char *state_admin_word(unsigned admin)
{
	return admin & STATE_MAINT ? "maint" : admin & STATE_DRAIN ? "drain" : "ready";
}

/* Splits one line; a field of a CSV may stand in quotes. Returns the start of the next line. */
static const char *split(const char *line, char separator, struct field *fields, size_t *ret_n)
{
	size_t n = 0, len = strcspn(line, "\n");
	const char *p = line, *end = line + len;

	while (p <= end && n < MAX_FIELDS) {
		const char *start = p;

		if (p < end && *p == '"') {
			start = ++p;
			while (p < end && *p != '"')
				p++;
			fields[n++] = (struct field){start, (size_t)(p - start)};
			while (p < end && *p != separator)
				p++;
		} else {
			while (p < end && *p != separator)
				p++;
			fields[n++] = (struct field){start, (size_t)(p - start)};
		}
		p++;
	}
	*ret_n = n;
	return *end ? end + 1 : end;
}

static bool is(const struct field *field, const char *text)
{
	return field->len == strlen(text) && memcmp(field->text, text, field->len) == 0;
}

/* The column of each wanted heading. -EPROTO: one is not there. */
static int columns(const struct field *heading, size_t n, const char *const *wanted, size_t *ret,
		   size_t n_wanted, struct kit_why *why)
{
	for (size_t i = 0; i < n_wanted; i++) {
		for (ret[i] = 0; ret[i] < n && !is(&heading[ret[i]], wanted[i]); ret[i]++)
			;
		if (ret[i] == n)
			return kit_why(why, -EPROTO,
				       "HAProxy does not tell %s of its servers: is this version "
				       "2.0 or later, and the socket one of HAProxy?",
				       wanted[i]);
	}
	return 0;
}

static void copy(char *to, size_t size, const struct field *field)
{
	snprintf(to, size, "%.*s", (int)(field->len < size ? field->len : size - 1), field->text);
}

static unsigned long number(const struct field *field)
{
	char text[24];

	copy(text, sizeof(text), field);
	return strtoul(text, NULL, 10);
}

static const char *first_line(const char *text, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)strcspn(text, "\r\n"), text);
	return *buf ? buf : "nothing";
}

int state_read_servers(struct state *ret, const char *backend, const char *text,
		       struct kit_why *why)
{
	static const char *const wanted[] = {"be_name", "srv_name", "srv_admin_state",
					     "srv_uweight", "srv_iweight"};
	size_t column[KIT_ARRAY_LEN(wanted)], n, i;
	struct field fields[MAX_FIELDS];
	struct state state = {0};
	char line[80];
	int r;

	if (strncmp(text, "Can't find backend", 18) == 0)
		return kit_why(why, -ENOENT,
			       "it has no backend %s: `show backend` at this socket lists them",
			       backend);
	if (strncmp(text, "1\n# ", 4) != 0)
		return kit_why(why, -EPROTO,
			       "it answers %s to `show servers state`: is this a runtime socket "
			       "(`stats socket`)?",
			       first_line(text, line, sizeof(line)));
	text = split(text + 4, ' ', fields, &n);
	r = columns(fields, n, wanted, column, KIT_ARRAY_LEN(wanted), why);
	if (r < 0)
		return r;
	while (*text && *text != '\n') {
		struct state_server *server;

		text = split(text, ' ', fields, &n);
		for (i = 0; i < KIT_ARRAY_LEN(wanted); i++)
			if (column[i] >= n)
				break;
		if (i < KIT_ARRAY_LEN(wanted) || !is(&fields[column[0]], backend) ||
		    fields[column[1]].len >= STATE_NAME_LEN || state.n == MAX_SERVERS)
			continue;
		state.list = kit_realloc(state.list, state.n + 1, sizeof(*state.list));
		server = &state.list[state.n++];
		*server = (struct state_server){.admin = (unsigned)number(&fields[column[2]]),
						.weight = (unsigned)number(&fields[column[3]]),
						.configured = (unsigned)number(&fields[column[4]])};
		copy(server->name, sizeof(server->name), &fields[column[1]]);
	}
	state_done(ret);
	*ret = state;
	return state.n ? 0 : kit_why(why, -ENOENT, "its backend %s has no servers", backend);
}

static void read_row(struct state *state, const struct field *fields, const size_t *column)
{
	char name[STATE_NAME_LEN];
	struct state_server *server;

	if (is(&fields[column[1]], "BACKEND")) {
		copy(state->algorithm, sizeof(state->algorithm), &fields[column[7]]);
		return;
	}
	copy(name, sizeof(name), &fields[column[1]]);
	server = state_find(state, name);
	if (!server)
		return;
	copy(server->status, sizeof(server->status), &fields[column[2]]);
	server->up =
		strncmp(server->status, "UP", 2) == 0 || strcmp(server->status, "no check") == 0;
	server->current = number(&fields[column[3]]);
	server->queued = number(&fields[column[4]]);
	server->backup = number(&fields[column[5]]) > 0;
	server->sticky = fields[column[6]].len > 0;
}

int state_read_stat(struct state *state, const char *backend, const char *text, struct kit_why *why)
{
	static const char *const wanted[] = {"pxname", "svname", "status", "scur",
					     "qcur",   "bck",	 "cookie", "algo"};
	size_t column[KIT_ARRAY_LEN(wanted)], n, i;
	struct field fields[MAX_FIELDS];
	char line[80];
	int r;

	if (strncmp(text, "# ", 2) != 0)
		return kit_why(why, -EPROTO, "it answers %s to `show stat`",
			       first_line(text, line, sizeof(line)));
	text = split(text + 2, ',', fields, &n);
	r = columns(fields, n, wanted, column, KIT_ARRAY_LEN(wanted), why);
	if (r < 0)
		return r;
	while (*text && *text != '\n') {
		text = split(text, ',', fields, &n);
		for (i = 0; i < KIT_ARRAY_LEN(wanted); i++)
			if (column[i] >= n)
				break;
		if (i == KIT_ARRAY_LEN(wanted) && is(&fields[column[0]], backend))
			read_row(state, fields, column);
	}
	return 0;
}

/* The value behind " key=" in a line of `show sess`. */
static struct field value_of(const char *line, size_t len, const char *key)
{
	const char *p = memmem(line, len, key, strlen(key));
	const char *end = line + len;
	struct field value = {NULL, 0};

	if (!p)
		return value;
	value.text = p + strlen(key);
	while (value.text + value.len < end && value.text[value.len] != ' ')
		value.len++;
	return value;
}

double state_oldest_session(const char *text, const char *backend, const char *server)
{
	double oldest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		struct field be = value_of(text, len, " be="), srv = value_of(text, len, " srv="),
			     age = value_of(text, len, " age=");
		char buf[32];
		double seconds;

		if (be.text && srv.text && age.text && is(&be, backend) && is(&srv, server)) {
			copy(buf, sizeof(buf), &age);
			if (kit_duration_parse(buf, &seconds) && seconds > oldest)
				oldest = seconds;
		}
		text += len + (text[len] == '\n');
	}
	return oldest;
}

json_t *state_shares(const struct state *state)
{
	json_t *shares = json_object();
	unsigned long sum = 0;

	for (size_t i = 0; i < state->n; i++)
		if (state->list[i].up && !state->list[i].backup)
			sum += state->list[i].weight;
	for (size_t i = 0; i < state->n; i++) {
		const struct state_server *s = &state->list[i];
		bool counts = s->up && !s->backup && sum;

		json_object_set_new(shares, s->name,
				    json_real(counts ? (double)s->weight / (double)sum : 0));
	}
	return shares;
}
