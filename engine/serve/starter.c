/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/starter.h"

#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/base/vec.h"

#include <string.h>
#include <uv.h>

#define LAST_WORDS (2 * CUT_SECOND) /* for one that does not read */

struct cut_starter {
	struct cut_starter_events events;
	uv_pipe_t pipe;
	uv_timer_t patience;
	struct cut_buf in;
	size_t unsent, handles;
	bool closing;
};

struct words {
	uv_write_t request;
	struct cut_starter *starter;
	struct cut_buf line;
};

static void on_closed(uv_handle_t *handle)
{
	struct cut_starter *s = handle->data;

	if (--s->handles > 0)
		return;
	cut_buf_done(&s->in);
	free(s);
}

static void hang_up(struct cut_starter *s)
{
	if (uv_is_closing((uv_handle_t *)&s->pipe))
		return;
	uv_close((uv_handle_t *)&s->pipe, on_closed);
	uv_close((uv_handle_t *)&s->patience, on_closed);
}

static void on_patience(uv_timer_t *timer)
{
	hang_up(timer->data);
}

static void on_written(uv_write_t *request, int status)
{
	struct words *words = cut_container(request, struct words, request);
	struct cut_starter *s = words->starter;

	cut_buf_done(&words->line);
	free(words);
	if (--s->unsent == 0 && s->closing)
		hang_up(s);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char space[256];

	*buf = uv_buf_init(space, sizeof(space));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct cut_starter *s = stream->data;

	if (n < 0) {
		uv_read_stop(stream);
		s->events.gone(s->events.data);
		return;
	}
	cut_buf_add(&s->in, buf->base, (size_t)n);
	if (strcmp(cut_buf_str(&s->in), "start\n") == 0)
		s->events.start(s->events.data);
}

struct cut_starter *cut_starter_new(struct uv_loop_s *loop, int fd,
				    const struct cut_starter_events *events)
{
	struct cut_starter *s = cut_new(struct cut_starter);

	*s = (struct cut_starter){.events = *events, .handles = 2};
	uv_pipe_init(loop, &s->pipe, 0);
	uv_timer_init(loop, &s->patience);
	s->pipe.data = s->patience.data = s;
	uv_pipe_open(&s->pipe, fd);
	uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
	return s;
}

void cut_starter_tell(struct cut_starter *s, json_t *message)
{
	cut_auto(cut_json) json_t *owned = message;
	struct words *words;
	uv_buf_t buf;

	if (!s)
		return;
	words = cut_new(struct words);
	*words = (struct words){.starter = s};
	cut_json_canonical(owned, &words->line);
	cut_buf_add_char(&words->line, '\n');
	buf = uv_buf_init(words->line.data, (unsigned)words->line.len);
	s->unsent++;
	if (uv_write(&words->request, (uv_stream_t *)&s->pipe, &buf, 1, on_written) < 0)
		on_written(&words->request, 0);
}

void cut_starter_refuse(struct cut_starter *s, const struct cut_err *err)
{
	cut_starter_tell(s, json_pack("{s:s, s:{s:s?, s:s?, s:s?}, s:i}", "type", "refused",
				      "error", "what", err->what, "why", err->why, "next",
				      err->next, "errno", -err->code));
}

void cut_starter_close(struct cut_starter *s)
{
	if (!s)
		return;
	s->closing = true;
	uv_read_stop((uv_stream_t *)&s->pipe);
	if (s->unsent == 0)
		hang_up(s);
	else
		uv_timer_start(&s->patience, on_patience, LAST_WORDS, 0);
}
