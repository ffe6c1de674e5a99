/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes over the link into a plugin host, after a first greeting of ours. With a first
 * octet of 0 the rest is the stream as it is; else each line is the JSON of one frame. The plugin
 * ends its calls at once, after a save, after a while, or when it is asked to. */
#include "engine/base/frame.h"
#include "engine/host/host.h"
#include "tests/fuzz/need.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void end(struct cut_call *call)
{
	call->api->done(call, CUT_OK, call->step, json_deep_copy(call->params));
}

static void save_first(struct cut_call *call)
{
	if (call->api->save(call, json_deep_copy(call->params), end) < 0)
		call->api->done(call, CUT_FAIL, "cannot save", NULL);
}

static void end_soon(struct cut_call *call)
{
	call->api->progress(call, 0.5, call->key);
	call->api->after(call, 1, end);
}

static void wait_for_cancel(struct cut_call *call)
{
	call->api->note(call, 1, "%s waits", call->step);
}

static void cancel(struct cut_call *call)
{
	call->api->done(call, CUT_CANCELED, NULL, NULL);
}

static const struct cut_param no_params[] = {{0}};
static const struct cut_action action = {
	.name = "act",
	.help = "",
	.params = no_params,
	.outputs = no_params,
	.effects = CUT_WRITE,
	.plan = end,
	.apply = save_first,
	.verify = end_soon,
	.observe = wait_for_cancel,
	.rollback = end,
	.cancel = cancel,
};
static const struct cut_meter meter = {
	.name = "met", .unit = "", .help = "", .params = no_params, .sample = end_soon};
static const struct cut_action *const actions[] = {&action, NULL};
static const struct cut_meter *const meters[] = {&meter, NULL};
static const struct cut_plugin plugin = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "fuzz",
	.version = "1",
	.license = "",
	.help = "",
	.actions = actions,
	.meters = meters,
};

static void frame(struct cut_buf *out, const char *text, size_t len)
{
	size_t begin = cut_frame_begin(out);

	cut_buf_add(out, text, len);
	need(cut_frame_end(out, begin) == 0);
}

static void write_frames(struct cut_buf *out, const char *at, const char *end)
{
	static const char hello[] =
		"{\"t\":\"hello\",\"run\":\"r\",\"folder\":\".\",\"connections\":{},"
		"\"secrets\":{\"tsig\":\"s3cret value\"}}";

	frame(out, hello, strlen(hello));
	if (at < end && !*at) {
		cut_buf_add(out, at + 1, (size_t)(end - at - 1));
		return;
	}
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		frame(out, at, len);
		at += len + 1;
	}
}

/* What the host says is well-formed, and never the secret. */
static void read_replies(int fd)
{
	cut_auto(cut_buf) struct cut_buf in = {0};
	ssize_t n;

	do {
		char *at = cut_buf_reserve(&in, 65536);

		n = recv(fd, at, 65536, MSG_DONTWAIT);
		in.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	need(!in.len || !memmem(in.data, in.len, "s3cret value", 12));
	for (;;) {
		cut_auto(cut_json) json_t *reply = NULL;
		int r = cut_frame_read(&in, &reply, NULL);

		need(r >= 0);
		if (r == 0)
			break;
	}
	need(in.len == 0);
}

static void host_free(struct host *host)
{
	for (size_t i = 0; i < HOST_ENDED_KEPT; i++)
		free(host->ended[i]);
	json_decref(host->descriptor);
	json_decref(host->connections);
	json_decref(host->addresses);
	json_decref(host->secrets);
	cut_buf_done(&host->in);
	cut_buf_done(&host->out);
	free(host->run);
	free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host *host = cut_new(struct host);
	cut_auto(cut_buf) struct cut_buf out = {0};
	int pair[2], flag = 1 << 20;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &flag, sizeof(flag));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &flag, sizeof(flag));
	write_frames(&out, (const char *)data, (const char *)data + size);
	need(send(pair[0], out.data, out.len, MSG_DONTWAIT) == (ssize_t)out.len);
	shutdown(pair[0], SHUT_WR);
	host->plugin = &plugin;
	host->descriptor = host_describe(&plugin, NULL, "");
	uv_loop_init(&host->loop);
	need(host_link_open(host, pair[1]) == 0);
	while (!host->closing)
		uv_run(&host->loop, UV_RUN_ONCE);
	while (uv_run(&host->loop, UV_RUN_NOWAIT))
		;
	need(uv_loop_close(&host->loop) == 0);
	read_replies(pair[0]);
	close(pair[0]);
	host_free(host);
	return 0;
}
