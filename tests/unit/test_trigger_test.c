/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover trigger test`: files as users write them, and what it says about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/runbook/trigger_test.h"

static int try(const char *file, json_t **ret, struct cut_buf *text, struct cut_err *err)
{
	cut_auto(cut_json) json_t *json = NULL;

	assert_int_equal(cut_json_parse(file, strlen(file), "file", &json, err), 0);
	return cut_trigger_test(json, ret, text, err);
}

static const struct {
	const char *file, *result, *text;
} rows[] = {
	{"{\"trigger\": {\"id\": \"high\", \"bad\": {\"above\": \"5%\"}, \"for\": \"2m\"},"
	 " \"metric\": {\"every\": \"1m\"},"
	 " \"samples\": [[0, 0.01], [60, 0.07], [120, 0.08], [180, 0.09], [240, 0.01]]}",
	 "{\"classes\":[\"good\",\"bad\",\"bad\",\"bad\",\"good\"],\"final\":\"latched\","
	 "\"fired\":[3],\"fires_at\":3,"
	 "\"states\":[\"clear\",\"pending\",\"pending\",\"latched\",\"latched\"]}",
	 "0 0.01 good clear\n60 0.07 bad pending\n120 0.08 bad pending\n180 0.09 bad latched\n"
	 "240 0.01 good latched\n"},
	{"{\"trigger\": {\"bad\": {\"below\": 10}, \"consecutive\": 2, \"then\": \"pause\","
	 " \"metric\": \"orders\", \"from\": \"shift\"},"
	 " \"metric\": {\"every\": 15, \"max_age\": 30, \"better\": \"higher\"}, \"armed_at\": 15,"
	 " \"samples\": [[0, 1], [15, 1], [30, null], [45, \"error\"], [60, 1], [75, 12.5],"
	 " [90, 1], [105, 1]]}",
	 "{\"classes\":[\"bad\",\"bad\",\"missing\",\"error\",\"bad\",\"good\",\"bad\",\"bad\"],"
	 "\"final\":\"held\",\"fired\":[4,7],\"fires_at\":4,\"states\":[\"disarmed\",\"pending\","
	 "\"pending\",\"pending\",\"held\",\"clear\",\"pending\",\"held\"]}",
	 "0 1 bad disarmed\n15 1 bad pending\n30 null missing pending\n45 error error pending\n"
	 "60 1 bad held\n75 12.5 good clear\n90 1 bad pending\n105 1 bad held\n"},
	{"{\"trigger\": {\"bad\": {\"outside\": [1, 5]}, \"m_of_n\": [2, 3], \"then\": \"notify\","
	 " \"missing\": {\"blind_after\": \"30s\"}}, \"samples\": [[0, 3], [30, null], [45, 9]]}",
	 "{\"classes\":[\"good\",\"missing\",\"bad\"],\"final\":\"clear\",\"fired\":[],"
	 "\"fires_at\":null,\"states\":[\"clear\",\"blind\",\"clear\"]}",
	 "0 3 good clear\n30 null missing blind\n45 9 bad clear\n"},
	{"[{\"trigger\": {\"bad\": {\"above\": 5}}, \"samples\": []},"
	 " {\"trigger\": {\"bad\": {\"above\": \"250ms\"}, \"for\": \"0s\"},"
	 " \"samples\": [[0, 0.3]]}]",
	 "[{\"classes\":[],\"final\":\"disarmed\",\"fired\":[],\"fires_at\":null,\"states\":[]},"
	 "{\"classes\":[\"bad\"],\"final\":\"latched\",\"fired\":[0],\"fires_at\":0,"
	 "\"states\":[\"latched\"]}]",
	 "\n0 0.3 bad latched\n"},
};

static void test_each_sample_gets_its_class_and_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *result = NULL;
		cut_auto(cut_buf) struct cut_buf text = {0}, canonical = {0};
		cut_auto(cut_err) struct cut_err err = {0};

		if (try(rows[i].file, &result, &text, &err) < 0)
			fail_msg("row %zu: %s: %s", i, err.what, err.why);
		cut_json_canonical(result, &canonical);
		assert_string_equal(cut_buf_str(&canonical), rows[i].result);
		assert_string_equal(cut_buf_str(&text), rows[i].text);
	}
}

static const struct {
	const char *file;
	int code;
	const char *why; /* a part of it, or of what */
} refused[] = {
	{"{\"trigger\": {\"bad\": {\"worse_than\": \"recorded\", \"by\": \"20%\"}}, \"samples\": "
	 "[]}",
	 -ENOTSUP, "not supported yet"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}, \"then\": \"mitigate\"}, \"samples\": []}",
	 -ENOTSUP, "not supported yet"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}, \"fro\": \"3m\"}, \"samples\": []}", -EINVAL,
	 "fro"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}, \"for\": \"3\"}, \"samples\": []}", -EINVAL,
	 "duration"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}}, \"samples\": [[15, 1], [0, 1]]}", -EINVAL,
	 "out of order"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}}, \"samples\": [[0, true]]}", -EINVAL,
	 "a sample is"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}}, \"samples\": [[0, \"NaN\"], [1, \"-Inf\"], "
	 "[2, \"oops\"]]}",
	 -EINVAL, "a sample is"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}}, \"samples\": [[0, 1]], \"armed_at\": \"1s\"}",
	 -EINVAL, "armed_at"},
	{"{\"trigger\": {\"bad\": {\"above\": 5}}}", -EINVAL, "not a test"},
	{"7", -EINVAL, "not a test"},
};

static void test_what_it_cannot_test_is_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(refused); i++) {
		cut_auto(cut_json) json_t *result = NULL;
		cut_auto(cut_buf) struct cut_buf text = {0};
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_json) json_t *json =
			json_loads(refused[i].file, JSON_DECODE_ANY, NULL);
		cut_auto(cut_str) char *line = NULL;

		assert_int_equal(cut_trigger_test(json, &result, &text, &err), refused[i].code);
		assert_null(result);
		line = cut_err_text(&err);
		if (!strstr(line, refused[i].why))
			fail_msg("%s: %s", refused[i].file, line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_sample_gets_its_class_and_state),
		cmocka_unit_test(test_what_it_cannot_test_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
