/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/kit. */
#include "kit/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void test_durations_need_a_unit_and_may_be_combined(void **state)
{
	static const struct {
		const char *text;
		double seconds; /* NAN: refused */
	} rows[] = {
		{"2s", 2},	 {"250ms", 0.25}, {"1h30m", 5400}, {"1.5h", 5400},
		{"1d", 86400},	 {"", NAN},	  {"300", NAN},	   {"s", NAN},
		{"1x", NAN},	 {"-1s", NAN},	  {"1s ", NAN},	   {"1s2", NAN},
		{"1.2.3s", NAN}, {"1 s", NAN},	  {"1e3s", NAN},   {"0x10s", NAN},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		double seconds = -1;
		bool ok = kit_duration_parse(rows[i].text, &seconds);

		if (ok != !isnan(rows[i].seconds) || (ok && fabs(seconds - rows[i].seconds) > 1e-9))
			fail_msg("\"%s\": %d, %g s", rows[i].text, ok, seconds);
		if (!ok)
			assert_true(seconds < 0);
	}
}

static void test_times_are_rfc_3339_in_utc(void **state)
{
	char buf[KIT_TIME_LEN];

	(void)state;
	assert_string_equal(kit_time_format(0, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(kit_time_format(1700000000123, buf), "2023-11-14T22:13:20.123Z");
	assert_string_equal(kit_time_format(951827696007, buf), "2000-02-29T12:34:56.007Z");
}

static void test_a_reason_returns_its_error_and_is_cut_to_fit(void **state)
{
	struct kit_why why;

	(void)state;
	assert_int_equal(kit_why(&why, -22, "%s is %d", "it", 3), -22);
	assert_string_equal(why.text, "it is 3");
	kit_why(&why, -1, "%*s", 5000, "x");
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_need_a_unit_and_may_be_combined),
		cmocka_unit_test(test_times_are_rfc_3339_in_utc),
		cmocka_unit_test(test_a_reason_returns_its_error_and_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
