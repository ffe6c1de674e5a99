/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions give, by the topics of cel-spec's conformance tests: every row is an expression
 * and its value, or "! " and CEL's error. */
#include "tests/unit/expr_kit.h"

struct row {
	const char *text, *want;
};

static void expect_rows(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_buf) struct cut_buf got = {0};

		kit_eval(rows[i].text, &got);
		if (strcmp(cut_buf_str(&got), rows[i].want) != 0)
			fail_msg("%s\n gives %s\n  want %s", rows[i].text, cut_buf_str(&got),
				 rows[i].want);
	}
}
#define EXPECT(...)                                                                                \
	do {                                                                                       \
		static const struct row rows_[] = {__VA_ARGS__};                                   \
		expect_rows(rows_, CUT_ARRAY_LEN(rows_));                                          \
	} while (0)

/* clang-format off */
static void test_literals_are_their_own_value(void **state)
{
	EXPECT({"0", "0"},
	       {"42", "42"},
	       {"-42", "-42"},
	       {"9223372036854775807", "9223372036854775807"},
	       {"-9223372036854775808", "-9223372036854775808"},
	       {"0x55555555", "1431655765"},
	       {"-0x1F", "-31"},
	       {"1.5", "1.5f"},
	       {"-2.3e+1", "-23f"},
	       {".99", "0.99f"},
	       {"1e3", "1000f"},
	       {"0.0", "0f"},
	       {"\"\"", "\"\""},
	       {"'single'", "\"single\""},
	       {"true", "true"},
	       {"false", "false"},
	       {"null", "null"},
	       {"[]", "[]"},
	       {"[-1]", "[-1]"},
	       {"[1, 'two', 3.0, [null]]", "[1, \"two\", 3f, [null]]"},
	       {"[1, 2,]", "[1, 2]"},
	       {"{}", "{}"},
	       {"{'k': 'v'}", "{\"k\": \"v\"}"},
	       {"{1: 'a', true: 'b', 'c': [1],}", "{1: \"a\", true: \"b\", \"c\": [1]}"},
	       {"{1.5: 1}", "! unsupported key type: double"},
	       {"{null: 1}", "! unsupported key type: null"},
	       {"{'a': 1, 'a': 2}", "! repeated key"},
	       {"{'a': 1 / 0}", "! divide by zero"});
}

static void test_strings_read_their_escapes(void **state)
{
	EXPECT({"'\\a\\b\\f\\n\\r\\t\\v'", "\"\\u0007\\b\\f\\n\\r\\t\\u000b\""},
	       {"'\\\\ \\' \\\" \\` \\?'", "\"\\\\ ' \\\" ` ?\""},
	       {"'\\x41\\X6f'", "\"Ao\""},
	       {"'\\101\\303'", "\"AÃ\""},
	       {"'\\u00e9\\u20AC'", "\"é€\""},
	       {"'\\U0001F431'", "\"🐱\""},
	       {"'\\xff'", "\"ÿ\""},
	       {"r'\\x41\\n'", "\"\\\\x41\\\\n\""},
	       {"R\"a\\\"", "\"a\\\\\""},
	       {"'''x''x'''", "\"x''x\""},
	       {"\"\"\"two\nlines\"\"\"", "\"two\\nlines\""},
	       {"r'''\\t\n'''", "\"\\\\t\\n\""},
	       {"''''''", "\"\""},
	       {"'\"'", "\"\\\"\""},
	       {"\"it's\"", "\"it's\""},
	       {"'ÿ ☃ 😀'", "\"ÿ ☃ 😀\""});
}

static void test_equality_is_within_a_type(void **state)
{
	EXPECT({"1 == 1", "true"},
	       {"1 == 2", "false"},
	       {"1.0 == 1.0", "true"},
	       {"1 == 1.0", "false"},
	       {"1.0 == 1", "false"},
	       {"1 == '1'", "false"},
	       {"1 == true", "false"},
	       {"null == null", "true"},
	       {"null == false", "false"},
	       {"0 == null", "false"},
	       {"'' == ''", "true"},
	       {"'abc' == 'ab'", "false"},
	       {"'ɱ' == 'm'", "false"},
	       {"'\\u0041' == 'A'", "true"},
	       {"true == true", "true"},
	       {"[1, 2] == [1, 2]", "true"},
	       {"[1, 2] == [2, 1]", "false"},
	       {"[1] == [1, 1]", "false"},
	       {"[1] == [1.0]", "false"},
	       {"[] == []", "true"},
	       {"[[1], 'a'] == [[1], 'a']", "true"},
	       {"{} == {}", "true"},
	       {"{} == []", "false"},
	       {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
	       {"{'a': 1} == {'a': 2}", "false"},
	       {"{'a': 1} == {'b': 1}", "false"},
	       {"{'a': 1} == {'a': 1, 'b': 2}", "false"},
	       {"{1: 'a'} == {'1': 'a'}", "false"},
	       {"-0.0 == 0.0", "true"},
	       {"0.0/0.0 == 0.0/0.0", "false"},
	       {"0.0/0.0 != 0.0/0.0", "true"},
	       {"1 != 2", "true"},
	       {"'a' != 'a'", "false"},
	       {"1 != 'a'", "true"},
	       {"duration('60s') == duration('1m')", "true"},
	       {"duration('1s') == 1", "false"},
	       {"timestamp('2026-11-22T02:00:00+01:00') == timestamp('2026-11-22T01:00:00Z')", "true"},
	       {"m == {'a': 1, 'if': 2, 'b': {'c': 'deep'}}", "true"},
	       {"steps.ttl == steps.ttl", "! no such overload"},
	       {"steps.ttl == {}", "! no such overload"},
	       {"steps.ttl == null", "false"});
}

static void test_order_is_defined_for_scalars(void **state)
{
	EXPECT({"1 < 2", "true"},
	       {"2 < 2", "false"},
	       {"2 <= 2", "true"},
	       {"3 > 2", "true"},
	       {"2 >= 3", "false"},
	       {"1.5 < 2.5", "true"},
	       {"1 < 1.5", "true"},
	       {"1.5 <= 1", "false"},
	       {"1 >= 1.0", "true"},
	       {"2 > 1.999", "true"},
	       {"9223372036854775807 < 9223372036854775808.0", "true"},
	       {"9007199254740993 > 9007199254740992.0", "true"},
	       {"-9223372036854775808 >= -9223372036854775808.0", "true"},
	       {"-9223372036854775808 > -1e300", "true"},
	       {"-1 < -0.5", "true"},
	       {"-1 > -1.5", "true"},
	       {"1 < 0.0/0.0", "false"},
	       {"0.0/0.0 >= 1", "false"},
	       {"0.0/0.0 <= 0.0/0.0", "false"},
	       {"'a' < 'b'", "true"},
	       {"'a' < 'ab'", "true"},
	       {"'' < 'a'", "true"},
	       {"'abc' >= 'abd'", "false"},
	       {"'Z' < 'a'", "true"},
	       {"'é' > 'z'", "true"},
	       {"'\xef\xbf\xbd' < '😀'", "true"},
	       {"false < true", "true"},
	       {"true <= false", "false"},
	       {"duration('59s') < duration('1m')", "true"},
	       {"timestamp('2026-01-01T00:00:00Z') > timestamp('2025-12-31T23:59:59Z')", "true"},
	       {"1 < 'a'", "! no such overload"},
	       {"1 < true", "! no such overload"},
	       {"null < null", "! no such overload"},
	       {"[1] < [2]", "! no such overload"},
	       {"{} <= {}", "! no such overload"},
	       {"duration('1s') < 2", "! no such overload"},
	       {"1 < 2 == true", "true"},
	       {"1 < 2 < 3", "! no such overload"});
}

static void test_logic_lets_a_deciding_operand_win_over_errors(void **state)
{
	EXPECT({"true && true", "true"},
	       {"true && false", "false"},
	       {"false && 1/0 > 0", "false"},
	       {"1/0 > 0 && false", "false"},
	       {"true && 1/0 > 0", "! divide by zero"},
	       {"1/0 > 0 && true", "! divide by zero"},
	       {"1/0 > 0 && 1 % 0 > 0", "! divide by zero"},
	       {"true || 1/0 > 0", "true"},
	       {"1/0 > 0 || true", "true"},
	       {"false || 1/0 > 0", "! divide by zero"},
	       {"1/0 > 0 || false", "! divide by zero"},
	       {"false && 32", "false"},
	       {"32 && false", "false"},
	       {"'horses' && 1", "! no such overload"},
	       {"true && 'x'", "! no such overload"},
	       {"'x' || true", "true"},
	       {"'x' || false", "! no such overload"},
	       {"nobody && false", "false"},
	       {"nobody || true", "true"},
	       {"nobody || false", "! undeclared reference to 'nobody'"},
	       {"1/0 > 0 && 1/0 > 0 && false", "false"},
	       {"1/0 > 0 || false || true", "true"},
	       {"1/0 > 0 || (true && true)", "true"},
	       {"(1/0 > 0 || true) && true", "true"},
	       {"1/0 > 0 || 1 % 0 > 0 || (true && true && false)", "! divide by zero"},
	       {"false || false || (1 % 0 > 0 && true)", "! modulus by zero"},
	       {"true || false && false", "true"},
	       {"!true", "false"},
	       {"!!true", "true"},
	       {"!!!t", "false"},
	       {"!0", "! no such overload"},
	       {"!'a'", "! no such overload"},
	       {"!(1/0 == 1)", "! divide by zero"});
}

static void test_only_the_chosen_branch_of_a_condition_is_evaluated(void **state)
{
	EXPECT({"true ? 1 : 2", "1"},
	       {"false ? 'foo' : 'bar'", "\"bar\""},
	       {"true ? 1 : 1/0", "1"},
	       {"false ? 1/0 : 2", "2"},
	       {"1/0 > 0 ? 1 : 2", "! divide by zero"},
	       {"'x' ? 1 : 2", "! no such overload"},
	       {"null ? 1 : 2", "! no such overload"},
	       {"false ? 1 : false ? 2 : 3", "3"},
	       {"true ? false ? 1 : 2 : 3", "! expected ':', not '?'"},
	       {"true ? (false ? 1 : 2) : 3", "2"},
	       {"x > 3 ? 'big' : 'small'", "\"big\""},
	       {"true || false ? 1 : 2", "1"});
}

static void test_integers_do_not_wrap(void **state)
{
	EXPECT({"40 + 2", "42"},
	       {"42 - 12 - 30", "0"},
	       {"2 * 3 * 7", "42"},
	       {"7 / 2", "3"},
	       {"-7 / 2", "-3"},
	       {"7 % 4", "3"},
	       {"-7 % 4", "-3"},
	       {"7 % -4", "3"},
	       {"2 + 3 * 4", "14"},
	       {"(2 + 3) * 4", "20"},
	       {"20 / 2 * 5", "50"},
	       {"--5", "5"},
	       {"-(-5)", "5"},
	       {"-x", "-5"},
	       {"- -x", "5"},
	       {"1 - -1", "2"},
	       {"17 / 0", "! divide by zero"},
	       {"17 % 0", "! modulus by zero"},
	       {"0 / 0", "! divide by zero"},
	       {"9223372036854775807 + 1", "! integer overflow"},
	       {"-9223372036854775808 - 1", "! integer overflow"},
	       {"5000000000 * 5000000000", "! integer overflow"},
	       {"(-9223372036854775808) / -1", "! integer overflow"},
	       {"(-9223372036854775808) % -1", "! integer overflow"},
	       {"-(-9223372036854775808)", "! integer overflow"},
	       {"--9223372036854775808", "! integer overflow"},
	       {"-9223372036854775808 + 9223372036854775807", "-1"},
	       {"1 + 1.0", "! no such overload"},
	       {"1 + '1'", "! no such overload"},
	       {"1 + null", "! no such overload"},
	       {"true + true", "! no such overload"},
	       {"'a' * 2", "! no such overload"},
	       {"[1] - [1]", "! no such overload"},
	       {"-'a'", "! no such overload"},
	       {"-true", "! no such overload"});
}

static void test_doubles_follow_ieee_754(void **state)
{
	EXPECT({"4.25 + 1.25", "5.5f"},
	       {"42.0 - 12.5", "29.5f"},
	       {"1.5 * 4.0", "6f"},
	       {"1.0 / 4.0", "0.25f"},
	       {"-2.5", "-2.5f"},
	       {"-y", "-2.5f"},
	       {"17.051 / 0.0", "inff"},
	       {"-1.0 / 0.0", "-inff"},
	       {"0.0 / 0.0 > 1.0", "false"},
	       {"1e308 * 10.0", "inff"},
	       {"47.5 % 5.5", "! no such overload"},
	       {"1.0 + 1", "! no such overload"},
	       {"2.0 * 3", "! no such overload"});
}

static void test_strings_are_joined_and_searched(void **state)
{
	EXPECT({"'he' + 'llo'", "\"hello\""},
	       {"'' + ''", "\"\""},
	       {"'¢' + 'ÿ' + '😁'", "\"¢ÿ😁\""},
	       {"size('')", "0"},
	       {"size('four')", "4"},
	       {"size('πέντε')", "5"},
	       {"'\\U0001f431\\U0001f600'.size()", "2"},
	       {"'foobar'.startsWith('foo')", "true"},
	       {"'foobar'.startsWith('bar')", "false"},
	       {"'foobar'.startsWith('')", "true"},
	       {"''.startsWith('foo')", "false"},
	       {"'завтра'.startsWith('за')", "true"},
	       {"'foobar'.endsWith('bar')", "true"},
	       {"'foobar'.endsWith('foo')", "false"},
	       {"'foobar'.endsWith('')", "true"},
	       {"'a'.endsWith('ba')", "false"},
	       {"'tacocat'.contains('coca')", "true"},
	       {"'tacocat'.contains('dog')", "false"},
	       {"'tacocat'.contains('')", "true"},
	       {"''.contains('')", "true"},
	       {"'Страница'.contains('ранн')", "false"},
	       {"s.contains('ell') && s.size() == 5", "true"},
	       {"s[0]", "! no such overload"},
	       {"1.0.contains('1')", "! no such overload"},
	       {"'a'.contains(1)", "! no such overload"},
	       {"'a'.startsWith(null)", "! no such overload"},
	       {"['a'].contains('a')", "! no such overload"});
}

static void test_lists_are_indexed_joined_and_searched(void **state)
{
	EXPECT({"[7, 8, 9][0]", "7"},
	       {"[7, 8, 9][2]", "9"},
	       {"[[1, 2], [3]][1][0]", "3"},
	       {"l[1]", "2"},
	       {"[7, 8, 9][3]", "! index out of bounds: 3"},
	       {"[7, 8, 9][-1]", "! index out of bounds: -1"},
	       {"[][0]", "! index out of bounds: 0"},
	       {"[7][0.0]", "! no such overload"},
	       {"[7]['0']", "! no such overload"},
	       {"[7][1/0]", "! divide by zero"},
	       {"[1] + [2, 3]", "[1, 2, 3]"},
	       {"[] + []", "[]"},
	       {"[1] + ['a'] + []", "[1, \"a\"]"},
	       {"2 in [1, 2, 3]", "true"},
	       {"2 in []", "false"},
	       {"2 in [1, 3]", "false"},
	       {"2.0 in [1, 2, 3]", "false"},
	       {"'b' in ['a', 'b']", "true"},
	       {"[1] in [[1], [2]]", "true"},
	       {"null in [1, null]", "true"},
	       {"1 in 1", "! no such overload"},
	       {"'a' in 'abc'", "! no such overload"},
	       {"size([])", "0"},
	       {"[1, 2].size()", "2"},
	       {"size(1)", "! no such overload"},
	       {"size(null)", "! no such overload"});
}

static void test_maps_are_selected_indexed_and_searched(void **state)
{
	EXPECT({"m.a", "1"},
	       {"m.b.c", "\"deep\""},
	       {"m['b']['c']", "\"deep\""},
	       {"m.if", "2"},
	       {"{'k': 5}.k", "5"},
	       {"{1: 'one'}[1]", "\"one\""},
	       {"{true: 1}[true]", "1"},
	       {"{'a': 1}['b']", "! no such key: b"},
	       {"m.nothing", "! no such key: nothing"},
	       {"m.nothing.at.all", "! no such key: nothing"},
	       {"{1: 2}[3]", "! no such key: 3"},
	       {"{1: 2}['1']", "! no such key: 1"},
	       {"{1: 2}[1.0]", "! no such overload"},
	       {"{1: 2}[[1]]", "! no such overload"},
	       {"x.y", "! no such overload: .y"},
	       {"null.y", "! no such overload: .y"},
	       {"l.size", "! no such overload: .size"},
	       {"'a' in m", "true"},
	       {"'z' in m", "false"},
	       {"1 in {'1': 1}", "false"},
	       {"1.0 in {1: 1}", "false"},
	       {"size(m)", "3"},
	       {"{}.size()", "0"},
	       {"(m.b).c", "\"deep\""},
	       {"[m][0].a", "1"});
}

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
	       {"steps[1]", "! no such key: 1"},
	       {"size(steps)", "! no such overload"},
	       {"steps.all(s, true)", "! no such overload"},
	       {"steps.ttl.outputs", "lazy"});
}

static void test_has_asks_for_the_last_selection_only(void **state)
{
	EXPECT({"has(m.a)", "true"},
	       {"has(m.z)", "false"},
	       {"has(m.b.c)", "true"},
	       {"has(m.b.d)", "false"},
	       {"has(m.z.c)", "! no such key: z"},
	       {"has({'a': null}.a)", "true"},
	       {"has({}.a)", "false"},
	       {"has(x.a)", "! no such overload"},
	       {"has(l.a)", "! no such overload"},
	       {"has(nobody.a)", "! undeclared reference to 'nobody'"},
	       {"!has(m.z) || m.z > 1", "true"},
	       {"has(m.z) && m.z > 1", "false"},
	       {"has(m.a) ? m.a : 0", "1"});
}

static void test_macros_go_over_lists_and_keys(void **state)
{
	EXPECT({"[1, 2, 3].all(e, e > 0)", "true"},
	       {"[1, 2, 3].all(e, e > 1)", "false"},
	       {"[].all(e, false)", "true"},
	       {"[1, 'foo', 3].all(e, e % 2 == 1)", "! no such overload"},
	       {"[1, 'foo', 2].all(e, e % 2 == 1)", "false"},
	       {"['foal', 2].all(e, e / 0 != 17)", "! no such overload"},
	       {"[2, 'a'].all(e, e / 0 != 17)", "! divide by zero"},
	       {"[1, 2].all(e, e)", "! no such overload"},
	       {"[1, 2, 3].exists(e, e > 2)", "true"},
	       {"[1, 2, 3].exists(e, e > 3)", "false"},
	       {"[].exists(e, true)", "false"},
	       {"[0, 'foo', 3].exists(e, 10 / e > 2)", "true"},
	       {"[0, 'foo', 3].exists(e, 10 / e > 5)", "! divide by zero"},
	       {"[1, 2].exists_one(e, e > 1)", "true"},
	       {"[2, 2].exists_one(e, e > 1)", "false"},
	       {"[].exists_one(e, true)", "false"},
	       {"[2, 0].exists_one(e, 1 / e > 5)", "! divide by zero"},
	       {"[1, 2, 3].map(e, e * 2)", "[2, 4, 6]"},
	       {"[].map(e, 1 / 0)", "[]"},
	       {"[2, 1, 0].map(e, 4 / e)", "! divide by zero"},
	       {"[1, 2, 3].map(e, e > 1, e * 10)", "[20, 30]"},
	       {"[1, 2].map(e, 3, e)", "! no such overload"},
	       {"[1, 2, 3].filter(e, e % 2 == 1)", "[1, 3]"},
	       {"[1, 2, 3].filter(e, e > 5)", "[]"},
	       {"[3, 2, 1, 0].filter(e, 12 / e > 4)", "! divide by zero"},
	       {"[1, 2].filter(e, e)", "! no such overload"},
	       {"m.all(k, k.size() <= 2)", "true"},
	       {"m.exists(k, k == 'if')", "true"},
	       {"m.exists_one(k, m[k] == 2)", "true"},
	       {"{'a': 1, 'b': 2}.map(k, k + '!')", "[\"a!\", \"b!\"]"},
	       {"{'a': 1, 'b': 2}.filter(k, k > 'a')", "[\"b\"]"},
	       {"'abc'.all(c, true)", "! no such overload"},
	       {"1.map(c, c)", "! no such overload"},
	       {"[1, 2].map(x, [10, 20].map(y, x + y))", "[[11, 21], [12, 22]]"},
	       {"[1, 2].map(x, [10].map(x, x + 1))", "[[11], [11]]"},
	       {"[1].map(x, x)[0] + x", "6"},
	       {"[[1, 2], []].filter(e, e.size() > 0).map(e, e[0])", "[1]"},
	       {"[1].all(t, t == 1) && t", "true"},
	       {"[1/0].all(e, true)", "! divide by zero"},
	       {"[1, 2].exists(e, [3].all(f, f / 0 == 1)) || true", "true"});
}

static void test_conversions_are_explicit(void **state)
{
	EXPECT({"int(42)", "42"},
	       {"int(1.9)", "1"},
	       {"int(-7.9)", "-7"},
	       {"int('-987')", "-987"},
	       {"int('0x1')", "! cannot convert '0x1' to int"},
	       {"int('1.5')", "! cannot convert '1.5' to int"},
	       {"int('')", "! cannot convert '' to int"},
	       {"int(' 1')", "! cannot convert ' 1' to int"},
	       {"int('9223372036854775808')", "! cannot convert '9223372036854775808' to int"},
	       {"int(1e99)", "! integer overflow"},
	       {"int(9223372036854775807.0)", "! integer overflow"},
	       {"int(-9223372036854775808.0)", "! integer overflow"},
	       {"int(0.0/0.0)", "! integer overflow"},
	       {"int(9007199254740993.0)", "9007199254740992"},
	       {"int(timestamp('2004-09-16T23:59:59Z'))", "1095379199"},
	       {"int(timestamp('1969-12-31T23:59:59.5Z'))", "-1"},
	       {"int(true)", "! no such overload"},
	       {"int(null)", "! no such overload"},
	       {"double(2)", "2f"},
	       {"double('2.5e1')", "25f"},
	       {"double(1.5)", "1.5f"},
	       {"double('x')", "! cannot convert 'x' to double"},
	       {"double(true)", "! no such overload"},
	       {"string('a')", "\"a\""},
	       {"string(-456)", "\"-456\""},
	       {"string(9876.75)", "\"9876.75\""},
	       {"string(2.0)", "\"2\""},
	       {"string(0.1 + 0.2)", "\"0.30000000000000004\""},
	       {"string(1e21)", "\"1e+21\""},
	       {"string(true)", "\"true\""},
	       {"string(1.0/0.0)", "\"+Inf\""},
	       {"string(duration('1h30m'))", "\"5400s\""},
	       {"string(duration('1500ms'))", "\"1.5s\""},
	       {"string(duration('-1ms'))", "\"-0.001s\""},
	       {"string(duration('0s'))", "\"0s\""},
	       {"string(timestamp('2026-11-22T02:00:00+01:00'))", "\"2026-11-22T01:00:00Z\""},
	       {"string(timestamp('2026-11-22T01:00:00.250Z'))", "\"2026-11-22T01:00:00.25Z\""},
	       {"string(null)", "! no such overload"},
	       {"string([1])", "! no such overload"},
	       {"string({})", "! no such overload"},
	       {"double(string(0.1)) == 0.1", "true"},
	       {"int(string(x)) == x", "true"});
}

static void test_times_and_durations_have_their_arithmetic(void **state)
{
	EXPECT({"duration('1h30m')", "duration 5400000ms"},
	       {"duration('2d')", "duration 172800000ms"},
	       {"duration('-1m30s')", "duration -90000ms"},
	       {"duration('1.5s')", "duration 1500ms"},
	       {"duration('10')", "! cannot convert '10' to a duration"},
	       {"duration('')", "! cannot convert '' to a duration"},
	       {"duration('-')", "! cannot convert '-' to a duration"},
	       {"duration('--1s')", "! cannot convert '--1s' to a duration"},
	       {"duration('4000000d')", "! cannot convert '4000000d' to a duration"},
	       {"duration(10)", "! no such overload"},
	       {"duration(duration('1s'))", "duration 1000ms"},
	       {"timestamp('2026-11-22T02:00:00+01:00')", "time 2026-11-22T01:00:00.000Z"},
	       {"timestamp(1095379199)", "time 2004-09-16T23:59:59.000Z"},
	       {"timestamp(timestamp(0))", "time 1970-01-01T00:00:00.000Z"},
	       {"timestamp('yesterday')", "! cannot convert 'yesterday' to a timestamp"},
	       {"timestamp('0000-12-31T00:00:00Z')", "! cannot convert '0000-12-31T00:00:00Z' to a timestamp"},
	       {"timestamp(9223372036854775807)", "! cannot convert 9223372036854775807 to a timestamp"},
	       {"timestamp(1e9)", "! no such overload"},
	       {"timestamp('2026-11-22T01:00:00Z') + duration('1h')", "time 2026-11-22T02:00:00.000Z"},
	       {"duration('1h') + timestamp('2026-11-22T01:00:00Z')", "time 2026-11-22T02:00:00.000Z"},
	       {"timestamp('2026-11-22T01:00:00Z') - duration('1d')", "time 2026-11-21T01:00:00.000Z"},
	       {"timestamp('2026-11-22T01:00:00Z') - timestamp('2026-11-21T01:00:00Z')", "duration 86400000ms"},
	       {"duration('1m') + duration('30s')", "duration 90000ms"},
	       {"duration('1m') - duration('90s')", "duration -30000ms"},
	       {"duration('1m') - timestamp(0)", "! no such overload"},
	       {"timestamp(0) + timestamp(0)", "! no such overload"},
	       {"duration('1m') * 2", "! no such overload"},
	       {"duration('1m') + 1", "! no such overload"},
	       {"-duration('1m')", "! no such overload"},
	       {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "! timestamp overflow"},
	       {"timestamp('0001-01-01T00:00:00Z') - duration('1ms')", "! timestamp overflow"},
	       {"duration('3650000d') + duration('3650000d')", "! duration overflow"},
	       {"timestamp(1) < timestamp(2) && duration('1s') >= duration('1000ms')", "true"});
}

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
	static const struct row rows[] = {
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
		"%s.exists(a,%s.exists(b,%s.exists(c,%s.exists(d,%s.exists(e,%s.exists(f,%s==1))))))",
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
		assert_string_equal(cut_buf_str(&got), levels == 63 ? "false" : "! evaluation limit");
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
		cmocka_unit_test(test_literals_are_their_own_value),
		cmocka_unit_test(test_strings_read_their_escapes),
		cmocka_unit_test(test_equality_is_within_a_type),
		cmocka_unit_test(test_order_is_defined_for_scalars),
		cmocka_unit_test(test_logic_lets_a_deciding_operand_win_over_errors),
		cmocka_unit_test(test_only_the_chosen_branch_of_a_condition_is_evaluated),
		cmocka_unit_test(test_integers_do_not_wrap),
		cmocka_unit_test(test_doubles_follow_ieee_754),
		cmocka_unit_test(test_strings_are_joined_and_searched),
		cmocka_unit_test(test_lists_are_indexed_joined_and_searched),
		cmocka_unit_test(test_maps_are_selected_indexed_and_searched),
		cmocka_unit_test(test_lazy_objects_answer_like_maps),
		cmocka_unit_test(test_has_asks_for_the_last_selection_only),
		cmocka_unit_test(test_macros_go_over_lists_and_keys),
		cmocka_unit_test(test_conversions_are_explicit),
		cmocka_unit_test(test_times_and_durations_have_their_arithmetic),
		cmocka_unit_test(test_names_come_from_the_environment),
		cmocka_unit_test(test_the_code_of_an_unknown_value_is_kept),
		cmocka_unit_test(test_an_expression_without_names_needs_no_environment),
		cmocka_unit_test(test_overload_errors_tell_the_types),
		cmocka_unit_test(test_evaluation_ends_at_its_limit),
		cmocka_unit_test(test_text_cannot_grow_without_end),
		cmocka_unit_test(test_the_limit_is_not_absorbed),
		cmocka_unit_test(test_values_do_not_nest_deeper_than_json_may),
		cmocka_unit_test(test_long_chains_are_not_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
