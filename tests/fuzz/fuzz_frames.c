/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a plugin host sends the engine. With a first octet of 0 the rest is the stream as it is;
 * else each line is the JSON of one frame. Each call in flight must end at most once. */
#include "engine/base/frame.h"
#include "engine/runtime/hostlink_internal.h"
#include "tests/fuzz/need.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALLS = 4 };

static struct {
	unsigned done[CALLS], given_up;
	bool ready;
} seen;

/* In the place of the link's process, clock and log (hostlink.c, hostlink_words.c). */
void hostlink_give_up(struct cut_hostlink *link, int code, const char *why, const char *what)
{
	need(!link->burying && code < 0 && what);
	link->burying = true;
	seen.given_up++;
}

void hostlink_set_timer(struct cut_hostlink *link)
{
}

void hostlink_wake_at(struct cut_hostlink *link, cut_time at)
{
}

bool hostlink_may_say(struct cut_hostlink *link, size_t len)
{
	return true;
}

static void on_ready(void *data, const json_t *descriptor)
{
	need(!seen.ready && json_is_object(descriptor));
	seen.ready = true;
}

static void on_done(void *data, uint64_t call, enum cut_status status, const char *text,
		    json_t *result)
{
	need(call < CALLS && seen.done[call]++ == 0);
	need(status <= CUT_UNKNOWN && (!result || json_is_object(result)));
}

static void on_save(void *data, uint64_t call, json_t *state)
{
	need(call < CALLS && !seen.done[call] && json_is_object(state));
	cut_hostlink_saved(data, call, state);
}

static void on_progress(void *data, uint64_t call, double fraction, const char *text)
{
	need(call < CALLS && !seen.done[call]);
}

static void on_gone(void *data, const struct cut_err *why)
{
}

static void call_all(struct cut_hostlink *link)
{
	cut_auto(cut_json) json_t *params = json_object();

	for (uint64_t id = 0; id < CALLS; id++)
		need(cut_hostlink_call(link, &(struct cut_hostcall){
						     .id = id,
						     .action = "write",
						     .op = "apply",
						     .step = "a",
						     .key = "k",
						     .attempt = 1,
						     .timeout = 1000,
						     .params = params,
					     }) == 0);
}

static void take_lines(struct cut_hostlink *link, const char *at, const char *end)
{
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at), begin = cut_frame_begin(&link->in);

		cut_buf_add(&link->in, at, len);
		need(cut_frame_end(&link->in, begin) == 0);
		hostlink_take_frames(link);
		at += len + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uv_loop_t loop = {0}; /* only its time is asked for */
	struct cut_hostlink link = {
		.loop = &loop,
		.events = {on_ready, on_done, on_save, on_progress, on_gone, &link},
	};

	if (!size)
		return 0;
	memset(&seen, 0, sizeof(seen));
	call_all(&link);
	if (data[0]) {
		take_lines(&link, (const char *)data, (const char *)data + size);
	} else {
		cut_buf_add(&link.in, data + 1, size - 1);
		hostlink_take_frames(&link);
	}
	cut_hostlink_cancel(&link, 1);
	cut_buf_done(&link.in);
	cut_buf_done(&link.out);
	cut_vec_done(&link.flights);
	return 0;
}
