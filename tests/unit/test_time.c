/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and RFC 3339. */
#include "engine/base/time.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_durations_are_read_with_their_unit_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		int r;
		cut_time ms;
	} rows[] = {
		{"0s", 0, 0},
		{"250ms", 0, 250},
		{"30s", 0, 30 * CUT_SECOND},
		{"10m", 0, 10 * CUT_MINUTE},
		{"2h", 0, 2 * CUT_HOUR},
		{"1d", 0, CUT_DAY},
		{"1h30m", 0, 90 * CUT_MINUTE},
		{"1d2h3m4s5ms", 0, CUT_DAY + 2 * CUT_HOUR + 3 * CUT_MINUTE + 4 * CUT_SECOND + 5},
		{"1.5h", 0, 90 * CUT_MINUTE},
		{"1m1.25s", 0, 61250},
		{"0.001s", 0, 1},
		{"90m", 0, 90 * CUT_MINUTE},
		{"0000030s", 0, 30 * CUT_SECOND},
		{"3652500d", 0, 3652500 * CUT_DAY},
		{"", -EINVAL, 0},
		{"0", -EINVAL, 0},
		{"10", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"10 s", -EINVAL, 0},
		{" 10s", -EINVAL, 0},
		{"10s ", -EINVAL, 0},
		{"10S", -EINVAL, 0},
		{"10sec", -EINVAL, 0},
		{"10us", -EINVAL, 0},
		{"1w", -EINVAL, 0},
		{"-10s", -EINVAL, 0},
		{"+10s", -EINVAL, 0},
		{"1s1m", -EINVAL, 0},	 /* units fall */
		{"1s1s", -EINVAL, 0},	 /* each once */
		{"1.5h30m", -EINVAL, 0}, /* a fraction ends it */
		{"1.s", -EINVAL, 0},
		{".5s", -EINVAL, 0},
		{"1..5s", -EINVAL, 0},
		{"1,5s", -EINVAL, 0},
		{"1.5ms", -EINVAL, 0}, /* not a whole number of ms */
		{"0.0001s", -EINVAL, 0},
		{"1.0000000001s", -EINVAL, 0},
		{"1e3s", -EINVAL, 0},
		{"0x10s", -EINVAL, 0},
		{"3652501d", -ERANGE, 0},
		{"3652500d1ms", -ERANGE, 0},
		{"99999999999999999999999999s", -ERANGE, 0},
		{"9223372036854775807d", -ERANGE, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_time got = -7;

		if (cut_duration_parse(rows[i].text, strlen(rows[i].text), &got) != rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_int_equal(got, rows[i].r ? -7 : rows[i].ms);
	}
	assert_int_equal(cut_duration_parse("10s\0", 4, &(cut_time){0}), -EINVAL);
}

static void test_durations_print_exactly_and_for_people(void **state)
{
	static const struct {
		cut_time ms;
		const char *exact, *human;
	} rows[] = {
		{0, "0s", "0s"},
		{1, "1ms", "1ms"},
		{250, "250ms", "250ms"},
		{1000, "1s", "1s"},
		{1005, "1.005s", "1s"},
		{1500, "1.5s", "1.5s"},
		{4250, "4.25s", "4.2s"},
		{59999, "59.999s", "59.9s"},
		{60000, "1m", "1m00s"},
		{61250, "1m1.25s", "1m01s"},
		{180000, "3m", "3m00s"},
		{5400000, "1h30m", "1h30m"},
		{3723000, "1h2m3s", "1h02m"},
		{86400000, "1d", "1d00h"},
		{97200000, "1d3h", "1d03h"},
		{-90000, "-1m30s", "-1m30s"},
		{-250, "-250ms", "-250ms"},
		{INT64_MIN, "-106751991167d7h12m55.808s", "-106751991167d07h"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf exact = {0}, human = {0};
		cut_time back;

		cut_duration_format(rows[i].ms, &exact);
		cut_duration_human(rows[i].ms, &human);
		assert_string_equal(cut_buf_str(&exact), rows[i].exact);
		assert_string_equal(cut_buf_str(&human), rows[i].human);
		if (rows[i].ms < 0)
			continue;
		assert_int_equal(cut_duration_parse(exact.data, exact.len, &back), 0);
		assert_int_equal(back, rows[i].ms);
	}
}

static void test_never_is_a_word_for_people(void **state)
{
	cut_auto(cut_buf) struct cut_buf out = {0};

	cut_duration_human(CUT_NEVER, &out);
	assert_string_equal(cut_buf_str(&out), "never");
}

static void test_rfc3339_is_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int r;
		cut_time ms;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"1969-12-31T23:59:59.999Z", 0, -1},
		{"2026-11-22T02:00:00+01:00", 0, 1795309200000},
		{"2026-11-22T01:00:00Z", 0, 1795309200000},
		{"2026-11-21T15:30:00-09:30", 0, 1795309200000},
		{"2026-11-22T01:00:00.5Z", 0, 1795309200500},
		{"2026-11-22T01:00:00.123456789Z", 0, 1795309200123},
		{"2024-02-29T00:00:00Z", 0, 1709164800000},
		{"2000-02-29T00:00:00Z", 0, 951782400000},
		{"0000-01-01T00:00:00Z", 0, -62167219200000},
		{"9999-12-31T23:59:59.999Z", 0, 253402300799999},
		{"2026-11-22T01:00:00-00:00", 0, 1795309200000},
		{"2023-02-29T00:00:00Z", -EINVAL, 0},
		{"1900-02-29T00:00:00Z", -EINVAL, 0},
		{"2026-13-01T00:00:00Z", -EINVAL, 0},
		{"2026-00-01T00:00:00Z", -EINVAL, 0},
		{"2026-04-31T00:00:00Z", -EINVAL, 0},
		{"2026-04-00T00:00:00Z", -EINVAL, 0},
		{"2026-04-01T24:00:00Z", -EINVAL, 0},
		{"2026-04-01T00:60:00Z", -EINVAL, 0},
		{"2026-04-01T00:00:60Z", -EINVAL, 0},
		{"2026-04-01T00:00:00", -EINVAL, 0}, /* no offset */
		{"2026-04-01 00:00:00Z", -EINVAL, 0},
		{"2026-04-01t00:00:00z", -EINVAL, 0},
		{"2026-04-01T00:00Z", -EINVAL, 0},
		{"2026-04-01", -EINVAL, 0},
		{"2026-04-01T00:00:00.Z", -EINVAL, 0},
		{"2026-04-01T00:00:00.1234567890Z", -EINVAL, 0},
		{"2026-04-01T00:00:00+1:00", -EINVAL, 0},
		{"2026-04-01T00:00:00+0100", -EINVAL, 0},
		{"2026-04-01T00:00:00+24:00", -EINVAL, 0},
		{"2026-04-01T00:00:00+01:60", -EINVAL, 0},
		{"2026-04-01T00:00:00Zx", -EINVAL, 0},
		{"02026-04-01T00:00:00Z", -EINVAL, 0},
		{"-026-04-01T00:00:00Z", -EINVAL, 0},
		{"2026-4-1T00:00:00Z", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"noon", -EINVAL, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_time got = -7;

		if (cut_rfc3339_parse(rows[i].text, strlen(rows[i].text), &got) != rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_int_equal(got, rows[i].r ? -7 : rows[i].ms);
	}
	/* The text ends where its length says. */
	assert_int_equal(cut_rfc3339_parse("2026-04-01T00:00:00Z", 19, &(cut_time){0}), -EINVAL);
}

static void test_rfc3339_prints_utc_of_24_characters(void **state)
{
	static const struct {
		cut_time wall;
		const char *want;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1795309200000, "2026-11-22T01:00:00.000Z"},
		{951868799001, "2000-02-29T23:59:59.001Z"},
		{CUT_NEVER, "9999-12-31T23:59:59.999Z"},
		{INT64_MIN, "0000-01-01T00:00:00.000Z"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf out = {0};

		cut_rfc3339_format(rows[i].wall, &out);
		assert_string_equal(cut_buf_str(&out), rows[i].want);
	}
}

static void test_every_day_of_the_calendar_reads_back(void **state)
{
	cut_auto(cut_buf) struct cut_buf out = {0};
	cut_time back;

	for (cut_time day = -719528; day < 2932897; day += 13) {
		cut_time wall = day * CUT_DAY + 86399999;

		cut_buf_reset(&out);
		cut_rfc3339_format(wall, &out);
		assert_int_equal(out.len, 24);
		assert_int_equal(cut_rfc3339_parse(out.data, out.len, &back), 0);
		assert_int_equal(back, wall);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_are_read_with_their_unit_or_not_at_all),
		cmocka_unit_test(test_durations_print_exactly_and_for_people),
		cmocka_unit_test(test_never_is_a_word_for_people),
		cmocka_unit_test(test_rfc3339_is_read_strictly),
		cmocka_unit_test(test_rfc3339_prints_utc_of_24_characters),
		cmocka_unit_test(test_every_day_of_the_calendar_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
