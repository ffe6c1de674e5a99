/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 4648, and what is none. */
#include "engine/base/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_base64_follows_rfc_4648_both_ways(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf text = {0}, data = {0};

		cut_base64(rows[i][0], strlen(rows[i][0]), &text);
		assert_string_equal(cut_buf_str(&text), rows[i][1]);
		assert_int_equal(cut_base64_decode(rows[i][1], strlen(rows[i][1]), &data), 0);
		assert_int_equal(data.len, strlen(rows[i][0]));
		assert_memory_equal(cut_buf_str(&data), rows[i][0], data.len);
	}
}

static void test_anything_else_is_refused(void **state)
{
	static const char *const rows[] = {
		"Z", "Zg", "Zg=", "=Zg=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-", "====", "Z==="};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf data = {0};

		assert_int_equal(cut_base64_decode(rows[i], strlen(rows[i]), &data), -EINVAL);
		assert_int_equal(data.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_follows_rfc_4648_both_ways),
		cmocka_unit_test(test_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
