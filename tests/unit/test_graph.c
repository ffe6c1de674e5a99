/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/graph.h"
#include "engine/core/graph_print.h"
#include "engine/core/plan.h"
#include "tests/unit/load_kit.h"

#define HEAD "cutover: v1\nname: t\n"
#define OK   "uses: check, with: {that: \"true\"}"

static struct cut_graph *graph_of(const struct cut_runbook *rb)
{
	struct cut_graph *graph = NULL;
	struct cut_err err = {0};
	uint32_t where;

	assert_int_equal(cut_graph_new(rb, &graph, &where, &err), 0);
	return graph;
}

static uint32_t index_of(const struct cut_runbook *rb, const char *name)
{
	return (uint32_t)(step_of(rb, name) - rb->steps);
}

/* a before b for each pair, and the other way round never */
static void expect_before(const char *text, const char *const pairs[][2], size_t len)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(text);
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);

	for (size_t i = 0; i < len; i++) {
		uint32_t a = index_of(rb, pairs[i][0]), b = index_of(rb, pairs[i][1]);

		if (!cut_graph_before(graph, a, b) || cut_graph_before(graph, b, a))
			fail_msg("%s is not before %s", pairs[i][0], pairs[i][1]);
		assert_true(graph->position[a] < graph->position[b]);
	}
}

static void test_serial_lists_chain_and_phases_are_barriers(void **state)
{
	static const char *const pairs[][2] = {{"a", "b"}, {"b", "c"}, {"a", "c"}, {"c", "d"}};

	expect_before(HEAD "phases:\n"
			   "  - id: p\n    steps: [{id: a, " OK "}, {id: b, " OK "}, {id: c, " OK
			   "}]\n"
			   "  - id: q\n    order: parallel\n    steps: [{id: d, " OK "}]\n",
		      pairs, CUT_ARRAY_LEN(pairs));
}

static void test_a_parallel_phase_leaves_steps_side_by_side(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - {id: p, order: parallel, steps: [{id: a, " OK
			       "}, {id: b, " OK "}]}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);

	assert_false(cut_graph_before(graph, 0, 1));
	assert_false(cut_graph_before(graph, 1, 0));
}

static void test_empty_needs_start_with_the_phase(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "steps: [{id: a, " OK "}, {id: b, needs: [], " OK "}]\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);

	assert_false(cut_graph_before(graph, 0, 1));
}

static void test_needs_on_a_group_wait_for_all_of_it(void **state)
{
	static const char *const pairs[][2] = {
		{"a", "z"}, {"b", "z"}, {"first", "a"}, {"first", "b"}};

	expect_before(HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
			   "      - {id: first, " OK "}\n"
			   "      - id: g\n        needs: [first]\n        order: parallel\n"
			   "        steps: [{id: a, " OK "}, {id: b, " OK "}]\n"
			   "      - {id: z, needs: [g], " OK "}\n",
		      pairs, CUT_ARRAY_LEN(pairs));
}

static void test_instances_of_a_foreach_follow_each_other(void **state)
{
	static const char *const pairs[][2] = {
		{"l/5/b", "l/25/a"}, {"l/5/a", "l/5/b"}, {"l/25/b", "z"}};

	expect_before(HEAD "steps:\n  - id: l\n    foreach: {items: [5, 25]}\n"
			   "    steps: [{id: a, " OK "}, {id: b, " OK "}]\n"
			   "  - {id: z, " OK "}\n",
		      pairs, CUT_ARRAY_LEN(pairs));
}

static void test_instances_side_by_side_where_max_parallel_says_so(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "steps:\n  - {id: l, foreach: {items: [x, y], max_parallel: 2}, " OK "}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);

	assert_false(cut_graph_before(graph, 0, 1));
}

static void test_the_critical_path_goes_by_planned_time(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
			       "      - {id: a, planned: 10s, " OK "}\n"
			       "      - {id: b, planned: 3s, " OK "}\n"
			       "      - {id: c, needs: [b], planned: 4s, " OK "}\n"
			       "      - {id: d, needs: [a, c], planned: 1s, " OK "}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	uint32_t path[4];
	cut_time total;

	assert_int_equal(cut_graph_critical(graph, rb, path, &total), 2);
	assert_int_equal(total, 11000);
	assert_int_equal(path[0], 0);
	assert_int_equal(path[1], 3);
}

static void test_hops_decide_where_nothing_is_planned(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
			       "      - {id: a, " OK "}\n      - {id: b, " OK "}\n"
			       "      - {id: c, needs: [b], " OK "}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	uint32_t path[3];
	cut_time total;

	assert_int_equal(cut_graph_critical(graph, rb, path, &total), 2);
	assert_int_equal(path[0], 1);
	assert_int_equal(path[1], 2);
}

/* Nothing recurses: a chain of 100,000 steps within a small stack is a matter of course. */
static void test_a_chain_of_a_hundred_thousand_steps(void **state)
{
	struct cut_buf text = {0};
	uint32_t *path;
	cut_time total;

	cut_buf_add_str(&text, HEAD "steps:\n");
	for (int i = 0; i < 100000; i++)
		cut_buf_printf(&text, "- {id: s%d, " OK "}\n", i);
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(cut_buf_str(&text));
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);

	path = cut_new_array(uint32_t, rb->steps_len);
	assert_int_equal(cut_graph_critical(graph, rb, path, &total), 100000);
	assert_true(cut_graph_before(graph, 0, 99999));
	free(path);
	cut_buf_done(&text);
}

static void test_where_steps_stand_side_by_side_it_is_said_who_waits_for_the_one_above(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
		     "      - {id: a, " OK "}\n      - {id: b, needs: [a], " OK "}\n"
		     "      - {id: c, " OK "}\n"
		     "  - id: q\n    steps:\n      - {id: d, " OK "}\n      - {id: e, " OK "}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_graph_text(graph, rb, &text);
	assert_non_null(strstr(cut_buf_str(&text), "b  check  after a\n    c  check\n"));
	assert_non_null(strstr(cut_buf_str(&text), "d  check\n  * e  check\n"));
}

static void test_the_graph_is_printed_as_dot_json_and_text(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
			       "      - {id: a, planned: 2s, " OK "}\n      - {id: b, " OK "}\n"
			       "  - id: q\n    steps:\n      - {id: c, " OK "}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	cut_auto(cut_json) json_t *json = cut_graph_json(graph, rb);
	struct cut_buf dot = {0}, text = {0};

	cut_graph_dot(graph, rb, &dot);
	cut_graph_text(graph, rb, &text);
	assert_non_null(
		strstr(cut_buf_str(&dot), "\"a\" [tooltip=\"check\", color=red, penwidth=2];"));
	assert_non_null(strstr(cut_buf_str(&dot), "ltail=cluster_0, lhead=cluster_1"));
	assert_string_equal(cut_buf_str(&text),
			    "p\n"
			    "  * a  check  2s\n"
			    "    b  check\n"
			    "q\n"
			    "  * c  check\n"
			    "* critical path: 2 steps, 2s, 1 of unknown duration\n");
	assert_string_equal(json_string_value(cut_json_at(json, "/critical_path/1")), "c");
	assert_true(json_is_true(cut_json_at(json, "/steps/0/critical")));
	assert_true(json_is_false(cut_json_at(json, "/steps/1/critical")));
	cut_buf_done(&dot);
	cut_buf_done(&text);
}

static void test_groups_needs_and_odd_titles_are_printed(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		"cutover: v1\nname: shop\nphases:\n"
		"  - id: p\n    title: \"say \\\"go\\\"\\nand \\\\ wait\"\n    order: parallel\n"
		"    steps:\n"
		"      - {id: a, " OK "}\n      - {id: z, wait: 1s}\n"
		"      - id: g\n        needs: [a, z]\n"
		"        steps: [{id: b, planned: 2s, " OK "}, {id: h, steps: [{id: c, " OK "}]}]\n"
		"      - {id: d, needs: [g], " OK "}\n"
		"      - {id: e, needs: [d, z], " OK "}\n"
		"  - id: q\n    steps: [{id: f, " OK "}]\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	cut_auto(cut_json) json_t *json = cut_graph_json(graph, rb);
	cut_auto(cut_buf) struct cut_buf dot = {0}, text = {0};
	static const char *const parts[] = {
		"digraph \"shop\" {",
		"label=\"say \\\"go\\\" and \\\\ wait\";",
		"\"g\" [shape=ellipse, style=dashed];",
		"\"a\" -> \"g\";",
		"\"z\" -> \"g\";",
		"\"g\" -> \"d\"",
		"\"b\" -> \"g\" [style=dashed];",
		"\"h\" -> \"g\" [style=dashed];",
		"\"e\" -> \"f\" [style=dotted, ltail=cluster_0, lhead=cluster_1];"};

	cut_graph_dot(graph, rb, &dot);
	for (size_t i = 0; i < CUT_ARRAY_LEN(parts); i++)
		if (!strstr(cut_buf_str(&dot), parts[i]))
			fail_msg("no %s in\n%s", parts[i], cut_buf_str(&dot));
	cut_graph_text(graph, rb, &text);
	assert_non_null(strstr(cut_buf_str(&text), "d  check  after g\n"));
	assert_non_null(strstr(cut_buf_str(&text), "e  check  after d, z\n"));
	assert_string_equal(json_string_value(cut_json_at(json, "/groups/1/parent")), "g");
	assert_string_equal(json_string_value(cut_json_at(json, "/groups/0/needs/1")), "z");
	assert_string_equal(json_string_value(cut_json_at(json, "/steps/2/group")), "g");
}

static void test_the_plan_tells_what_the_model_knows(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "steps:\n"
		     "  - {id: a, run: [x], planned: 5s, rollback: {run: [y]}}\n"
		     "  - {id: b, " OK ", planned: 2s}\n"
		     "  - {id: c, run: [x], rollback: impossible, rollback_reason: none}\n");
	cut_auto(cut_graph) struct cut_graph *graph = graph_of(rb);
	cut_auto(cut_json) json_t *plan = cut_plan_json(rb, graph);

	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/rollback")), "body");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/effects")), "write");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/0/class")), "opaque");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/1/effects")), "read");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/2/rollback")),
			    "impossible");
	assert_string_equal(json_string_value(cut_json_at(plan, "/steps/1/needs/0")), "a");
	assert_int_equal(json_integer_value(cut_json_at(plan, "/forward_s")), 7);
	assert_int_equal(json_integer_value(cut_json_at(plan, "/rollback_s")), 5);
	assert_true(json_is_null(cut_json_at(plan, "/steps/2/planned_s")));
}

static void test_dependants_are_seen_through_joins(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
			       "      - {id: a, " OK "}\n      - {id: b, needs: [a], " OK "}\n"
			       "  - id: q\n    steps: [{id: c, " OK "}, {id: d, " OK "}]\n");
	uint32_t out[4];

	assert_int_equal(cut_graph_dependants(rb->graph, index_of(rb, "a"), out, 4), 2);
	assert_int_equal(out[0] + out[1], index_of(rb, "b") + index_of(rb, "c"));
	assert_int_equal(cut_graph_dependants(rb->graph, index_of(rb, "c"), out, 4), 1);
	assert_int_equal(out[0], index_of(rb, "d"));
	assert_int_equal(cut_graph_dependants(rb->graph, index_of(rb, "d"), out, 4), 0);
	assert_int_equal(cut_graph_dependants(rb->graph, index_of(rb, "a"), out, 1), 1);
}

static void test_steps_before_the_first_change_find_the_world_as_it_is(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
		     "      - {id: look, run: ['true'], effects: read}\n"
		     "      - {id: first, needs: [look], run: ['true'], rollback: not_needed}\n"
		     "      - {id: aside, " OK "}\n"
		     "      - {id: by_hand, manual: {instructions: x}, rollback: not_needed}\n"
		     "      - {id: after_hand, needs: [by_hand], " OK "}\n"
		     "      - {id: after, needs: [first], " OK "}\n"
		     "  - id: q\n    steps: [{id: later, " OK "}]\n"
		     "finally: [{id: end, " OK "}]\n");
	static const struct {
		const char *step;
		bool as_is;
	} want[] = {{"look", true},   {"first", true},	     {"aside", true},  {"by_hand", true},
		    {"after", false}, {"after_hand", false}, {"later", false}, {"end", false}};
	bool *as_is = cut_plan_finds_as_is(rb, rb->graph);

	for (size_t i = 0; i < CUT_ARRAY_LEN(want); i++)
		if (as_is[index_of(rb, want[i].step)] != want[i].as_is)
			fail_msg("%s: not %d", want[i].step, want[i].as_is);
	free(as_is);
}

static void test_ways_that_meet_again_are_walked_once(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "phases:\n  - id: p\n    order: parallel\n    steps:\n"
		     "      - {id: x, " OK "}\n      - {id: a, " OK "}\n"
		     "      - {id: b, needs: [a], " OK "}\n      - {id: c, needs: [a], " OK "}\n"
		     "      - {id: g, needs: [a], steps: [{id: e, " OK "}]}\n"
		     "      - {id: d, needs: [b, c, e, g], " OK "}\n");
	uint32_t out[8], len;

	assert_false(cut_graph_before(rb->graph, index_of(rb, "x"), index_of(rb, "d")));
	assert_true(cut_graph_before(rb->graph, index_of(rb, "a"), index_of(rb, "d")));
	len = cut_graph_dependants(rb->graph, index_of(rb, "e"), out, 8);
	assert_int_equal(len, 1);
	assert_int_equal(out[0], index_of(rb, "d"));
}

static void test_a_need_of_an_earlier_phase_does_not_go_round_its_own(void **state)
{
	static const char *const pairs[][2] = {{"a", "c"}, {"b", "c"}, {"a", "d"}, {"b", "d"}};

	expect_before(HEAD "phases:\n"
			   "  - {id: p, order: parallel, steps: [{id: a, " OK "}, {id: b, " OK
			   "}]}\n"
			   "  - {id: q, order: parallel, steps: [{id: c, needs: [a], " OK "},\n"
			   "     {id: g, needs: [a], steps: [{id: d, " OK "}]}]}\n",
		      pairs, CUT_ARRAY_LEN(pairs));
}

static void test_a_phase_without_steps_is_passed_over(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n"
			       "  - {id: p, steps: [{id: a, " OK "}]}\n"
			       "  - {id: q, steps: [{id: e, foreach: {items: []}, " OK "}]}\n"
			       "  - {id: r, steps: [{id: b, " OK "}]}\n");
	cut_auto(cut_buf) struct cut_buf dot = {0};

	cut_graph_dot(rb->graph, rb, &dot);
	assert_non_null(strstr(dot.data, "\"a\" -> \"b\" [style=dotted, ltail=cluster_0, "
					 "lhead=cluster_2]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial_lists_chain_and_phases_are_barriers),
		cmocka_unit_test(test_a_parallel_phase_leaves_steps_side_by_side),
		cmocka_unit_test(test_empty_needs_start_with_the_phase),
		cmocka_unit_test(test_needs_on_a_group_wait_for_all_of_it),
		cmocka_unit_test(test_instances_of_a_foreach_follow_each_other),
		cmocka_unit_test(test_instances_side_by_side_where_max_parallel_says_so),
		cmocka_unit_test(test_the_critical_path_goes_by_planned_time),
		cmocka_unit_test(test_hops_decide_where_nothing_is_planned),
		cmocka_unit_test(test_a_chain_of_a_hundred_thousand_steps),
		cmocka_unit_test(test_dependants_are_seen_through_joins),
		cmocka_unit_test(test_groups_needs_and_odd_titles_are_printed),
		cmocka_unit_test(test_steps_before_the_first_change_find_the_world_as_it_is),
		cmocka_unit_test(
			test_where_steps_stand_side_by_side_it_is_said_who_waits_for_the_one_above),
		cmocka_unit_test(test_the_graph_is_printed_as_dot_json_and_text),
		cmocka_unit_test(test_the_plan_tells_what_the_model_knows),
		cmocka_unit_test(test_ways_that_meet_again_are_walked_once),
		cmocka_unit_test(test_a_need_of_an_earlier_phase_does_not_go_round_its_own),
		cmocka_unit_test(test_a_phase_without_steps_is_passed_over),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
