/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of one trigger: each line is what happened and what the machine said, so that a rule of
 * docs/triggers.md can be read off a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/trigger.h"

/* A row of a table says only what differs from the usual trigger. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define MIN *CUT_MINUTE

/* Every minute a sample; bad above 5; for 3m; holds on missing ones. */
#define TRIGGER(...)                                                                               \
	{                                                                                          \
		.id = "t", .metric = CUT_NONE, .every = CUT_MINUTE, .max_age = 2 MIN,              \
		.bad = {.kind = CUT_BOUND_ABOVE, .high = 5}, .for_time = 3 MIN, .max_gap = 2 MIN,  \
		.blind_after = 4 MIN, .then = CUT_THEN_NOTIFY, __VA_ARGS__                         \
	}
#define ABOVE(x)                                                                                   \
	{                                                                                          \
		.kind = CUT_BOUND_ABOVE, .high = (x)                                               \
	}
#define BELOW(x)                                                                                   \
	{                                                                                          \
		.kind = CUT_BOUND_BELOW, .low = (x)                                                \
	}
#define OUTSIDE(a, b)                                                                              \
	{                                                                                          \
		.kind = CUT_BOUND_OUTSIDE, .low = (a), .high = (b)                                 \
	}
#define IN_A_ROW(x) .persist = CUT_PERSIST_CONSECUTIVE, .n = (x)
#define IN_ALL(x)   .persist = CUT_PERSIST_TOTAL, .n = (x)
#define OF(x, y)    .persist = CUT_PERSIST_M_OF_N, .m = (x), .n = (y)

/* A line of a trace: minutes, then
 *   a number, `-` (missing) or `err`    a sample, then its class and the state after it
 *   `tick`                              time passes, then the state
 *   `gap N`                             the engine was away for N minutes, then the state
 *   `off`                               disarmed, then the state
 * Armed at 0. */
struct trace {
	const char *rule;
	struct cut_trigger spec;
	const char *lines;
};

/* clang-format off */
static const struct trace traces[] = {
	{"for counts the time between successive bad samples and fires at a sample", TRIGGER(),
	 "0 1 good clear|1 9 bad pending|2 9 bad pending|3 9 bad pending|4 9 bad firing|5 1 good clear"},
	{"a good sample sets the time to zero", TRIGGER(),
	 "1 9 bad pending|2 9 bad pending|3 9 bad pending|3.5 5 good clear|4 9 bad pending|5 9 bad pending|"
	 "6 9 bad pending|7 9 bad firing"},
	{"time alone never fires it", TRIGGER(),
	 "1 9 bad pending|2 9 bad pending|2.5 tick pending|5.9 tick pending|6 tick blind"},
	{"nothing is added across a missing sample", TRIGGER(),
	 "0 9 bad pending|1 9 bad pending|2 - missing pending|3 9 bad pending|4 9 bad pending|"
	 "5 9 bad firing"},
	{"nothing is added across a grey sample, and nothing is lost", TRIGGER(.clear = ABOVE(3)),
	 "0 9 bad pending|2 9 bad pending|3 4 grey pending|4 9 bad pending|5 9 bad firing"},
	{"successive bad samples further apart than max_gap add nothing", TRIGGER(),
	 "0 9 bad pending|2 9 bad pending|4.1 9 bad pending|5.1 9 bad firing"},
	{"a gap of exactly max_gap counts", TRIGGER(), "0 9 bad pending|2 9 bad pending|4 9 bad firing"},
	{"for 0s fires on the first bad sample", TRIGGER(.for_time = 0), "0 1 good clear|1 9 bad firing"},
	{"one bad sample is never enough when for is above zero", TRIGGER(.for_time = 1),
	 "9 9 bad pending|10 9 bad firing"},

	{"consecutive fires at the nth bad one", TRIGGER(IN_A_ROW(3)),
	 "0 9 bad pending|1 9 bad pending|2 9 bad firing|3 9 bad firing|4 1 good clear|5 9 bad pending"},
	{"missing and grey neither count nor break a row", TRIGGER(IN_A_ROW(3), .clear = BELOW(3)),
	 "0 9 bad pending|1 4 grey pending|2 - missing pending|3 err error pending|4 9 bad pending|"
	 "5 9 bad firing"},
	{"a good one breaks a row", TRIGGER(IN_A_ROW(2)),
	 "0 9 bad pending|1 1 good clear|2 9 bad pending|3 9 bad firing"},
	{"total counts since arming and is pending only after a bad one", TRIGGER(IN_ALL(3)),
	 "0 9 bad pending|1 1 good clear|2 9 bad pending|3 - missing pending|4 1 good clear|5 9 bad firing|"
	 "6 1 good clear|7 9 bad firing"},

	{"m of n looks at the newest n and knows no pending", TRIGGER(OF(2, 3)),
	 "0 9 bad clear|1 1 good clear|2 1 good clear|3 9 bad clear|4 9 bad firing|5 1 good firing|"
	 "6 1 good clear"},
	{"m of n reaches back over missing slots, but n + 2 at most", TRIGGER(OF(2, 2), .blind_after = 9 MIN),
	 "0 9 bad clear|1 - missing clear|2 - missing clear|3 9 bad firing|4 - missing firing|"
	 "5 - missing firing|6 - missing firing|7 1 good clear"},
	{"m of n forgets what is older than n + 2 slots", TRIGGER(OF(2, 2), .blind_after = 9 MIN),
	 "0 9 bad clear|4 9 bad clear|5 9 bad firing"},
	{"the last sample in a slot counts", TRIGGER(OF(2, 3)),
	 "0 9 bad clear|1 9 bad firing|1.5 1 good clear|1.9 9 bad firing"},
	{"missing slots count as bad under that policy", TRIGGER(OF(2, 3), .missing = CUT_MISSING_BAD),
	 "0 1 good clear|1 - missing clear|2 - missing firing|3 1 good clear|4 1 good clear"},
	{"slots without any sample are missing ones",
	 TRIGGER(OF(2, 3), .missing = CUT_MISSING_BAD, .blind_after = 9 MIN),
	 "0 1 good clear|3 - missing firing"},
	{"the first slot is one as well",
	 TRIGGER(OF(3, 3), .missing = CUT_MISSING_BAD, .blind_after = 9 MIN),
	 "2 9 bad firing"},
	{"a slot that begins after the warm-up is one, an earlier one is not",
	 TRIGGER(OF(3, 3), .missing = CUT_MISSING_BAD, .warmup = 2 MIN, .blind_after = 9 MIN),
	 "3 9 bad clear|4 9 bad firing"},
	{"what fired without any bad sample ends with the rule",
	 TRIGGER(OF(2, 4), .missing = CUT_MISSING_BAD, .keep = 1 MIN, .blind_after = 9 MIN),
	 "0 1 good clear|3 1 good firing|4 1 good clear"},
	{"evidence goes before missing slots", TRIGGER(OF(2, 3), .missing = CUT_MISSING_BAD),
	 "0 1 good clear|1 1 good clear|2 - missing clear|3 1 good clear|4 - missing clear"},
	{"a grey sample does not move m of n", TRIGGER(OF(2, 2), .clear = ABOVE(3)),
	 "0 9 bad clear|1 9 bad firing|5 4 grey firing|6 1 good clear"},

	{"keep holds on to firing after the last bad one", TRIGGER(.for_time = 0, .keep = 2 MIN),
	 "0 9 bad firing|1 1 good firing|2 1 good firing|3 1 good clear"},
	{"keep holds m of n as well", TRIGGER(OF(2, 2), .keep = 2 MIN),
	 "0 9 bad clear|1 9 bad firing|2 1 good firing|3 1 good firing|4 1 good clear"},
	{"a latched rollback never ends", TRIGGER(.for_time = 0, .then = CUT_THEN_ROLLBACK),
	 "0 9 bad firing|1 1 good firing|90 - missing firing|91 off firing|92 tick firing"},
	{"grey and missing leave firing alone", TRIGGER(.for_time = 0, .clear = ABOVE(3)),
	 "0 9 bad firing|1 4 grey firing|2 - missing firing|30 - missing firing|31 1 good clear"},

	{"a clear threshold leaves a grey band", TRIGGER(.for_time = 0, .clear = ABOVE(3)),
	 "0 3 good clear|1 4 grey clear|2 5 grey clear|3 5.1 bad firing|4 4 grey firing|5 3 good clear"},
	{"a clear threshold may be written the other way round", TRIGGER(.for_time = 0, .clear = BELOW(3)),
	 "0 2 good clear|1 3 grey clear|2 5.1 bad firing"},
	{"below, with a clear threshold", TRIGGER(.for_time = 0, .bad = BELOW(100), .clear = BELOW(150)),
	 "0 150 good clear|1 120 grey clear|2 100 grey clear|3 99 bad firing"},
	{"the ends of outside are good", TRIGGER(.for_time = 0, .bad = OUTSIDE(1, 5)),
	 "0 1 good clear|1 5 good clear|2 0.9 bad firing|3 3 good clear|4 5.1 bad firing"},
	{"outside, with a clear band inside", TRIGGER(.for_time = 0, .bad = OUTSIDE(1, 5), .clear = OUTSIDE(2, 4)),
	 "0 1.5 grey clear|1 2 good clear|2 4.5 grey clear|3 6 bad firing|4 4.5 grey firing|5 4 good clear"},

	{"samples before arm + warm-up are ignored", TRIGGER(.for_time = 0, .warmup = 2 MIN),
	 "0 9 bad warmup|1.99 9 bad warmup|2 9 bad firing"},
	{"warm-up ends by time as well", TRIGGER(.warmup = 2 MIN), "1 tick warmup|2 tick clear|3 9 bad pending"},
	{"the first sample after a long warm-up is given time to arrive", TRIGGER(.warmup = 9 MIN),
	 "9 tick clear|10.9 tick clear|11 tick blind|12 1 good clear"},
	{"a missing sample after a long warm-up is blind at once", TRIGGER(.warmup = 9 MIN), "9 - missing blind"},

	{"blind comes at a sample without evidence", TRIGGER(),
	 "0 1 good clear|3.9 - missing clear|4 err error blind|5 1 good clear"},
	{"blind counts from arming when nothing ever came", TRIGGER(), "3.9 tick clear|4 tick blind"},
	{"grey is evidence against blindness only", TRIGGER(.clear = ABOVE(3)),
	 "3 4 grey clear|6 4 grey clear|9.9 tick clear|10 tick blind|11 4 grey clear"},
	{"memory survives blindness", TRIGGER(),
	 "0 9 bad pending|2 9 bad pending|6 - missing blind|7 9 bad pending|8 9 bad firing"},
	{"grey brings back pending after blindness", TRIGGER(.clear = ABOVE(3)),
	 "0 9 bad pending|4 - missing blind|5 4 grey pending"},

	{"missing counts as bad under that policy", TRIGGER(.missing = CUT_MISSING_BAD),
	 "0 9 bad pending|1 - missing pending|2 err error pending|3 - missing firing"},
	{"missing as bad is no evidence: it still goes blind, and fires in the end",
	 TRIGGER(.missing = CUT_MISSING_BAD, .for_time = 5 MIN),
	 "0 - missing clear|1 - missing pending|3 - missing pending|4 - missing blind|5 - missing firing"},
	{"missing as bad counts in a row", TRIGGER(IN_A_ROW(2), .missing = CUT_MISSING_BAD),
	 "0 - missing pending|1 - missing firing"},
	{"missing as good sets the time to zero, yet proves nothing", TRIGGER(.missing = CUT_MISSING_GOOD),
	 "0 9 bad pending|2 9 bad pending|3 - missing pending|4 9 bad pending|5 9 bad pending|6 9 bad pending|"
	 "7 9 bad firing|8 - missing pending|9 1 good clear"},

	{"down time adds nothing", TRIGGER(),
	 "0 9 bad pending|1 9 bad pending|2 gap 1 pending|3 9 bad pending|4 9 bad pending|5 9 bad firing"},
	{"more than ten minutes away resets pending", TRIGGER(),
	 "0 9 bad pending|2 9 bad pending|13 gap 11 clear|14 9 bad pending|16 9 bad pending|17 9 bad firing"},
	{"ten minutes away do not", TRIGGER(),
	 "0 9 bad pending|2 9 bad pending|12 gap 10 pending|13 9 bad pending|14 9 bad firing"},
	{"more than ten minutes away begins a row anew", TRIGGER(IN_A_ROW(3)),
	 "0 9 bad pending|1 9 bad pending|13 gap 12 clear|14 9 bad pending|15 9 bad pending|16 9 bad firing"},
	{"a total goes on however long that was", TRIGGER(IN_ALL(3)),
	 "0 9 bad pending|1 9 bad pending|13 gap 12 clear|14 9 bad firing"},
	{"what was bad more than ten minutes ago is not bad now", TRIGGER(),
	 "0 9 bad pending|13 gap 12 clear|14 - missing clear"},
	{"being away is not blindness", TRIGGER(), "0 1 good clear|9 gap 9 clear|12.9 tick clear|13 tick blind"},
	{"blindness survives a restart until there is evidence", TRIGGER(),
	 "4 tick blind|5 gap 1 blind|6 - missing blind|7 1 good clear"},
	{"a latched rollback survives any restart", TRIGGER(.for_time = 0, .then = CUT_THEN_ROLLBACK),
	 "0 9 bad firing|99 gap 98 firing"},
	{"slots passed over by a restart are not missing ones", TRIGGER(OF(2, 3), .missing = CUT_MISSING_BAD),
	 "0 1 good clear|4 gap 4 clear|5 1 good clear|6 1 good clear"},

	{"a disarmed trigger sees nothing", TRIGGER(.for_time = 0), "0 1 good clear|1 off disarmed|2 9 bad disarmed"},
	{"time does not run backwards", TRIGGER(), "3 9 bad pending|1 9 bad pending|5 9 bad pending|6 9 bad firing"},
};
/* clang-format on */

static const char *state_name(const struct cut_trigger_machine *m)
{
	return cut_trigger_moves[m->state].name;
}

static double number_or_nan(const char *word)
{
	char *end;
	double value = strtod(word, &end);

	return *end ? NAN : value;
}

/* Carries out one line without its expectations and prints the line with what came of it. */
static void play(struct cut_trigger_machine *m, const char *line, struct cut_buf *out)
{
	char what[16] = "";
	double minutes = 0, away = 0;
	cut_time t;

	assert_true(sscanf(line, "%lf %15s %lf", &minutes, what, &away) >= 2);
	t = (cut_time)llround(minutes * (1 MIN));
	cut_buf_printf(out, "%g %s ", minutes, what);
	if (strcmp(what, "tick") == 0) {
		cut_trigger_tick(m, t);
	} else if (strcmp(what, "off") == 0) {
		cut_trigger_disarm(m);
	} else if (strcmp(what, "gap") == 0) {
		cut_buf_printf(out, "%g ", away);
		cut_trigger_gap(m, t, (cut_time)llround(away * (1 MIN)));
	} else {
		struct cut_sample sample = {.value = number_or_nan(what),
					    .n = NAN,
					    .at = t,
					    .error = strcmp(what, "err") == 0};
		enum cut_sample_class c = cut_trigger_classify(m->spec, &sample, t);

		cut_trigger_sample(m, c, t);
		cut_buf_printf(out, "%s ", cut_sample_class_name(c));
	}
	cut_buf_add_str(out, state_name(m));
}

/* The same memory in a new machine, as an engine's restart would make it. */
static void swap(struct cut_trigger_machine *m)
{
	cut_auto(cut_json) json_t *memory = cut_trigger_save(m);
	struct cut_trigger_machine fresh;
	struct cut_err err = {0};

	cut_trigger_init(&fresh, m->spec);
	assert_int_equal(
		cut_trigger_restore(&fresh, (enum cut_trigger_state)m->state, memory, &err), 0);
	cut_trigger_done(m);
	*m = fresh;
}

/* swap_at: after this line the machine is saved and restored; -1: never. */
static void run_trace(const struct trace *trace, int swap_at, struct cut_buf *out)
{
	struct cut_trigger_machine m;
	const char *line = trace->lines;

	cut_trigger_init(&m, &trace->spec);
	cut_trigger_arm(&m, 0);
	for (int i = 0; line; i++) {
		const char *end = strchr(line, '|');

		if (i > 0)
			cut_buf_add_char(out, '|');
		play(&m, line, out);
		if (i == swap_at)
			swap(&m);
		line = end ? end + 1 : NULL;
	}
	cut_trigger_done(&m);
}

static void test_trigger_follows_its_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(traces); i++) {
		struct cut_buf out = {0};

		run_trace(&traces[i], -1, &out);
		if (strcmp(cut_buf_str(&out), traces[i].lines) != 0)
			fail_msg("%s\n  want %s\n  got  %s", traces[i].rule, traces[i].lines,
				 cut_buf_str(&out));
		cut_buf_done(&out);
	}
}

static void test_memory_restored_at_any_line_goes_on_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(traces); i++) {
		for (int at = 0; at < 12; at++) {
			struct cut_buf out = {0};

			run_trace(&traces[i], at, &out);
			if (strcmp(cut_buf_str(&out), traces[i].lines) != 0)
				fail_msg("%s, swapped at %d\n  want %s\n  got  %s", traces[i].rule,
					 at, traces[i].lines, cut_buf_str(&out));
			cut_buf_done(&out);
		}
	}
}

/* --- properties over random samples --- */

static uint64_t seed = 1;
static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct cut_trigger random_trigger(void)
{
	struct cut_trigger spec = TRIGGER(.clear = ABOVE(3));

	spec.persist = roll(4);
	spec.n = 1 + roll(5);
	spec.m = 1 + roll(spec.n);
	spec.for_time = (cut_time)roll(6) * CUT_MINUTE;
	spec.keep = (cut_time)roll(4) * CUT_MINUTE;
	spec.warmup = roll(3) ? 0 : 3 MIN;
	spec.missing = roll(3);
	spec.then = roll(3);
	if (roll(2))
		spec.clear.kind = CUT_BOUND_NONE;
	return spec;
}

/* Between two samples the machine may be asked any number of times; only blindness and the end of
 * the warm-up come of it, and the next samples must not see a difference. */
static void test_more_ticks_change_nothing_but_blindness(void **state)
{
	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct cut_trigger spec = random_trigger();
		struct cut_trigger_machine one, many;
		cut_time t = 0;

		cut_trigger_init(&one, &spec);
		cut_trigger_init(&many, &spec);
		cut_trigger_arm(&one, 0);
		cut_trigger_arm(&many, 0);
		for (int i = 0; i < 60; i++) {
			cut_time next = t + (cut_time)roll(150) * CUT_SECOND;
			enum cut_sample_class c = (enum cut_sample_class)roll(CUT_SAMPLE_CLASSES);

			while (roll(3) && t < next)
				cut_trigger_tick(&many, t += (next - t) / 2);
			if (roll(4) == 0)
				swap(&many);
			t = next;
			cut_trigger_sample(&one, c, t);
			cut_trigger_sample(&many, c, t);
			if (many.state != CUT_TRIGGER_BLIND)
				assert_int_equal(one.state, many.state);
			assert_int_equal(one.bad_time, many.bad_time);
			assert_int_equal(one.count, many.count);
			if (one.slots)
				assert_string_equal(one.slots, many.slots);
		}
		cut_trigger_done(&one);
		cut_trigger_done(&many);
	}
}

static void test_wake_is_when_a_tick_moves_it(void **state)
{
	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct cut_trigger spec = random_trigger();
		struct cut_trigger_machine m;
		cut_time t = 0, wake;

		cut_trigger_init(&m, &spec);
		cut_trigger_arm(&m, 0);
		for (int i = 0; i < 40; i++) {
			t += (cut_time)roll(150) * CUT_SECOND;
			cut_trigger_tick(&m, t);
			cut_trigger_sample(&m, (enum cut_sample_class)roll(CUT_SAMPLE_CLASSES), t);
			wake = cut_trigger_wake(&m);
			if (wake == CUT_NEVER)
				continue;
			if (wake - 1 > t)
				assert_false(cut_trigger_tick(&m, wake - 1));
			t = wake > t ? wake : t;
			assert_true(cut_trigger_tick(&m, t));
		}
		cut_trigger_done(&m);
	}
}

static void test_bad_samples_on_the_way_to_firing_are_journaled(void **state)
{
	struct cut_trigger spec = TRIGGER(OF(3, 5));
	struct cut_trigger_machine m;

	(void)state;
	cut_trigger_init(&m, &spec);
	assert_true(cut_trigger_arm(&m, 0));
	assert_true(cut_trigger_sample(&m, CUT_SAMPLE_BAD, 0));
	assert_false(cut_trigger_sample(&m, CUT_SAMPLE_GOOD, 1 MIN));
	assert_true(cut_trigger_sample(&m, CUT_SAMPLE_BAD, 2 MIN));
	assert_true(cut_trigger_sample(&m, CUT_SAMPLE_BAD, 3 MIN));
	assert_int_equal(m.state, CUT_TRIGGER_FIRING);
	assert_false(cut_trigger_sample(&m, CUT_SAMPLE_BAD, 4 MIN));
	cut_trigger_done(&m);
}

static void test_what_is_no_number_is_missing(void **state)
{
	static const struct cut_trigger spec = TRIGGER(.min_events = 10);
	static const struct {
		struct cut_sample sample;
		enum cut_sample_class want;
	} rows[] = {
		{{.value = 9, .n = NAN, .at = CUT_NEVER}, CUT_SAMPLE_BAD},
		{{.value = NAN, .n = NAN, .at = CUT_NEVER}, CUT_SAMPLE_MISSING},
		{{.value = INFINITY, .n = NAN, .at = CUT_NEVER}, CUT_SAMPLE_MISSING},
		{{.value = -INFINITY, .n = NAN, .at = CUT_NEVER}, CUT_SAMPLE_MISSING},
		{{.value = 9, .n = 9, .at = CUT_NEVER}, CUT_SAMPLE_MISSING},
		{{.value = 9, .n = 10, .at = CUT_NEVER}, CUT_SAMPLE_BAD},
		{{.value = 9, .n = NAN, .at = 8 MIN}, CUT_SAMPLE_BAD},
		{{.value = 9, .n = NAN, .at = 8 MIN - 1}, CUT_SAMPLE_MISSING},
		{{.value = 9, .n = NAN, .at = CUT_NEVER, .error = true}, CUT_SAMPLE_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		assert_int_equal(cut_trigger_classify(&spec, &rows[i].sample, 10 MIN),
				 rows[i].want);
}

static void test_text_shows_value_threshold_and_time(void **state)
{
	struct cut_trigger spec = TRIGGER(.bad = ABOVE(0.05), .then = CUT_THEN_ROLLBACK);
	struct cut_trigger_machine m;
	cut_auto(cut_buf) struct cut_buf out = {0};

	(void)state;
	cut_trigger_init(&m, &spec);
	cut_trigger_arm(&m, 0);
	for (int i = 0; i < 4; i++) {
		cut_trigger_sample(&m, CUT_SAMPLE_BAD, i MIN);
		if (i == 1)
			cut_trigger_text(&m, 0.0615, "ratio", i MIN, &out);
	}
	cut_buf_add_char(&out, '\n');
	cut_trigger_text(&m, 0.072, "ratio", 3 MIN, &out);
	assert_string_equal(cut_buf_str(&out), "6.15 % > 5 % for 1m00s of 3m00s\n"
					       "7.2 % > 5 % for 3m00s");
	cut_trigger_done(&m);
}

static void test_memory_of_another_trigger_is_refused(void **state)
{
	static const struct cut_trigger three = TRIGGER(OF(2, 3)), five = TRIGGER(OF(2, 5));
	struct cut_trigger_machine a, b;
	cut_auto(cut_json) json_t *memory = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	(void)state;
	cut_trigger_init(&a, &three);
	cut_trigger_init(&b, &five);
	cut_trigger_arm(&a, 0);
	memory = cut_trigger_save(&a);
	assert_true(cut_trigger_restore(&b, CUT_TRIGGER_CLEAR, memory, &err) < 0);
	cut_trigger_done(&a);
	cut_trigger_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trigger_follows_its_rules),
		cmocka_unit_test(test_memory_restored_at_any_line_goes_on_the_same),
		cmocka_unit_test(test_more_ticks_change_nothing_but_blindness),
		cmocka_unit_test(test_wake_is_when_a_tick_moves_it),
		cmocka_unit_test(test_bad_samples_on_the_way_to_firing_are_journaled),
		cmocka_unit_test(test_what_is_no_number_is_missing),
		cmocka_unit_test(test_text_shows_value_threshold_and_time),
		cmocka_unit_test(test_memory_of_another_trigger_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
