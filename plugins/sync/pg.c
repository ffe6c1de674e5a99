/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection; see pg.h.
 *
 *	resolving → connecting → settling → idle ⇄ asking
 *	     └───────────┴───────────┴────────┴──────┴──→ dead
 *
 * libpq may close and reopen its socket while it connects (next address, other encryption), so the
 * watch on it is taken away before each step and made anew after it. */
#include "sync/pg_received.h"
#include "sync/pg_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 10000,
	ANSWER_MS = 5000, /* for the way there and back, on top of what the server may take */
	REPORT_MS = 100,  /* kept of a call's time to say why there was no answer */
	ANSWER_MAX_BYTES = 64 << 20, /* libpq keeps an answer until its end */
};

/* Written out of the same rules on both sides, whatever the servers' own settings are: what is
 * compared as text must be written alike. row_security off: hidden rows are an error, not equal. */
static const char settle_sql[] =
	"select set_config('statement_timeout', $1, false), set_config('lock_timeout', '5s', "
	"false),"
	" set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO, YMD', false),"
	" set_config('intervalstyle', 'postgres', false),"
	" set_config('extra_float_digits', '3', false), set_config('bytea_output', 'hex', false),"
	" set_config('row_security', 'off', false), set_config('jit', 'off', false),"
	" set_config('max_parallel_workers_per_gather', '0', false),"
	" set_config('default_transaction_read_only', 'off', false),"
	" case when current_setting('server_version_num')::int >= 140000 then"
	" set_config('client_connection_check_interval', '1s', false) end";

static void proceed(struct pg *pg);

/* --- ends --- */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle);
}

static void unwatch(struct pg *pg)
{
	if (!pg->watch)
		return;
	uv_poll_stop(pg->watch);
	uv_close((uv_handle_t *)pg->watch, on_watch_closed);
	pg->watch = NULL;
}

void pg_free(struct pg *pg)
{
	free(pg->name);
	free(pg->statement_ms);
	dsn_free(pg->dsn);
	free(pg);
}

static void on_limit_closed(uv_handle_t *handle)
{
	struct pg *pg = kit_container((uv_timer_t *)handle, struct pg, limit);

	pg->closed = true;
	if (!pg->resolving)
		pg_free(pg);
}

static void disconnect(struct pg *pg)
{
	unwatch(pg);
	uv_timer_stop(&pg->limit);
	PQclear(pg->rows);
	pg->rows = NULL;
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->state = PG_DEAD;
}

void pg_drop(struct pg *pg)
{
	disconnect(pg);
	uv_close((uv_handle_t *)&pg->limit, on_limit_closed);
}

static void answer(struct pg *pg, const struct pg_reply *reply)
{
	pg_fn *fn = pg->fn;

	uv_timer_stop(&pg->limit);
	pg->fn = NULL;
	fn(pg->owner, reply);
}

static void tell_dead(struct pg *pg)
{
	const struct pg_reply reply = {
		.status = pg->dead, .sqlstate = "", .text = pg->why.text, .lost = true};

	answer(pg, &reply);
}

static void lose(struct pg *pg, enum cut_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The connection is gone: who waits for it is told now, who has it when it asks, the pool never. */
static void lose(struct pg *pg, enum cut_status status, const char *fmt, ...)
{
	int len = snprintf(pg->why.text, sizeof(pg->why.text), "connection %s: ", pg->name);
	va_list args;

	va_start(args, fmt);
	if (len > 0 && (size_t)len < sizeof(pg->why.text))
		vsnprintf(pg->why.text + len, sizeof(pg->why.text) - (size_t)len, fmt, args);
	va_end(args);
	pg->dead = status;
	disconnect(pg);
	if (pg->fn)
		tell_dead(pg);
	else if (!pg->call)
		pg->on_idle_lost(pg);
}

/* Servers that are not who they should be; no further attempt changes that. libpq has no codes for
 * them, only its words. */
static const struct {
	const char *words, *next;
} strangers[] = {
	{"certificate verify failed",
	 "has it expired, or did another CA than that of ca_file sign?"},
	{"does not match host name", "name the server in dsn as its certificate does"},
	{"does not support SSL", "switch TLS on there, or write sslmode=disable into dsn"},
	{"root certificate file", "ca_file names the certificate of the CA that the server's has"},
};

/* Takes "28P01: " out of "…: FATAL:  28P01: password …"; true: of a kind that trying again does not
 * change: who may not come in (28), or to where (3D). */
static bool take_sqlstate(char *line)
{
	char *code = strstr(line, ":  ");

	if (!code || strspn(code + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5 ||
	    strncmp(code + 8, ": ", 2) != 0)
		return false;
	code += 3;
	bool final = !strncmp(code, "28", 2) || !strncmp(code, "3D", 2);

	memmove(code, code + 7, strlen(code + 7) + 1);
	return final;
}

/* libpq's texts are of several lines: one an address that was tried, with hints and places in
 * between. Owned by the caller. */
static char *told_by_libpq(const struct pg *pg, bool *ret_final)
{
	static const char each[] = "connection to server ";
	char *all = kit_strdup(PQerrorMessage(pg->conn)), *rest = all, *line, *text = NULL;

	*ret_final = false;
	while ((line = strsep(&rest, "\n"))) {
		char *longer;

		if (text && strncmp(line, each, strlen(each)) != 0)
			continue;
		*ret_final |= take_sqlstate(line);
		longer = kit_printf("%s%s%s", text ? text : "", text ? "; " : "", line);
		free(text);
		text = longer;
	}
	free(all);
	return text;
}

static void lose_as_told(struct pg *pg)
{
	bool final;
	char *copy = told_by_libpq(pg, &final);

	for (size_t i = 0; copy && i < KIT_ARRAY_LEN(strangers); i++) {
		if (strstr(copy, strangers[i].words)) {
			lose(pg, CUT_FAIL, "%s; %s", copy, strangers[i].next);
			free(copy);
			return;
		}
	}
	lose(pg, final ? CUT_FAIL : CUT_RETRY, "%s",
	     copy && *copy ? copy : "the server closed the connection");
	free(copy);
}

/* --- time --- */

static void on_limit(uv_timer_t *timer)
{
	static const char *const doing[] = {
		[PG_RESOLVING] = "its address was not found",
		[PG_CONNECTING] = "the server did not let us in",
		[PG_SETTLING] = "the server did not answer",
		[PG_ASKING] = "the server did not answer",
	};
	struct pg *pg = kit_container(timer, struct pg, limit);
	const struct pg_reply ready = {.status = CUT_OK, .sqlstate = "", .text = ""};

	if (pg->state == PG_IDLE)
		answer(pg, &ready);
	else if (pg->state == PG_DEAD)
		tell_dead(pg);
	else
		lose(pg, CUT_RETRY, "%s within %.1f s", doing[pg->state],
		     (double)pg->limit_ms / 1000);
}

/* The shorter of its own limit and what the call has left. */
static void start_limit(struct pg *pg, int64_t ms)
{
	int64_t left = pg->call->deadline - pg->call->api->now(pg->call) - REPORT_MS;

	ms = ms < left ? ms : left;
	pg->limit_ms = ms > 1 ? ms : 1;
	uv_update_time(pg->loop);
	uv_timer_start(&pg->limit, on_limit, (uint64_t)pg->limit_ms, 0);
}

void pg_tell_soon(struct pg *pg)
{
	uv_timer_start(&pg->limit, on_limit, 0, 0);
}

/* --- the socket --- */

static void on_socket(uv_poll_t *watch, int status, int events)
{
	proceed(watch->data);
}

static void watch(struct pg *pg, int events)
{
	if (!pg->watch) {
		pg->watch = kit_new(uv_poll_t);
		if (uv_poll_init(pg->loop, pg->watch, PQsocket(pg->conn)) < 0) {
			free(pg->watch);
			pg->watch = NULL;
			lose(pg, CUT_RETRY, "its socket cannot be watched");
			return;
		}
		pg->watch->data = pg;
		uv_unref((uv_handle_t *)pg->watch);
	}
	uv_poll_start(pg->watch, events, on_socket);
}

/* The server said no: its code decides whether trying again may help. */
static void tell_refusal(struct pg *pg, const PGresult *rows, bool settled)
{
	static const char *const passing[] = {"08", "40", "53", "55", "57"};
	const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
	const char *said = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);
	struct kit_why why;
	struct pg_reply reply = {
		.status = CUT_FAIL, .sqlstate = state ? state : "", .text = why.text};

	for (size_t i = 0; i < KIT_ARRAY_LEN(passing); i++)
		if (!strncmp(reply.sqlstate, passing[i], 2))
			reply.status = CUT_RETRY;
	said = said ? said : "the server gave no reason";
	if (!settled) {
		lose(pg, reply.status, "%s", said);
		return;
	}
	kit_why(&why, 0, "connection %s: %s", pg->name, said);
	answer(pg, &reply);
}

static void tell_rows(struct pg *pg)
{
	PGresult *rows = pg->rows;
	ExecStatusType kind = PQresultStatus(rows);
	struct pg_reply reply = {.rows = rows, .status = CUT_OK, .sqlstate = "", .text = ""};
	bool settled = pg->state != PG_SETTLING;

	pg->rows = NULL;
	pg->state = PG_IDLE;
	if (PQstatus(pg->conn) != CONNECTION_OK)
		lose_as_told(pg);
	else if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK)
		tell_refusal(pg, rows, settled);
	else
		answer(pg, &reply);
	PQclear(rows);
}

static void read_rows(struct pg *pg)
{
	PGresult *rows;
	int r;

	if (!PQconsumeInput(pg->conn)) {
		lose_as_told(pg);
		return;
	}
	if (pg->state == PG_IDLE)
		return;
	if (pg_received_bytes(PQsocket(pg->conn)) - pg->asked_at_bytes > ANSWER_MAX_BYTES) {
		lose(pg, CUT_FAIL, "the server's answer is over %d MiB", ANSWER_MAX_BYTES >> 20);
		return;
	}
	r = PQflush(pg->conn);
	if (r < 0) {
		lose_as_told(pg);
		return;
	}
	watch(pg, r ? UV_READABLE | UV_WRITABLE : UV_READABLE);
	while (!PQisBusy(pg->conn)) {
		rows = PQgetResult(pg->conn);
		if (!rows) {
			tell_rows(pg);
			return;
		}
		PQclear(pg->rows);
		pg->rows = rows;
	}
}

/* --- getting in --- */

static void ask(struct pg *pg, enum pg_state state, const char *sql, int n,
		const char *const *values)
{
	const char *ms = pg->statement_ms;

	if (!PQsendQueryParams(pg->conn, sql, n, NULL, values, NULL, NULL, 0)) {
		kit_why(&pg->why, 0, "connection %s: the question could not be sent", pg->name);
		pg->dead = CUT_RETRY;
		disconnect(pg);
		pg_tell_soon(pg);
		return;
	}
	pg->state = state;
	pg->asked_at_bytes = pg_received_bytes(PQsocket(pg->conn));
	start_limit(pg, strtoll(ms, NULL, 10) + ANSWER_MS);
	watch(pg, UV_READABLE | UV_WRITABLE);
}

/* The first statement is our own: who waits for the connection hears of it as of connecting. */
static void settle(struct pg *pg)
{
	const char *values[] = {pg->statement_ms};

	dsn_free(pg->dsn);
	pg->dsn = NULL;
	PQsetnonblocking(pg->conn, 1);
	ask(pg, PG_SETTLING, settle_sql, 1, values);
}

static void connect_on(struct pg *pg)
{
	unwatch(pg);
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING: watch(pg, UV_READABLE); break;
	case PGRES_POLLING_WRITING: watch(pg, UV_WRITABLE); break;
	case PGRES_POLLING_OK: settle(pg); break;
	default: lose_as_told(pg); break;
	}
}

static void proceed(struct pg *pg)
{
	if (pg->state == PG_CONNECTING)
		connect_on(pg);
	else
		read_rows(pg);
}

static void ignore_notice(void *data, const PGresult *notice)
{
}

static void connect_begin(struct pg *pg)
{
	pg->state = PG_CONNECTING;
	pg->conn = PQconnectStartParams(dsn_keywords(pg->dsn), dsn_values(pg->dsn), 0);
	if (!pg->conn)
		abort();
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		lose_as_told(pg);
		return;
	}
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* with SQLSTATE, in any language */
	watch(pg, UV_WRITABLE);
}

static void resolve(uv_work_t *work)
{
	struct pg *pg = kit_container(work, struct pg, resolve);

	if (dsn_resolve(pg->dsn, &pg->unresolved) == 0)
		pg->unresolved.text[0] = '\0';
}

static void on_resolved(uv_work_t *work, int status)
{
	struct pg *pg = kit_container(work, struct pg, resolve);

	pg->resolving = false;
	if (pg->closed)
		pg_free(pg);
	else if (pg->state == PG_DEAD)
		return; /* its time was up, or nobody wants it any more */
	else if (pg->unresolved.text[0])
		lose(pg, CUT_RETRY, "%s", pg->unresolved.text);
	else
		connect_begin(pg);
}

void pg_begin(struct pg *pg)
{
	pg->state = PG_RESOLVING;
	pg->resolving = true;
	uv_queue_work(pg->loop, &pg->resolve, resolve, on_resolved);
	start_limit(pg, CONNECT_MS);
}

void pg_ask(struct pg *pg, const char *sql, int n, const char *const *values, pg_fn *fn,
	    void *owner)
{
	pg->fn = fn;
	pg->owner = owner;
	if (pg->state == PG_IDLE)
		ask(pg, PG_ASKING, sql, n, values);
	else
		pg_tell_soon(pg);
}
