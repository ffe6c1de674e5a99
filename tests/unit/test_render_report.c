/* SPDX-License-Identifier: Apache-2.0 */
/* What a report shows of a run, as text and as Markdown: what an auditor looks for is there. */
#include "tests/unit/view_kit.h"

#include "engine/cli/render.h"

static void as_text(const json_t *report, struct cut_buf *out)
{
	cut_render_report(report, false, out);
}

static void as_markdown(const json_t *report, struct cut_buf *out)
{
	cut_render_report(report, true, out);
}

static void test_the_head_names_run_plan_and_seal(void **state)
{
	static const struct view_row rows[] = {
		{"{'runbook': 'shop', 'title': 'To green', 'state': 'done'}",
		 "shop, To green: done\n"},
		{"{'run': 'r1', 'starter': 'ann', 'started': '2026-11-22T02:00:00Z',"
		 " 'elapsed_s': 90, 'ticket': 'CHG-1', 'plan_sha256': 'abc'}",
		 "run r1, started by ann on 2026-11-22 02:00:00 +0000, 1m30s\nticket CHG-1\nplan "
		 "abc\n"},
		{"{'seal': {'state': 'sealed', 'seq': 9, 'key': 'ssh-ed25519 A'}}",
		 "journal sealed at record 9 by\nssh-ed25519 A\n"},
		{"{'seal': {'state': 'live'}}", "journal not sealed yet: the run has not ended\n"},
		{"{'seal': {'state': 'unsealed'}}",
		 "journal not sealed yet: the run has not ended\n"},
		{"{'seal': {'state': 'unsealed'}, 'ended': '2026-11-22T02:00:00Z'}",
		 "journal NOT SEALED (unsealed): see cutover audit verify\n"},
		{"{'seal': {'state': 'corrupt'}}",
		 "journal NOT SEALED (corrupt): see cutover audit verify\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), as_text);
}

static void test_limits_are_told_kept_or_not(void **state)
{
	static const struct view_row rows[] = {
		{"{'objectives': {'rto': {'wanted_s': 60, 'achieved_s': 30, 'met': true}}}",
		 "\nObjectives\n"
		 "  objective     wanted     achieved   met\n"
		 "  rto           1m00s      30s        yes\n"},
		{"{'objectives': {'rto': {'wanted_s': 60, 'achieved_s': 90, 'met': false}}}",
		 "1m30s      NO\n"},
		{"{'objectives': {'rto': {'wanted_s': 60, 'met': null}}}", "not known  ?\n"},
		{"{'downtime': {'shop': {'elapsed_s': 3, 'limit_s': 60, 'within': true}}}",
		 "\nDowntime\n"
		 "  clock                 lasted     limit      within\n"
		 "  shop                  3s         1m00s      yes\n"},
		{"{'downtime': {'shop': {'elapsed_s': 90, 'limit_s': 60, 'within': false}}}",
		 "1m00s      NO\n"},
		{"{'objectives': {}, 'downtime': {}}", NULL},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), as_text);
}

#define DECISION "'at': '2026-11-22T02:00:00Z', 'what': 'approve go', 'who': 'ann'"

static void test_decisions_steps_and_what_is_left_have_a_row_each(void **state)
{
	static const struct view_row rows[] = {
		{"{'decisions': [{" DECISION "}]}",
		 "  02:00:00  approve go                          by ann\n"},
		{"{'decisions': [{" DECISION ", 'why': 'all green'}]}", "  all green, by ann\n"},
		{"{'decisions': [{" DECISION ", 'why': 'no member', 'refused': true}]}",
		 "  REFUSED: no member, by ann\n"},
		{"{'decisions': [{'what': 'rollback', 'who': 'engine', 'why': 'slow'}]}",
		 "  --:--:--  rollback                            slow\n"},
		{"{'timeline': [{'started': '2026-11-22T02:00:00Z', 'step': 'one',"
		 " 'state': 'succeeded', 'duration_s': 3, 'planned_s': 5}]}",
		 "  02:00:00  one                           succeeded            3s        5s\n"},
		{"{'continued': [{'step': 'one', 'reason': 'no disk'}]}",
		 "\nFailed, and gone on without\n  one: no disk\n"},
		{"{'left': [{'step': 'one', 'reason': 'no disk', 'by_hand': 'run by hand: rm x'}]}",
		 "\nLeft to people\n  one: no disk; run by hand: rm x\n"},
		{"{'left': [{'step': 'one', 'reason': 'no disk'}]}", "\n  one: no disk\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), as_text);
}

static void test_markdown_has_headings_and_tables(void **state)
{
	static const struct view_row rows[] = {
		{"{'runbook': 'shop', 'state': 'done'}", "# shop: done\n\n"},
		{"{'decisions': [{" DECISION ", 'why': 'a|b\\nc'}]}",
		 "\n## Decisions\n\n| time | what | why |\n| --- | --- | --- |\n"
		 "| 02:00:00 | approve go | a\\|b c, by ann |\n"},
		{"{'left': [{'step': 'one', 'reason': 'no disk'}]}",
		 "\n## Left to people\n\n- one: no disk\n"},
	};

	(void)state;
	view_expect(rows, CUT_ARRAY_LEN(rows), as_markdown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_head_names_run_plan_and_seal),
		cmocka_unit_test(test_limits_are_told_kept_or_not),
		cmocka_unit_test(test_decisions_steps_and_what_is_left_have_a_row_each),
		cmocka_unit_test(test_markdown_has_headings_and_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
