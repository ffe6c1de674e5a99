/* SPDX-License-Identifier: Apache-2.0 */
/* The action `http`: one request, judged by status, body and JSON of the answer. A request that may
 * have changed something and whose answer is lost ends as unknown, never as failed. */
#include "steps/steps.h"

#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "steps/command.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
	RETRY_AFTER_DIGITS = 8,
	BODY_TOLD_BYTES = 200,
	BODY_KEPT_BYTES = 64 * 1024,
	JSON_KEPT_BYTES = 256 * 1024
};

static const struct cut_param params[] = {
	{"url", CUT_T_URL, CUT_P_REQUIRED, NULL, NULL, "http or https; certificates are verified"},
	{"method", CUT_T_STRING, 0, "GET", NULL, "GET and HEAD only read; all others write"},
	{"headers", CUT_T_MAP, 0, NULL, NULL, "Name: text, or Name: {secret: name}"},
	{"body", CUT_T_STRING, 0, NULL, NULL, "sent as it is"},
	{"json", CUT_T_JSON, 0, NULL, NULL, "sent as application/json, in place of body"},
	{"expect", CUT_T_MAP, 0, NULL, NULL,
	 "{status: [200], json: {pointer: value}, body_contains: text}; all must hold"},
	{"follow", CUT_T_BOOL, 0, "false", NULL, "follow up to 5 redirects to the same host"},
	{"auth", CUT_T_MAP, 0, NULL, "secret",
	 "{bearer: secret} or {basic: secret with name:password}"},
	{"ca_file", CUT_T_STRING, CUT_P_PATH, NULL, NULL,
	 "certificates to trust, else the system's"},
	{"idempotency_header", CUT_T_STRING, 0, NULL, NULL,
	 "header that carries the step's key, where the server drops repetitions"},
	{0},
};

static const struct cut_param outputs[] = {
	{"status", CUT_T_INT, 0, NULL, NULL, "200 …"},
	{"headers", CUT_T_MAP, 0, NULL, NULL, "by name in lower case"},
	{"body", CUT_T_STRING, 0, NULL, NULL, "first 64 KiB"},
	{"json", CUT_T_JSON, 0, NULL, NULL, "the body, where it is JSON"},
	{0},
};

static const char *method_of(const struct cut_call *call)
{
	return cut_json_str(call->params, "method", "GET");
}

static bool only_reads(const struct cut_call *call)
{
	return !strcmp(method_of(call), "GET") || !strcmp(method_of(call), "HEAD");
}

static void end(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void end(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	call->api->done(call, status, cut_buf_str(&text), data);
}

static const char *skip_status_lines(const char *headers)
{
	const char *next;

	/* After a 100 or a redirect there are several blocks: the last one counts. */
	while ((next = strstr(headers, "\r\n\r\n")) && next[4])
		headers = next + 4;
	next = strstr(headers, "\r\n");
	return next ? next + 2 : "";
}

static void add_header(json_t *map, const char *line, size_t len)
{
	cut_auto(cut_buf) struct cut_buf name = {0}, value = {0};
	const char *colon = memchr(line, ':', len);
	const char *before;

	if (!colon)
		return;
	cut_utf8_add_clean(&name, line, (size_t)(colon - line));
	for (size_t i = 0; i < name.len; i++)
		name.data[i] = (char)tolower((unsigned char)name.data[i]);
	before = cut_json_str(map, cut_buf_str(&name), NULL);
	if (before)
		cut_buf_printf(&value, "%s, ", before);
	for (colon++; colon < line + len && *colon == ' ';)
		colon++;
	cut_utf8_add_clean(&value, colon, (size_t)(line + len - colon));
	json_object_set_new(map, cut_buf_str(&name), json_string(cut_buf_str(&value)));
}

static json_t *read_headers(const char *headers)
{
	json_t *map = json_object();

	headers = skip_status_lines(headers);
	while (*headers) {
		size_t len = strcspn(headers, "\r\n");

		add_header(map, headers, len);
		headers += len;
		headers += strspn(headers, "\r\n");
	}
	return map;
}

static json_t *read_outputs(const struct cut_http_reply *reply, json_t *parsed)
{
	size_t len = reply->body_len < BODY_KEPT_BYTES ? reply->body_len : BODY_KEPT_BYTES;
	cut_auto(cut_buf) struct cut_buf body = {0};

	cut_utf8_add_clean(&body, reply->body, len);
	return json_pack("{s:i, s:o, s:s, s:O*}", "status", (int)reply->status, "headers",
			 read_headers(reply->headers), "body", cut_buf_str(&body), "json",
			 reply->body_len <= JSON_KEPT_BYTES ? parsed : NULL);
}

static bool is_expected_status(const json_t *expect, long status)
{
	const json_t *codes = json_object_get(expect, "status"), *code;
	size_t i;

	if (!codes)
		return status == 200;
	if (json_is_integer(codes))
		return json_integer_value(codes) == status;
	json_array_foreach (codes, i, code)
		if (json_integer_value(code) == status)
			return true;
	return false;
}

/* Numbers by value: 1 and 1.0 are the same. */
static bool is_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

/* NULL: all as expected; else why not, owned by the caller. */
static char *find_difference(const json_t *expect, const struct cut_http_reply *reply,
			     const json_t *parsed)
{
	const char *part = cut_json_str(expect, "body_contains", NULL), *pointer;
	json_t *want;

	if (part && !memmem(reply->body, reply->body_len, part, strlen(part)))
		return cut_printf("the body does not contain \"%s\"", part);
	json_object_foreach (json_object_get(expect, "json"), pointer, want) {
		const json_t *got = parsed ? cut_json_at(parsed, pointer) : NULL;
		cut_auto(cut_str) char *is = NULL, *should = NULL;

		if (got && is_same(got, want))
			continue;
		is = cut_json_text(got, 0);
		should = cut_json_text(want, 0);
		return cut_printf("%s is %s, expected %s", pointer,
				  is	   ? is
				  : parsed ? "not there"
					   : "not there: the body is no JSON",
				  should);
	}
	return NULL;
}

/* Seconds, where a server that is busy says for how long; -1: it does not, or names a date. */
static int read_retry_after(const struct cut_http_reply *reply)
{
	cut_auto(cut_json) json_t *headers = NULL;
	const char *text;
	int seconds = 0;

	if (reply->status != 429 && reply->status != 503)
		return -1;
	headers = read_headers(reply->headers);
	text = cut_json_str(headers, "retry-after", "");
	if (!*text || strlen(text) > RETRY_AFTER_DIGITS || text[strspn(text, "0123456789")])
		return -1;
	for (; *text; text++)
		seconds = seconds * 10 + (*text - '0');
	return seconds;
}

/* An answer that is not the expected one. Gateways say 502 and 504 when they lost the answer of a
 * server that may have done the work. */
static enum cut_status status_of_answer(const struct cut_call *call, long status)
{
	if (only_reads(call))
		return status >= 500 || status == 429 ? CUT_RETRY : CUT_FAIL;
	return status == 502 || status == 504 ? CUT_UNKNOWN : CUT_FAIL;
}

static void end_unexpected(struct cut_call *call, const struct cut_http_reply *reply)
{
	size_t len = reply->body_len < BODY_TOLD_BYTES ? reply->body_len : BODY_TOLD_BYTES;
	int wait_s = read_retry_after(reply);
	cut_auto(cut_buf) struct cut_buf told = {0};
	cut_auto(cut_str) char *asks =
		wait_s < 0 ? NULL : cut_printf(", and asks for %d s", wait_s);

	cut_utf8_add_clean(&told, reply->body, len);
	end(call, status_of_answer(call, reply->status),
	    wait_s < 0 ? NULL : json_pack("{s:i}", "retry_after_s", wait_s),
	    "%s answered %ld, which is not expected%s%s%s%s", method_of(call), reply->status,
	    reply->status >= 300 && reply->status < 400
		    ? " (redirects are followed with `follow: true`, and on the same host)"
		    : "",
	    asks ? asks : "", told.len ? ": " : "", cut_buf_str(&told));
}

static void judge(struct cut_call *call, const struct cut_http_reply *reply)
{
	const json_t *expect = json_object_get(call->params, "expect");
	cut_auto(cut_json) json_t *parsed = NULL;
	cut_auto(cut_str) char *why = NULL;

	if (reply->body_len)
		cut_json_parse(reply->body, reply->body_len, "the body", &parsed, NULL);
	if (!is_expected_status(expect, reply->status)) {
		end_unexpected(call, reply);
		return;
	}
	why = find_difference(expect, reply, parsed);
	if (why)
		end(call, only_reads(call) ? CUT_RETRY : CUT_FAIL, NULL, "%s", why);
	else
		call->api->done(call, CUT_OK, NULL, read_outputs(reply, parsed));
}

/* Its status is all that is known of an answer that is too large to be read. */
static void judge_status(struct cut_call *call, const struct cut_http_reply *reply)
{
	bool good = is_expected_status(json_object_get(call->params, "expect"), reply->status);

	end(call, good ? CUT_UNKNOWN : status_of_answer(call, reply->status), NULL,
	    "%s answered %ld, but %s", method_of(call), reply->status, reply->text);
}

static void on_reply(struct cut_call *call, const struct cut_http_reply *reply)
{
	bool lost = reply->sent && !only_reads(call);

	if (!reply->error)
		judge(call, reply);
	else if (lost && reply->error == -E2BIG && reply->status)
		judge_status(call, reply);
	else if (lost)
		end(call, CUT_UNKNOWN, NULL, "sent, but no answer came: %s", reply->text);
	else if (reply->error == -ECANCELED)
		end(call, CUT_CANCELED, NULL, "canceled before anything was changed");
	else
		end(call,
		    reply->error == -EACCES || reply->error == -EINVAL || reply->error == -E2BIG
			    ? CUT_FAIL
			    : CUT_RETRY,
		    NULL, "%s: %s", cut_json_str(call->params, "url", ""), reply->text);
}

/* Text, or the secret that {secret: name} means; NULL: there is none of that name. */
static const char *text_of(struct cut_call *call, const json_t *value, const char **ret_name)
{
	if (json_is_string(value))
		return json_string_value(value);
	*ret_name = cut_json_str(value, "secret", "");
	return call->api->secret(call, *ret_name);
}

/* "Name: value" of all headers; -ENOENT with *ret_name: no such secret. */
static int make_headers(struct cut_call *call, struct command_list *ret, const char **ret_name)
{
	const json_t *p = call->params;
	const char *bearer = cut_json_str(json_object_get(p, "auth"), "bearer", NULL);
	const char *idempotency = cut_json_str(p, "idempotency_header", NULL);
	const char *name, *text;
	json_t *value;

	json_object_foreach (json_object_get(p, "headers"), name, value) {
		text = text_of(call, value, ret_name);
		if (!text)
			return -ENOENT;
		if (strpbrk(text, "\r\n"))
			return -EINVAL;
		command_list_add(ret, cut_printf("%s: %s", name, text));
	}
	if (bearer) {
		*ret_name = bearer;
		text = call->api->secret(call, bearer);
		if (!text)
			return -ENOENT;
		command_list_add(ret, cut_printf("Authorization: Bearer %s", text));
	}
	if (json_object_get(p, "json"))
		command_list_add(ret, cut_strdup("Content-Type: application/json"));
	if (idempotency)
		command_list_add(ret, cut_printf("%s: %s", idempotency, call->key));
	return 0;
}

static void http_apply(struct cut_call *call)
{
	const json_t *p = call->params, *json = json_object_get(p, "json");
	const char *basic = cut_json_str(json_object_get(p, "auth"), "basic", NULL);
	const char *user = basic ? call->api->secret(call, basic) : NULL, *missing = basic;
	cut_auto(cut_str) char *dumped = cut_json_text(json, 0);
	const char *body = dumped ? dumped : cut_json_str(p, "body", NULL);
	struct command_list headers = {0};
	int r = basic && !user ? -ENOENT : make_headers(call, &headers, &missing);

	if (r == 0)
		r = call->api->http(call,
				    &(struct cut_http_request){
					    .method = method_of(call),
					    .url = cut_json_str(p, "url", NULL),
					    .headers = headers.items,
					    .body = body,
					    .body_len = body ? strlen(body) : 0,
					    .ca_file = cut_json_str(p, "ca_file", NULL),
					    .user = user,
					    .follow = cut_json_bool(p, "follow", false),
				    },
				    on_reply);
	command_list_done(&headers);
	if (r == -ENOENT)
		end(call, CUT_FAIL, NULL, "there is no secret %s", missing);
	else if (r < 0)
		end(call, CUT_FAIL, NULL, "cannot send it: %s", strerror(-r));
}

static void http_plan(struct cut_call *call)
{
	end(call, CUT_OK, NULL, "would send %s %s", method_of(call),
	    cut_json_str(call->params, "url", ""));
}

static int http_check(const json_t *p, char *why, size_t len)
{
	static const char *const expected[] = {"status", "json", "body_contains"};
	const json_t *auth = json_object_get(p, "auth"), *value;
	const char *method = cut_json_str(p, "method", "GET"), *key;

	if (!*method || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")]) {
		snprintf(why, len, "the method is '%s'; methods are in capitals: GET, POST",
			 method);
		return -EINVAL;
	}
	json_object_foreach (json_object_get(p, "expect"), key, value) {
		bool known = false;

		for (size_t i = 0; i < CUT_ARRAY_LEN(expected); i++)
			known |= strcmp(expected[i], key) == 0;
		if (!known) {
			snprintf(why, len,
				 "expect has no '%s'; it may be status, json and "
				 "body_contains",
				 key);
			return -EINVAL;
		}
	}
	if (json_object_get(p, "body") && json_object_get(p, "json")) {
		snprintf(why, len, "body and json are given; leave one out");
		return -EINVAL;
	}
	if (auth && (json_object_size(auth) != 1 ||
		     !(cut_json_str(auth, "bearer", NULL) || cut_json_str(auth, "basic", NULL)))) {
		snprintf(why, len, "auth is {bearer: SECRET} or {basic: SECRET}");
		return -EINVAL;
	}
	return 0;
}

const struct cut_action step_http = {
	.name = "http",
	.help = "sends a request and judges the answer",
	.params = params,
	.outputs = outputs,
	.class = CUT_OPAQUE,
	.effects = CUT_WRITE | CUT_KEYS_BODY,
	.check = http_check,
	.plan = http_plan,
	.apply = http_apply,
};
