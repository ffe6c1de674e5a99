/* SPDX-License-Identifier: Apache-2.0 */
/* What the report of a run says: decisions with their reasons, the timeline, and whether the
 * objectives were met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/core/report.h"
#include "tests/lib/world.h"

static void expect_at(const json_t *report, const char *pointer, const char *want)
{
	const json_t *value = cut_json_at(report, pointer);
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (!value)
		fail_msg("there is no %s", pointer);
	cut_json_canonical(value, &text);
	if (strcmp(cut_buf_str(&text), want) != 0)
		fail_msg("%s: want %s, got %s", pointer, want, cut_buf_str(&text));
}

static json_t *report_of(struct world *w, const char *records, cut_time t)
{
	cut_auto(cut_json) json_t *list = json_loads(records, 0, NULL);

	assert_non_null(list);
	return cut_report_json(world_runbook(w), world_run(w), list, t);
}

static void test_each_kind_of_decision_is_told_in_words(void **state)
{
	/* record; what, why: "": it has none */
	static const char *const cases[][3] = {
		{"{\"type\":\"run\",\"state\":\"paused\",\"cause\":\"a failed\"}", "run paused",
		 "a failed"},
		{"{\"type\":\"run\",\"state\":\"accepted\",\"cause\":\"accepted\"}", "run accepted",
		 ""},
		{"{\"type\":\"trigger\",\"trigger\":\"high\",\"shown\":\"FIRED\",\"text\":\"7 > "
		 "5\"}",
		 "trigger high FIRED", "7 > 5"},
		{"{\"type\":\"acceptance\",\"phase\":\"p\",\"state\":\"met\",\"text\":\"quiet\"}",
		 "acceptance of p met", "quiet"},
		{"{\"type\":\"approval\",\"gate\":\"go\",\"vote\":\"approve\",\"comment\":\"ok\"}",
		 "go: approve", "ok"},
		{"{\"type\":\"order\",\"order\":\"pause\"}", "order pause", ""},
		{"{\"type\":\"order\",\"order\":\"skip\",\"target\":\"a\",\"args\":{\"reason\":"
		 "\"late\"}}",
		 "order skip a", "late"},
		{"{\"type\":\"order\",\"order\":\"rollback\",\"args\":{\"comment\":\"enough\"}}",
		 "order rollback", "enough"},
		{"{\"type\":\"order\",\"order\":\"attest\",\"target\":\"a\",\"args\":{\"note\":"
		 "\"seen\"}}",
		 "order attest a", "seen"},
		{"{\"type\":\"order\",\"order\":\"attest\",\"target\":\"a\",\"args\":{\"applied\":"
		 "false}}",
		 "order attest a --not-applied", ""},
		{"{\"type\":\"order\",\"order\":\"rollback\",\"args\":{\"accept_loss\":true}}",
		 "order rollback --accept-loss", ""},
		{"{\"type\":\"order\",\"order\":\"abort\",\"args\":{\"keep_temporary\":false}}",
		 "order abort", ""},
		{"{\"type\":\"order\",\"order\":\"skip\",\"target\":\"a\",\"refused\":\"it runs\"}",
		 "order skip a", "it runs"},
		{"{\"type\":\"note\",\"text\":\"called the bank\"}", "note: called the bank", ""},
		{"{\"type\":\"resumed\",\"epoch\":3}", "engine taken up again, epoch 3", ""},
		{"{\"type\":\"clock\",\"jump_ms\":-40}", "wall clock jumped by -40 ms", ""},
	};
	struct world *w = world_new("steps: [{id: a, uses: t.read}]\n");

	world_start(w);
	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *records = cut_printf("[%s]", cases[i][0]);
		cut_auto(cut_json) json_t *report = report_of(w, records, 0);
		const json_t *d = cut_json_at(report, "/decisions/0");
		cut_auto(cut_json) json_t *record = json_loads(cases[i][0], 0, NULL);

		assert_true(cut_report_wants(record));
		assert_string_equal(cut_json_str(d, "what", ""), cases[i][1]);
		assert_string_equal(cut_json_str(d, "why", ""), cases[i][2]);
		assert_int_equal(cut_json_bool(d, "refused", false),
				 json_object_get(record, "refused") != NULL);
	}
	world_free(w);
}

static void test_what_decided_nothing_is_left_out(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}]\n");
	cut_auto(cut_json) json_t *tick = json_pack("{s:s}", "type", "tick"), *report = NULL;

	world_start(w);
	assert_false(cut_report_wants(tick));
	report = report_of(
		w,
		"[{\"type\":\"tick\"},"
		"{\"type\":\"trigger\",\"trigger\":\"x\",\"shown\":\"pending\",\"seq\":2},"
		"{\"type\":\"trigger\",\"trigger\":\"y\",\"shown\":\"pending\",\"seq\":3},"
		"{\"type\":\"trigger\",\"trigger\":\"x\",\"shown\":\"pending\",\"seq\":4},"
		"{\"type\":\"trigger\",\"trigger\":\"x\",\"shown\":\"clear\",\"seq\":5},"
		"{\"type\":\"acceptance\",\"phase\":\"x\",\"state\":\"met\",\"seq\":6},"
		"{\"type\":\"acceptance\",\"phase\":\"x\",\"state\":\"met\",\"seq\":7},"
		"{\"type\":\"note\",\"text\":\"n\",\"seq\":8},"
		"{\"type\":\"note\",\"text\":\"n\",\"seq\":9}]",
		0);
	assert_int_equal(json_array_size(json_object_get(report, "decisions")), 6);
	expect_at(report, "/decisions/2/seq", "5");
	expect_at(report, "/decisions/3/seq", "6");
	expect_at(report, "/decisions/5/seq", "9");
	world_free(w);
}

/* Down for 5 s, and a lag of 2 s and then 8 s. */
static struct world *measured(const char *objectives)
{
	cut_auto(cut_str) char *text =
		cut_printf("%s"
			   "downtime: [{id: outage, from: cut, to: live, limit: 3s},"
			   " {id: short, from: shift, to: cut, limit: 3s}]\n"
			   "steps:\n"
			   "  - {id: sync, uses: t.read}\n"
			   "  - {id: again, uses: t.read}\n"
			   "  - {id: shift, uses: t.write}\n"
			   "  - {id: cut, uses: t.write, planned: 1s}\n"
			   "  - {id: live, uses: t.write}\n"
			   "  - {id: last, uses: t.read}\n",
			   objectives);
	struct world *w = world_new(text);

	world_start(w);
	world_outcome(w, "sync", CUT_OK, NULL, "{\"lag_s\": 2}");
	world_at(w, 1000);
	world_outcome(w, "again", CUT_OK, NULL, "{\"lag_s\": 8}");
	world_ok(w, "shift");
	world_at(w, 2000);
	world_ok(w, "cut");
	world_at(w, 6000);
	world_ok(w, "live");
	return w;
}

static void test_objectives_are_held_against_what_was_measured(void **state)
{
	static const char records[] = "[{\"type\":\"run\",\"state\":\"closing\",\"t\":100},"
				      "{\"type\":\"run\",\"state\":\"rolling_back\",\"t\":10000},"
				      "{\"type\":\"step\",\"state\":\"rolling_back\",\"t\":11000},"
				      "{\"type\":\"run\",\"state\":\"rolling_back\",\"t\":12000},"
				      "{\"type\":\"run\",\"state\":\"closing\",\"t\":70000}]";
	struct world *w = measured("objectives: {downtime: 3s, rto: 1m, rpo: 5s}\n");
	cut_auto(cut_json) json_t *report = report_of(w, records, 6000), *early = NULL;

	expect_at(report, "/objectives",
		  "{\"downtime\":{\"achieved_s\":5,\"met\":false,\"wanted_s\":3},"
		  "\"rpo\":{\"achieved_s\":8,\"met\":false,\"wanted_s\":5},"
		  "\"rto\":{\"achieved_s\":60,\"met\":true,\"wanted_s\":60}}");
	expect_at(report, "/downtime",
		  "{\"outage\":{\"elapsed_s\":5,\"limit_s\":3,\"within\":false},"
		  "\"short\":{\"elapsed_s\":1,\"limit_s\":3,\"within\":true}}");
	/* it did not go back: nothing says how long that takes */
	early = report_of(w, "[{\"type\":\"run\",\"state\":\"closing\",\"t\":70000}]", 6000);
	expect_at(early, "/objectives/rto", "{\"achieved_s\":null,\"met\":null,\"wanted_s\":60}");
	world_free(w);
}

static void test_objectives_that_nobody_set_are_not_judged(void **state)
{
	struct world *w = measured("objectives: {rto: 1m}\n");
	cut_auto(cut_json) json_t *report = report_of(w, "[]", 6000);

	assert_int_equal(json_object_size(json_object_get(report, "objectives")), 1);
	expect_at(report, "/objectives/rto/wanted_s", "60");
	world_free(w);
}

static void test_the_timeline_holds_the_steps_that_had_their_turn(void **state)
{
	struct world *w = measured("");
	cut_auto(cut_json) json_t *report = report_of(w, "[]", 6000);

	expect_at(report, "/timeline/3/step", "\"cut\"");
	expect_at(report, "/timeline/3/planned_s", "1");
	expect_at(report, "/timeline/4/duration_s", "4");
	expect_at(report, "/timeline/5/state", "\"running\"");
	expect_at(report, "/timeline/5/duration_s", "null");
	expect_at(report, "/timeline/5/ended", "null");
	expect_at(report, "/elapsed_s", "6");
	expect_at(report, "/ended", "null");
	expect_at(report, "/downtime/outage/elapsed_s", "5");
	world_free(w);
}

static void test_the_timeline_is_in_the_order_in_which_steps_began(void **state)
{
	struct world *w =
		world_new("phases:\n"
			  "  - id: main\n"
			  "    order: parallel\n"
			  "    steps:\n"
			  "      - {id: late, uses: t.read, needs: [early]}\n"
			  "      - {id: never, uses: t.read, needs: [early], if: \"1 > 2\"}\n"
			  "      - {id: early, uses: t.read}\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_at(w, 1000);
	world_ok(w, "early");
	report = report_of(w, "[]", 6000);
	expect_at(report, "/timeline/0/step", "\"early\"");
	expect_at(report, "/timeline/1/step", "\"late\"");
	expect_at(report, "/timeline/2/step", "\"never\"");
	world_free(w);
}

static void test_a_run_has_ended_when_its_last_state_was_written(void **state)
{
	struct world *w = measured("");
	cut_auto(cut_json) json_t *report = NULL, *bare = NULL;

	world_ok(w, "last");
	assert_int_equal(cut_run_state(world_run(w)), CUT_RUN_DONE);
	report = report_of(w,
			   "[{\"type\":\"armed\",\"at\":\"early\"},"
			   "{\"type\":\"run\",\"state\":\"done\",\"at\":\"then\"},"
			   "{\"type\":\"note\",\"text\":\"x\",\"at\":\"later\"}]",
			   7000);
	expect_at(report, "/started", "\"early\"");
	expect_at(report, "/ended", "\"then\"");
	expect_at(report, "/state", "\"done\"");
	expect_at(report, "/exit_code", "0");
	bare = report_of(w, "[{\"type\":\"note\",\"text\":\"x\"}]", 7000);
	expect_at(bare, "/ended", "null");
	world_free(w);
}

static void test_what_a_rollback_left_behind_is_named(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, temporary: true}\n"
				    "  - {id: b, uses: t.write, temporary: true}\n"
				    "  - {id: c, uses: t.write}\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_ok(w, "a");
	world_ok(w, "b");
	world_ok(w, "c");
	world_fail(w, "b"); /* its undo */
	world_ok(w, "a");
	report = report_of(w, "[]", 0);
	expect_at(report, "/unclosed", "[\"b\"]");
	expect_at(report, "/left",
		  "[{\"by_hand\":\"undo by hand what t.write of b did\",\"reason\":\"could not be "
		  "undone: broken\",\"step\":\"b\"}]");
	world_free(w);
}

static void test_what_was_never_undone_is_left_to_people_and_keeps_its_own_time(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: t, uses: t.write, temporary: true}\n"
				    "  - {id: a, uses: t.write, rollback: {run: [./back, a b]}}\n"
				    "  - {id: b, uses: t.write}\n"
				    "  - {id: c, uses: t.write}\n"
				    "  - {id: wait, wait: 1h}\n"
				    "  - {id: never, uses: t.read}\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_ok(w, "t");
	world_ok(w, "a");
	world_ok(w, "b");
	world_at(w, 2000);
	world_ok(w, "c");
	report = report_of(w, "[]", 0);
	expect_at(report, "/left", "[]"); /* the run goes on */
	json_decref(cut_take(report));
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 9000);
	world_ok(w, "c");
	world_fail(w, "b");
	world_order(w, CUT_ORDER_ABORT, NULL, "{\"keep_temporary\": true}");
	report = report_of(w, "[]", 0);
	expect_at(
		report, "/left",
		"[{\"by_hand\":\"undo by hand what t.write of t did\",\"reason\":\"temporary, and "
		"kept\",\"step\":\"t\"},"
		"{\"by_hand\":\"run by hand: cd / && ./back 'a b'\",\"reason\":\"not undone\","
		"\"step\":\"a\"},"
		"{\"by_hand\":\"undo by hand what t.write of b did\",\"reason\":\"could not be "
		"undone: broken\",\"step\":\"b\"}]");
	expect_at(report, "/timeline/3/step", "\"c\"");
	expect_at(report, "/timeline/3/state", "\"rolled_back\"");
	expect_at(report, "/timeline/3/duration_s", "2");
	assert_int_equal(json_array_size(json_object_get(report, "timeline")), 5);
	world_free(w);
}

static void test_what_failed_and_was_gone_on_without_is_named(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write, on_failure: continue}\n"
				    "  - {id: b, uses: t.write, on_failure: hold}\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_fail(w, "a");
	world_fail(w, "b");
	report = report_of(w, "[]", 0);
	expect_at(report, "/continued", "[{\"reason\":\"broken\",\"step\":\"a\"}]");
	world_free(w);
}

static void test_an_undo_does_not_prolong_what_a_step_took(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: a, uses: t.write}\n"
				    "  - {id: b, uses: t.write}\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_at(w, 3000);
	world_ok(w, "a");
	world_at(w, 5000);
	world_order(w, CUT_ORDER_ROLLBACK, NULL, NULL);
	world_at(w, 6000);
	world_outcome(w, "b", CUT_CANCELED, NULL, NULL);
	world_at(w, 8000);
	world_ok(w, "b");
	world_at(w, 9000);
	world_ok(w, "a");
	report = report_of(w, "[]", 9000);
	expect_at(report, "/timeline/0/state", "\"rolled_back\"");
	expect_at(report, "/timeline/0/duration_s", "3");
	expect_at(report, "/timeline/0/ended", "\"2025-11-22T20:00:09.000Z\"");
	world_free(w);
}

static void test_a_signed_vote_tells_its_key_and_what_it_was_about(void **state)
{
	struct world *w = world_new("steps: [{id: a, uses: t.read}, {id: b, uses: t.read}]\n");
	cut_auto(cut_json) json_t *report = NULL;

	world_start(w);
	world_order(w, CUT_ORDER_SKIP, "b", "{\"reason\": \"not today\"}");
	report = report_of(w,
			   "[{\"type\":\"approval\",\"gate\":\"go\",\"vote\":\"approve\","
			   "\"key\":\"SHA256:x\",\"evidence_sha256\":\"e1\"}]",
			   6000);
	expect_at(report, "/decisions/0/key", "\"SHA256:x\"");
	expect_at(report, "/decisions/0/evidence_sha256", "\"e1\"");
	/* and what was skipped had its turn, and took no time */
	expect_at(report, "/timeline/1/state", "\"skipped\"");
	expect_at(report, "/timeline/1/duration_s", "null");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_of_decision_is_told_in_words),
		cmocka_unit_test(test_what_decided_nothing_is_left_out),
		cmocka_unit_test(test_objectives_are_held_against_what_was_measured),
		cmocka_unit_test(test_objectives_that_nobody_set_are_not_judged),
		cmocka_unit_test(test_the_timeline_holds_the_steps_that_had_their_turn),
		cmocka_unit_test(test_the_timeline_is_in_the_order_in_which_steps_began),
		cmocka_unit_test(test_a_run_has_ended_when_its_last_state_was_written),
		cmocka_unit_test(test_what_a_rollback_left_behind_is_named),
		cmocka_unit_test(
			test_what_was_never_undone_is_left_to_people_and_keeps_its_own_time),
		cmocka_unit_test(test_what_failed_and_was_gone_on_without_is_named),
		cmocka_unit_test(test_an_undo_does_not_prolong_what_a_step_took),
		cmocka_unit_test(test_a_signed_vote_tells_its_key_and_what_it_was_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
