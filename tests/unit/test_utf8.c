/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, strictly. */
#include "engine/base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_only_well_formed_text_is_valid(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{"", true},
		{"plain", true},
		{"\xc2\x80\xdf\xbf", true},
		{"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
		{"\x80", false},
		{"\xc0\x80", false}, /* overlong */
		{"\xc1\xbf", false},
		{"\xe0\x9f\xbf", false},
		{"\xf0\x8f\xbf\xbf", false},
		{"\xed\xa0\x80", false},     /* surrogate */
		{"\xf4\x90\x80\x80", false}, /* past the last */
		{"\xf5\x80\x80\x80", false},
		{"\xff", false},
		{"\xc3", false}, /* cut off */
		{"\xe2\x82", false},
		{"\xf0\x9f\x98", false},
		{"\xe2\x28\xa1", false},
		{"\xe2\x82\x28", false},
		{"\xf0\x90\x28\xbc", false},
		{"\xf0\x90\x80\x28", false},
		{"ok\xc3(", false},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		assert_int_equal(cut_utf8_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
	assert_true(cut_utf8_valid("a\0b", 3));
}

static void test_every_code_point_is_written_as_it_is_read(void **state)
{
	cut_auto(cut_buf) struct cut_buf out = {0};

	for (uint32_t code = 0; code <= 0x110000; code++) {
		bool whole = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

		cut_buf_reset(&out);
		assert_int_equal(cut_utf8_add(&out, code), whole ? 0 : -EINVAL);
		if (!whole)
			continue;
		assert_int_equal(cut_utf8_step(out.data, out.len), out.len);
		assert_int_equal(out.len, code < 0x80	   ? 1
					  : code < 0x800   ? 2
					  : code < 0x10000 ? 3
							   : 4);
		assert_int_equal(cut_utf8_count(out.data, out.len), 1);
	}
	cut_buf_reset(&out);
	cut_utf8_add(&out, 0x20ac);
	cut_utf8_add(&out, 0x1f600);
	assert_string_equal(out.data, "€😀");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_well_formed_text_is_valid),
		cmocka_unit_test(test_every_code_point_is_written_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
