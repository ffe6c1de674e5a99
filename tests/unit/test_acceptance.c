/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of one acceptance: each line is what happened and which states the machine went through,
 * so that a rule of docs/acceptance.md can be read off a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/acceptance.h"

/* A row of a table says only what differs from the usual acceptance. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define MIN *CUT_MINUTE

/* Ten clean minutes, one trigger that is sampled every minute. */
#define ACCEPT(...)                                                                                \
	{                                                                                          \
		.given = true, .clean_for = 10 MIN, .settle = CUT_NEVER, .tests = CUT_NONE,        \
		.tests_every = CUT_NEVER, .coverage = 0.95, .deadline = CUT_NEVER, __VA_ARGS__     \
	}
#define TESTS .tests = 0

/* A line of a trace: minutes, then
 *   done          the stage's last step ended (its tail is 2 minutes)
 *   good bad miss a sample arrived; bad makes the trigger pending, good ends that
 *   fire          a bad sample that leaves the trigger as it is
 *   goods N       N good ones, one each minute from here
 *   tick          time passed
 *   pass fail     tests ended
 *   sign          the roles signed
 *   gap           the engine comes back; nothing was seen since the last line
 * Then each state that it went through (+tests where those were asked for), "-" for none, and the
 * clean minutes of those needed. */
struct trace {
	const char *rule;
	struct cut_acceptance spec;
	const char *lines;
};

static uint32_t approver;

/* clang-format off */
static const struct trace traces[] = {
	{"the clock starts when the tail of old answers is over", ACCEPT(),
	 "0 tick - 0/10|5 done settling 0/10|6 good - 0/10|7 good running 0/10|8 good - 1/10"},
	{"settle goes before the tail", ACCEPT(.settle = 0), "5 done settling,running 0/10"},
	{"it is met when the clock is full, and accepted without sign-off", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 10 - 9/10|10 good met,accepted 10/10|11 bad - 10/10"},
	{"sign-off comes between", ACCEPT(.settle = 0, .sign_off = &approver, .sign_off_len = 1),
	 "0 done settling,running 0/10|0 goods 11 met 10/10|20 good - 10/10|21 sign signed,accepted 10/10"},
	{"a bad sample while it waits for sign-off starts over",
	 ACCEPT(.settle = 0, .sign_off = &approver, .sign_off_len = 1),
	 "0 done settling,running 0/10|0 goods 11 met 10/10|11 bad running,suspended 0/10|"
	 "12 goods 11 running,met 10/10"},
	{"a bad sample restarts the clock, which counts again when nothing is pending", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 bad suspended 0/10|9 good running 0/10|"
	 "10 goods 9 - 9/10|19 good met,accepted 10/10"},
	{"max_bad are borne, but pending stops the clock", ACCEPT(.settle = 0, .max_bad = 1),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 bad suspended 6/10|8 good running 6/10|"
	 "9 goods 3 - 9/10|12 bad suspended 0/10"},
	{"extend adds the bad interval only", ACCEPT(.settle = 0, .on_bad = CUT_BAD_EXTEND),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 bad suspended 6/11|7 bad - 6/11|8 good running 6/11|"
	 "9 goods 4 - 10/11|13 good met,accepted 11/11"},
	{"extend adds each bad interval of a trigger that does not go pending",
	 ACCEPT(.settle = 0, .on_bad = CUT_BAD_EXTEND),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 fire - 6/11|7 fire - 7/12"},
	{"under extend a bad sample takes back what the tests have vouched for",
	 ACCEPT(.settle = 0, TESTS, .on_bad = CUT_BAD_EXTEND, .sign_off = &approver, .sign_off_len = 1),
	 "0 done settling,running 0/10|0 goods 11 running+tests 10/10|10.5 pass met 10.5/10|"
	 "11 bad running,suspended 10.5/11|12 goods 3 running,running+tests 12.5/11"},
	{"fail rolls back", ACCEPT(.settle = 0, .on_bad = CUT_BAD_FAIL),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 bad failed 6/10"},
	{"tests that end after it has failed count for nothing",
	 ACCEPT(.settle = 0, TESTS, .on_bad = CUT_BAD_FAIL),
	 "0 done settling,running 0/10|0 goods 11 running+tests 10/10|10.5 bad failed 10.5/10|"
	 "10.6 fail - 10.5/10"},
	{"bad samples before the clock starts do not count", ACCEPT(.on_bad = CUT_BAD_FAIL),
	 "0 done settling 0/10|1 bad - 0/10|2 tick suspended 0/10|3 good running 0/10"},

	{"coverage below the floor is not met, however long", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|10 tick - 10/10|11 good - 11/10"},
	{"coverage can be made good", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 good - 0/10|2 goods 17 - 18/10|19 good met,accepted 19/10"},
	{"no sample at all is not met, even with no floor", ACCEPT(.settle = 0, .coverage = 0),
	 "0 done settling,running 0/10|20 tick - 20/10|21 miss - 21/10|22 good met,accepted 22/10"},
	{"a missing sample is no evidence", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 9 - 8/10|9 miss - 9/10|10 good - 10/10"},
	{"a sample that comes a little late covers the slot before", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 4 - 3/10|5.01 good - 5.01/10|5.9 good - 5.9/10|"
	 "6 goods 4 - 9/10|10 good met,accepted 10/10"},
	{"samples at the turn of two slots, some before and some after, cover both",
	 ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 good - 0/10|1.01 good - 1.01/10|2.01 good - 2.01/10|"
	 "2.99 good - 2.99/10|4.01 good - 4.01/10|5.01 good - 5.01/10|5.99 good - 5.99/10|"
	 "7.01 good - 7.01/10|8.01 good - 8.01/10|8.99 good - 8.99/10|10.01 good - 10.01/10|"
	 "10.99 good met,accepted 10.99/10"},
	{"after a restart coverage is about what counts again", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|1 bad suspended 0/10|9 good running 0/10|9 goods 11 met,accepted 10/10"},

	{"tests run when the clock is full", ACCEPT(.settle = 0, TESTS),
	 "0 done settling,running 0/10|0 goods 10 - 9/10|10 good running+tests 10/10|11 pass met,accepted 11/10"},
	{"a failing test is a bad sample", ACCEPT(.settle = 0, TESTS),
	 "0 done settling,running 0/10|0 goods 11 running+tests 10/10|10.5 fail - 0/10|11 goods 10 - 9.5/10|"
	 "20.5 good running+tests 10/10"},
	{"a failing test within max_bad is repeated, but not at once", ACCEPT(.settle = 0, TESTS, .max_bad = 1),
	 "0 done settling,running 0/10|0 goods 11 running+tests 10/10|10.1 fail - 10.1/10|"
	 "10.2 tick running+tests 10.2/10|10.3 pass met,accepted 10.3/10"},
	{"under extend a failing test takes back what no test has vouched for",
	 ACCEPT(.settle = 0, TESTS, .tests_every = 6 MIN, .on_bad = CUT_BAD_EXTEND),
	 "0 done settling,running 0/10|0 goods 7 running+tests 6/10|6.5 pass - 6.5/10|7 goods 4 running+tests 10/10|"
	 "11.5 fail - 11.5/15.5"},
	{"tests_every runs them while the clock runs, and once more when it is full",
	 ACCEPT(.settle = 0, TESTS, .tests_every = 6 MIN),
	 "0 done settling,running 0/10|0 goods 7 running+tests 6/10|6.5 pass - 6.5/10|7 goods 3 - 9/10|"
	 "10 good running+tests 10/10|10.5 pass met,accepted 10.5/10"},
	{"a bad sample while tests run voids them", ACCEPT(.settle = 0, TESTS),
	 "0 done settling,running 0/10|0 goods 11 running+tests 10/10|10.5 bad suspended 0/10|"
	 "10.6 pass - 0/10|11 good running 0/10"},

	{"the deadline counts from the last step and asks; the clock goes on", ACCEPT(.settle = 0, .deadline = 12 MIN),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|6 bad suspended 0/10|11 good running 0/10|"
	 "12 good overdue 1/10|13 goods 8 - 9/10|21 good met,accepted 10/10"},
	{"the deadline holds while it waits for sign-off",
	 ACCEPT(.settle = 0, .deadline = 12 MIN, .sign_off = &approver, .sign_off_len = 1),
	 "0 done settling,running 0/10|0 goods 12 met 10/10|12 good overdue,met 10/10"},
	{"the deadline may roll back", ACCEPT(.settle = 0, .deadline = 8 MIN, .on_deadline = CUT_DEADLINE_ROLLBACK),
	 "0 done settling,running 0/10|0 goods 8 - 7/10|8 tick failed 8/10"},

	{"what was not watched is neither clean nor uncovered", ACCEPT(.settle = 0),
	 "0 done settling,running 0/10|0 goods 6 - 5/10|40 gap - 5/10|41 goods 4 - 9/10|45 good met,accepted 10/10"},
	{"down time counts towards settling", ACCEPT(), "0 done settling 0/10|9 gap running 0/10"},
};
/* clang-format on */

struct world {
	struct cut_phase phase;
	struct cut_trigger trigger;
	struct cut_runbook rb;
	struct cut_acceptance_machine a;
	struct cut_acceptance_input in;
	enum cut_acceptance_state told;
};

static void world_init(struct world *w, const struct cut_acceptance *spec)
{
	*w = (struct world){
		.phase = {.id = "switch", .acceptance = *spec},
		.trigger = {.id = "errors", .every = CUT_MINUTE},
		.in = {.quiet = true, .tail = 2 MIN},
	};
	w->rb = (struct cut_runbook){
		.phases = &w->phase, .phases_len = 1, .triggers = &w->trigger, .triggers_len = 1};
	cut_acceptance_init(&w->a, &w->rb, 0);
	w->a.triggers[0].watched = true;
}

static void swap(struct world *w)
{
	cut_auto(cut_json) json_t *memory = cut_acceptance_save(&w->a);
	struct cut_acceptance_machine fresh;
	struct cut_err err = {0};

	cut_acceptance_init(&fresh, &w->rb, 0);
	assert_int_equal(cut_acceptance_restore(&fresh, memory, &err), 0);
	fresh.triggers[0].watched = true;
	cut_acceptance_done(&w->a);
	w->a = fresh;
}

/* A state that it was in before is not told again: records every ten seconds are not of interest.
 */
static void note(struct world *w, enum cut_acceptance_note n, struct cut_buf *out)
{
	enum cut_acceptance_state told = (enum cut_acceptance_state)w->a.state;

	if (n == CUT_ACC_QUIET || (n == CUT_ACC_CHANGED && told == w->told))
		return;
	w->told = told;
	if (n == CUT_ACC_ASK)
		told = CUT_ACC_OVERDUE;
	cut_buf_printf(out, "%s%s%s", out->len ? "," : "", cut_acceptance_moves[told].name,
		       n == CUT_ACC_TESTS ? "+tests" : "");
}

static void settle_down(struct world *w, struct cut_buf *out)
{
	enum cut_acceptance_note n;

	do {
		n = cut_acceptance_update(&w->a, &w->in);
		note(w, n, out);
	} while (n == CUT_ACC_CHANGED || n == CUT_ACC_ASK);
}

static void sample(struct world *w, bool evidence, bool bad, struct cut_buf *out)
{
	note(w, cut_acceptance_sample(&w->a, 0, evidence, bad, w->in.t), out);
}

static void play(struct world *w, const char *what, int count, struct cut_buf *out)
{
	cut_time from = w->in.t;

	if (strcmp(what, "done") == 0) {
		w->in.stage_done = true;
		w->in.done_at = w->in.t;
	} else if (strcmp(what, "good") == 0 || strcmp(what, "bad") == 0) {
		sample(w, true, what[0] == 'b', out);
		w->in.quiet = what[0] == 'g';
	} else if (strcmp(what, "fire") == 0 || strcmp(what, "miss") == 0) {
		sample(w, what[0] == 'f', what[0] == 'f', out);
	} else if (strcmp(what, "pass") == 0 || strcmp(what, "fail") == 0) {
		note(w, cut_acceptance_tests(&w->a, what[0] == 'p', w->in.t), out);
	} else if (strcmp(what, "gap") == 0) {
		cut_acceptance_gap(&w->a, w->in.t);
	} else if (strcmp(what, "sign") == 0) {
		w->in.is_signed = true;
	}
	for (int i = 0; strcmp(what, "goods") == 0 && i < count; i++) {
		w->in.t = from + i MIN;
		sample(w, true, false, out);
		w->in.quiet = true;
		settle_down(w, out);
	}
	settle_down(w, out);
}

static void run_line(struct world *w, const char *line, struct cut_buf *out)
{
	char what[16] = "";
	double minutes = 0;
	int count = 0;
	struct cut_buf states = {0};

	assert_true(sscanf(line, "%lf %15s %d", &minutes, what, &count) >= 2);
	w->in.t = (cut_time)llround(minutes * (1 MIN));
	cut_buf_printf(out, "%g %s ", minutes, what);
	if (strcmp(what, "goods") == 0)
		cut_buf_printf(out, "%d ", count);
	play(w, what, count, &states);
	cut_buf_printf(out, "%s %g/%g", states.len ? cut_buf_str(&states) : "-",
		       (double)w->a.clean / CUT_MINUTE, (double)w->a.needed / CUT_MINUTE);
	cut_buf_done(&states);
}

static bool run_trace(const struct trace *trace, bool swaps)
{
	struct world w;
	cut_auto(cut_buf) struct cut_buf out = {0};
	const char *line = trace->lines;
	bool same;

	world_init(&w, &trace->spec);
	for (int i = 0; line; i++) {
		const char *end = strchr(line, '|');

		if (i > 0)
			cut_buf_add_char(&out, '|');
		run_line(&w, line, &out);
		if (swaps)
			swap(&w);
		line = end ? end + 1 : NULL;
	}
	same = strcmp(cut_buf_str(&out), trace->lines) == 0;
	if (!same)
		print_error("%s\n  want %s\n  got  %s\n", trace->rule, trace->lines,
			    cut_buf_str(&out));
	cut_acceptance_done(&w.a);
	return same;
}

static void test_acceptance_follows_its_rules(void **state)
{
	bool same = true;

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(traces); i++)
		same &= run_trace(&traces[i], false);
	assert_true(same);
}

static void test_what_failed_it_is_told(void **state)
{
	static const struct cut_acceptance spec =
		ACCEPT(.settle = 0, TESTS, .on_bad = CUT_BAD_FAIL, .deadline = 20 MIN,
		       .on_deadline = CUT_DEADLINE_ROLLBACK);
	static const struct {
		const char *lines[3], *told;
	} cases[] = {
		{{"0 done", "0 goods 11", "10.5 fail"}, "tests failed; clean for 10m30s of 10m00s"},
		{{"0 done", "0 goods 11", "10.5 bad"}, "a bad sample; clean for 10m30s of 10m00s"},
		{{"0 done", "0 goods 9", "20 tick"},
		 "the deadline has passed; clean for 20m00s of"},
	};

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_buf) struct cut_buf states = {0}, text = {0};
		struct world w;

		world_init(&w, &spec);
		for (size_t k = 0; k < CUT_ARRAY_LEN(cases[i].lines); k++)
			run_line(&w, cases[i].lines[k], &states);
		cut_acceptance_text(&w.a, &text);
		assert_memory_equal(cut_buf_str(&text), cases[i].told, strlen(cases[i].told));
		cut_acceptance_done(&w.a);
	}
}

static void test_memory_restored_at_any_line_goes_on_the_same(void **state)
{
	bool same = true;

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(traces); i++)
		same &= run_trace(&traces[i], true);
	assert_true(same);
}

static void test_a_running_clock_is_journaled_every_ten_seconds(void **state)
{
	static const struct cut_acceptance spec = ACCEPT(.settle = 0);
	struct world w;
	struct cut_buf out = {0};
	int records = 0;

	(void)state;
	world_init(&w, &spec);
	play(&w, "done", 0, &out);
	for (w.in.t = 0; w.in.t < CUT_MINUTE; w.in.t += CUT_SECOND)
		records += cut_acceptance_update(&w.a, &w.in) == CUT_ACC_CHANGED;
	assert_int_equal(records, 5);
	cut_buf_done(&out);
	cut_acceptance_done(&w.a);
}

/* Signed, and the engine dies before that was acted upon. */
static void world_signed(struct world *w, const struct cut_acceptance *spec)
{
	struct cut_buf out = {0};

	world_init(w, spec);
	play(w, "done", 0, &out);
	play(w, "goods", 11, &out);
	assert_int_equal(w->a.state, CUT_ACC_MET);
	w->in.is_signed = true;
	assert_int_equal(cut_acceptance_update(&w->a, &w->in), CUT_ACC_CHANGED);
	assert_int_equal(w->a.state, CUT_ACC_SIGNED);
	swap(w);
	cut_buf_done(&out);
}

static void test_what_was_signed_is_void_when_a_sample_turns_bad(void **state)
{
	static const struct cut_acceptance spec =
		ACCEPT(.settle = 0, .sign_off = &approver, .sign_off_len = 1);
	struct world w;

	world_signed(&w, &spec);
	assert_int_equal(cut_acceptance_sample(&w.a, 0, true, true, w.in.t), CUT_ACC_CHANGED);
	assert_int_equal(w.a.state, CUT_ACC_RUNNING);
	assert_int_equal(w.a.clean, 0);
	cut_acceptance_done(&w.a);
}

static void test_what_was_signed_is_asked_again_past_the_deadline(void **state)
{
	static const struct cut_acceptance spec =
		ACCEPT(.settle = 0, .sign_off = &approver, .sign_off_len = 1, .deadline = 12 MIN);
	struct world w;

	world_signed(&w, &spec);
	w.in.t = 12 MIN;
	assert_int_equal(cut_acceptance_update(&w.a, &w.in), CUT_ACC_ASK);
	assert_int_equal(w.a.state, CUT_ACC_RUNNING);
	cut_acceptance_done(&w.a);
}

static void test_wake_moves_it_or_lies_ahead(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(traces); i++) {
		struct world w;
		struct cut_buf out = {0};

		world_init(&w, &traces[i].spec);
		play(&w, "done", 0, &out);
		for (int step = 0; step < 500; step++) {
			cut_time wake = cut_acceptance_wake(&w.a);

			if (wake == CUT_NEVER)
				break;
			out.len = 0;
			w.in.t = wake > w.in.t ? wake : w.in.t;
			play(&w, step % 3 ? "tick" : "good", 0, &out);
			assert_true(cut_acceptance_wake(&w.a) > w.in.t);
		}
		cut_buf_done(&out);
		cut_acceptance_done(&w.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acceptance_follows_its_rules),
		cmocka_unit_test(test_what_failed_it_is_told),
		cmocka_unit_test(test_memory_restored_at_any_line_goes_on_the_same),
		cmocka_unit_test(test_a_running_clock_is_journaled_every_ten_seconds),
		cmocka_unit_test(test_what_was_signed_is_void_when_a_sample_turns_bad),
		cmocka_unit_test(test_what_was_signed_is_asked_again_past_the_deadline),
		cmocka_unit_test(test_wake_moves_it_or_lies_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
