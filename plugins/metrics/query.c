/* SPDX-License-Identifier: Apache-2.0 */
/* The meter `query`: the one value of an instant query, and how old it is. The answer's form is
 * that of Prometheus' HTTP API v1. */
#include "metrics/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 256 * 1024, SHOWN_BYTES = 200 };

#define LATEST_S 253402300799.0 /* the end of the year 9999 */

struct query {
	double value, at_s; /* of the query, once it is known */
	bool asked_age;
};

/* What an answer says. */
struct answer {
	enum { ANSWER_VALUE, ANSWER_NONE, ANSWER_BAD } kind;
	double value, at_s;
	char why[512];
};

static char *url_encode(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = kit_calloc(strlen(text) * 3 + 1, 1), *to = out;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return out;
}

static char *query_url(const char *base, const char *query)
{
	char *encoded = url_encode(query);
	size_t len = strlen(base);
	char *url;

	while (len && base[len - 1] == '/')
		len--;
	url = kit_printf("%.*s/api/v1/query?query=%s", (int)len, base, encoded);
	free(encoded);
	return url;
}

static struct answer bad(const char *why)
{
	struct answer answer = {.kind = ANSWER_BAD};

	snprintf(answer.why, sizeof(answer.why), "%s", why);
	return answer;
}

/* [seconds, "number"] */
static struct answer read_point(const json_t *point)
{
	const json_t *at = json_array_get(point, 0);
	const char *text = json_string_value(json_array_get(point, 1));
	struct answer answer = {.kind = ANSWER_VALUE};
	char *end;

	if (!json_is_number(at) || !text || !*text)
		return bad("a value in its answer is not [time, \"number\"]");
	answer.at_s = json_number_value(at);
	if (!(answer.at_s >= 0 && answer.at_s <= LATEST_S))
		return bad("the time of a value in its answer cannot be");
	answer.value = strtod(text, &end);
	return *end ? bad("a value in its answer is no number") : answer;
}

static struct answer many_series(const json_t *result)
{
	char *one = json_dumps(json_object_get(json_array_get(result, 0), "metric"), JSON_COMPACT);
	char *two = json_dumps(json_object_get(json_array_get(result, 1), "metric"), JSON_COMPACT);
	struct answer answer = {.kind = ANSWER_BAD};

	snprintf(answer.why, sizeof(answer.why),
		 "the query gave %zu series, as %.*s and %.*s; narrow it down to one or aggregate",
		 json_array_size(result), SHOWN_BYTES / 2, one ? one : "?", SHOWN_BYTES / 2,
		 two ? two : "?");
	free(one);
	free(two);
	return answer;
}

/* What else came in its place, such as a page to log in. */
static struct answer not_json(const char *body, size_t len)
{
	struct answer answer = {.kind = ANSWER_BAD};

	snprintf(answer.why, sizeof(answer.why), "its answer is not JSON: %.*s",
		 len < SHOWN_BYTES ? (int)len : SHOWN_BYTES, body);
	return answer;
}

static struct answer read_body(const char *body, size_t len)
{
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *data = json_object_get(root, "data");
	const json_t *result = json_object_get(data, "result");
	const char *status = json_string_value(json_object_get(root, "status"));
	const char *type = json_string_value(json_object_get(data, "resultType"));
	struct answer answer;

	if (!len)
		answer = bad("its answer is empty");
	else if (!root)
		answer = not_json(body, len);
	else if (!status || strcmp(status, "success"))
		answer = bad("it did not say success");
	else if (type && !strcmp(type, "scalar"))
		answer = read_point(result);
	else if (!type || strcmp(type, "vector") || !json_is_array(result))
		answer = bad(
			"its answer is neither a vector nor a scalar; ask for an instant value");
	else if (json_array_size(result) > 1)
		answer = many_series(result);
	else if (json_array_size(result) == 0)
		answer = (struct answer){.kind = ANSWER_NONE};
	else
		answer = read_point(json_object_get(json_array_get(result, 0), "value"));
	json_decref(root);
	return answer;
}

/* The reason that Prometheus gives with a status of 4xx or 5xx; else the start of the body. */
static struct answer read_refusal(const struct cut_http_reply *reply)
{
	json_t *root = json_loadb(reply->body, reply->body_len, 0, NULL);
	const char *said = json_string_value(json_object_get(root, "error"));
	struct answer answer = {.kind = ANSWER_BAD};

	snprintf(answer.why, sizeof(answer.why), "it answered %ld%s%s%.*s", reply->status,
		 reply->status == 401 || reply->status == 403 ? ", see `auth` of the connection"
		 : reply->status >= 300 && reply->status < 400
			 ? ", a redirect elsewhere: give the url it leads to"
			 : "",
		 said || *reply->body ? ": " : "", SHOWN_BYTES, said ? said : reply->body);
	json_decref(root);
	return answer;
}

static struct answer read_reply(const struct cut_http_reply *reply)
{
	if (reply->error)
		return bad(reply->text);
	if (reply->status != 200)
		return read_refusal(reply);
	return read_body(reply->body, reply->body_len);
}

static const json_t *source_of(struct cut_call *call)
{
	const json_t *name = json_object_get(call->params, "source");

	return call->api->connection(call, json_string_value(name));
}

static void fail(struct cut_call *call, const char *why)
{
	const char *url = json_string_value(json_object_get(source_of(call), "url"));

	free(call->data);
	sample_error(call, "no value from %s: %s", url ? url : "(no url)", why);
}

static void ask(struct cut_call *call, const char *query);

static void finish(struct cut_call *call, double value, double at_s)
{
	char at[KIT_TIME_LEN];

	free(call->data);
	sample_value(call, value, -1, kit_time_format((int64_t)(at_s * 1000), at));
}

static void on_reply(struct cut_call *call, const struct cut_http_reply *reply)
{
	const char *age = json_string_value(json_object_get(call->params, "age_query"));
	struct answer answer = read_reply(reply);
	struct query *q = call->data;

	if (answer.kind == ANSWER_BAD) {
		fail(call, answer.why);
	} else if (answer.kind == ANSWER_NONE) {
		bool of_age = q->asked_age;

		free(q);
		sample_missing(call, of_age ? "the age query gave no series"
					    : "the query gave no series");
	} else if (q->asked_age && !(answer.value >= 0 && isfinite(answer.value))) {
		fail(call, "the age query gave no age in seconds");
	} else if (q->asked_age) {
		finish(call, q->value, fmax(0, (double)kit_wall_ms() / 1000 - answer.value));
	} else if (age) {
		*q = (struct query){answer.value, answer.at_s, true};
		ask(call, age);
	} else {
		finish(call, answer.value, answer.at_s);
	}
}

/* {bearer: SECRET} or {basic: SECRET}. NULL and no user: none. The header is owned by the caller.
 */
static int authorize(struct cut_call *call, const json_t *auth, char **ret_header,
		     const char **ret_user)
{
	const char *bearer = json_string_value(json_object_get(auth, "bearer"));
	const char *basic = json_string_value(json_object_get(auth, "basic"));
	const char *name = bearer ? bearer : basic;
	const char *value = name ? call->api->secret(call, name) : NULL;

	if (name && !value)
		return -1;
	if (bearer)
		*ret_header = kit_printf("Authorization: Bearer %s", value);
	else
		*ret_user = value;
	return 0;
}

static void ask(struct cut_call *call, const char *query)
{
	const json_t *source = source_of(call);
	const char *base = json_string_value(json_object_get(source, "url"));
	struct cut_http_request request = {
		.ca_file = json_string_value(json_object_get(source, "ca_file")),
		.max_body_bytes = ANSWER_MAX_BYTES,
		.follow = 1,
	};
	char *header = NULL, *url;
	const char *headers[2];

	if (!base) {
		fail(call, "the source names no url");
		return;
	}
	if (authorize(call, json_object_get(source, "auth"), &header, &request.user) < 0) {
		fail(call, "the secret of its auth has no value");
		return;
	}
	headers[0] = header;
	headers[1] = NULL;
	url = query_url(base, query);
	request.url = url;
	request.headers = header ? headers : NULL;
	if (call->api->http(call, &request, on_reply) < 0)
		fail(call, "the request could not be made");
	free(url);
	if (header)
		explicit_bzero(header, strlen(header));
	free(header);
}

static void sample(struct cut_call *call)
{
	call->data = kit_new(struct query);
	ask(call, json_string_value(json_object_get(call->params, "query")));
}

const struct cut_param metrics_prometheus_params[] = {
	{"url", CUT_T_URL, CUT_P_REQUIRED, NULL, NULL,
	 "http://host:9090, with its path prefix if any"},
	{"auth", CUT_T_MAP, 0, NULL, "secret",
	 "{bearer: SECRET}, or {basic: SECRET} where the secret is name:password"},
	{"ca_file", CUT_T_STRING, CUT_P_PATH, NULL, NULL,
	 "who vouches for its certificate; without it the system's authorities"},
	{0},
};

static const struct cut_param params[] = {
	{"source", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "metrics.prometheus", "where to ask"},
	{"query", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL,
	 "PromQL that gives one series; none means missing"},
	{"age_query", CUT_T_STRING, 0, NULL, NULL,
	 "PromQL that gives how many seconds old the value is, as time() - max(timestamp(x))"},
	{0},
};

const struct cut_meter metrics_query = {
	.name = "query",
	.help = "the value of an instant query",
	.params = params,
	.sample = sample,
};
