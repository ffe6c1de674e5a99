/* SPDX-License-Identifier: Apache-2.0 */
/* What is not an expression, and where; which names one reaches into. */
#include "tests/unit/expr_kit.h"

static void test_faults_are_told_with_their_place(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *what;
	} rows[] = {
		{"", 1, "expected an expression at the end"},
		{"  ", 3, "expected an expression at the end"},
		{"// nothing", 11, "expected an expression at the end"},
		{"1 +", 4, "expected an expression at the end"},
		{"1 2", 3, "expected an operator, not '2'"},
		{"a b", 3, "expected an operator, not 'b'"},
		{"(1", 3, "expected ')' at the end"},
		{"(1 2)", 4, "expected ')', not '2'"},
		{"()", 2, "expected an expression, not ')'"},
		{"1)", 2, "expected an operator, not ')'"},
		{"[1, 2", 6, "expected ',' or ']' at the end"},
		{"[1 2]", 4, "expected ',' or ']', not '2'"},
		{"[,]", 2, "expected an expression, not ','"},
		{"[1,,]", 4, "expected an expression, not ','"},
		{"{'a' 1}", 6, "expected ':', not '1'"},
		{"{'a': 1", 8, "expected ',' or '}' at the end"},
		{"{,}", 2, "expected an expression, not ','"},
		{"size(1,)", 8, "expected an expression, not ')'"},
		{"size(,)", 6, "expected an expression, not ','"},
		{"a.", 3, "expected a name at the end"},
		{"a.1", 2, "expected an operator, not '.1'"},
		{"a.'b'", 3, "expected a name, not ''b''"},
		{"a.true", 3, "expected a name, not 'true'"},
		{"a.in", 3, "expected a name, not 'in'"},
		{"a[]", 3, "expected an expression, not ']'"},
		{"a[1", 4, "expected ']' at the end"},
		{".a", 1, "expected an expression, not '.'"},
		{"1 ? 2", 6, "expected ':' at the end"},
		{"? 1 : 2", 1, "expected an expression, not '?'"},
		{"true ? : 2", 8, "expected an expression, not ':'"},
		{"&& true", 1, "expected an expression, not '&&'"},
		{"true &&", 8, "expected an expression at the end"},
		{"true & false", 6, "unexpected '&': write '&&'"},
		{"true | false", 6, "unexpected '|': write '||'"},
		{"a = 1", 3, "unexpected '=': write '=='"},
		{"!-1", 2, "expected an expression, not '-'"},
		{"-!true", 2, "expected an expression, not '!'"},
		{"1 + + 1", 5, "expected an expression, not '+'"},
		{"in", 1, "expected an expression, not 'in'"},
		{"a in", 5, "expected an expression at the end"},
		{"for", 1, "'for' is a reserved word"},
		{"1 + while", 5, "'while' is a reserved word"},
		{"namespace.x", 1, "'namespace' is a reserved word"},
		{"if(true)", 1, "'if' is a reserved word"},
		{"@", 1, "unexpected character '@'"},
		{"a ; b", 3, "unexpected character ';'"},
		{"${x}", 1, "unexpected character '$'"},
		{"é", 1, "unexpected character 'é'"},
		{"'é' + é", 7, "unexpected character 'é'"},
		{"\xff", 1, "an expression is not valid UTF-8"},
		{"'abc", 1, "a string has no end"},
		{"1 + \"abc", 5, "a string has no end"},
		{"'a\nb'", 1, "a string has no end"},
		{"'a\rb'", 1, "a string has no end"},
		{"'abc\\", 1, "a string has no end"},
		{"'''abc''", 1, "a string has no end"},
		{"'\\q'", 2, "unknown escape in a string"},
		{"'\\8'", 2, "unknown escape in a string"},
		{"'\\x4'", 4, "an escape has too few digits"},
		{"'\\u123'", 4, "an escape has too few digits"},
		{"'\\U0001F43'", 4, "an escape has too few digits"},
		{"'\\08'", 3, "an escape has too few digits"},
		{"'\\18a'", 3, "an escape has too few digits"},
		{"'\\ud800'", 4, "an escape is not a character"},
		{"'\\U00110000'", 4, "an escape is not a character"},
		{"'\\x00'", 4, "a string cannot hold the character 0"},
		{"'\\000'", 3, "a string cannot hold the character 0"},
		{"b'abc'", 1, "bytes are not supported"},
		{"B\"abc\"", 1, "bytes are not supported"},
		{"1u", 1, "unsigned integers are not supported"},
		{"0xFFU", 1, "unsigned integers are not supported"},
		{"9223372036854775808", 1, "integer is too large"},
		{"-9223372036854775809", 2, "integer is too large"},
		{"0x8000000000000000", 1, "integer is too large"},
		{"0x10000000000000000", 1, "integer is too large"},
		{"0x", 1, "0x without digits"},
		{"1e999", 1, "number is too large"},
		{"1.", 3, "expected a name at the end"},
		{"1e", 2, "expected an operator, not 'e'"},
		{"1e+", 2, "expected an operator, not 'e'"},
		{"12ab", 3, "expected an operator, not 'ab'"},
		{"foo(1)", 1, "undeclared reference to 'foo'"},
		{"a.foo(1)", 3, "undeclared reference to 'foo'"},
		{"startsWith('a', 'b')", 1, "undeclared reference to 'startsWith'"},
		{"'a'.int()", 5, "undeclared reference to 'int'"},
		{"all(x, true)", 1, "undeclared reference to 'all'"},
		{"size()", 1, "size() takes 1 argument here, not 0"},
		{"size(1, 2)", 1, "size() takes 1 argument here, not 2"},
		{"'a'.size(1)", 5, "size() takes 0 arguments here, not 1"},
		{"'a'.startsWith()", 5, "startsWith() takes 1 argument here, not 0"},
		{"'a'.contains('b', 'c')", 5, "contains() takes 1 argument here, not 2"},
		{"has(a)", 1, "has() takes one selection, such as has(a.b)"},
		{"has(a.b, c.d)", 1, "has() takes one selection, such as has(a.b)"},
		{"has()", 1, "has() takes one selection, such as has(a.b)"},
		{"has(a['b'])", 1, "has() takes one selection, such as has(a.b)"},
		{"has(a.size())", 1, "has() takes one selection, such as has(a.b)"},
		{"l.all(x)", 3, "all() takes a name and an expression"},
		{"l.filter(x, true, 1)", 3, "filter() takes a name and an expression"},
		{"l.map()", 3, "map() takes a name and an expression"},
		{"l.map(x, true, x, 1)", 3, "map() takes a name and an expression"},
		{"l.all(x.y, true)", 3, "the first argument of all() must be a plain name"},
		{"l.exists(1, true)", 3, "the first argument of exists() must be a plain name"},
		{"Type{a: 1}", 5, "expected an operator, not '{'"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_expr *expr = NULL;
		size_t column = 0;
		int r = cut_expr_parse(rows[i].text, strlen(rows[i].text), &expr, &column, &err);

		if (r != -EINVAL || column != rows[i].column || strcmp(err.what, rows[i].what) != 0)
			fail_msg("%s\n gives %d, column %zu: %s", rows[i].text, r, column,
				 err.what);
		assert_null(expr);
	}
}

static void test_misspelt_functions_get_a_suggestion(void **state)
{
	static const char *const rows[][2] = {
		{"a.startswith('b')", "did you mean startsWith()?"},
		{"Size(a)", "did you mean size()?"},
		{"durations('1s')", "did you mean duration()?"},
		{"getFullYear(a)", "functions are size, has, int, double, string, duration, "
				   "timestamp, startsWith, endsWith and contains"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_expr *expr = NULL;

		assert_int_equal(cut_expr_parse(rows[i][0], strlen(rows[i][0]), &expr, NULL, &err),
				 -EINVAL);
		assert_string_equal(err.next, rows[i][1]);
	}
}

static void test_space_and_comments_stand_between_words(void **state)
{
	static const char *const rows[] = {
		"1+2==3",
		" 1\t+\n2\r==\f3 ",
		"1 + // one\n 2 == 3 // more",
		"(((1+2)))==3",
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf got = {0};

		kit_eval(rows[i], &got);
		assert_string_equal(got.data, "true");
	}
}

static void test_an_expression_ends_where_its_length_says(void **state)
{
	static const char text[] = "123 + 'abc' // x";

	for (size_t len = 0; len < sizeof(text); len++) {
		/* Copies of the very size, so that a reader past the end is found out. */
		cut_auto(cut_str) char *copy = cut_malloc(len);
		struct cut_expr *expr = NULL;
		int want = (len >= 1 && len <= 4) || len >= 11 ? 0 : -EINVAL;

		memcpy(copy, text, len);
		if (len == 13)
			want = -EINVAL; /* one slash */
		if (len == sizeof(text))
			want = 0;
		assert_int_equal(cut_expr_parse(copy, len, &expr, NULL, NULL), want);
		cut_expr_free(expr);
	}
}

static void test_nesting_ends_at_64(void **state)
{
	static const char *const around[][3] = {
		{"(", "1", ")"},	 {"[", "1", "]"},  {"{1: ", "1", "}"},
		{"size(", "l", ")"},	 {"l[", "0", "]"}, {"true ? 1 : ", "2", ""},
		{"l.map(v, ", "1", ")"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(around); i++) {
		for (int levels = 63; levels <= 64; levels++) {
			cut_auto(cut_buf) struct cut_buf text = {0};
			cut_auto(cut_err) struct cut_err err = {0};
			cut_auto(cut_expr) struct cut_expr *expr = NULL;
			int r;

			for (int n = 0; n < levels; n++)
				cut_buf_add_str(&text, around[i][0]);
			cut_buf_add_str(&text, around[i][1]);
			for (int n = 0; n < levels; n++)
				cut_buf_add_str(&text, around[i][2]);
			r = cut_expr_parse(text.data, text.len, &expr, NULL, &err);
			assert_int_equal(r, levels == 63 ? 0 : -EINVAL);
			if (r < 0)
				assert_string_equal(err.what, "nested deeper than 64 levels");
		}
	}
}

static void test_selections_in_a_row_end_at_64(void **state)
{
	for (int links = 64; links <= 65; links++) {
		cut_auto(cut_buf) struct cut_buf text = {0};
		cut_auto(cut_expr) struct cut_expr *expr = NULL;

		cut_buf_add_str(&text, "a");
		for (int n = 0; n < links; n++)
			cut_buf_add_str(&text, ".b");
		assert_int_equal(cut_expr_parse(text.data, text.len, &expr, NULL, NULL),
				 links == 64 ? 0 : -EINVAL);
	}
}

static void test_a_hundred_thousand_signs_are_no_recursion(void **state)
{
	cut_auto(cut_buf) struct cut_buf text = {0}, got = {0};

	for (int i = 0; i < 100000; i++)
		cut_buf_add_char(&text, '!');
	cut_buf_add_str(&text, "true");
	kit_eval(text.data, &got);
	assert_string_equal(got.data, "true");
}

static void add_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	struct cut_buf *out = data;

	cut_buf_add_str(out, out->len ? " " : "");
	for (size_t i = 0; i < len; i++)
		cut_buf_printf(out, "%s%s", i ? "." : "", path[i]);
	cut_buf_add_str(out, in_has ? "?" : "");
}

static void test_references_are_the_chains_of_free_names(void **state)
{
	static const char *const rows[][2] = {
		{"1 + 2", ""},
		{"x", "x"},
		{"steps.ttl.outputs.old + 1", "steps.ttl.outputs.old"},
		{"steps['a/b'].state", "steps.a/b.state"},
		{"steps[\"a\"][\"b\"]", "steps.a.b"},
		{"steps[x].state", "steps x"},
		{"l[0].a", "l"},
		{"has(steps.a.outputs.b)", "steps.a.outputs.b?"},
		{"has(steps.a.outputs.b) ? steps.a.outputs.b : params.d",
		 "steps.a.outputs.b? steps.a.outputs.b params.d"},
		{"has(l[0].a)", "l"},
		{"has({'k': z}.k)", "z"},
		{"a.b.size() + size(c.d)", "a.b c.d"},
		{"a.b.startsWith(c.d)", "a.b c.d"},
		{"l.all(v, v > limit.x)", "l limit.x"},
		{"l.map(v, v.a + w.a).size()", "l w.a"},
		{"l.map(v, v.ok, v.x)", "l"},
		{"v.all(v, v.x)", "v"},
		{"l.map(v, m.map(w, v + w + u)) + [v]", "l m u v"},
		{"[a, b.c, {d: e}]", "a b.c d e"},
		{"!a && -b < c || d in e ? f : g", "a b c d e f g"},
		{"(a.b).c", "a.b"},
		{"'text'.contains(a)", "a"},
		{"l.map(v, v.x + y)[z]", "l y z"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_buf) struct cut_buf got = {0};

		assert_int_equal(cut_expr_parse(rows[i][0], strlen(rows[i][0]), &expr, NULL, NULL),
				 0);
		cut_expr_refs(expr, add_ref, &got);
		assert_string_equal(cut_buf_str(&got), rows[i][1]);
	}
}

static void add_text(void *data, const char *const *path, size_t len, const char *text)
{
	for (size_t i = 0; i < len; i++)
		cut_buf_printf(data, "%s%s", i ? "." : " ", path[i]);
	cut_buf_printf(data, "=%s", text);
}

static void test_names_held_against_texts_are_listed(void **state)
{
	static const char *const rows[][2] = {
		{"a.b == 'c'", " a.b=c"},
		{"'c' != a['b'].d", " a.b.d=c"},
		{"!(a.b == 'c') && (x ? d.e == 'f' : g.h in ['i'])", " a.b=c d.e=f"},
		{"a.b == 1 || a.b < 'c' || 'c' == 'd' || a == 'c'", ""},
		{"l.all(v, v.x == 'c' || w.x == 'd')", " w.x=d"},
		{"a[0].b == 'c' || a.size() == 'c' || a.b + 'c' == 'd'", ""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_buf) struct cut_buf got = {0};

		assert_int_equal(cut_expr_parse(rows[i][0], strlen(rows[i][0]), &expr, NULL, NULL),
				 0);
		cut_expr_texts(expr, add_text, &got);
		assert_string_equal(cut_buf_str(&got), rows[i][1]);
	}
}

/* Every prefix and every one-byte change of these either parses or fails; neither may crash. */
static void test_garbage_never_crashes(void **state)
{
	static const char *const seeds[] = {
		"steps['a/b'].outputs.x > 1.5e3 ? has(m.a) : !t && [1, 2].all(v, v in {1: 'x'})",
		"r'raw' + '''x\\u00e9''' + \"\\U0001F431\\x41\" // end",
		"-0x7fffffffffffffff * -(9223372036854775807) % .5",
	};
	static const char bytes[] = "\"'\\.()[]{}?:,!&|<>=+-*/%0x1eub \n\xc3\xff";

	for (size_t s = 0; s < CUT_ARRAY_LEN(seeds); s++) {
		size_t len = strlen(seeds[s]);

		for (size_t at = 0; at < len; at++) {
			for (size_t b = 0; b < sizeof(bytes); b++) {
				cut_auto(cut_str) char *copy = cut_strndup(seeds[s], len);
				cut_auto(cut_expr) struct cut_expr *expr = NULL;
				cut_auto(cut_err) struct cut_err err = {0};
				size_t column = 0;

				copy[at] = bytes[b];
				if (cut_expr_parse(copy, len, &expr, &column, &err) < 0)
					assert_in_range(column, 1, len + 1);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults_are_told_with_their_place),
		cmocka_unit_test(test_misspelt_functions_get_a_suggestion),
		cmocka_unit_test(test_space_and_comments_stand_between_words),
		cmocka_unit_test(test_an_expression_ends_where_its_length_says),
		cmocka_unit_test(test_nesting_ends_at_64),
		cmocka_unit_test(test_selections_in_a_row_end_at_64),
		cmocka_unit_test(test_a_hundred_thousand_signs_are_no_recursion),
		cmocka_unit_test(test_references_are_the_chains_of_free_names),
		cmocka_unit_test(test_names_held_against_texts_are_listed),
		cmocka_unit_test(test_garbage_never_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
