/* SPDX-License-Identifier: Apache-2.0 */
/* The growing array. */
#include "engine/base/vec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct pair {
	int a, b;
};

static void test_items_stay_in_order_while_it_grows(void **state)
{
	struct {
		CUT_VEC(struct pair);
	} v = {0};
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		cut_vec_push(&v, (struct pair){i, -i});
	assert_int_equal(v.len, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.items[i].b, -i);
	cut_vec_foreach (&v, p)
		sum += p->a;
	assert_int_equal(sum, 999 * 500);
	assert_int_equal(cut_vec_last(&v).a, 999);
	assert_int_equal(cut_vec_pop(&v).a, 999);
	assert_int_equal(v.len, 999);
	cut_vec_done(&v);
	assert_null(v.items);
	assert_int_equal(v.cap, 0);
}

static void test_remove_closes_the_gap(void **state)
{
	struct {
		CUT_VEC(int);
	} v = {0};

	for (int i = 0; i < 5; i++)
		cut_vec_push(&v, i);
	cut_vec_remove(&v, 4);
	cut_vec_remove(&v, 0);
	cut_vec_remove(&v, 1);
	assert_int_equal(v.len, 2);
	assert_int_equal(v.items[0], 1);
	assert_int_equal(v.items[1], 3);
	cut_vec_clear(&v);
	assert_int_equal(v.len, 0);
	cut_vec_done(&v);
}

static void test_one_that_never_held_anything_is_walked_over(void **state)
{
	struct {
		CUT_VEC(int);
	} v = {0};
	int seen = 0;

	cut_vec_foreach (&v, i)
		seen += *i;
	assert_int_equal(seen, 0);
}

static void test_reserved_room_does_not_move(void **state)
{
	struct {
		CUT_VEC(int);
	} v = {0};
	int *at;

	cut_vec_reserve(&v, 100);
	at = v.items;
	for (int i = 0; i < 100; i++)
		cut_vec_push(&v, i);
	assert_ptr_equal(v.items, at);
	cut_vec_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_stay_in_order_while_it_grows),
		cmocka_unit_test(test_remove_closes_the_gap),
		cmocka_unit_test(test_one_that_never_held_anything_is_walked_over),
		cmocka_unit_test(test_reserved_room_does_not_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
