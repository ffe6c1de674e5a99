/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runbook/trigger_test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/core/trigger.h"
#include "engine/runbook/runbook.h"

/* --- the trigger: read by the loader, from the smallest runbook around it --- */

static json_t *make_descriptor(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[], s:[{s:s, s:s, s:s, s:[]}], s:[]}", "name",
			 "test", "version", "1", "license", "Apache-2.0", "help", "", "actions",
			 "meters", "name", "samples", "unit", "", "help", "", "params",
			 "providers");
}

/* Numbers are seconds, as everywhere in JSON; the runbook wants a unit. */
static void add_duration(json_t *metric, const char *key, const json_t *value)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (!json_is_number(value)) {
		json_object_set(metric, key, (json_t *)value);
		return;
	}
	cut_duration_format(cut_json_ms(value, 0), &text);
	json_object_set_new(metric, key, json_string(cut_buf_str(&text)));
}

static json_t *make_metric(const json_t *given)
{
	json_t *metric = json_object();
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)given, key, value) {
		if (strcmp(key, "every") == 0 || strcmp(key, "max_age") == 0)
			add_duration(metric, key, value);
		else
			json_object_set(metric, key, value);
	}
	json_object_set_new(metric, "uses", json_string("test.samples"));
	return metric;
}

/* What ties it to other parts of its runbook plays no role here. */
static json_t *make_runbook(const json_t *test)
{
	json_t *trigger = json_deep_copy(json_object_get(test, "trigger"));

	json_object_set_new(trigger, "metric", json_string("samples"));
	json_object_del(trigger, "from");
	json_object_del(trigger, "until");
	json_object_del(trigger, "foreach");
	if (!json_object_get(trigger, "id"))
		json_object_set_new(trigger, "id", json_string("trigger"));
	return json_pack("{s:s, s:s, s:{s:o}, s:[o], s:[{s:s, s:s}]}", "cutover", "v1", "name",
			 "trigger_test", "metrics", "samples",
			 make_metric(json_object_get(test, "metric")), "triggers", trigger, "steps",
			 "id", "nothing", "wait", "1s");
}

static int refuse(const struct cut_faults *faults, struct cut_err *err)
{
	for (size_t i = 0; i < faults->len; i++)
		if (faults->items[i].severity == CUT_SEV_ERROR)
			return cut_err_set(err, -EINVAL, faults->items[i].what,
					   faults->items[i].hint, "the trigger cannot be tested");
	return cut_err_set(err, -EINVAL, NULL, NULL, "the trigger cannot be tested");
}

static int load_trigger(const json_t *test, struct cut_runbook **ret_rb,
			struct cut_catalog *catalog, struct cut_err *err)
{
	cut_auto(cut_json) json_t *descriptor = make_descriptor();
	cut_auto(cut_json) json_t *runbook = make_runbook(test);
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_load_options options = {.catalog = catalog};
	struct cut_faults faults = {0};
	int r;

	r = cut_catalog_add(catalog, descriptor, err);
	if (r < 0)
		return r;
	cut_json_canonical(runbook, &text);
	r = cut_runbook_load_text(text.data, text.len, "trigger", "/", &options, &faults, ret_rb,
				  err);
	if (r == -EINVAL && faults.errors)
		r = refuse(&faults, err);
	cut_faults_done(&faults);
	if (r < 0)
		return r;
	if ((*ret_rb)->unsupported_len)
		return cut_err_set(err, -ENOTSUP, "not supported yet",
				   "test it without, or with a threshold", "%s",
				   (*ret_rb)->unsupported[0].what);
	return 0;
}

/* --- the samples --- */

/* Of sources that say more than JSON has numbers for: NaN, Inf, -Infinity. */
static bool is_no_number(const char *word)
{
	word += *word == '-' || *word == '+';
	return strcasecmp(word, "nan") == 0 || strcasecmp(word, "inf") == 0 ||
	       strcasecmp(word, "infinity") == 0;
}

static int read_sample(const json_t *pair, cut_time last, cut_time *ret_t, struct cut_sample *ret,
		       struct cut_err *err)
{
	const json_t *t = json_array_get(pair, 0), *value = json_array_get(pair, 1);
	const char *word = json_string_value(value);
	bool error = word && strcmp(word, "error") == 0;

	if (!json_is_number(t) || !(json_is_number(value) || json_is_null(value) || error ||
				    (word && is_no_number(word))))
		return cut_err_set(err, -EINVAL, NULL, NULL,
				   "a sample is [seconds, number | null | \"error\"]");
	*ret_t = (cut_time)llround(json_number_value(t) * (double)CUT_SECOND);
	if (*ret_t < last)
		return cut_err_set(err, -EINVAL, NULL, "sort them by time",
				   "the samples are out of order at %g s", json_number_value(t));
	*ret = (struct cut_sample){
		.value = json_is_number(value) ? json_number_value(value) : NAN,
		.n = NAN,
		.at = *ret_t,
		.error = error,
	};
	return 0;
}

static void print_sample(cut_time t, const struct cut_sample *sample, const char *class,
			 const char *state, struct cut_buf *text)
{
	cut_buf_printf(text, "%g ", (double)t / CUT_SECOND);
	if (sample->error)
		cut_buf_add_str(text, "error");
	else if (isnan(sample->value))
		cut_buf_add_str(text, "null");
	else
		cut_buf_printf(text, "%g", sample->value);
	cut_buf_printf(text, " %s %s\n", class, state);
}

/* Plays them; states, classes and fired get one entry each. */
static int play(struct cut_trigger_machine *m, const json_t *test, json_t *states, json_t *classes,
		json_t *fired, struct cut_buf *text, struct cut_err *err)
{
	const json_t *armed_at = json_object_get(test, "armed_at");
	cut_time arm = cut_json_ms(armed_at, 0), t = INT64_MIN;
	json_t *pair;
	size_t i;

	if (armed_at && !json_is_number(armed_at))
		return cut_err_set(err, -EINVAL, NULL, NULL, "armed_at is a number of seconds");
	json_array_foreach (json_object_get(test, "samples"), i, pair) {
		struct cut_sample sample;
		unsigned before = m->state;
		enum cut_sample_class class;
		const char *state;
		int r = read_sample(pair, t, &t, &sample, err);

		if (r < 0)
			return r;
		if (m->armed_at == CUT_NEVER && t >= arm)
			cut_trigger_arm(m, arm);
		class = cut_trigger_classify(m->spec, &sample, t);
		cut_trigger_sample(m, class, t);
		state = cut_trigger_shown(m->spec, (enum cut_trigger_state)m->state);
		json_array_append_new(states, json_string(state));
		json_array_append_new(classes, json_string(cut_sample_class_name(class)));
		if (m->state == CUT_TRIGGER_FIRING && before != CUT_TRIGGER_FIRING)
			json_array_append_new(fired, json_integer((json_int_t)i));
		print_sample(t, &sample, cut_sample_class_name(class), state, text);
	}
	return 0;
}

static int test_one(const json_t *test, json_t **ret, struct cut_buf *text, struct cut_err *err)
{
	struct cut_runbook *rb = NULL;
	struct cut_catalog catalog = {0};
	struct cut_trigger_machine m;
	json_t *states = json_array(), *classes = json_array(), *fired = json_array(), *first;
	int r;

	if (!json_is_object(json_object_get(test, "trigger")) ||
	    !json_is_array(json_object_get(test, "samples"))) {
		r = cut_err_set(err, -EINVAL, NULL,
				"give {\"trigger\": {…}, \"samples\": [[t, value], …]}",
				"this is not a test of a trigger");
		goto done;
	}
	r = load_trigger(test, &rb, &catalog, err);
	if (r < 0)
		goto done;

	cut_trigger_init(&m, &rb->triggers[0]);
	r = play(&m, test, states, classes, fired, text, err);
	if (r == 0) {
		first = json_array_get(fired, 0);
		*ret = json_pack("{s:O, s:O, s:O, s:O, s:s}", "states", states, "classes", classes,
				 "fires_at", first ? first : json_null(), "fired", fired, "final",
				 cut_trigger_shown(m.spec, (enum cut_trigger_state)m.state));
	}
	cut_trigger_done(&m);
done:
	json_decref(states);
	json_decref(classes);
	json_decref(fired);
	cut_runbook_free(rb);
	cut_catalog_done(&catalog);
	return r;
}

int cut_trigger_test(const json_t *file, json_t **ret, struct cut_buf *text, struct cut_err *err)
{
	cut_auto(cut_json) json_t *list = NULL;
	json_t *test;
	size_t i;

	if (!json_is_array(file))
		return test_one(file, ret, text, err);
	list = json_array();
	json_array_foreach ((json_t *)file, i, test) {
		json_t *one = NULL;
		int r;

		if (i > 0)
			cut_buf_add_char(text, '\n');
		r = test_one(test, &one, text, err);
		if (r < 0)
			return cut_err_prefix(err, "test %zu", i + 1);
		json_array_append_new(list, one);
	}
	*ret = cut_take(list);
	return 0;
}
