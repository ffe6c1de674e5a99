/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot fail, cleanup by scope, the arena. */
#include "engine/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int frees;

static void free_counted(int *p)
{
	frees++;
	free(p);
}
CUT_CLEANUP(counted, int *, free_counted)

static void test_sizes_of_nothing_still_give_memory(void **state)
{
	void *p = cut_calloc(0, 8), *q = cut_malloc(0);

	assert_non_null(p);
	assert_non_null(q);
	q = cut_realloc(q, 0);
	assert_non_null(q);
	free(p);
	free(q);
}

static void overflow_calloc(void)
{
	cut_calloc(SIZE_MAX / 2, 3);
}

static void overflow_realloc(void)
{
	cut_realloc_array(NULL, SIZE_MAX / 4, 5);
}

static void too_much(void)
{
	cut_malloc(SIZE_MAX / 4);
}

static void arena_too_much(void)
{
	struct cut_arena arena = {0};

	cut_arena_alloc(&arena, SIZE_MAX - 8);
}

static void test_impossible_sizes_end_the_process(void **state)
{
	void (*const cases[])(void) = {overflow_calloc, overflow_realloc, too_much, arena_too_much};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			close(STDERR_FILENO);
			cases[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
	}
}

static void test_copies_are_terminated_and_null_stays_null(void **state)
{
	char *a = cut_strndup("abcdef", 3), *b = cut_printf("%s-%d", a, 7);

	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc-7");
	assert_null(cut_strdup(NULL));
	free(a);
	free(b);
}

static void test_cleanup_frees_once_and_spares_what_was_taken(void **state)
{
	int *kept;

	frees = 0;
	{
		cut_auto(counted) int *dropped = cut_new(int);
		cut_auto(counted) int *taken = cut_new(int);
		cut_auto(counted) int *never = NULL;

		assert_non_null(dropped);
		assert_null(never);
		kept = cut_take(taken);
		assert_null(taken);
	}
	assert_int_equal(frees, 1);
	free(kept);
}

static void test_a_large_array_grows_and_is_freed_as_any_other(void **state)
{
	static const size_t lens[] = {0, 100, 1 << 20, 5 << 20};

	for (size_t i = 0; i < CUT_ARRAY_LEN(lens); i++) {
		size_t len = lens[i] / sizeof(uint32_t);
		uint32_t *items = cut_large_array(len, sizeof(*items));

		for (size_t k = 0; k < len; k++)
			items[k] = (uint32_t)k;
		items = cut_realloc_array(items, len * 2 + 1, sizeof(*items));
		items[len * 2] = 1;
		for (size_t k = 0; k < len; k++)
			assert_int_equal(items[k], k);
		free(items);
	}
}

static void test_arena_gives_zeroed_aligned_pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 9, 0, 100, 5000, 3, 2000000, 64, 1 << 20, 13};
	unsigned char *pieces[600];
	struct cut_arena arena = {0};

	for (size_t i = 0; i < CUT_ARRAY_LEN(pieces); i++) {
		size_t size = sizes[i % (i < 24 ? CUT_ARRAY_LEN(sizes) : 6)];

		pieces[i] = cut_arena_alloc(&arena, size);
		assert_int_equal((uintptr_t)pieces[i] % 8, 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(pieces[i][at], 0);
		memset(pieces[i], (int)i | 1, size);
		assert_true(arena.used_bytes <= arena.total_bytes);
	}
	for (size_t i = 24; i < CUT_ARRAY_LEN(pieces); i += 6)
		assert_int_equal(pieces[i][0], (unsigned char)(i | 1));
	cut_arena_done(&arena);
	assert_int_equal(arena.total_bytes, 0);
	assert_null(arena.head);
}

static void test_large_piece_leaves_the_open_block_in_use(void **state)
{
	struct cut_arena arena = {0};
	char *a = cut_arena_alloc(&arena, 8), *b;

	cut_arena_alloc(&arena, 3 << 20);
	b = cut_arena_alloc(&arena, 8);
	assert_ptr_equal(b, a + 8);
	cut_arena_done(&arena);
}

static void test_arena_text_is_packed(void **state)
{
	struct cut_arena arena = {0};
	char *a = cut_arena_strndup(&arena, "abcd", 2);
	char *b = cut_arena_printf(&arena, "%d", 12345);

	assert_string_equal(a, "ab");
	assert_string_equal(b, "12345");
	assert_ptr_equal(b, a + 3);
	cut_arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_of_nothing_still_give_memory),
		cmocka_unit_test(test_impossible_sizes_end_the_process),
		cmocka_unit_test(test_copies_are_terminated_and_null_stays_null),
		cmocka_unit_test(test_cleanup_frees_once_and_spares_what_was_taken),
		cmocka_unit_test(test_a_large_array_grows_and_is_freed_as_any_other),
		cmocka_unit_test(test_arena_gives_zeroed_aligned_pieces_of_any_size),
		cmocka_unit_test(test_large_piece_leaves_the_open_block_in_use),
		cmocka_unit_test(test_arena_text_is_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
