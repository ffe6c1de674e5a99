/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests of the calls: one libcurl multi handle on the loop. Connections are kept and used
 * again, but never for a request that changes something: libcurl resends on its own when a kept
 * connection turns out to be dead, and such a request must not go out twice. */
#include "engine/host/host.h"

#include "config.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	MAX_REDIRECTS = 5,
	HEADER_MAX_BYTES = 64 * 1024,
	LOOKUP_MS = 2000, /* with the connect, where an address is kept */
};

struct host_http {
	struct host *host;
	CURLM *multi;
	uv_timer_t timer;
};

struct socket_watch {
	uv_poll_t poll;
	struct host_http *http;
	curl_socket_t fd;
};

struct host_request {
	struct list_node in_call;
	struct host_call *call;
	struct host_http *http;
	cut_http_fn *fn;
	CURL *easy; /* owned; NULL: it could not even be started */
	struct curl_slist *headers, *connect_to;
	char *body, *text; /* owned */
	struct cut_buf reply, reply_headers;
	uv_timer_t told; /* tells later what failed at once */
	int error, redirects;
	bool follow;
	char why[CURL_ERROR_SIZE];
};

static void on_request_closed(uv_handle_t *handle)
{
	struct host_request *req = cut_container(handle, struct host_request, told);

	curl_slist_free_all(req->headers);
	curl_slist_free_all(req->connect_to);
	cut_buf_done(&req->reply);
	cut_buf_done(&req->reply_headers);
	free(req->body);
	free(req->text);
	free(req);
}

static void request_free(struct host_request *req)
{
	list_remove(&req->in_call);
	if (req->easy) {
		curl_multi_remove_handle(req->http->multi, req->easy);
		curl_easy_cleanup(req->easy);
	}
	uv_close((uv_handle_t *)&req->told, on_request_closed);
}

/* Whether bytes of it have left: before that a failure is certain to have had no effect. */
static bool was_sent(CURL *easy)
{
	long bytes = 0;

	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

static void fill_reply(struct host_request *req, struct cut_http_reply *reply)
{
	curl_off_t us = 0;

	reply->sent = was_sent(req->easy);
	curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(req->easy, CURLINFO_TOTAL_TIME_T, &us);
	reply->total_s = (double)us / 1e6;
	reply->total_ms = us / 1000;
	reply->body = cut_buf_str(&req->reply);
	reply->body_len = req->reply.len;
	reply->headers = cut_buf_str(&req->reply_headers);
}

static void tell(struct host_request *req, int error, const char *text)
{
	struct cut_http_reply reply = {
		.error = error, .text = error ? text : NULL, .body = "", .headers = ""};
	struct host_call *call = req->call;

	if (req->easy)
		fill_reply(req, &reply);
	list_remove(&req->in_call);
	req->fn(&call->pub, &reply);
	request_free(req);
}

static void on_told(uv_timer_t *timer)
{
	struct host_request *req = cut_container(timer, struct host_request, told);

	tell(req, req->error, req->text);
}

/* Follows to the same scheme, host and port only, so that no credential goes elsewhere. */
static bool is_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ua = curl_url(), *ub = curl_url();
	bool same =
		!curl_url_set(ua, CURLUPART_URL, a, 0) && !curl_url_set(ub, CURLUPART_URL, b, 0);

	for (size_t i = 0; same && i < CUT_ARRAY_LEN(parts); i++) {
		char *pa = NULL, *pb = NULL;

		same = !curl_url_get(ua, parts[i], &pa, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(ub, parts[i], &pb, CURLU_DEFAULT_PORT) && !strcasecmp(pa, pb);
		curl_free(pa);
		curl_free(pb);
	}
	curl_url_cleanup(ua);
	curl_url_cleanup(ub);
	return same;
}

static bool follow(struct host_http *http, struct host_request *req)
{
	char *to = NULL, *from = NULL;

	curl_easy_getinfo(req->easy, CURLINFO_REDIRECT_URL, &to);
	curl_easy_getinfo(req->easy, CURLINFO_EFFECTIVE_URL, &from);
	if (!req->follow || !to || req->redirects == MAX_REDIRECTS || !is_same_origin(from, to))
		return false;
	req->redirects++;
	curl_multi_remove_handle(http->multi, req->easy);
	cut_buf_reset(&req->reply);
	cut_buf_reset(&req->reply_headers);
	curl_easy_setopt(req->easy, CURLOPT_URL, to);
	return curl_multi_add_handle(http->multi, req->easy) == CURLM_OK;
}

static void set_address(struct host_request *req, const char *address)
{
	cut_auto(cut_str) char *to = NULL;

	if (!address)
		return;
	to = cut_printf(strchr(address, ':') ? "::[%s]:" : "::%s:", address);
	req->connect_to = curl_slist_append(NULL, to);
	curl_easy_setopt(req->easy, CURLOPT_CONNECT_TO, req->connect_to);
}

/* Of the URL's host, from the start of the run; or NULL, also where an address is given. */
static const char *kept_address(const struct host_request *req, const char *url)
{
	char *name = NULL, *port = NULL;
	const char *address = NULL;
	CURLU *parts;

	if (req->connect_to)
		return NULL;
	parts = curl_url();
	if (!curl_url_set(parts, CURLUPART_URL, url, 0) &&
	    !curl_url_get(parts, CURLUPART_HOST, &name, 0) &&
	    !curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		address = host_kept_address(req->http->host, name, port);
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(parts);
	return address;
}

static void set_connect_time(struct host_request *req, int64_t ms)
{
	curl_easy_setopt(req->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(ms > 0 ? ms : 1));
}

/* A resolver that is mute does not use up the time of a request for which there is another way. */
static void hurry_lookup(struct host_request *req, const char *url)
{
	int64_t left = host_call_left(req->call);

	if (left > LOOKUP_MS && kept_address(req, url))
		set_connect_time(req, LOOKUP_MS);
}

/* No resolver answers, or nobody where it points to: the address from the start of the run, once.
 */
static bool use_kept_address(struct host_http *http, struct host_request *req, CURLcode code)
{
	const char *address;
	curl_off_t connected = 0;
	char *url = NULL;

	curl_easy_getinfo(req->easy, CURLINFO_EFFECTIVE_URL, &url);
	curl_easy_getinfo(req->easy, CURLINFO_CONNECT_TIME_T, &connected);
	address = kept_address(req, url);
	if (!address ||
	    (code != CURLE_COULDNT_RESOLVE_HOST && (code != CURLE_OPERATION_TIMEDOUT || connected)))
		return false;
	set_connect_time(req, host_call_left(req->call));
	curl_multi_remove_handle(http->multi, req->easy);
	set_address(req, address);
	return curl_multi_add_handle(http->multi, req->easy) == CURLM_OK;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST: return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
	case CURLE_WRITE_ERROR: return -E2BIG;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return -EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE: return -EACCES;
	default: return -EIO;
	}
}

/* What to do about a certificate that is not right, by what OpenSSL has to say of it (x509_vfy.h).
 */
static const char *certificate_remedy(CURL *easy)
{
	enum { NOTHING = 1, NOT_YET = 9, EXPIRED = 10 };
	long told = NOTHING;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &told);
	switch (told) {
	case NOTHING: return "use a name that the certificate is for";
	case NOT_YET: return "is the clock right, here and where it was made?";
	case EXPIRED: return "renew it";
	default: return "name who signed it in ca_file, or add them to the system's authorities";
	}
}

static void on_finished(struct host_http *http, CURL *easy, CURLcode code)
{
	cut_auto(cut_str) char *text = NULL;
	struct host_request *req;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&req);
	if (code ? use_kept_address(http, req, code) : follow(http, req))
		return;
	if (code == CURLE_WRITE_ERROR && (req->reply.error || req->reply_headers.error))
		snprintf(req->why, sizeof(req->why), "the answer is larger than %zu bytes",
			 req->reply.max_bytes);
	text = cut_printf("%s%s%s", req->why[0] ? req->why : curl_easy_strerror(code),
			  code == CURLE_PEER_FAILED_VERIFICATION ? "; " : "",
			  code == CURLE_PEER_FAILED_VERIFICATION ? certificate_remedy(easy) : "");
	tell(req, code ? errno_of(code) : 0, text);
}

static void collect(struct host_http *http)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			on_finished(http, msg->easy_handle, msg->data.result);
}

static void on_timer(uv_timer_t *timer)
{
	struct host_http *http = cut_container(timer, struct host_http, timer);
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct socket_watch *watch = cut_container(poll, struct socket_watch, poll);
	struct host_http *http = watch->http;
	int bits = 0, running;

	if (status < 0 || events & UV_READABLE)
		bits |= CURL_CSELECT_IN;
	if (status < 0 || events & UV_WRITABLE)
		bits |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, watch->fd, bits, &running);
	collect(http);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(cut_container(handle, struct socket_watch, poll));
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct socket_watch *watch = socket_data;
	struct host_http *http = data;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (watch)
			uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!watch) {
		watch = cut_new(struct socket_watch);
		watch->http = http;
		watch->fd = fd;
		uv_poll_init_socket(&http->host->loop, &watch->poll, fd);
		curl_multi_assign(http->multi, fd, watch);
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&watch->poll, events, on_socket);
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *data)
{
	struct host_http *http = data;

	/* 0 means now, but libcurl must not be entered from its own callback. */
	if (ms < 0)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, on_timer, ms ? (uint64_t)ms : 1, 0);
	return 0;
}

static struct host_http *http_of(struct host *host)
{
	struct host_http *http = host->http;

	if (http)
		return http;
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, cut_malloc, free, cut_realloc, cut_strdup,
			     cut_calloc);
	http = cut_new(struct host_http);
	http->host = host;
	http->multi = curl_multi_init();
	uv_timer_init(&host->loop, &http->timer);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	host->http = http;
	return http;
}

static void on_http_closed(uv_handle_t *handle)
{
	free(cut_container(handle, struct host_http, timer));
}

void service_http_done(struct host *host)
{
	if (!host->http)
		return;
	curl_multi_cleanup(host->http->multi);
	uv_close((uv_handle_t *)&host->http->timer, on_http_closed);
	host->http = NULL;
	curl_global_cleanup();
}

static size_t keep(char *data, size_t size, size_t n, void *buf)
{
	return cut_buf_add(buf, data, size * n) < 0 ? 0 : size * n;
}

static void set_transport(CURL *easy, const struct cut_http_request *spec)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* A CA path beside the file would make every new connection parse the whole bundle again.
	 */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (spec->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, spec->ca_file);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cutover/" CUT_VERSION);
	if (spec->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERPWD, spec->user);
	}
}

static bool is_one_of(const char *method, const char *a, const char *b, const char *c)
{
	return !strcmp(method, a) || !strcmp(method, b) || !strcmp(method, c);
}

static void set_headers(struct host_request *req, const struct cut_http_request *spec)
{
	static const char type[] = "Content-Type:";
	bool typed = false;

	for (const char *const *h = spec->headers; h && *h; h++) {
		req->headers = curl_slist_append(req->headers, *h);
		typed = typed || !strncasecmp(*h, type, strlen(type));
	}
	if (!typed) /* else libcurl calls every body a form */
		req->headers = curl_slist_append(req->headers, type);
	req->headers = curl_slist_append(req->headers, "Expect:");
	curl_easy_setopt(req->easy, CURLOPT_HTTPHEADER, req->headers);
}

static void set_message(struct host_request *req, const struct cut_http_request *spec)
{
	const char *method = spec->method ? spec->method : "GET";
	CURL *easy = req->easy;

	if (spec->body || is_one_of(method, "POST", "PUT", "PATCH")) {
		size_t len = spec->body ? spec->body_len : 0;

		req->body = cut_strndup(spec->body ? spec->body : "", len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body);
	}
	if (!strcmp(method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	if (is_one_of(method, "GET", "HEAD", "OPTIONS"))
		req->follow = spec->follow;
	else
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	set_headers(req, spec);
}

static void set_times(struct host_request *req, const struct cut_http_request *spec)
{
	int64_t ms = host_call_left(req->call);

	if (spec->timeout_ms > 0 && spec->timeout_ms < ms)
		ms = spec->timeout_ms;
	curl_easy_setopt(req->easy, CURLOPT_TIMEOUT_MS, (long)(ms > 0 ? ms : 1));
	set_connect_time(req, ms);
}

static void start(struct host_request *req, const struct cut_http_request *spec)
{
	CURL *easy = curl_easy_init();

	req->easy = easy;
	req->http = http_of(req->call->host);
	req->reply.max_bytes = spec->max_body_bytes ? spec->max_body_bytes : CUT_JSON_MAX_BYTES;
	req->reply_headers.max_bytes = HEADER_MAX_BYTES;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, req);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, req->why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &req->reply);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &req->reply_headers);
	curl_easy_setopt(easy, CURLOPT_URL, spec->url);
	set_transport(easy, spec);
	set_message(req, spec);
	set_times(req, spec);
	set_address(req, spec->resolve);
	hurry_lookup(req, spec->url);
	curl_multi_add_handle(req->http->multi, easy);
}

int service_http(struct cut_call *pub, const struct cut_http_request *spec, cut_http_fn *fn)
{
	struct host_call *call = host_call_of(pub);
	struct host_request *req;

	if (!fn || !spec->url)
		return -EINVAL;
	req = cut_new(struct host_request);
	req->call = call;
	req->fn = fn;
	uv_timer_init(&call->host->loop, &req->told);
	list_add(&call->requests, &req->in_call);
	if (call->canceled || call->overdue) {
		req->error = call->canceled ? -ECANCELED : -ETIMEDOUT;
		req->text = cut_strdup(call->canceled ? "canceled" : "no time left");
		uv_timer_start(&req->told, on_told, 0, 0);
	} else {
		start(req, spec);
	}
	return 0;
}

void service_requests_abort(struct host_call *call, int error, const char *text)
{
	struct list_node *n = call->requests, *next;

	/* Told in the next turn: a callback may end the call and with it all others. */
	for (; n; n = next) {
		struct host_request *req = cut_container(n, struct host_request, in_call);

		next = n->next;
		if (req->error)
			continue;
		req->error = error;
		req->text = cut_strdup(text);
		uv_timer_start(&req->told, on_told, 0, 0);
	}
}

void service_requests_drop(struct host_call *call)
{
	while (call->requests)
		request_free(cut_container(call->requests, struct host_request, in_call));
}
