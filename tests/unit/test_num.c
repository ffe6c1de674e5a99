/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text. */
#include "engine/base/num.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_integers_are_a_sign_and_digits(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t v;
	} rows[] = {
		{"0", 0, 0},
		{"-0", 0, 0},
		{"007", 0, 7},
		{"-42", 0, -42},
		{"9223372036854775807", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN},
		{"9223372036854775808", -ERANGE, 0},
		{"-9223372036854775809", -ERANGE, 0},
		{"99999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1.0", -EINVAL, 0},
		{"0x1", -EINVAL, 0},
		{"--1", -EINVAL, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		int64_t v = 0;

		if (cut_int_parse(rows[i].text, strlen(rows[i].text), &v) != rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_true(v == rows[i].v);
	}
}

static void test_reals_are_decimal(void **state)
{
	static const struct {
		const char *text;
		int r;
		double v;
	} rows[] = {
		{"0", 0, 0},	       {"-1.5", 0, -1.5},      {"1e3", 0, 1000},
		{"2.5E-2", 0, 0.025},  {"1e+2", 0, 100},       {"1e-999", 0, 0},
		{"1e999", -ERANGE, 0}, {"-1e999", -ERANGE, 0}, {"", -EINVAL, 0},
		{".5", -EINVAL, 0},    {"1.", -EINVAL, 0},     {"1e", -EINVAL, 0},
		{"1e+", -EINVAL, 0},   {"nan", -EINVAL, 0},    {"inf", -EINVAL, 0},
		{"0x1p3", -EINVAL, 0}, {"1,5", -EINVAL, 0},    {"1.5 ", -EINVAL, 0},
		{"+1", -EINVAL, 0},    {"1.5.2", -EINVAL, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		double v = 0;

		if (cut_real_parse(rows[i].text, strlen(rows[i].text), &v) != rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_true(v == rows[i].v);
	}
}

static void test_numbers_print_shortest(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{0.0, "0"},
		{-0.0, "-0"},
		{2.0, "2"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1e20, "1e+20"},
		{1e14, "100000000000000"},
		{1234567.5, "1234567.5"},
		{1e-5, "1e-05"},
		{1.0 / 3, "0.3333333333333333"},
		{(double)INFINITY, "+Inf"},
		{-(double)INFINITY, "-Inf"},
		{(double)NAN, "NaN"},
	};
	cut_auto(cut_buf) struct cut_buf out = {0};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_buf_reset(&out);
		cut_real_format(rows[i].v, &out);
		assert_string_equal(out.data, rows[i].text);
	}
	cut_buf_reset(&out);
	cut_int_format(INT64_MIN, &out);
	assert_string_equal(out.data, "-9223372036854775808");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_a_sign_and_digits),
		cmocka_unit_test(test_reals_are_decimal),
		cmocka_unit_test(test_numbers_print_shortest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
