/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/eventfeed.h"

#include "engine/runtime/tail.h"

#include <errno.h>
#include <string.h>

struct cut_event_feed {
	struct cut_tail *tail; /* owned */
	struct cut_buf text;   /* made, not read yet */
	bool told;	       /* of the fault */
};

struct cut_event_feed *cut_event_feed_new(const char *dir, uint64_t after)
{
	struct cut_event_feed *f = cut_new(struct cut_event_feed);

	f->tail = cut_tail_new(dir, after);
	return f;
}

void cut_event_feed_free(struct cut_event_feed *f)
{
	if (!f)
		return;
	cut_tail_free(f->tail);
	cut_buf_done(&f->text);
	free(f);
}

/* Gathers whole events until there is enough, or the journal has no more that is durable. */
static int fill(struct cut_event_feed *f, const struct cut_event_feed_state *state, size_t want)
{
	const char *json;
	uint64_t seq;
	size_t len;

	while (f->text.len < want) {
		int r = cut_tail_next(f->tail, state->synced, &seq, &json, &len);

		if (r < 0)
			return -EIO;
		if (r == 0)
			break;
		cut_buf_printf(&f->text, "id: %llu\ndata: ", (unsigned long long)seq);
		cut_buf_add(&f->text, json, len);
		cut_buf_add_str(&f->text, "\n\n");
	}
	if (f->text.len == 0 && state->fault && !f->told) {
		f->told = true;
		cut_buf_add_str(&f->text, "event: fault\ndata: ");
		cut_json_canonical(state->fault, &f->text);
		cut_buf_add_str(&f->text, "\n\n");
	}
	return 0;
}

ssize_t cut_event_feed_read(struct cut_event_feed *f, const struct cut_event_feed_state *state,
			    char *buf, size_t max)
{
	int r = fill(f, state, max);
	size_t n = f->text.len < max ? f->text.len : max;

	if (r < 0)
		return r;
	if (n == 0)
		return state->ended || f->told ? -ENODATA : 0;
	memcpy(buf, f->text.data, n);
	cut_buf_consume(&f->text, n);
	return (ssize_t)n;
}
