/* SPDX-License-Identifier: Apache-2.0 */
/* Where expressions end: names that are not known, and the limits on time, text and depth. */
#include "tests/unit/expr_kit.h"

/* clang-format off */
static void test_lazy_objects_answer_like_maps(void **state)
{
	EXPECT({"steps.ttl.state", "\"succeeded\""},
	       {"steps['ladder/25/shift'].state == 'skipped'", "true"},
	       {"steps.ttl.outputs.old + 1", "301"},
	       {"steps.nobody", "! no such key: nobody"},
	       {"steps.ttl.outputs.nothing", "! no such key: nothing"},
	       {"has(steps.ttl.outputs.old)", "true"},
	       {"has(steps.ttl.outputs.nothing)", "false"},
	       {"has(steps.nobody)", "false"},
	       {"has(steps.nobody.outputs)", "! no such key: nobody"},
	       {"has(steps['ladder/25/shift'].outputs.old)", "false"},
	       {"'ttl' in steps", "true"},
	       {"'nobody' in steps", "false"},
	       {"1 in steps", "false"},
	       {"{'a': 1} == steps", "! no such overload"},
	       {"steps != steps", "! no such overload"},
	       {"steps == 1", "false"},
	       {"steps[1]", "! no such key: 1"},
	       {"size(steps)", "! no such overload"},
	       {"steps.all(s, true)", "! no such overload"},
	       {"steps.ttl.outputs", "lazy"});
}
/* clang-format on */

/* clang-format off */
static void test_names_come_from_the_environment(void **state)
{
	EXPECT({"x", "5"},
	       {"n", "null"},
	       {"n == null", "true"},
	       {"nobody", "! undeclared reference to 'nobody'"},
	       {"nobody.at.home", "! undeclared reference to 'nobody'"},
	       {"later.a", "! not known yet: later"},
	       {"steps.later", "! not known yet: later"},
	       {"has(steps.later)", "! not known yet: later"},
	       {"false && later", "false"},
	       {"_x1", "! undeclared reference to '_x1'"});
}
/* clang-format on */

static void test_the_code_of_an_unknown_value_is_kept(void **state)
{
	static const char text[] = "1 + later";
	const struct cut_expr_env env = {.ident = kit_ident, .member = kit_member};
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	struct cut_arena arena = {0};
	struct cut_val v = {.kind = CUT_VAL_STRING};

	assert_int_equal(cut_expr_parse(text, strlen(text), &expr, NULL, NULL), 0);
	assert_int_equal(cut_expr_eval(expr, &env, &arena, &v, NULL), -EAGAIN);
	assert_int_equal(v.kind, CUT_VAL_STRING);
	cut_arena_done(&arena);
}

static void test_an_expression_without_names_needs_no_environment(void **state)
{
	cut_auto(cut_expr) struct cut_expr *sum = NULL, *name = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_val v;

	assert_int_equal(cut_expr_parse("1 + 1", 5, &sum, NULL, &err), 0);
	assert_int_equal(cut_expr_eval(sum, NULL, &arena, &v, &err), 0);
	assert_int_equal(v.i, 2);
	assert_int_equal(cut_expr_parse("x", 1, &name, NULL, &err), 0);
	assert_int_equal(cut_expr_eval(name, NULL, &arena, &v, &err), -EINVAL);
	assert_string_equal(err.what, "undeclared reference to 'x'");
	cut_arena_done(&arena);
}

static void test_overload_errors_tell_the_types(void **state)
{
	static const struct kit_row rows[] = {
		{"1 + 'a'", "int + string"},   {"-'a'", "- string"},
		{"1 && true", "&& int"},       {"!1", "! int"},
		{"1 in 2.5", "int in double"}, {"l['a']", "list [] string"},
		{"size(1)", "size() int"},     {"x.y", "int"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *world = json_loads(kit_world, 0, NULL);
		const struct cut_expr_env env = {kit_ident, kit_member, world};
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_arena arena = {0};
		struct cut_val v;

		assert_int_equal(
			cut_expr_parse(rows[i].text, strlen(rows[i].text), &expr, NULL, &err), 0);
		assert_int_equal(cut_expr_eval(expr, &env, &arena, &v, &err), -EINVAL);
		assert_string_equal(err.why, rows[i].want);
		cut_arena_done(&arena);
	}
}

/* Each of these is short and would run for minutes, or fill the memory. */
static void test_evaluation_ends_at_its_limit(void **state)
{
	static const char many[] = "[0,1,2,3,4,5,6,7,8,9]";
	static const char *const inside[] = {
		"%s.all(a, %s.all(b, %s.all(c, %s.all(d, %s.all(e, %s.all(f, %s.all(g, true)))))))",
		"%s.map(a, %s.map(b, %s.map(c, %s.map(d, %s.map(e, %s.map(f, %s))))))",
		("%s.exists(a, %s.exists(b, %s.exists(c, "
		 "%s.exists(d, %s.exists(e, %s.exists(f, %s == 1))))))"),
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(inside); i++) {
		cut_auto(cut_buf) struct cut_buf got = {0};
		cut_auto(cut_str) char *text = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		text = cut_printf(inside[i], many, many, many, many, many, many, many);
#pragma GCC diagnostic pop
		kit_eval(text, &got);
		assert_string_equal(cut_buf_str(&got), "! evaluation limit");
	}
}

/* A map of 1200 keys costs 720,000 steps to make, and 1200 to look for a key in. */
static void test_looking_into_maps_counts(void **state)
{
	static const char *const uses[] = {"m == m", "m != m", "[1, 2].all(i, m == m)",
					   "l.all(i, !('x' in m))"};
	cut_auto(cut_buf) struct cut_buf map = {0}, list = {0};

	for (int i = 0; i < 1500; i++) {
		if (i < 1200)
			cut_buf_printf(&map, "%s%d: 0", i ? ", " : "", i);
		cut_buf_printf(&list, "%s%d", i ? ", " : "", i);
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(uses); i++) {
		cut_auto(cut_str) char *text = cut_printf("[{%s}].all(m, [[%s]].all(l, %s))",
							  map.data, list.data, uses[i]);
		cut_auto(cut_buf) struct cut_buf got = {0};

		kit_eval(text, &got);
		assert_string_equal(cut_buf_str(&got), "! evaluation limit");
	}
	cut_buf_reset(&map);
	for (int i = 0; i < 1500; i++)
		cut_buf_printf(&map, "%s%d: 0", i ? ", " : "{", i);
	cut_buf_add_char(&map, '}');
	cut_buf_reset(&list);
	kit_eval(map.data, &list);
	assert_string_equal(cut_buf_str(&list), "! evaluation limit");
}

static void test_text_cannot_grow_without_end(void **state)
{
	cut_auto(cut_buf) struct cut_buf text = {0}, got = {0};

	cut_buf_add_str(&text, "['0123456789abcdef']");
	for (int i = 0; i < 50; i++)
		cut_buf_add_str(&text, ".map(s, s + s)");
	kit_eval(text.data, &got);
	assert_string_equal(cut_buf_str(&got), "! evaluation limit");
	cut_buf_reset(&text);
	cut_buf_reset(&got);
	cut_buf_add_str(&text, "[[1, 2, 3, 4]]");
	for (int i = 0; i < 50; i++)
		cut_buf_add_str(&text, ".map(s, s + s)");
	kit_eval(text.data, &got);
	assert_string_equal(cut_buf_str(&got), "! evaluation limit");
}

static void test_the_limit_is_not_absorbed(void **state)
{
	cut_auto(cut_buf) struct cut_buf text = {0}, got = {0};

	cut_buf_add_str(&text, "(['0123456789abcdef']");
	for (int i = 0; i < 40; i++)
		cut_buf_add_str(&text, ".map(s, s + s)");
	cut_buf_add_str(&text, " == []) || true");
	kit_eval(text.data, &got);
	assert_string_equal(cut_buf_str(&got), "! evaluation limit");
}

static void test_values_do_not_nest_deeper_than_json_may(void **state)
{
	for (int levels = 63; levels <= 64; levels++) {
		cut_auto(cut_buf) struct cut_buf text = {0}, got = {0};

		cut_buf_add_str(&text, "[1]");
		for (int i = 0; i < levels; i++)
			cut_buf_add_str(&text, ".map(v, [v])");
		cut_buf_add_str(&text, " == [] || false");
		kit_eval(text.data, &got);
		assert_string_equal(cut_buf_str(&got),
				    levels == 63 ? "false" : "! evaluation limit");
	}
}

static void test_long_chains_are_not_deep(void **state)
{
	cut_auto(cut_buf) struct cut_buf text = {0}, got = {0};

	cut_buf_add_str(&text, "1");
	for (int i = 0; i < 20000; i++)
		cut_buf_add_str(&text, " + 1");
	cut_buf_add_str(&text, " == 20001");
	for (int i = 0; i < 20000; i++)
		cut_buf_add_str(&text, " && true");
	kit_eval(text.data, &got);
	assert_string_equal(cut_buf_str(&got), "true");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lazy_objects_answer_like_maps),
		cmocka_unit_test(test_names_come_from_the_environment),
		cmocka_unit_test(test_the_code_of_an_unknown_value_is_kept),
		cmocka_unit_test(test_an_expression_without_names_needs_no_environment),
		cmocka_unit_test(test_overload_errors_tell_the_types),
		cmocka_unit_test(test_evaluation_ends_at_its_limit),
		cmocka_unit_test(test_looking_into_maps_counts),
		cmocka_unit_test(test_text_cannot_grow_without_end),
		cmocka_unit_test(test_the_limit_is_not_absorbed),
		cmocka_unit_test(test_values_do_not_nest_deeper_than_json_may),
		cmocka_unit_test(test_long_chains_are_not_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
