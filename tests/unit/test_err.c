/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as an operator reads them. */
#include "engine/base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_text(const struct cut_err *err, const char *want)
{
	char *text = cut_err_text(err);

	assert_string_equal(text, want);
	free(text);
}

static void test_parts_are_joined_into_one_line(void **state)
{
	static const struct {
		const char *why, *next, *want;
	} rows[] = {
		{NULL, NULL, "cannot read a.yaml"},
		{"it is empty", NULL, "cannot read a.yaml: it is empty"},
		{NULL, "name another", "cannot read a.yaml; name another"},
		{"it is empty", "name another", "cannot read a.yaml: it is empty; name another"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		int r = cut_err_set(&err, -EINVAL, rows[i].why, rows[i].next, "cannot read %s",
				    "a.yaml");

		assert_int_equal(r, -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		expect_text(&err, rows[i].want);
	}
}

static void test_system_errors_tell_their_reason_in_lower_case(void **state)
{
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(cut_err_sys(&err, -EACCES, "chmod it", "cannot read %s", "x"), -EACCES);
	expect_text(&err, "cannot read x: permission denied; chmod it");
	assert_int_equal(cut_err_sys(&err, -99999, NULL, "odd"), -99999);
	expect_text(&err, "odd: unknown error");
}

static void test_an_error_may_be_made_of_the_one_it_replaces(void **state)
{
	cut_auto(cut_err) struct cut_err err = {0};

	cut_err_set(&err, -EIO, "why", "next", "what");
	cut_err_set(&err, -ENOENT, err.why, err.next, "now %s", err.what);
	expect_text(&err, "now what: why; next");
	assert_int_equal(err.code, -ENOENT);
}

static void test_prefix_puts_context_first_and_keeps_the_code(void **state)
{
	cut_auto(cut_err) struct cut_err err = {0};

	cut_err_set(&err, -EIO, "no disk", NULL, "cannot write");
	assert_int_equal(cut_err_prefix(&err, "arming %s", "run-1"), -EIO);
	expect_text(&err, "arming run-1: cannot write: no disk");
}

static void test_nobody_needs_to_want_the_error(void **state)
{
	assert_int_equal(cut_err_set(NULL, -EINVAL, NULL, NULL, "x"), -EINVAL);
	assert_int_equal(cut_err_sys(NULL, -EIO, NULL, "x"), -EIO);
	assert_int_equal(cut_err_prefix(NULL, "x"), 0);
	cut_err_done(NULL); /* does nothing */
}

static void test_an_empty_error_reads_as_empty_text(void **state)
{
	struct cut_err err = {0};

	expect_text(&err, "");
	cut_err_done(&err);
	cut_err_done(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_are_joined_into_one_line),
		cmocka_unit_test(test_system_errors_tell_their_reason_in_lower_case),
		cmocka_unit_test(test_an_error_may_be_made_of_the_one_it_replaces),
		cmocka_unit_test(test_prefix_puts_context_first_and_keeps_the_code),
		cmocka_unit_test(test_nobody_needs_to_want_the_error),
		cmocka_unit_test(test_an_empty_error_reads_as_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
