/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/sampler.h"

#include "engine/core/watch.h"
#include "engine/runtime/driver.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

struct metric {
	struct cut_sampler *sampler;
	uint32_t index;
	struct cut_bell *bell; /* owned */
	cut_time due;
	uint64_t call; /* on its way; 0: none */
};

struct cut_sampler {
	struct cut_world *world; /* borrowed */
	const struct cut_runbook *rb;
	struct cut_calls *calls;
	struct cut_driver *driver;
	struct metric *metrics; /* owned array */
	int fd;			/* samples.jsonl, or -1 */
	bool stopped;
};

/* What is wrong with it, or NULL. A plugin that misspells `value` is not a source without one.
 * *age: of a sample that tells its own time, in wall time, as the run's clock counts. */
static const char *sample_fault(const json_t *result, cut_time now, cut_time *ret_age)
{
	const json_t *value = json_object_get(result, "value"), *at = json_object_get(result, "at");
	const char *text = json_string_value(at);
	cut_time wall = now;

	if (!json_is_number(value) && !json_is_null(value))
		return "the plugin's answer has no `value` that is a number or null";
	if (at && !json_is_null(at) && (!text || cut_rfc3339_parse(text, strlen(text), &wall) < 0))
		return "the plugin's answer has an `at` that is no time (RFC 3339)";
	*ret_age = now > wall ? now - wall : 0;
	return NULL;
}

static struct cut_sample sample_of(const struct cut_world *world, enum cut_status status,
				   const char *text, const json_t *result)
{
	struct cut_sample sample = {
		.value = NAN,
		.n = NAN,
		.at = cut_world_boot(world),
		.error = status != CUT_OK,
		.text = text,
	};
	cut_time age = 0;

	if (status == CUT_OK) {
		sample.text = sample_fault(result, cut_world_wall(world), &age);
		sample.error = sample.text;
	}
	if (!sample.error) {
		sample.value = cut_json_real(result, "value", NAN);
		sample.n = cut_json_real(result, "n", NAN);
		sample.at -= age;
	}
	return sample;
}

static uint64_t ask(struct cut_calls *calls, const struct cut_metric *metric,
		    const struct cut_calls_handler *handler)
{
	struct cut_calls_request request = {
		.action = metric->meter,
		.op = "sample",
		.step = metric->id,
		.timeout = metric->timeout,
		.params = metric->params,
	};

	return cut_calls_call(calls, &request, handler);
}

struct once {
	struct cut_world *world;
	cut_sample_fn *done;
	void *data;
	uint32_t metric;
};

static void on_once(void *data, enum cut_status status, const char *text, json_t *result, bool sent)
{
	struct once *once = data;
	struct cut_sample sample = sample_of(once->world, status, text, result);

	once->done(once->data, once->metric, &sample);
	free(once);
}

void cut_sample_once(struct cut_world *world, struct cut_calls *calls, const struct cut_runbook *rb,
		     uint32_t metric, cut_sample_fn *done, void *data)
{
	struct once *once = cut_new(struct once);

	*once = (struct once){.world = world, .done = done, .data = data, .metric = metric};
	ask(calls, &rb->metrics[metric],
	    &(struct cut_calls_handler){.done = on_once, .data = once});
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
	cut_jw_rfc3339(&w, "at", cut_world_wall(s->world));
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

static void on_sample(void *data, enum cut_status status, const char *text, json_t *result,
		      bool sent)
{
	struct metric *m = data;
	struct cut_sampler *s = m->sampler;
	struct cut_sample sample = sample_of(s->world, status, text, result);

	m->call = 0;
	if (s->stopped)
		return;
	/* from the boot-time clock to the run's */
	sample.at -= cut_world_boot(s->world) - cut_driver_now(s->driver);
	keep(s, m->index, &sample);
	cut_driver_sample(s->driver, m->index, &sample);
}

/* At its pace, whatever the last ring was late by. */
static void schedule(struct metric *m, cut_time due)
{
	cut_time every = m->sampler->rb->metrics[m->index].every;
	cut_time now = cut_world_boot(m->sampler->world);

	if (due + every <= now)
		due += (now - due) / every * every;
	m->due = due + every;
	cut_bell_set(m->bell, m->due);
}

static void on_metric_due(void *data)
{
	struct metric *m = data;
	struct cut_sampler *s = m->sampler;

	schedule(m, m->due);
	if (!m->call) /* else it is late: never two at once */
		m->call = ask(s->calls, &s->rb->metrics[m->index],
			      &(struct cut_calls_handler){.done = on_sample, .data = m});
}

struct cut_sampler *cut_sampler_new(struct cut_world *world, const struct cut_runbook *rb,
				    struct cut_calls *calls, const char *dir,
				    struct cut_driver *driver)
{
	struct cut_sampler *s = cut_new(struct cut_sampler);
	cut_auto(cut_str) char *path = cut_printf("%s/samples.jsonl", dir);

	s->world = world;
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
		s->metrics[i].bell = cut_bell_new(world, on_metric_due, &s->metrics[i]);
	}
	return s;
}

void cut_sampler_start(struct cut_sampler *s)
{
	for (uint32_t i = 0; i < s->rb->metrics_len; i++) {
		s->metrics[i].due = cut_world_boot(s->world);
		cut_bell_set(s->metrics[i].bell, CUT_SOON);
	}
}

void cut_sampler_stop(struct cut_sampler *s)
{
	s->stopped = true;
	for (uint32_t i = 0; i < s->rb->metrics_len; i++)
		cut_bell_set(s->metrics[i].bell, CUT_NEVER);
}

void cut_sampler_free(struct cut_sampler *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->rb->metrics_len; i++) {
		cut_bell_free(s->metrics[i].bell);
		if (s->metrics[i].call)
			cut_calls_forget(s->metrics[i].call);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->metrics);
	free(s);
}
