/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/traffic/shares.c. */
#include "traffic/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void test_weights_come_as_close_as_256_steps_allow(void **state)
{
	static const struct {
		double green;
		unsigned weight_green, weight_blue; /* 0, 0: any that are close enough */
		double off;
	} rows[] = {
		{0, 0, 100, 0},	     {1, 100, 0, 0},	  {0.5, 50, 50, 0},
		{0.05, 5, 95, 0},    {0.01, 1, 99, 0},	  {0.005, 1, 199, 0},
		{0.25, 25, 75, 0},   {1 / 3.0, 1, 2, 0},  {0.001, 1, 256, 0.003},
		{0.125, 0, 0, 1e-9}, {0.123, 0, 0, 1e-4}, {0.999, 256, 1, 0.003},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		double wanted[] = {rows[i].green, 1 - rows[i].green};
		unsigned weights[2];
		double off = shares_weights(wanted, 2, weights);

		if (off > rows[i].off + 1e-9 || weights[0] > 256 || weights[1] > 256)
			fail_msg("row %zu: %u:%u is %g off", i, weights[0], weights[1], off);
		if (rows[i].weight_green + rows[i].weight_blue) {
			assert_int_equal(weights[0], rows[i].weight_green);
			assert_int_equal(weights[1], rows[i].weight_blue);
		}
	}
}

static void test_every_share_from_half_a_percent_up_is_within_a_tenth(void **state)
{
	(void)state;
	for (int permille = 5; permille <= 995; permille++) {
		double wanted[] = {permille / 1000.0, 1 - permille / 1000.0};
		unsigned weights[2];

		assert_true(shares_weights(wanted, 2, weights) <= 0.001);
	}
}

static void test_a_share_above_zero_never_becomes_nothing(void **state)
{
	double wanted[] = {0.00001, 0.99999};
	unsigned weights[2];

	(void)state;
	shares_weights(wanted, 2, weights);
	assert_int_equal(weights[0], 1);
}

static void test_what_is_left_goes_to_those_not_named(void **state)
{
	static const struct {
		const char *to;
		double blue, green, third; /* NAN: refused */
	} rows[] = {
		{"{\"green\": 0.25}", 0.5, 0.25, 0.25}, /* configured 100 and 50 */
		{"{\"green\": 1}", 0, 1, 0},
		{"{\"green\": 0.5, \"blue\": 0.5}", 0.5, 0.5, 0},
		{"{\"green\": 0.5, \"blue\": 0.2}", 0.2, 0.5, 0.3},
		{"{\"blue\": 0.1, \"green\": 0.2, \"third\": 0.3}", NAN, 0, 0},
		{"{\"red\": 0.1}", NAN, 0, 0},
		{"{\"spare\": 0.1}", NAN, 0, 0},
	};
	struct state_server servers[] = {
		{.name = "blue", .configured = 100},
		{.name = "green", .configured = 0},
		{.name = "third", .configured = 50},
		{.name = "spare", .configured = 1, .backup = true},
	};
	struct state backend = {.list = servers, .n = KIT_ARRAY_LEN(servers)};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		json_t *to = json_loads(rows[i].to, 0, NULL);
		double got[4] = {9, 9, 9, 9};
		struct kit_why why;
		int r = shares_wanted(to, &backend, got, &why);

		if ((r < 0) != isnan(rows[i].blue))
			fail_msg("row %zu: %d", i, r);
		if (r == 0) {
			assert_true(fabs(got[0] - rows[i].blue * 1) < 1e-9);
			assert_true(fabs(got[1] - rows[i].green) < 1e-9);
			assert_true(fabs(got[2] - rows[i].third) < 1e-9);
			assert_true(got[3] == 0);
		}
		json_decref(to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights_come_as_close_as_256_steps_allow),
		cmocka_unit_test(test_every_share_from_half_a_percent_up_is_within_a_tenth),
		cmocka_unit_test(test_a_share_above_zero_never_becomes_nothing),
		cmocka_unit_test(test_what_is_left_goes_to_those_not_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
