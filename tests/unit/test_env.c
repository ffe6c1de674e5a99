/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions see of a run, in a step, a group and a check, and what they make of it: texts,
 * parameters, and the values that a check puts on record. The live ones come of a watch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/core/live.h"
#include "tests/lib/world.h"

static const char *const runbook =
	"parameters: {color: {type: string, default: blue}, limit: {type: duration, default: 5s}}\n"
	"environments: {blue: {host: b1}}\n"
	"metrics: {errors: {uses: t.m, every: 5s}, empty: {uses: t.m, every: 5s}}\n"
	"triggers: [{id: calm, metric: empty, bad: {above: 9}},"
	" {id: high, metric: errors, bad: {above: 5}, then: notify}]\n"
	"downtime: [{id: later, from: free, to: end, limit: 9s},"
	" {id: outage, from: cut, to: free, limit: 9s}]\n"
	"clients: [{id: app, what: pins, owner: x, due: 2031-01-01T00:00:00Z},"
	" {id: web, what: pins, owner: x, due: 2031-01-01T00:00:00Z}]\n"
	"steps:\n"
	"  - {id: read, uses: t.get}\n"
	"  - id: each\n"
	"    foreach: {items: [5, 25], as: share}\n"
	"    steps: [{id: shift, uses: t.write, with: {value: \"${{ share }}\"}}]\n"
	"  - {id: cut, uses: t.write}\n"
	"  - {id: free, uses: t.write}\n"
	"  - {id: end, uses: t.write}\n";

struct scene {
	struct world *w;
	struct cut_watch *watch;
	struct cut_live live;
	struct cut_expr_env env;
};

/* 3 s after the cut began; one sample came 1 s ago. */
static int setup(void **state)
{
	struct scene *s = cut_new(struct scene);
	struct cut_watch_events events = {0};
	struct cut_sample sample = {.value = 7.5, .n = NAN, .at = CUT_NEVER};

	s->w = world_new(runbook);
	world_start(s->w);
	world_at(s->w, 2500);
	world_outcome(s->w, "read", CUT_OK, NULL, "{\"old\": 90, \"tail\": 300, \"more\": [1]}");
	world_ok(s->w, "each/5/shift");
	world_ok(s->w, "each/25/shift");
	world_at(s->w, 3000);
	world_ok(s->w, "cut");
	world_at(s->w, 5500);
	world_order(s->w, CUT_ORDER_ACK, "app", NULL);
	s->watch = cut_watch_new(world_runbook(s->w));
	cut_watch_update(s->watch, world_run(s->w), 4500, 4500, &events);
	cut_watch_sample(s->watch, world_run(s->w), 0, &sample, 4500, 4500, &events);
	cut_watch_events_clear(&events);
	free(events.items);
	s->live = (struct cut_live){world_runbook(s->w), s->watch, 5500};
	s->env = cut_live_env(&s->live);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	cut_watch_free(s->watch);
	world_free(s->w);
	free(s);
	return 0;
}

/* The value as text, or what is wrong. */
static char *value_of(struct scene *s, const char *text, const char *step, bool live)
{
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_expr_env env = cut_run_env(
		world_run(s->w), step ? world_step(s->w, step) : CUT_NONE, live ? &s->env : NULL);
	struct cut_val val;
	char *shown;

	assert_int_equal(cut_expr_parse(text, strlen(text), &expr, NULL, &err), 0);
	if (cut_expr_eval(expr, &env, &arena, &val, &err) < 0) {
		shown = cut_strdup(err.what);
	} else {
		cut_auto(cut_json) json_t *json = cut_val_to_json(&val);
		struct cut_buf out = {0};

		cut_json_canonical(json, &out);
		shown = cut_buf_take(&out);
	}
	cut_arena_done(&arena);
	return shown;
}

struct look {
	const char *text, *step, *want;
};

static void look_at(struct scene *s, const struct look *looks, size_t len, bool live)
{
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_str) char *got = value_of(s, looks[i].text, looks[i].step, live);

		if (strcmp(got, looks[i].want) != 0)
			fail_msg("%s: want %s, got %s", looks[i].text, looks[i].want, got);
	}
}

static void test_an_expression_sees_the_run(void **state)
{
	static const struct look looks[] = {
		{"params.color", NULL, "\"blue\""},
		{"params.limit < duration('6s')", NULL, "true"},
		{"params.none", NULL, "no such key: none"},
		{"environments.blue.host", NULL, "\"b1\""},
		{"has(steps.read)", NULL, "true"},
		{"run.id + run.starter", NULL, "\"test-runalice\""},
		{"has(run.other)", NULL, "false"},
		{"steps.read.state", NULL, "\"succeeded\""},
		{"has(steps.read.other)", NULL, "false"},
		{"has(steps.nosuch)", NULL, "false"},
		{"steps.read.outputs.duration_s", NULL, "2.5"},
		{"has(steps.free.outputs.duration_s)", NULL, "false"},
		{"steps.read.outputs.old == duration('90s')", NULL, "true"},
		{"steps.read.outputs.more[0]", NULL, "1"},
		{"has(steps.read.outputs.nosuch)", NULL, "false"},
		{"steps[\"each/5/shift\"].state", NULL, "\"succeeded\""},
		{"share", "each/25/shift", "25"},
		{"steps.shift.state", "each/5/shift", "\"succeeded\""},
		{"downtime.outage", NULL, "3.0"},
		{"downtime.later", NULL, "2.5"},
		{"has(downtime.nosuch)", NULL, "false"},
		{"clients.all_acknowledged", NULL, "false"},
		{"has(clients.other)", NULL, "false"},
	};

	look_at(*state, looks, CUT_ARRAY_LEN(looks), false);
}

static void test_an_expression_sees_what_is_measured_only_where_it_is_live(void **state)
{
	static const struct look looks[] = {
		{"metrics.errors.value", NULL, "7.5"},
		{"metrics.errors.age == duration('1s')", NULL, "true"},
		{"has(metrics.errors.other)", NULL, "false"},
		{"has(metrics.empty.value)", NULL, "false"},
		{"has(metrics.nosuch)", NULL, "false"},
		{"triggers.calm.state", NULL, "\"clear\""},
		{"has(triggers.calm.other)", NULL, "false"},
		{"has(triggers.nosuch)", NULL, "false"},
		{"params.color", NULL, "\"blue\""},
		{"steps.read.state", NULL, "\"succeeded\""},
	};
	cut_auto(cut_str) char *other = value_of(*state, "others", NULL, true);
	cut_auto(cut_str) char *dead = value_of(*state, "metrics.errors.value", NULL, false);

	look_at(*state, looks, CUT_ARRAY_LEN(looks), true);
	assert_non_null(strstr(other, "others"));
	assert_non_null(strstr(dead, "metrics"));
}

static void test_clients_are_all_acknowledged_once_each_one_is(void **state)
{
	static const struct look all[] = {{"clients.all_acknowledged", NULL, "true"}};
	struct scene *s = *state;

	assert_true(world_order(s->w, CUT_ORDER_ACK, "nosuch", NULL) < 0);
	assert_true(world_order(s->w, CUT_ORDER_ACK, NULL, NULL) < 0);
	world_order(s->w, CUT_ORDER_ACK, "web", NULL);
	look_at(s, all, 1, false);
}

/* --- checks --- */

static void check(struct world *w, const char *step, const struct cut_expr_env *live, bool want,
		  const char *values)
{
	cut_auto(cut_json) json_t *data = NULL;
	cut_auto(cut_buf) struct cut_buf text = {0};
	bool all = cut_run_check(world_run(w), world_step(w, step), live, &data);

	cut_json_canonical(data, &text);
	assert_string_equal(cut_buf_str(&text), values);
	assert_int_equal(all, want);
}

static void test_a_check_puts_on_record_what_it_saw(void **state)
{
	struct world *w = world_new(
		"parameters: {n: {type: int, default: 3}}\n"
		"environments: {blue: {host: b1}}\n"
		"steps:\n"
		"  - {id: a, uses: t.get}\n"
		"  - {id: yes, uses: check, with: {that: \"params.n == 3\"}}\n"
		"  - {id: no, uses: check, with: {that: [\"steps.a.outputs.old == duration('1s')\","
		" \"environments.blue.host == 'b2'\", \"params.n == 4\"]}}\n"
		"  - {id: odd, uses: check, with: {that: [\"params.n == 4\", "
		"\"steps.a.outputs.tail "
		"== duration('1s')\", \"steps.a.outputs.old\", "
		"\"params.n / 0 == size(steps.a.state)\"]}}\n");

	world_start(w);
	world_outcome(w, "a", CUT_OK, NULL, "{\"old\": 1}");
	check(w, "yes", NULL, true,
	      "{\"values\":[{\"is\":true,\"saw\":{\"params.n\":3},\"that\":\"params.n == 3\"}]}");
	check(w, "no", NULL, false,
	      "{\"values\":[{\"is\":true,\"saw\":{\"steps.a.outputs.old\":1},\"that\":"
	      "\"steps.a.outputs.old == duration('1s')\"},"
	      "{\"is\":false,\"saw\":{},\"that\":\"environments.blue.host == 'b2'\"},"
	      "{\"is\":false,\"saw\":{\"params.n\":3},\"that\":\"params.n == 4\"}]}");
	check(w, "odd", NULL, false,
	      "{\"values\":[{\"is\":false,\"saw\":{\"params.n\":3},\"that\":\"params.n == 4\"},"
	      "{\"error\":\"no such key: tail\",\"is\":null,\"saw\":{},\"that\":"
	      "\"steps.a.outputs.tail == duration('1s')\"},"
	      "{\"error\":\"it is neither true nor false\",\"is\":null,"
	      "\"saw\":{\"steps.a.outputs.old\":1},\"that\":\"steps.a.outputs.old\"},"
	      "{\"error\":\"divide by zero\",\"is\":null,"
	      "\"saw\":{\"params.n\":3,\"steps.a.state\":\"succeeded\"},\"that\":"
	      "\"params.n / 0 == size(steps.a.state)\"}]}");
	world_free(w);
}

static void test_a_check_of_a_gate_that_cannot_be_evaluated_is_only_not_true(void **state)
{
	struct world *w = world_new("roles: {lead: {members: [bob]}}\n"
				    "metrics: {m: {uses: t.m, every: 5s}}\n"
				    "steps: [{id: go, approve: {roles: [lead], checks: "
				    "[\"metrics.m.value > 1.0\"]}}]\n");
	struct cut_watch *watch = cut_watch_new(world_runbook(w));
	struct cut_live live = {world_runbook(w), watch, 0};
	struct cut_expr_env env = cut_live_env(&live);

	world_start(w);
	check(w, "go", &env, false,
	      "{\"values\":[{\"error\":\"no such key: value\",\"is\":null,\"saw\":{},\"that\":"
	      "\"metrics.m.value > 1.0\"}]}");
	cut_watch_free(watch);
	world_free(w);
}

/* --- texts and parameters --- */

static void test_parameters_are_filled_in_when_a_step_starts(void **state)
{
	/* the step, what its call gets or why it fails */
	static const char *const cases[][2] = {
		{"{uses: t.write, with: {value: \"${{ params.n }}\"}}",
		 "apply 1, after its intent value=3"},
		{"{uses: t.write, with: {value: \"n=${{ params.n }}, ${{ run.id }}\"}}",
		 "apply 1, after its intent value=n=3, test-run"},
		{"{uses: t.write, with: {value: \"${{ steps.a.outputs.old }}!\"}}",
		 "apply 1, after its intent value=1m30s!"},
		{"{uses: t.write, with: {value: \"x${{ 1 / (size(run.id) - 8) }}\"}}",
		 "b failed: its parameters cannot be made: value: divide by zero"},
		{"{uses: t.write, with: {value: \"x${{ steps.a.outputs }}\"}}",
		 "b failed: its parameters cannot be made: value: "},
		{"{run: [x, \"${{ steps.a.outputs.tail }}\"]}",
		 "b failed: its parameters cannot be made: argv/1: no such key"},
		{"{uses: t.write, with: {data: {a/b: [{c~d: \"${{ steps.a.outputs.old }}\"}], e: "
		 "1}}}",
		 "apply 1, after its intent data={\"a/b\":[{\"c~d\":90}],\"e\":1}"},
		{"{uses: t.write, with: {data: [1, \"${{ steps.a.outputs.old }}\"]}}",
		 "apply 1, after its intent data=[1,90]"},
		{"{wait: \"${{ steps.a.outputs.old }}\"}", "[ 90000] b succeeded"},
		{"{wait: \"${{ run.id }}\"}", "b failed: "},
		{"{wait: \"${{ steps.a.outputs.tail }}\"}", "b failed: "},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		bool waits = strncmp(cases[i][0], "{wait", 5) == 0;
		cut_auto(cut_str) char *text =
			cut_printf("parameters: {n: {type: int, default: 3}}\n"
				   "steps:\n"
				   "  - {id: a, uses: t.get}\n"
				   "  - {id: b, %s%.*s}\n",
				   waits ? "" : "rollback: not_needed, ",
				   (int)strlen(cases[i][0]) - 2, cases[i][0] + 1);
		struct world *w = world_new(text);

		world_start(w);
		world_outcome(w, "a", CUT_OK, NULL, "{\"old\": 90}");
		world_at(w, 90000);
		if (!world_saw(w, cases[i][1]))
			fail_msg("%s", cases[i][0]);
		world_free(w);
	}
}

static void test_what_a_step_declares_or_a_person_hands_in_is_seen_as_its_type(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"steps.d.outputs.lag + duration('1s')", "value=1m31s"},
		{"steps.d.outputs.host", "value=b2"},
		{"steps.m.outputs.ticket", "value=OPS-7"},
		{"has(steps.s.outputs.duration_s)", "value=false"},
		{"steps.w.outputs.duration_s < 1.0", "value=true"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *text = cut_printf(
			"steps:\n"
			"  - {id: d, run: [x], effects: read, outputs: {other: int, lag: duration, "
			"host: string}}\n"
			"  - {id: m, manual: {instructions: do, evidence: [ticket]}, rollback: "
			"not_needed}\n"
			"  - {id: w, wait: 0s}\n"
			"  - {id: s, if: \"run.id == 'x'\", uses: t.read}\n"
			"  - {id: b, uses: t.write, with: {value: \"${{ %s }}\"}}\n",
			cases[i].value);
		struct world *w = world_new(text);

		world_start(w);
		world_outcome(w, "d", CUT_OK, NULL, "{\"lag\": 90, \"host\": \"b2\"}");
		world_order(w, CUT_ORDER_ATTEST, "m", "{\"evidence\": {\"ticket\": \"OPS-7\"}}");
		if (!world_saw(w, cases[i].want))
			fail_msg("%s", cases[i].value);
		world_free(w);
	}
}

static void test_a_question_whose_values_are_not_there_says_so(void **state)
{
	struct world *w = world_new(
		"roles: {lead: {members: [bob]}}\n"
		"metrics: {errors: {uses: t.m, every: 5s}}\n"
		"steps:\n"
		"  - {id: a, uses: t.get}\n"
		"  - {id: go, approve: {roles: [lead], checks: [\"metrics.errors.value < 1.0\","
		" \"has(steps.a) && has(steps.a.outputs.tail)\"],"
		" message: \"old: ${{ steps.a.outputs.old }} and so on ${{ run.id }}\"}}\n");
	size_t len;

	world_start(w);
	world_outcome(w, "a", CUT_OK, NULL, "{}");
	assert_string_equal(cut_run_waiting(world_run(w), &len)->asks, "no such key: old");
	check(w, "go", NULL, 0,
	      "{\"values\":[{\"error\":\"undeclared reference to "
	      "'metrics'\",\"is\":null,\"saw\":{},"
	      "\"that\":\"metrics.errors.value < 1.0\"},"
	      "{\"is\":false,\"saw\":{},\"that\":\"has(steps.a) && "
	      "has(steps.a.outputs.tail)\"}]}");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_expression_sees_the_run, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_an_expression_sees_what_is_measured_only_where_it_is_live, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_clients_are_all_acknowledged_once_each_one_is,
						setup, teardown),
		cmocka_unit_test(test_a_check_puts_on_record_what_it_saw),
		cmocka_unit_test(test_a_check_of_a_gate_that_cannot_be_evaluated_is_only_not_true),
		cmocka_unit_test(test_parameters_are_filled_in_when_a_step_starts),
		cmocka_unit_test(
			test_what_a_step_declares_or_a_person_hands_in_is_seen_as_its_type),
		cmocka_unit_test(test_a_question_whose_values_are_not_there_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
