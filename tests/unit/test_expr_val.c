/* SPDX-License-Identifier: Apache-2.0 */
/* Values of expressions from and to JSON and text. */
#include "tests/unit/expr_kit.h"

static void test_json_becomes_values_and_back(void **state)
{
	static const char *const rows[][2] = {
		{"null", "null"},
		{"true", "true"},
		{"7", "7"},
		{"2.5", "2.5f"},
		{"\"é\"", "\"é\""},
		{"[1,[2],{}]", "[1, [2], {}]"},
		{"{\"a\":[1.5,null],\"b\":false}", "{\"a\": [1.5f, null], \"b\": false}"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		json_t *json = json_loads(rows[i][0], JSON_DECODE_ANY, NULL);
		cut_auto(cut_buf) struct cut_buf shown = {0}, written = {0};
		cut_auto(cut_json) json_t *back = NULL;
		struct cut_arena arena = {0};
		struct cut_val v;

		v = cut_val_from_json(json, &arena);
		json_decref(json); /* the value does not need it any more */
		kit_show(&v, &shown);
		assert_string_equal(shown.data, rows[i][1]);
		back = cut_val_to_json(&v);
		cut_json_canonical(back, &written);
		assert_string_equal(written.data, rows[i][0]);
		cut_arena_done(&arena);
	}
}

static void eval_to(const char *text, struct cut_arena *arena, struct cut_expr **expr,
		    struct cut_val *ret)
{
	assert_int_equal(cut_expr_parse(text, strlen(text), expr, NULL, NULL), 0);
	assert_int_equal(cut_expr_eval(*expr, NULL, arena, ret, NULL), 0);
}

static void test_values_that_json_lacks_get_its_nearest(void **state)
{
	static const char *const rows[][2] = {
		{"duration('90s')", "90"},
		{"duration('1500ms')", "1.5"},
		{"timestamp('2026-11-22T02:00:00+01:00')", "\"2026-11-22T01:00:00.000Z\""},
		{"1.0/0.0", "null"},
		{"{1: 'a', true: 'b', 'c': duration('2s')}",
		 "{\"1\":\"a\",\"c\":2,\"true\":\"b\"}"},
		{"2.0", "2.0"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_buf) struct cut_buf written = {0};
		cut_auto(cut_json) json_t *json = NULL;
		struct cut_arena arena = {0};
		struct cut_val v;

		eval_to(rows[i][0], &arena, &expr, &v);
		json = cut_val_to_json(&v);
		cut_json_canonical(json, &written);
		assert_string_equal(written.data, rows[i][1]);
		cut_arena_done(&arena);
	}
}

static void test_a_lazy_object_is_null_in_json(void **state)
{
	const struct cut_val v = {.kind = CUT_VAL_LAZY};
	cut_auto(cut_json) json_t *json = cut_val_to_json(&v);

	assert_true(json_is_null(json));
}

static void test_text_is_what_a_template_takes(void **state)
{
	static const struct {
		const char *text, *want, *error;
	} rows[] = {
		{"'a b'", "a b", NULL},
		{"42", "42", NULL},
		{"2.50", "2.5", NULL},
		{"100.0", "100", NULL},
		{"true", "true", NULL},
		{"duration('90m')", "1h30m", NULL},
		{"duration('-1s')", "-1s", NULL},
		{"timestamp('2026-11-22T01:00:00Z')", "2026-11-22T01:00:00Z", NULL},
		{"null", NULL, "null has no text form; test it with != null first"},
		{"[1]", NULL, "list has no text form; select one of its members"},
		{"{}", NULL, "map has no text form; select one of its members"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_buf) struct cut_buf out = {0};
		struct cut_arena arena = {0};
		struct cut_val v;
		int r;

		eval_to(rows[i].text, &arena, &expr, &v);
		cut_buf_add_str(&out, "<");
		r = cut_val_text(&v, &out, &err);
		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		assert_string_equal(out.data + 1, rows[i].want ? rows[i].want : "");
		if (rows[i].error) {
			cut_auto(cut_str) char *text = cut_err_text(&err);

			assert_string_equal(text, rows[i].error);
		}
		cut_arena_done(&arena);
	}
}

static void test_text_past_the_cap_of_its_buffer_is_an_error(void **state)
{
	static const char *const rows[] = {"'12345'",	   "12345", "12345.5", "duration('12345d')",
					   "timestamp(0)", "false"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf out = {.max_bytes = 4};
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		struct cut_arena arena = {0};
		struct cut_val v;

		eval_to(rows[i], &arena, &expr, &v);
		assert_int_equal(cut_val_text(&v, &out, NULL), -E2BIG);
		cut_arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_becomes_values_and_back),
		cmocka_unit_test(test_values_that_json_lacks_get_its_nearest),
		cmocka_unit_test(test_a_lazy_object_is_null_in_json),
		cmocka_unit_test(test_text_is_what_a_template_takes),
		cmocka_unit_test(test_text_past_the_cap_of_its_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
