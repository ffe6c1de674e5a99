/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C against RFC 3720's vectors, by instruction and by table. */
#include "engine/base/crc32c.c" /* both ways, whatever this processor has */

#include "engine/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_both_ways_give_the_published_sums(void **state)
{
	uint8_t zeroes[32] = {0}, ones[32], rising[32], falling[32];
	const struct {
		const void *data;
		size_t len;
		uint32_t want; /* RFC 3720, B.4 */
	} rows[] = {
		{"", 0, 0},
		{zeroes, 32, 0x8a9136aa},
		{ones, 32, 0x62a8ab43},
		{rising, 32, 0x46dd794e},
		{falling, 32, 0x113fdb5c},
		{"123456789", 9, 0xe3069283},
	};

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++) {
		rising[i] = (uint8_t)i;
		falling[i] = (uint8_t)(31 - i);
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		assert_int_equal(cut_crc32c(0, rows[i].data, rows[i].len), rows[i].want);
		assert_int_equal(~by_table(~0u, rows[i].data, rows[i].len), rows[i].want);
	}
}

static void test_parts_may_be_summed_one_after_the_other(void **state)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog";

	for (size_t cut = 0; cut < sizeof(text); cut++)
		assert_int_equal(
			cut_crc32c(cut_crc32c(0, text, cut), text + cut, sizeof(text) - cut),
			cut_crc32c(0, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways_give_the_published_sums),
		cmocka_unit_test(test_parts_may_be_summed_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
