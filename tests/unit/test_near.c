/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …". */
#include "engine/base/near.h"

#include "engine/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_the_nearest_name_is_offered_or_none(void **state)
{
	static const struct {
		const char *word, *candidates[5], *want;
	} rows[] = {
		{"neds", {"id", "needs", "if"}, "needs"},
		{"ned", {"id", "needs", "if"}, NULL}, /* 2 off in 3 letters */
		{"nedes", {"id", "needs", "if"}, "needs"},
		{"tiemout",
		 {"title", "timeout", "retry"},
		 "timeout"}, /* a transposition is one edit */
		{"rollbak", {"rollback", "rollbacks"}, "rollback"},
		{"rolback", {"rollbacks", "rollback"}, "rollback"}, /* nearer wins over earlier */
		{"abc", {"abd", "abe"}, "abd"},			    /* else the earlier */
		{"point_of_return", {"point_of_no_return"}, "point_of_no_return"},
		{"point_of", {"point_of_no_return"}, "point_of_no_return"},
		{"x", {"y", "id"}, NULL}, /* one letter is near to nothing */
		{"", {"a"}, NULL},
		{"id", {NULL}, NULL},
		{"ab", {"ba"}, "ba"},
		{"abcd", {"badc"}, NULL}, /* 2 transpositions in 4 letters */
		{"abcde", {"badce"}, "badce"},
		{"abcdefgh", {"xabcdefghijk"}, NULL},
		{"integer", {"inte", "int", "string"}, "inte"}, /* one begins the other */
		{"integer", {"int", "intager"}, "intager"},	/* which an edit beats */
		{"pointer", {"po", "pot"}, NULL},
		{"website_check", {"web"}, NULL}, /* of which too little is left */
		{"s", {"a/b", "ladder/5/s", "ladder/25/s"}, "ladder/5/s"},
		{"hift", {"ladder/5/shift"}, NULL},
		{"abcdefghi", {"abcdefghijkl"}, "abcdefghijkl"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		struct cut_near near = {.word = rows[i].word};

		for (size_t c = 0; rows[i].candidates[c]; c++)
			cut_near_try(&near, rows[i].candidates[c]);
		if (rows[i].want)
			assert_string_equal(near.best, rows[i].want);
		else
			assert_null(near.best);
	}
}

static void test_long_words_are_near_to_nothing(void **state)
{
	char word[80] = {0}, candidate[80] = {0};
	struct cut_near near = {.word = word};

	memset(word, 'a', 64);
	memset(candidate, 'a', 63);
	cut_near_try(&near, candidate);
	assert_ptr_equal(near.best, candidate);
	near.best = NULL;
	memset(word, 'a', 65);
	cut_near_try(&near, candidate);
	assert_null(near.best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_nearest_name_is_offered_or_none),
		cmocka_unit_test(test_long_words_are_near_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
