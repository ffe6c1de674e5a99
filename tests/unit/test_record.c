/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a record, read without its JSON: epoch and synced as the writer puts them, and nothing
 * that only looks like it. */
#include "engine/runtime/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_the_end_of_a_record_is_read_only_as_it_is_written(void **state)
{
	static const struct {
		const char *json;
		bool there;
		uint64_t epoch, synced;
	} cases[] = {
		{"{\"type\":\"tick\",\"epoch\":1,\"synced\":0}", true, 1, 0},
		{"{\"n\":1,\"epoch\":4294967295,\"synced\":922337203685477580}", true, 4294967295,
		 922337203685477580},
		{"", false, 0, 0},
		{"{}", false, 0, 0},
		{"7}", false, 0, 0},
		{"77}", false, 0, 0},
		{"[1,2,3]", false, 0, 0},
		{"{\"synced\":0}", false, 0, 0},
		{"{\"n\":1,\"epoch\":1,\"synced\":0]", false, 0, 0},
		{"{\"n\":1,\"synced\":0}", false, 0, 0},
		{"{\"n\":1,\"epoch\":1,\"synced\":}", false, 0, 0},
		{"{\"n\":1,\"epoch\":1,\"synced\":-5}", false, 0, 0},
		{"{\"n\":1,\"epoch\":1,\"synced\":\"5\"}", false, 0, 0},
		{"{\"n\":1,\"epoch\":,\"synced\":5}", false, 0, 0},
		{"{\"n\":1,\"synced\":5,\"epoch\":1}", false, 0, 0},
		{"{\"n\":1,\"epoch\":1,\"synced\":12345678901234567890}", false, 0, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		const struct cut_record record = {.json = cases[i].json,
						  .json_len = strlen(cases[i].json)};
		uint64_t epoch = 0, synced = 0;
		bool there = cut_record_tail(&record, &epoch, &synced);

		if (there != cases[i].there)
			fail_msg("%s is%s taken", cases[i].json, there ? "" : " not");
		if (!there)
			continue;
		assert_int_equal(epoch, cases[i].epoch);
		assert_int_equal(synced, cases[i].synced);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_of_a_record_is_read_only_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
