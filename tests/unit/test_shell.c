/* SPDX-License-Identifier: Apache-2.0 */
/* A word as it is typed: a shell must read back what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/base/shell.h"

static void test_a_word_is_typed_so_that_a_shell_reads_it_back(void **state)
{
	static const char *const rows[][2] = {
		{"../bin/app", "../bin/app"},
		{"--lab=/tmp/x", "--lab=/tmp/x"},
		{"", "''"},
		{"./copy undo", "'./copy undo'"},
		{"$HOME", "'$HOME'"},
		{"it's", "'it'\\''s'"},
		{"a;b", "'a;b'"},
		{"?", "'?'"},
		{NULL, "?"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf out = {0};

		cut_shell_word(rows[i][0], &out);
		assert_string_equal(cut_buf_str(&out), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_word_is_typed_so_that_a_shell_reads_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
