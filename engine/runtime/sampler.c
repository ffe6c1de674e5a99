/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/sampler.h"

#include "engine/core/watch.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/driver.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct metric {
	struct cut_sampler *sampler;
	uint32_t index;
	uv_timer_t timer;
	bool asking;
};

struct cut_sampler {
	uv_loop_t *loop;
	const struct cut_runbook *rb;
	struct cut_calls *calls;
	struct cut_driver *driver;
	struct metric *metrics; /* owned array */
	uint32_t closing;
	int fd; /* samples.jsonl, or -1 */
	bool stopped;
};

/* One question on its way. */
struct question {
	cut_sample_fn *done;
	void *data;
	uint32_t metric;
};

/* The run clock's time of a sample that tells its own: told in wall time, turned into an age. */
static cut_time sample_age(const json_t *result)
{
	const char *at = cut_json_str(result, "at", NULL);
	cut_time wall;

	if (!at || cut_rfc3339_parse(at, strlen(at), &wall) < 0)
		return 0;
	return cut_clock_wall() > wall ? cut_clock_wall() - wall : 0;
}

static void on_answer(void *data, enum cut_status status, const char *text, json_t *result,
                      bool sent)
{
	struct question *q = data;
	struct cut_sample sample = {
		.value = status == CUT_OK ? cut_json_real(result, "value", NAN) : NAN,
		.n = status == CUT_OK ? cut_json_real(result, "n", NAN) : NAN,
		.at = cut_clock_boot() - (status == CUT_OK ? sample_age(result) : 0),
		.error = status != CUT_OK,
		.text = text,
	};

	q->done(q->data, q->metric, &sample);
	free(q);
}

void cut_sample_once(struct cut_calls *calls, const struct cut_runbook *rb, uint32_t metric,
                     cut_sample_fn *done, void *data)
{
	const struct cut_metric *m = &rb->metrics[metric];
	struct question *q = cut_new(struct question);
	struct cut_calls_request request = {
		.action = m->meter,
		.op = "sample",
		.step = m->id,
		.timeout = m->timeout,
		.params = m->params,
	};

	*q = (struct question){.done = done, .data = data, .metric = metric};
	cut_calls_call(calls, &request, &(struct cut_calls_handler){.done = on_answer, .data = q});
}

/* Evidence, not needed to resume: a full disk only costs the plot. */
static void keep(struct cut_sampler *s, uint32_t metric, const struct cut_sample *sample)
{
	cut_auto(cut_buf) struct cut_buf line = {0};
	struct cut_jw w = {.out = &line};
	ssize_t n;

	if (s->fd < 0)
		return;
	cut_jw_open(&w, NULL, '{');
	cut_jw_rfc3339(&w, "at", cut_clock_wall());
	cut_jw_str(&w, "metric", s->rb->metrics[metric].id);
	cut_jw_real(&w, "value", sample->value);
	if (!isnan(sample->n))
		cut_jw_real(&w, "n", sample->n);
	if (sample->error)
		cut_jw_str(&w, "error", sample->text ? sample->text : "failed");
	cut_jw_close(&w);
	cut_buf_add_char(&line, '\n');
	n = write(s->fd, line.data, line.len);
	(void)n;
}

static void on_sample(void *data, uint32_t metric, const struct cut_sample *sample)
{
	struct cut_sampler *s = data;
	struct cut_sample own = *sample;

	s->metrics[metric].asking = false;
	if (s->stopped)
		return;
	/* from the boot-time clock to the run's */
	own.at = sample->at - (cut_clock_boot() - cut_driver_now(s->driver));
	keep(s, metric, &own);
	cut_driver_sample(s->driver, metric, &own);
}

static void on_metric_due(uv_timer_t *timer)
{
	struct metric *m = cut_container(timer, struct metric, timer);

	if (m->asking) /* its timeout is shorter than a slot, or it will be late: never two at once */
		return;
	m->asking = true;
	cut_sample_once(m->sampler->calls, m->sampler->rb, m->index, on_sample, m->sampler);
}

struct cut_sampler *cut_sampler_new(struct uv_loop_s *loop, const struct cut_runbook *rb,
                                    struct cut_calls *calls, const char *dir,
                                    struct cut_driver *driver)
{
	struct cut_sampler *s = cut_new(struct cut_sampler);
	cut_auto(cut_str) char *path = cut_printf("%s/samples.jsonl", dir);

	s->loop = loop;
	s->rb = rb;
	s->calls = calls;
	s->driver = driver;
	s->fd = rb->metrics_len == 0
	                ? -1
	                : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	s->metrics = cut_new_array(struct metric, rb->metrics_len ? rb->metrics_len : 1);
	for (uint32_t i = 0; i < rb->metrics_len; i++) {
		s->metrics[i].sampler = s;
		s->metrics[i].index = i;
		uv_timer_init(loop, &s->metrics[i].timer);
	}
	return s;
}

void cut_sampler_start(struct cut_sampler *s)
{
	for (uint32_t i = 0; i < s->rb->metrics_len; i++) {
		uint64_t every = (uint64_t)s->rb->metrics[i].every;

		uv_timer_start(&s->metrics[i].timer, on_metric_due, 0, every);
	}
}

void cut_sampler_stop(struct cut_sampler *s)
{
	s->stopped = true;
	for (uint32_t i = 0; i < s->rb->metrics_len; i++)
		uv_timer_stop(&s->metrics[i].timer);
}

static void sampler_gone(struct cut_sampler *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->metrics);
	free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct cut_sampler *s = cut_container((uv_timer_t *)handle, struct metric, timer)->sampler;

	if (--s->closing == 0)
		sampler_gone(s);
}

void cut_sampler_free(struct cut_sampler *s)
{
	if (!s)
		return;
	s->stopped = true;
	s->closing = s->rb->metrics_len;
	if (s->closing == 0) {
		sampler_gone(s);
		return;
	}
	for (uint32_t i = 0; i < s->rb->metrics_len; i++)
		uv_close((uv_handle_t *)&s->metrics[i].timer, on_timer_closed);
}
