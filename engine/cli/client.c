/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define REQUEST_TIMEOUT_S 30L
#define ANSWER_MAX_BYTES  (64u << 20) /* the status of 100,000 steps */
#define IDLE_MS		  250
#define NOWHERE		  "/nonexistent" /* of a run that has no socket: nobody listens there */

static size_t on_body(char *data, size_t size, size_t n, void *out)
{
	return cut_buf_add(out, data, size * n) == 0 ? size * n : 0;
}

static CURL *request_new(const char *socket, const char *path)
{
	cut_auto(cut_str) char *url = cut_printf("http://cutover%s", path);
	CURL *curl;

	curl_global_init_mem(CURL_GLOBAL_DEFAULT, cut_malloc, free, cut_realloc, cut_strdup,
			     cut_calloc); /* counts, so again is nothing */
	curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	return curl;
}

static int transport_error(CURLcode code, const char *socket, struct cut_err *err)
{
	if (code == CURLE_COULDNT_CONNECT)
		return cut_err_set(err, -ENOTCONN, "no engine listens there",
				   "where its engine is gone, its owner goes on: `cutover recover`",
				   "cannot reach the run at %s", socket ? socket : "its socket");
	return cut_err_set(err, -EPIPE, curl_easy_strerror(code),
			   "`cutover status` shows where it is", "lost the run at %s", socket);
}

/* What the engine says that went wrong. */
static int error_of(const json_t *json, struct cut_err *err)
{
	const json_t *error = json_object_get(json, "error");

	return cut_err_set(err, -(int)cut_json_int(json, "errno", EIO),
			   cut_json_str(error, "why", NULL), cut_json_str(error, "next", NULL),
			   "%s", cut_json_str(error, "what", "refused"));
}

static int take_answer(const struct cut_buf *text, long status, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *json = json_loadb(cut_buf_str(text), text->len, 0, NULL);

	if (!json)
		return cut_err_set(err, -EIO, "it is not JSON", NULL, "the engine's answer");
	if (status != 200)
		return error_of(json, err);
	if (ret)
		*ret = cut_take(json);
	return 0;
}

int cut_client_request(const char *socket, const char *path, const json_t *body, json_t **ret,
		       struct cut_err *err)
{
	CURL *curl = request_new(socket ? socket : NOWHERE, path);
	cut_auto(cut_buf) struct cut_buf out = {.max_bytes = ANSWER_MAX_BYTES};
	cut_auto(cut_buf) struct cut_buf in = {0};
	struct curl_slist *headers = NULL;
	long status = 0;
	CURLcode code;

	if (body) {
		cut_json_canonical(body, &in);
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		headers = curl_slist_append(headers, "Expect:");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, cut_buf_str(&in));
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return transport_error(code, socket, err);
	return take_answer(&out, status, ret, err);
}

struct stream {
	struct cut_buf in;
	cut_client_record_fn *each;
	void *data;
	int result;
	json_t *fault; /* owned: the engine's last word, or NULL */
};

/* One event of the stream: "id: N\ndata: {…}", or "event: fault\ndata: {"error": …}". */
static int stream_event(struct stream *s, const char *text, size_t len)
{
	const char *data = memchr(text, '\n', len);

	if (!data || strncmp(data, "\ndata: ", 7) != 0)
		return 0;
	data += 7;
	if (strncmp(text, "event: fault\n", 13) == 0)
		s->fault = json_loadb(data, len - (size_t)(data - text), 0, NULL);
	if (strncmp(text, "id: ", 4) != 0)
		return 0;
	return s->each(s->data, strtoull(text + 4, NULL, 10), data, len - (size_t)(data - text));
}

static size_t on_stream(char *data, size_t size, size_t n, void *out)
{
	struct stream *s = out;
	size_t at = 0;
	const char *end;

	cut_buf_add(&s->in, data, size * n);
	while (s->result == 0 && (end = memmem(s->in.data + at, s->in.len - at, "\n\n", 2))) {
		s->result = stream_event(s, s->in.data + at, (size_t)(end - s->in.data) - at);
		at = (size_t)(end - s->in.data) + 2;
	}
	cut_buf_consume(&s->in, at);
	return s->result ? 0 : size * n;
}

/* Drives the transfer and gives idle its turns; CURLE_OK at the end of the stream. */
static CURLcode stream_drive(CURLM *multi, struct stream *s, cut_client_idle_fn *idle)
{
	int running = 1, left;
	CURLMsg *message;

	while (running && s->result == 0) {
		curl_multi_perform(multi, &running);
		if (s->result == 0 && idle)
			s->result = idle(s->data);
		if (running && s->result == 0)
			curl_multi_poll(multi, NULL, 0, IDLE_MS, NULL);
	}
	message = curl_multi_info_read(multi, &left);
	return message ? message->data.result : CURLE_OK;
}

int cut_client_stream(const char *socket, uint64_t after_seq, cut_client_record_fn *each,
		      cut_client_idle_fn *idle, void *data, struct cut_err *err)
{
	struct stream s = {.each = each, .data = data};
	long status = 0;
	CURLM *multi = curl_multi_init();
	CURL *curl = request_new(socket ? socket : NOWHERE, "/v1/events");
	cut_auto(cut_str) char *last =
		cut_printf("Last-Event-ID: %llu", (unsigned long long)after_seq);
	struct curl_slist *headers = curl_slist_append(NULL, last);
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &s);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_multi_add_handle(multi, curl);
	code = stream_drive(multi, &s, idle);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(multi, curl);
	curl_easy_cleanup(curl);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	cut_buf_done(&s.in);
	if (s.fault) {
		cut_auto(cut_json) json_t *fault = s.fault;

		return error_of(fault, err);
	}
	if (s.result)
		return s.result;
	if (status == 403)
		return cut_err_set(err, -EPERM,
				   "you are neither an operator of this run nor in a role of it",
				   NULL, "not allowed");
	return code == CURLE_OK ? 0 : transport_error(code, socket, err);
}
