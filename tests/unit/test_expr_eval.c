/* SPDX-License-Identifier: Apache-2.0 */
/* Literals and operators of expressions, by the topics of cel-spec's conformance tests. */
#include "tests/unit/expr_kit.h"

/* clang-format off */
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
	       {"'\\x4", "! an escape has too few digits"},
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
	       {"-9223372036854775808 / 2", "-4611686018427387904"},
	       {"int(1 / 0)", "! divide by zero"},
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
	       {"1.0 < 0.0 / 0.0", "false"},
	       {"1e308 * 10.0", "inff"},
	       {"47.5 % 5.5", "! no such overload"},
	       {"1.0 + 1", "! no such overload"},
	       {"2.0 * 3", "! no such overload"});
}
/* clang-format on */

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
