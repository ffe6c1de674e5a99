/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as far as the model alone tells it: what steps do, how they are undone, how long it all
 * takes. */
#include "engine/core/plan.h"
#include "tests/unit/load_kit.h"

#define HEAD "cutover: v1\nname: t\n"

static json_t *plan_of(const char *text)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(text);
	cut_auto(cut_graph) struct cut_graph *graph = NULL;
	uint32_t where = 0;

	assert_int_equal(cut_graph_new(rb, &graph, &where, NULL), 0);
	return cut_plan_json(rb, graph);
}

static void test_the_strongest_effect_names_a_step(void **state)
{
	static const struct {
		uint32_t effects;
		const char *name;
	} cases[] = {
		{CUT_READ, "read"},
		{CUT_WRITE | CUT_READ, "write"},
		{CUT_WRITE | CUT_TRAFFIC, "traffic"},
		{CUT_TRAFFIC | CUT_DESTROY | CUT_WRITE, "destroy"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++)
		assert_string_equal(cut_effects_name(cases[i].effects), cases[i].name);
}

static void test_a_plan_tells_how_long_it_takes_there_and_back(void **state)
{
	cut_auto(cut_json) json_t *plan = plan_of(
		HEAD
		"phases:\n"
		"  - id: p\n    order: parallel\n    steps:\n"
		"      - {id: a, planned: 10s, run: [x], rollback: {run: [y]}}\n"
		"      - {id: b, planned: 3s, run: [x], rollback: {run: [y]}}\n"
		"      - {id: c, planned: 40s, run: [x], rollback: not_needed}\n"
		"      - {id: d, planned: 50s, run: [x], temporary: true, rollback: {run: [y]}}\n"
		"  - id: q\n    steps:\n"
		"      - {id: e, run: [x], rollback: {run: [y]}}\n"
		"      - {id: f, planned: 2s, run: [x], rollback: {run: [y]}}\n"
		"finally: [{id: z, planned: 90s, run: [x], effects: read}]\n");

	/* of those that are undone: the longest of a and b, after f */
	assert_int_equal(cut_json_int(plan, "rollback_s", -1), 12);
	assert_int_equal(cut_json_int(plan, "forward_s", -1), 52);
	assert_string_equal(json_string_value(cut_json_at(plan, "/critical_path/0")), "d");
	assert_true(json_is_true(cut_json_at(plan, "/steps/3/critical")));
	assert_false(json_is_true(cut_json_at(plan, "/steps/0/critical")));
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/rollback")), "body");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/2/rollback")),
			    "not_needed");
	assert_true(json_is_null(cut_json_at(plan, "/steps/4/planned_s")));
}

static void test_the_way_back_ends_where_something_was_accepted(void **state)
{
	cut_auto(cut_json) json_t *plan = plan_of(
		HEAD "phases:\n"
		     "  - {id: p, steps: [{id: a, planned: 10s, run: [x], rollback: {run: [y]}}]}\n"
		     "  - id: q\n"
		     "    steps: [{id: b, planned: 20s, run: [x], rollback: {run: [y]}}]\n"
		     "    acceptance: {tests: [{run: [t], effects: read}]}\n"
		     "  - id: r\n"
		     "    steps: [{id: c, planned: 25s, run: [x], rollback: {run: [y]}}]\n"
		     "    acceptance: {tests: [{run: [t], effects: read}]}\n");

	assert_int_equal(cut_json_int(plan, "rollback_s", -1), 30);
	assert_int_equal(cut_json_int(plan, "forward_s", -1), 55);
}

static void test_a_wait_takes_as_long_as_it_says(void **state)
{
	cut_auto(cut_json) json_t *plan =
		plan_of(HEAD "steps:\n"
			     "  - {id: a, wait: 10m}\n"
			     "  - {id: b, wait: {for: 5m, clean: true}, planned: 8m}\n"
			     "  - {id: c, wait: {until: \"2027-01-01T00:00:00Z\"}}\n"
			     "  - {id: d, run: [x], effects: read, outputs: {n: duration}}\n"
			     "  - {id: e, wait: {for: \"${{ steps.d.outputs.n }}\"}}\n");

	assert_int_equal(cut_json_int(plan, "forward_s", -1), 18 * 60);
	assert_int_equal(json_integer_value(cut_json_at(plan, "/steps/0/planned_s")), 600);
	assert_true(json_is_null(cut_json_at(plan, "/steps/2/planned_s")));
	assert_true(json_is_null(cut_json_at(plan, "/steps/4/planned_s")));
}

static void test_without_planned_durations_none_is_made_up(void **state)
{
	cut_auto(cut_json) json_t *plan =
		plan_of(HEAD "steps: [{id: a, run: [x], rollback: impossible, "
			     "rollback_reason: sent}]\n");

	assert_true(json_is_null(json_object_get(plan, "rollback_s")));
	assert_true(json_is_null(json_object_get(plan, "forward_s")));
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/rollback")),
			    "impossible");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/class")), "opaque");
}

/* Written with ' for ". */
static json_t *json_quoted(const char *text)
{
	cut_auto(cut_str) char *copy = cut_strdup(text ? text : "null");

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return json_loads(copy, JSON_DECODE_ANY, NULL);
}

static void test_plans_are_the_same_or_the_first_difference_is_told(void **state)
{
	static const struct {
		const char *then, *now, *told; /* NULL: the same */
	} cases[] = {
		{"[]", "[]", NULL},
		{"[]", NULL, NULL},
		{"[{'what': 'a', 'before': '1', 'after': '2'},"
		 " {'what': 'b', 'before': '3', 'after': '4'}]",
		 "[{'what': 'b', 'before': '3', 'after': '4'},"
		 " {'what': 'a', 'before': '1', 'after': '2'}]",
		 NULL},
		{"[{'what': 'a', 'before': null, 'after': null},"
		 " {'what': 'a', 'before': null, 'after': null}]",
		 "[{'what': 'a', 'before': null, 'after': null},"
		 " {'what': 'a', 'before': null, 'after': null}]",
		 NULL},
		{"[{'what': 'a', 'before': '1', 'after': '2'}]",
		 "[{'what': 'a', 'before': '9', 'after': '2'}]",
		 "a: then \"1\" to \"2\", now \"9\" to \"2\""},
		{"[{'what': 'a', 'before': '1', 'after': '2'}]", "[]",
		 "a: then \"1\" to \"2\", now no change"},
		{"[]", "[{'what': 'a', 'before': null, 'after': null}]",
		 "a: then no change, now a change"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_json) json_t *then = json_quoted(cases[i].then);
		cut_auto(cut_json) json_t *now = json_quoted(cases[i].now);
		cut_auto(cut_buf) struct cut_buf told = {0};

		assert_int_equal(cut_plan_same(then, now, &told), !cases[i].told);
		assert_string_equal(cut_buf_str(&told), cases[i].told ? cases[i].told : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_strongest_effect_names_a_step),
		cmocka_unit_test(test_a_plan_tells_how_long_it_takes_there_and_back),
		cmocka_unit_test(test_the_way_back_ends_where_something_was_accepted),
		cmocka_unit_test(test_a_wait_takes_as_long_as_it_says),
		cmocka_unit_test(test_without_planned_durations_none_is_made_up),
		cmocka_unit_test(test_plans_are_the_same_or_the_first_difference_is_told),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
