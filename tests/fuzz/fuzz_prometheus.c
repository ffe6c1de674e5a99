/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a Prometheus, or what listens in its place, answers: the first octet picks the status,
 * the rest is two bodies parted by a zero octet, for the value and for its age. Each call must end
 * once. */
#include "metrics/expect.h"
#include "metrics/metrics.h"
#include "tests/fuzz/need.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
	cut_http_fn *then;
	unsigned requests, ended;
	char said[512];
};

static struct asked asked;
static json_t *source, *expect;

static void end(struct cut_call *call, enum cut_status status, const char *text, json_t *data)
{
	asked.ended++;
	json_decref(data);
}

static int http(struct cut_call *call, const struct cut_http_request *request, cut_http_fn *fn)
{
	need(request->url && !strncmp(request->url, "http://prom:9090/api/v1/query?query=", 36));
	asked.then = fn;
	return ++asked.requests > 2 ? -E2BIG : 0;
}

static const json_t *connection(struct cut_call *call, const char *name)
{
	return source;
}

/* All of it up to a zero octet, terminated and of just that size. */
static char *body(const uint8_t **data, size_t *size, size_t *ret_len)
{
	size_t len = strnlen((const char *)*data, *size);
	char *text = kit_calloc(len + 1, 1);

	memcpy(text, *data, len);
	*ret_len = len;
	*data += len + (len < *size);
	*size -= len + (len < *size);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cut_host_api api = {
		.size = sizeof(api), .done = end, .http = http, .connection = connection};
	static const long statuses[] = {200, 400, 422, 503};
	struct cut_http_reply reply = {.headers = ""};
	struct cut_call call = {.api = &api};

	if (!size)
		return 0;
	if (!source) {
		source = json_pack("{s:s}", "url", "http://prom:9090/");
		expect = json_pack("{s:[i, i], s:{s:i, s:s}}", "status", 200, 204, "json",
				   "/data/result/0/value/1", 1, "/~1a~0b", "x");
	}
	reply.status = statuses[data[0] % KIT_ARRAY_LEN(statuses)];
	call.params = json_pack("{s:s, s:s, s:s}", "source", "prom", "query", "up", "age_query",
				"time()");
	data++;
	size--;
	asked = (struct asked){0};
	metrics_query.sample(&call);
	while (!asked.ended) {
		char *text = body(&data, &size, &reply.body_len);

		need(asked.then);
		reply.body = text;
		expect_holds(expect, &reply);
		asked.then(&call, &reply);
		free(text);
	}
	need(asked.ended == 1);
	json_decref((json_t *)call.params);
	return 0;
}
