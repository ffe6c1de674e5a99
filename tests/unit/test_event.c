/* SPDX-License-Identifier: Apache-2.0 */
/* Events and effects as records of the journal. That each event means the same after a round trip
 * is what every trace test proves; here is the shape of the records and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine/base/json.h"

#include "tests/lib/world.h"

static struct world *small(void)
{
	return world_new("metrics: {errors: {uses: t.m, every: 1s}}\n"
			 "triggers: [{id: high, metric: errors, bad: {above: 5%}}]\n"
			 "steps: [{id: a, uses: t.write}]\n");
}

static void expect_record(struct world *w, const struct cut_event *ev, const char *want)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_event_encode(ev, world_runbook(w), &text);
	assert_string_equal(cut_buf_str(&text), want);
}

static void test_records_begin_with_type_time_and_actor(void **state)
{
	struct world *w = small();
	json_t *armed = json_pack("{s:s, s:s}", "run", "r", "epoch", "not twice");

	expect_record(w, &(struct cut_event){.type = CUT_EV_TICK, .t = 5, .wall = 1500},
		      "{\"type\":\"tick\",\"at\":\"1970-01-01T00:00:01.500Z\",\"t\":5,\"actor\":"
		      "\"engine\"}");
	expect_record(w,
		      &(struct cut_event){.type = CUT_EV_ARMED, .actor = "alice", .armed = armed},
		      "{\"type\":\"armed\",\"at\":\"1970-01-01T00:00:00.000Z\",\"t\":0,\"actor\":"
		      "\"alice\","
		      "\"run\":\"r\"}");
	expect_record(w,
		      &(struct cut_event){.type = CUT_EV_ORDER,
					  .refused = "no",
					  .order = {CUT_ORDER_SKIP, "a", 7, NULL}},
		      "{\"type\":\"order\",\"at\":\"1970-01-01T00:00:00.000Z\",\"t\":0,\"actor\":"
		      "\"engine\","
		      "\"refused\":\"no\",\"order\":\"skip\",\"target\":\"a\",\"uid\":7}");
	expect_record(
		w,
		&(struct cut_event){.type = CUT_EV_TRIGGER,
				    .trigger = {0, CUT_TRIGGER_FIRING, NAN, "why", NULL}},
		"{\"type\":\"trigger\",\"at\":\"1970-01-01T00:00:00.000Z\",\"t\":0,\"actor\":"
		"\"engine\","
		"\"trigger\":\"high\",\"state\":\"firing\",\"shown\":\"latched\",\"value\":null,"
		"\"threshold\":0.05,\"text\":\"why\"}");
	json_decref(armed);
	world_free(w);
}

static void test_a_record_of_a_trigger_tells_its_bounds(void **state)
{
	static const char *const bounds[] = {
		"\"value\":4.0,\"threshold\":5.0,\"text\"",
		"\"value\":4.0,\"min\":2.0,\"text\"",
		"\"value\":4.0,\"min\":1.0,\"threshold\":9.0,\"text\"",
	};
	struct world *w = world_new("metrics: {errors: {uses: t.m, every: 1s}}\n"
				    "triggers:\n"
				    "  - {id: over, metric: errors, bad: {above: 5}}\n"
				    "  - {id: under, metric: errors, bad: {below: 2}}\n"
				    "  - {id: beside, metric: errors, bad: {outside: [1, 9]}}\n"
				    "steps: [{id: a, uses: t.write}]\n");

	for (uint32_t i = 0; i < CUT_ARRAY_LEN(bounds); i++) {
		const struct cut_event ev = {.type = CUT_EV_TRIGGER,
					     .trigger = {i, CUT_TRIGGER_CLEAR, 4, "so", NULL}};
		cut_auto(cut_buf) struct cut_buf text = {0};

		cut_event_encode(&ev, world_runbook(w), &text);
		if (!strstr(text.data, bounds[i]))
			fail_msg("%s", text.data);
	}
	world_free(w);
}

#define HEAD "\"t\": 1, \"at\": \"2025-11-22T20:00:00.000Z\", \"actor\": \"a\", "

static void test_records_that_are_no_input_are_told_apart(void **state)
{
	static const struct {
		const char *record;
		int result;
	} cases[] = {
		{"{\"type\": \"tick\", " HEAD "\"x\": 0}", 1},
		{"{\"type\": \"intent\"}", 0},
		{"{\"type\": \"step\"}", 0},
		{"{\"type\": \"run\"}", 0},
		{"{\"type\": \"sealed\"}", 0},
		{"{\"type\": \"order\", \"refused\": \"no\"}", 0},
		{"{}", 0},
		{"{\"type\": \"tick\", \"at\": \"2025-11-22T20:00:00.000Z\"}", -EPROTO},
		{"{\"type\": \"tick\", \"t\": 1, \"at\": \"yesterday\"}", -EPROTO},
		{"{\"type\": \"tick\", \"t\": 1, \"at\": \"2025-11-22T20:00:00.000Z\"}", -EPROTO},
		{"{\"type\": \"outcome\", " HEAD "\"step\": \"b\"}", -EPROTO},
		{"{\"type\": \"outcome\", " HEAD "\"step\": \"a\", "
		 "\"op\": \"dance\"}",
		 -EPROTO},
		{"{\"type\": \"saved\", " HEAD "\"step\": "
		 "\"a\"}",
		 -EPROTO},
		{"{\"type\": \"trigger\", " HEAD "\"trigger\": \"x\", "
		 "\"state\": \"clear\"}",
		 -EPROTO},
		{"{\"type\": \"outcome\", " HEAD "\"step\": \"a\", \"op\": \"apply\", "
		 "\"status\": \"so-so\"}",
		 -EPROTO},
		{"{\"type\": \"outcome\", " HEAD "\"op\": \"apply\", \"status\": \"ok\"}", -EPROTO},
		{"{\"type\": \"saved\", " HEAD "\"state\": {}}", -EPROTO},
		{"{\"type\": \"trigger\", " HEAD "\"trigger\": \"x\"}", -EPROTO},
		{"{\"type\": \"acceptance\", " HEAD "\"phase\": \"nosuch\", \"state\": \"met\"}",
		 -EPROTO},
		{"{\"type\": \"acceptance\", " HEAD "\"phase\": \"main\", \"state\": \"so-so\"}",
		 -EPROTO},
		{"{\"type\": \"approval\", " HEAD "\"gate\": \"g\", \"vote\": \"maybe\"}", -EPROTO},
		{"{\"type\": \"approval\", " HEAD "\"vote\": \"approve\"}", -EPROTO},
		{"{\"type\": \"order\", " HEAD "\"order\": "
		 "\"x\"}",
		 -EPROTO},
		{"{\"type\": \"note\", " HEAD "\"x\": 0}", -EPROTO},
	};
	struct world *w = small();

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		json_t *record = json_loads(cases[i].record, 0, NULL);
		struct cut_event ev;

		assert_non_null(record);
		assert_int_equal(cut_event_decode(record, world_runbook(w), &ev, &err),
				 cases[i].result);
		assert_true((cases[i].result < 0) == (err.what != NULL));
		json_decref(record);
	}
	world_free(w);
}

static void test_orders_are_known_by_name(void **state)
{
	for (int i = 0; i < CUT_ORDERS; i++)
		assert_int_equal(cut_order_named(cut_order_name((enum cut_order)i)), i);
	assert_int_equal(cut_order_named("dance"), -1);
	assert_int_equal(cut_order_named(NULL), -1);
}

static void test_the_intent_names_a_key_that_any_engine_can_compute_again(void **state)
{
	struct world *w = small();
	struct cut_run *run = world_run(w);
	json_t *armed = json_pack("{s:s}", "run", "r1");
	struct cut_event arm = {.type = CUT_EV_ARMED, .armed = armed};
	struct cut_event start = {.type = CUT_EV_ORDER, .order = {.order = CUT_ORDER_START}};
	struct cut_effects out = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};

	assert_int_equal(cut_run_feed(run, &arm, &out, NULL), 0);
	assert_int_equal(cut_run_feed(run, &start, &out, NULL), 0);
	assert_int_equal(out.len, 3);
	assert_int_equal(out.items[1].type, CUT_FX_INTENT);
	assert_true(out.items[1].durable);
	cut_effect_encode(&out.items[1], &start, world_runbook(w), &text);
	/* base32 of the SHA-256 of "r1|a|1|apply" */
	assert_string_equal(cut_buf_str(&text),
			    "{\"type\":\"intent\",\"at\":\"1970-01-01T00:00:00.000Z\",\"t\":0,"
			    "\"actor\":\"engine\",\"step\":\"a\",\"op\":\"apply\",\"attempt\":1,"
			    "\"direction\":\"apply\",\"key\":"
			    "\"bt5ntm2xv2pmoxf3yl26py5drgkip7szf5eofp5cconp4oq4cwpq\"}");
	assert_string_equal(out.items[2].call.key, out.items[1].call.key);
	cut_effects_done(&out);
	json_decref(armed);
	world_free(w);
}

/* Is the one intent among them durable? */
static bool intent_is_durable(const struct cut_effects *out)
{
	for (size_t i = 0; i < out->len; i++)
		if (out->items[i].type == CUT_FX_INTENT)
			return out->items[i].durable;
	fail();
	return false;
}

/* The first save takes the intent to the disk with it; a later attempt need not save. */
static void test_what_has_saved_before_waits_for_its_intent(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.saves, retry: {limit: 1}}]\n");
	struct cut_run *run = world_run(w);
	json_t *armed = json_pack("{s:s}", "run", "r1"), *saved = json_pack("{s:i}", "was", 1);
	struct cut_event events[] = {
		{.type = CUT_EV_ARMED, .armed = armed},
		{.type = CUT_EV_ORDER, .order = {.order = CUT_ORDER_START}},
		{.type = CUT_EV_SAVED, .saved = {.state = saved}},
		{.type = CUT_EV_OUTCOME, .outcome = {.attempt = 1, .status = CUT_FAIL}},
		{.type = CUT_EV_TICK, .t = CUT_HOUR},
	};
	struct cut_effects out = {0};

	for (size_t i = 0; i < CUT_ARRAY_LEN(events); i++) {
		cut_effects_clear(&out);
		assert_true(cut_run_feed(run, &events[i], &out, NULL) >= 0);
		if (i == 1)
			assert_false(intent_is_durable(&out));
	}
	assert_true(intent_is_durable(&out));
	cut_effects_done(&out);
	json_decref(armed);
	json_decref(saved);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_begin_with_type_time_and_actor),
		cmocka_unit_test(test_a_record_of_a_trigger_tells_its_bounds),
		cmocka_unit_test(test_records_that_are_no_input_are_told_apart),
		cmocka_unit_test(test_orders_are_known_by_name),
		cmocka_unit_test(test_the_intent_names_a_key_that_any_engine_can_compute_again),
		cmocka_unit_test(test_what_has_saved_before_waits_for_its_intent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
