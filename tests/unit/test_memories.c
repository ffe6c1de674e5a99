/* SPDX-License-Identifier: Apache-2.0 */
/* Memories of triggers and of an acceptance that a journal cannot have been given by this program:
 * refused, with the machine as it was. And what never was is ended without harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "engine/core/acceptance.h"
#include "engine/core/run.h"
#include "engine/core/trigger.h"
#include "engine/core/watch.h"

static const struct cut_trigger two_of_three = {
	.id = "errors", .persist = CUT_PERSIST_M_OF_N, .m = 2, .n = 3, .every = CUT_SECOND};

static void test_a_trigger_takes_up_its_own_memory_only(void **state)
{
	static const struct {
		const char *memory;
		enum cut_trigger_state state;
		int result;
	} cases[] = {
		{"{}", CUT_TRIGGER_CLEAR, -EPROTO},
		{"{\"count\": -1, \"armed\": 1, \"slots\": \"gbg..\"}", CUT_TRIGGER_CLEAR, -EPROTO},
		{"{\"count\": 4294967296, \"armed\": 1, \"slots\": \"gbg..\"}", CUT_TRIGGER_CLEAR,
		 -EPROTO},
		{"{\"count\": 0, \"slots\": \"gbg..\"}", CUT_TRIGGER_CLEAR, -EPROTO},
		{"{\"count\": 0, \"armed\": 1}", CUT_TRIGGER_CLEAR, -EPROTO},
		{"{\"count\": 0, \"armed\": 1, \"slots\": \"gbg\"}", CUT_TRIGGER_CLEAR, -EPROTO},
		{"{\"count\": 2, \"armed\": 1, \"slots\": \"gbg..\"}", CUT_TRIGGER_CLEAR, 0},
		{"{\"count\": 0, \"slots\": \".....\"}", CUT_TRIGGER_DISARMED, 0},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_json) json_t *memory = json_loads(cases[i].memory, 0, NULL);
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_trigger_machine m;

		cut_trigger_init(&m, &two_of_three);
		assert_int_equal(cut_trigger_restore(&m, cases[i].state, memory, &err),
				 cases[i].result);
		assert_int_equal(m.state,
				 cases[i].result < 0 ? CUT_TRIGGER_DISARMED : cases[i].state);
		assert_true((cases[i].result < 0) == (err.next != NULL));
		cut_trigger_done(&m);
	}
}

static void test_an_acceptance_takes_up_its_own_memory_only(void **state)
{
	static const struct {
		const char *memory;
		int result;
	} cases[] = {
		{"{}", -EPROTO},
		{"{\"state\": \"waltz\", \"triggers\": {}, \"now\": 1}", -EPROTO},
		{"{\"state\": \"running\", \"now\": 1}", -EPROTO},
		{"{\"state\": \"running\", \"triggers\": [], \"now\": 1}", -EPROTO},
		{"{\"state\": \"running\", \"triggers\": {}}", -EPROTO},
		{"{\"state\": \"running\", \"triggers\": {}, \"now\": \"1\"}", -EPROTO},
		{"{\"state\": \"running\", \"triggers\": {}, \"now\": 1}", 0},
	};
	struct cut_phase phase = {.id = "switch"};
	const struct cut_runbook rb = {.phases = &phase, .phases_len = 1};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_json) json_t *memory = json_loads(cases[i].memory, 0, NULL);
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_acceptance_machine a;

		cut_acceptance_init(&a, &rb, 0);
		assert_int_equal(cut_acceptance_restore(&a, memory, &err), cases[i].result);
		assert_int_equal(a.state, cases[i].result < 0 ? CUT_ACC_WAITING : CUT_ACC_RUNNING);
		assert_true((cases[i].result < 0) == (err.next != NULL));
		cut_acceptance_done(&a);
	}
}

/* A segmentation fault, were it not so. */
static void test_what_never_was_is_ended_without_harm(void **state)
{
	cut_trigger_done(NULL);
	cut_acceptance_done(NULL);
	cut_watch_free(NULL);
	cut_run_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_trigger_takes_up_its_own_memory_only),
		cmocka_unit_test(test_an_acceptance_takes_up_its_own_memory_only),
		cmocka_unit_test(test_what_never_was_is_ended_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
