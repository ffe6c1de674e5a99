/* SPDX-License-Identifier: Apache-2.0 */
/* What a trigger tells people, in each of its states: the value beside its limit, and how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "engine/core/trigger.h"

#define ABOVE                                                                                      \
	{                                                                                          \
		.kind = CUT_BOUND_ABOVE, .high = 5                                                 \
	}
#define BELOW                                                                                      \
	{                                                                                          \
		.kind = CUT_BOUND_BELOW, .low = 3                                                  \
	}
#define OUTSIDE                                                                                    \
	{                                                                                          \
		.kind = CUT_BOUND_OUTSIDE, .low = 3, .high = 5                                     \
	}

static const struct {
	struct cut_trigger spec;
	unsigned state;
	cut_time armed_at;
	unsigned count;
	double value;
	const char *unit, *text;
} rows[] = {
	{{.bad = ABOVE}, CUT_TRIGGER_DISARMED, 0, 0, 9, "", "no longer needed"},
	{{.bad = BELOW, .persist = CUT_PERSIST_TOTAL, .n = 2},
	 CUT_TRIGGER_DISARMED,
	 CUT_NEVER,
	 0,
	 NAN,
	 "ms",
	 "fires at < 3 ms, 2 in all"},
	{{.bad = OUTSIDE, .persist = CUT_PERSIST_M_OF_N, .m = 2, .n = 4},
	 CUT_TRIGGER_DISARMED,
	 CUT_NEVER,
	 0,
	 NAN,
	 NULL,
	 "fires at < 3 or > 5, 2 of the last 4"},
	{{.bad = ABOVE, .warmup = 50000}, CUT_TRIGGER_WARMUP, 0, 0, 9, "", "samples count in 30s"},
	{{.bad = ABOVE}, CUT_TRIGGER_BLIND, 0, 0, NAN, "", "no evidence for 20s"},
	{{.bad = ABOVE}, CUT_TRIGGER_CLEAR, 0, 0, NAN, "ms", "armed"},
	{{.bad = ABOVE}, CUT_TRIGGER_CLEAR, 0, 0, 2, "ms", "2 ms < 5 ms"},
	{{.bad = ABOVE}, CUT_TRIGGER_CLEAR, 0, 0, 5, "", "5 = 5"},
	{{.bad = BELOW}, CUT_TRIGGER_CLEAR, 0, 0, 4, "ratio", "400 % > 300 %"},
	{{.bad = OUTSIDE}, CUT_TRIGGER_CLEAR, 0, 0, 4, "ms", "4 ms within 3 and 5 ms"},
	{{.bad = OUTSIDE}, CUT_TRIGGER_CLEAR, 0, 0, 3, NULL, "3 within 3 and 5"},
	{{.bad = ABOVE, .for_time = 60000},
	 CUT_TRIGGER_PENDING,
	 0,
	 0,
	 NAN,
	 "",
	 "no value for 7s of 1m00s"},
	{{.bad = ABOVE, .for_time = 60000}, CUT_TRIGGER_FIRING, 0, 0, 7, "", "7 > 5 for 7s"},
	{{.bad = OUTSIDE, .persist = CUT_PERSIST_CONSECUTIVE, .n = 3},
	 CUT_TRIGGER_PENDING,
	 0,
	 2,
	 2,
	 "",
	 "2 < 3, 2 of 3 in a row"},
	{{.bad = OUTSIDE, .persist = CUT_PERSIST_TOTAL, .n = 3},
	 CUT_TRIGGER_FIRING,
	 0,
	 3,
	 6,
	 "",
	 "6 > 5, 3 of 3 in all"},
	{{.bad = BELOW, .persist = CUT_PERSIST_M_OF_N, .m = 2, .n = 4},
	 CUT_TRIGGER_FIRING,
	 0,
	 0,
	 2,
	 "",
	 "2 < 3, 2 of the last 4 samples are the limit"},
};

static void test_each_state_is_told_with_its_evidence(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		struct cut_trigger_machine m = {
			.spec = &rows[i].spec,
			.state = rows[i].state,
			.armed_at = rows[i].armed_at,
			.count = rows[i].count,
			.bad_time = 7000,
		};
		cut_auto(cut_buf) struct cut_buf text = {0};

		cut_trigger_text(&m, rows[i].value, rows[i].unit, 20000, &text);
		assert_string_equal(cut_buf_str(&text), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_state_is_told_with_its_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
