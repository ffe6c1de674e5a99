/* SPDX-License-Identifier: Apache-2.0 */
/* What `status` and `watch` show of a run: each line, when it is there and what it says. */
#include "tests/unit/view_kit.h"

#include "engine/cli/print.h"
#include "engine/cli/render.h"

static void plain(const json_t *status, struct cut_buf *out)
{
	cut_render_status(status, false, CUT_WIDTH, SIZE_MAX, out);
}

static void test_the_head_says_what_is_wrong(void **state)
{
	static const struct view_row rows[] = {
		{"{'runbook': 'shop', 'state': 'running', 'elapsed_s': 90}",
		 "shop  running  1m30s\n"},
		{"{'run': 'r1', 'state': 'running', 'engine': 'dead', 'at': "
		 "'2026-11-22T02:00:00Z'}",
		 "  ENGINE GONE, its last record is of 02:00:00: cutover recover r1\n"},
		{"{'state': 'running', 'engine': 'live'}", "  running  ?\n\n  going on"},
		{"{'state': 'done', 'engine': 'dead'}", "  done  ?\n\n"},
		{"{'state': 'rollback_incomplete', 'engine': 'dead'}",
		 "  rollback_incomplete  ?\n"},
		{"{'in_command': 'ann'}", "  led by ann\n"},
		{"{'fault': {'what': 'no journal', 'why': 'disk full', 'next': 'make room'}}",
		 "\n  NOTHING NEW STARTS: no journal: disk full; make room\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), plain);
}

#define STEPS(run_state, steps)                                                                    \
	"{'state': '" run_state "', 'at': '2026-11-22T02:00:10Z', 'phases': ['go', 'end'],"        \
	" 'steps': {" steps ", 'last': {'phase': 'end', 'state': 'pending'}}}"
#define STEP(state, more) "'one': {'phase': 'go', 'state': '" state "'" more "}"

static void test_a_phase_has_a_mark_a_step_and_lines_for_what_matters(void **state)
{
	static const struct view_row rows[] = {
		{STEPS("running", STEP("pending", "")), "  go             .  0/1\n  end"},
		{STEPS("running", STEP("ready", "")), "  go             o  0/1\n  end"},
		{STEPS("running", STEP("succeeded", "")), "  go             +  1/1\n  end"},
		{STEPS("running", STEP("skipped", "")), "  go             -  1/1\n  end"},
		{STEPS("running", STEP("rolled_back", "")), "  go             =  0/1\n  end"},
		{STEPS("done", STEP("rolled_back", "")), "  go             =  1/1\n  end"},
		{STEPS("aborted", STEP("rolled_back", "")), "  go             =  0/1\n  end"},
		{STEPS("running", STEP("failed", ", 'reason': 'no disk', 'attempt': 1")),
		 "  0/1\n    ! one                      failed: no disk\n"},
		{STEPS("running", STEP("failed", ", 'attempt': 2")), " failed attempt 2\n"},
		{STEPS("running", STEP("running", ", 'started': '2026-11-22T02:00:07.5Z'")),
		 " running 2s\n"},
		{STEPS("running", STEP("running", ", 'started': '2026-11-22T02:00:07Z',"
						  " 'due': '2026-11-22T02:00:30Z'")),
		 " running 3s, 20s left\n"},
		{STEPS("running",
		       STEP("running", ", 'started': '2026-11-22T02:00:07Z', 'planned_s': 9")),
		 " running 3s of about 9s\n"},
		{STEPS("running", STEP("failed", ", 'started': '2026-11-22T02:00:07Z',"
						 " 'ended': '2026-11-22T02:00:08Z'")),
		 " failed\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), plain);
}

static void test_triggers_and_clocks_have_a_line_each(void **state)
{
	static const struct view_row rows[] = {
		{"{'triggers': {'slow': {'state': 'clear', 'text': '3 ms'}}}",
		 "  trigger slow: clear: 3 ms\n"},
		{"{'acceptance': {'phase': 'go', 'state': 'running', 'clean_s': 60,"
		 " 'needed_s': 600}}",
		 "  acceptance of go: running, clean 1m00s of 10m00s\n"},
		{"{'acceptance': null}", NULL},
		{"{'downtime': {'shop': {'elapsed_s': 3, 'running': true, 'limit_s': 60}}}",
		 "  downtime shop: 3s, running (limit 1m00s)\n"},
		{"{'downtime': {'shop': {'elapsed_s': 3, 'running': false, 'limit_s': null}}}",
		 "  downtime shop: 3s\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), plain);
}

#define GATE	       "'kind': 'approval', 'id': 'go', 'since': '2026-11-22T02:00:00Z'"
#define CHECKED(check) "{'waiting_for': [{'evidence': {'checks': {'values': [" check "]}}}]}"

static void test_people_are_told_what_waits_for_them(void **state)
{
	static const struct view_row rows[] = {
		{"{'holds': [{'kind': 'step', 'id': 'one', 'since': '2026-11-22T02:00:00Z',"
		 " 'what': 'one failed: no disk', 'remedy': 'cutover retry one'}]}",
		 "  HOLD step one since 02:00:00: one failed: no disk\n"
		 "    next: cutover retry one\n"},
		{"{'waiting_for': [{" GATE "}]}",
		 "  WAITS since 02:00:00 for an operator: cutover approve go\n"},
		{"{'waiting_for': [{" GATE ", 'roles': ['ops', 'dba'],"
		 " 'expires': '2026-11-22T03:00:00Z'}]}",
		 "  WAITS since 02:00:00 until 03:00:00 for ops, dba: cutover approve go\n"},
		{"{'waiting_for': [{'kind': 'manual', 'id': 'cable', 'wants': ['port']}]}",
		 " for an operator: cutover attest cable --evidence port=…\n"},
		{CHECKED("{'that': 'lag < 5', 'is': false, 'saw': {'lag': 7, 'n': 1}}"),
		 "\n    not true when it opened: lag < 5 (lag = 7, n = 1)\n"},
		{CHECKED("{'that': 'lag < 5', 'is': false, 'error': 'no lag yet'}"),
		 "\n    not true when it opened: lag < 5: no lag yet\n"},
		{CHECKED("{'that': 'n > 1', 'is': true}, {'that': 'lag < 5', 'is': false}"),
		 " cutover approve \n    not true when it opened: lag < 5\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), plain);
}

static void test_both_ways_are_told_while_there_are_two(void **state)
{
	static const struct view_row rows[] = {
		{"{'state': 'running', 'continue': {'next_gate': 'go'}, 'rollback': {'steps': 1}}",
		 "  going on: next gate is go\n  going back: 1 step to undo\n"},
		{"{'state': 'paused', 'rollback': {'steps': 2, 'time_s': 90,"
		 " 'impossible': ['one']}}",
		 "  going on: no gate ahead\n"
		 "  going back: 2 steps to undo, about 1m30s, 1 CANNOT BE UNDONE\n"},
		{"{'state': 'paused', 'rollback': {'steps': 0, 'time_s': 0}}",
		 "  going back: 0 steps to undo\n"},
		{"{'rollback': {'steps': 2}}", NULL},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), plain);
}

static void test_what_is_quiet_shares_a_line_where_there_is_no_room(void **state)
{
	static const struct {
		size_t lines;
		const char *shown; /* after the two lines of the head */
	} rows[] = {
		{SIZE_MAX, "  one            +  1/1\n  two            +  1/1\n"
			   "  three          >  0/1\n    > s3                       running\n"
			   "  four           .  0/1\n  five           .  0/1\n"
			   "  trigger high: clear: 1 < 5\n  trigger low: pending: 1 < 5\n"},
		{9, "  2 phases done: one to two\n"
		    "  three          >  0/1\n    > s3                       running\n"
		    "  2 phases to come: four to five\n"
		    "  trigger high: clear: 1 < 5\n  trigger low: pending: 1 < 5\n"},
		{7, "  2 phases done: one to two\n"
		    "  three          >  0/1\n"
		    "    …\n"
		    "  trigger low: pending: 1 < 5\n  1 trigger clear\n"},
	};
	cut_auto(cut_json) json_t *status = view_json(
		"{'state': 'closing', 'phases': ['one', 'two', 'three', 'four', 'five'], 'steps': {"
		"'s1': {'phase': 'one', 'state': 'succeeded'},"
		"'s2': {'phase': 'two', 'state': 'succeeded'},"
		"'s3': {'phase': 'three', 'state': 'running'},"
		"'s4': {'phase': 'four', 'state': 'pending'},"
		"'s5': {'phase': 'five', 'state': 'pending'}}, 'triggers': {"
		"'high': {'state': 'clear', 'text': '1 < 5'},"
		"'low': {'state': 'pending', 'text': '1 < 5'}}}");

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf text = {0};
		const char *below;

		cut_render_status(status, false, CUT_WIDTH, rows[i].lines, &text);
		below = strchr(strchr(cut_buf_str(&text), '\n') + 1, '\n') + 1;
		assert_string_equal(below, rows[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_head_says_what_is_wrong),
		cmocka_unit_test(test_a_phase_has_a_mark_a_step_and_lines_for_what_matters),
		cmocka_unit_test(test_triggers_and_clocks_have_a_line_each),
		cmocka_unit_test(test_people_are_told_what_waits_for_them),
		cmocka_unit_test(test_both_ways_are_told_while_there_are_two),
		cmocka_unit_test(test_what_is_quiet_shares_a_line_where_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
