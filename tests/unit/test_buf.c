/* SPDX-License-Identifier: Apache-2.0 */
/* The byte buffer: growth, the cap, taking and dropping. */
#include "engine/base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_buffer_reads_as_empty_text(void **state)
{
	struct cut_buf buf = {0};
	char *taken;

	assert_string_equal(cut_buf_str(&buf), "");
	taken = cut_buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
}

static void test_text_grows_and_stays_terminated(void **state)
{
	cut_auto(cut_buf) struct cut_buf buf = {0};

	for (int i = 0; i < 10000; i++) {
		assert_int_equal(cut_buf_printf(&buf, "%04d", i), 0);
		assert_int_equal(buf.data[buf.len], '\0');
	}
	assert_int_equal(buf.len, 40000);
	assert_memory_equal(buf.data + 4 * 1234, "12341235", 8);
	assert_memory_equal(buf.data + 39996, "9999", 5);
}

static void test_append_past_the_cap_adds_nothing_and_sticks(void **state)
{
	cut_auto(cut_buf) struct cut_buf buf = {.max_bytes = 8};

	assert_int_equal(cut_buf_add_str(&buf, "12345678"), 0);
	assert_int_equal(cut_buf_printf(&buf, "%d", 9), -E2BIG);
	assert_string_equal(cut_buf_str(&buf), "12345678");
	cut_buf_consume(&buf, 4);
	assert_int_equal(cut_buf_add_char(&buf, 'x'), -E2BIG);
	assert_null(cut_buf_reserve(&buf, 0));
	assert_string_equal(cut_buf_str(&buf), "5678");
	cut_buf_reset(&buf);
	assert_int_equal(cut_buf_add_str(&buf, "abcdefgh"), 0);
	assert_int_equal(buf.error, 0);
}

static void test_printf_that_just_fits_is_kept_whole(void **state)
{
	for (int len = 0; len < 200; len++) {
		cut_auto(cut_buf) struct cut_buf buf = {.max_bytes = 200};

		cut_buf_add_str(&buf, "x");
		assert_int_equal(cut_buf_printf(&buf, "%*s", len, ""), 0);
		assert_int_equal(strlen(buf.data), len + 1);
		assert_int_equal(buf.len, len + 1);
	}
}

static void test_reserved_room_is_the_callers_to_fill(void **state)
{
	cut_auto(cut_buf) struct cut_buf buf = {0};
	char *to;

	cut_buf_add_str(&buf, "ab");
	to = cut_buf_reserve(&buf, 100);
	memset(to, 'c', 100);
	buf.len += 100;
	cut_buf_add_str(&buf, "d");
	assert_int_equal(buf.len, 103);
	assert_string_equal(buf.data + 100, "ccd");
}

static void test_consume_drops_from_the_front(void **state)
{
	cut_auto(cut_buf) struct cut_buf buf = {0};

	cut_buf_consume(&buf, 0);
	cut_buf_add(&buf, "a\0bc", 4);
	cut_buf_consume(&buf, 2);
	assert_string_equal(cut_buf_str(&buf), "bc");
	cut_buf_consume(&buf, 2);
	assert_int_equal(buf.len, 0);
	assert_string_equal(cut_buf_str(&buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_buffer_reads_as_empty_text),
		cmocka_unit_test(test_text_grows_and_stays_terminated),
		cmocka_unit_test(test_append_past_the_cap_adds_nothing_and_sticks),
		cmocka_unit_test(test_printf_that_just_fits_is_kept_whole),
		cmocka_unit_test(test_reserved_room_is_the_callers_to_fill),
		cmocka_unit_test(test_consume_drops_from_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
