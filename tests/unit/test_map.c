/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map against a plain list. */
#include "engine/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_an_empty_map_finds_nothing(void **state)
{
	struct cut_map map = {0};

	assert_int_equal(cut_map_find(&map, "a"), CUT_MAP_NONE);
	cut_map_done(&map);
	cut_map_done(&map);
}

static void test_the_first_value_of_a_key_stays(void **state)
{
	struct cut_map map = {0};
	uint32_t old = 9;

	assert_true(cut_map_put(&map, "a", 1, 1, &old));
	assert_int_equal(old, 9);
	assert_false(cut_map_put(&map, "a", 1, 2, &old));
	assert_int_equal(old, 1);
	assert_false(cut_map_put(&map, "a", 1, 3, NULL));
	assert_int_equal(cut_map_find(&map, "a"), 1);
	assert_int_equal(map.len, 1);
	cut_map_done(&map);
}

static void test_keys_are_bytes_of_a_length(void **state)
{
	struct cut_map map = {0};

	cut_map_put(&map, "ab", 1, 1, NULL);
	cut_map_put(&map, "ab", 2, 2, NULL);
	cut_map_put(&map, "", 0, 3, NULL);
	cut_map_put(&map, "a\0b", 3, 4, NULL);
	assert_int_equal(cut_map_find(&map, "a"), 1);
	assert_int_equal(cut_map_find(&map, "ab"), 2);
	assert_int_equal(cut_map_find(&map, ""), 3);
	assert_int_equal(cut_map_get(&map, "a\0b", 3), 4);
	assert_int_equal(cut_map_get(&map, "a\0c", 3), CUT_MAP_NONE);
	cut_map_done(&map);
}

static void test_a_hundred_thousand_ids_are_all_found(void **state)
{
	enum { N = 100000 };
	char(*ids)[16] = cut_calloc(N, sizeof(*ids));
	struct cut_map map = {0};

	for (uint32_t i = 0; i < N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "step_%u", i);
		assert_true(cut_map_put(&map, ids[i], strlen(ids[i]), i, NULL));
	}
	assert_int_equal(map.len, N);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(cut_map_find(&map, ids[i]), i);
		ids[i][0] = 'S';
		assert_int_equal(cut_map_find(&map, ids[i]), CUT_MAP_NONE);
		ids[i][0] = 's';
	}
	cut_map_done(&map);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_map_finds_nothing),
		cmocka_unit_test(test_the_first_value_of_a_key_stays),
		cmocka_unit_test(test_keys_are_bytes_of_a_length),
		cmocka_unit_test(test_a_hundred_thousand_ids_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
