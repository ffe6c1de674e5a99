/* SPDX-License-Identifier: Apache-2.0 */
/* What `status --output json` says about a run: which fields there are, and how groups fold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "engine/core/status.h"
#include "tests/lib/world.h"

static json_t *status_of(struct world *w, cut_time t)
{
	struct cut_watch *watch = cut_watch_new(world_runbook(w));
	json_t *status = cut_status_json(world_runbook(w), world_run(w), watch, t, 1800000000000);

	cut_watch_free(watch);
	return status;
}

static void expect_at(const json_t *status, const char *pointer, const char *want)
{
	const json_t *value = cut_json_at(status, pointer);
	cut_auto(cut_buf) struct cut_buf text = {0};

	assert_non_null(value);
	cut_json_canonical(value, &text);
	if (strcmp(cut_buf_str(&text), want) != 0)
		fail_msg("%s: want %s, got %s", pointer, want, cut_buf_str(&text));
}

static const char *const runbook = "roles: {lead: {members: [bob]}}\n"
				   "downtime: [{id: outage, from: cut, to: live, limit: 30s}]\n"
				   "phases:\n"
				   "  - id: prepare\n"
				   "    steps:\n"
				   "      - {id: ttl, uses: t.write, temporary: true}\n"
				   "      - id: ladder\n"
				   "        foreach: {items: [5, 25], as: share}\n"
				   "        steps: [{id: shift, uses: t.write}]\n"
				   "      - {id: go, approve: {roles: [lead], expires: 1h}}\n"
				   "  - id: switch\n"
				   "    steps:\n"
				   "      - {id: cut, uses: t.write}\n"
				   "      - {id: live, uses: t.write}\n";

static void test_status_has_every_field_from_the_start(void **state)
{
	static const char *const fields[] = {"phases",
					     "run",
					     "runbook",
					     "seq",
					     "at",
					     "engine",
					     "state",
					     "starts",
					     "holds",
					     "phase",
					     "socket",
					     "loop_max_ms",
					     "elapsed_s",
					     "late_s",
					     "eta",
					     "downtime",
					     "unclosed",
					     "steps",
					     "groups",
					     "triggers",
					     "acceptance",
					     "window",
					     "continue",
					     "rollback",
					     "exit_code",
					     "waiting_for",
					     "in_command",
					     "fault",
					     "temporary_open",
					     "loop_max_wall_ms",
					     "rank",
					     "plan_sha256"};
	struct world *w = world_new(runbook);
	cut_auto(cut_json) json_t *status = NULL;

	(void)state;
	world_start(w);
	status = status_of(w, 2500);
	for (size_t i = 0; i < CUT_ARRAY_LEN(fields); i++)
		if (!json_object_get(status, fields[i]))
			fail_msg("no field %s", fields[i]);
	assert_int_equal(json_object_size(status), CUT_ARRAY_LEN(fields));
	expect_at(status, "/state", "\"running\"");
	expect_at(status, "/phase", "\"prepare\"");
	expect_at(status, "/elapsed_s", "2.5");
	expect_at(status, "/at", "\"2027-01-15T08:00:00.000Z\"");
	expect_at(status, "/acceptance", "null");
	expect_at(status, "/exit_code", "0");
	expect_at(status, "/continue",
		  "{\"downtime_s\":null,\"next_gate\":\"go\",\"time_s\":null}");
	expect_at(status, "/downtime/outage", "{\"elapsed_s\":0,\"limit_s\":30,\"running\":false}");
	expect_at(status, "/steps/ttl/state", "\"running\"");
	expect_at(status, "/steps/ttl/attempt", "1");
	expect_at(status, "/steps/ladder~15~1shift",
		  "{\"attempt\":0,\"due\":null,\"ended\":null,\"outputs\":null,\"phase\":"
		  "\"prepare\",\"planned_s\":null,\"reason\":null,\"started\":null,\"state\":"
		  "\"pending\"}");
	world_free(w);
}

static void test_a_group_folds_its_steps(void **state)
{
	struct world *w = world_new(runbook);
	cut_auto(cut_json) json_t *before = NULL, *half = NULL, *failed = NULL;

	(void)state;
	world_start(w);
	world_ok(w, "ttl");
	before = status_of(w, 0);
	expect_at(before, "/groups/ladder~15/state", "\"running\"");
	expect_at(before, "/groups/ladder~125/state", "\"pending\"");
	expect_at(before, "/groups/ladder/state", "\"running\"");
	expect_at(before, "/temporary_open", "[\"ttl\"]");
	world_ok(w, "ladder/5/shift");
	half = status_of(w, 0);
	expect_at(half, "/groups/ladder~15/state", "\"succeeded\"");
	world_fail(w, "ladder/25/shift");
	failed = status_of(w, 0);
	expect_at(failed, "/groups/ladder/state", "\"failed\"");
	expect_at(failed, "/state", "\"paused\"");
	expect_at(failed, "/holds/0/kind", "\"step\"");
	expect_at(failed, "/holds/0/id", "\"ladder/25/shift\"");
	expect_at(failed, "/holds/0/what", "\"ladder/25/shift failed: broken\"");
	expect_at(failed, "/exit_code", "3");
	world_free(w);
}

static void test_status_tells_who_is_waited_for_and_how_long_it_has_been_down(void **state)
{
	struct world *w = world_new(runbook);
	cut_auto(cut_json) json_t *gate = NULL, *down = NULL;

	(void)state;
	world_start(w);
	world_ok(w, "ttl");
	world_ok(w, "ladder/5/shift");
	world_ok(w, "ladder/25/shift");
	gate = status_of(w, 0);
	expect_at(gate, "/waiting_for/0/kind", "\"approval\"");
	expect_at(gate, "/waiting_for/0/id", "\"go\"");
	expect_at(gate, "/waiting_for/0/roles", "[\"lead\"]");
	assert_int_equal(world_vote(w, "go", 1002, true), 0);
	world_at(w, 4 * CUT_SECOND);
	world_ok(w, "cut");
	down = status_of(w, 5 * CUT_SECOND);
	expect_at(down, "/waiting_for", "[]");
	expect_at(down, "/phase", "\"switch\"");
	expect_at(down, "/continue/next_gate", "null");
	expect_at(down, "/downtime/outage", "{\"elapsed_s\":5,\"limit_s\":30,\"running\":true}");
	world_free(w);
}

static void test_who_is_asked_is_shown_the_question(void **state)
{
	struct world *w =
		world_new("roles: {lead: {members: [bob]}}\n"
			  "steps:\n"
			  "  - {id: a, uses: t.get}\n"
			  "  - id: go\n"
			  "    links: {board: 'https://board.test/1'}\n"
			  "    approve:\n"
			  "      roles: [lead]\n"
			  "      message: 'TTL was ${{ steps.a.outputs.old }}: go?'\n"
			  "      checks: ['run.starter == \"bob\"']\n"
			  "  - id: plug\n"
			  "    manual: {instructions: swap the cable, evidence: [serial]}\n"
			  "    rollback: not_needed\n");
	cut_auto(cut_json) json_t *gate = NULL, *work = NULL, *done = NULL;

	(void)state;
	world_start(w);
	world_outcome(w, "a", CUT_OK, NULL, "{\"old\":3600}");
	gate = status_of(w, 0);
	expect_at(gate, "/waiting_for/0/asks", "\"TTL was 1h: go?\"");
	expect_at(gate, "/waiting_for/0/links", "{\"board\":\"https://board.test/1\"}");
	expect_at(gate, "/waiting_for/0/wants", "null");
	assert_int_equal(world_vote(w, "go", 1002, true), 0);
	work = status_of(w, 0);
	expect_at(work, "/waiting_for/0/kind", "\"manual\"");
	expect_at(work, "/waiting_for/0/asks", "\"swap the cable\"");
	expect_at(work, "/waiting_for/0/wants", "[\"serial\"]");
	expect_at(work, "/waiting_for/0/links", "null");
	assert_int_equal(
		world_order(w, CUT_ORDER_ATTEST, "plug", "{\"evidence\":{\"serial\":\"1\"}}"), 0);
	done = status_of(w, 0);
	expect_at(done, "/waiting_for", "[]");
	world_free(w);
}

static void test_status_tells_each_kind_of_waiting_for_people(void **state)
{
	struct world *w = world_new(
		"roles: {lead: {members: [bob]}}\n"
		"phases:\n"
		"  - id: p\n"
		"    order: parallel\n"
		"    acceptance: {clean_for: 1s, sign_off: [lead], tests: [{uses: t.read}]}\n"
		"    steps:\n"
		"      - {id: work, manual: {instructions: do, role: lead, evidence: [photo]},"
		" rollback: not_needed}\n"
		"      - {id: free, manual: {instructions: do}, rollback: not_needed}\n"
		"finally: [{id: late, uses: t.read}]\n");
	cut_auto(cut_json) json_t *people = NULL, *signing = NULL;

	(void)state;
	world_start(w);
	people = status_of(w, 0);
	expect_at(people, "/waiting_for/0/kind", "\"manual\"");
	expect_at(people, "/waiting_for/0/roles", "[\"lead\"]");
	expect_at(people, "/waiting_for/0/wants", "[\"photo\"]");
	expect_at(people, "/waiting_for/1/roles", "[]");
	expect_at(people, "/waiting_for/1/wants", "[]");
	world_order(w, CUT_ORDER_ATTEST, "free", NULL);
	world_order(w, CUT_ORDER_ATTEST, "work", "{\"evidence\": {\"photo\": \"x\"}}");
	world_accept(w, "p", CUT_ACC_MET, false);
	signing = status_of(w, 0);
	expect_at(signing, "/waiting_for/0/kind", "\"sign_off\"");
	expect_at(signing, "/waiting_for/0/id", "\"p\"");
	expect_at(signing, "/waiting_for/0/roles", "[\"lead\"]");
	world_free(w);
}

static void test_status_tells_who_has_approved_and_how_many_it_takes(void **state)
{
	struct world *w = world_new(
		"roles: {lead: {members: [bob]}, dba: {members: [alice, bob, carol], quorum: 2}}\n"
		"phases:\n"
		"  - {id: p, acceptance: {clean_for: 1s, sign_off: [dba], tests: [{uses: "
		"t.read}]},\n"
		"     steps: [{id: go, approve: {roles: [lead, dba]}}]}\n");
	cut_auto(cut_json) json_t *none = NULL, *one = NULL, *signing = NULL, *signed_ = NULL;

	world_start(w);
	none = status_of(w, 0);
	expect_at(none, "/waiting_for/0/quorum", "3");
	expect_at(none, "/waiting_for/0/approved", "null");
	world_vote(w, "go", 1003, true);
	one = status_of(w, 0);
	expect_at(one, "/waiting_for/0/approved", "[\"carol\"]");
	world_vote(w, "go", 1001, true);
	world_vote(w, "go", 1002, true);
	world_accept(w, "p", CUT_ACC_MET, false);
	signing = status_of(w, 0);
	expect_at(signing, "/waiting_for/0/quorum", "2");
	expect_at(signing, "/waiting_for/0/approved", "null");
	world_vote(w, "p", 1003, true);
	signed_ = status_of(w, 0);
	expect_at(signed_, "/waiting_for/0/approved", "[\"carol\"]");
	world_free(w);
}

static void test_status_tells_when_a_wait_is_over(void **state)
{
	struct world *w = world_new("steps:\n"
				    "  - {id: bake, wait: 90s}\n"
				    "  - {id: cut, uses: t.write, planned: 30s}\n");
	cut_auto(cut_json) json_t *waits = NULL, *over = NULL;

	(void)state;
	world_start(w);
	waits = status_of(w, 0);
	expect_at(waits, "/steps/bake/state", "\"running\"");
	expect_at(waits, "/steps/bake/due", "\"2025-11-22T20:01:30.000Z\"");
	expect_at(waits, "/steps/cut/due", "null");
	expect_at(waits, "/steps/cut/planned_s", "30");
	expect_at(waits, "/rollback/steps", "0");
	world_at(w, 90 * CUT_SECOND);
	world_ok(w, "cut");
	over = status_of(w, 91 * CUT_SECOND);
	expect_at(over, "/steps/bake/due", "null");
	world_free(w);
}

static void test_a_trigger_tells_its_limit_before_it_is_armed(void **state)
{
	static const struct {
		const char *spec, *text;
	} cases[] = {
		{"bad: {above: 5%}, for: 5s", "\"fires at > 5 % for 5s\""},
		{"bad: {below: 0.8}, consecutive: 3", "\"fires at < 80 %, 3 in a row\""},
		{"bad: {outside: [0.1, 0.2]}, total: 2", "\"fires at < 10 % or > 20 %, 2 in all\""},
		{"bad: {above: 1}, m_of_n: [2, 5]", "\"fires at > 100 %, 2 of the last 5\""},
	};

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *text =
			cut_printf("metrics: {m: {uses: t.m, every: 5s, unit: ratio}}\n"
				   "triggers: [{id: high, metric: m, %s}]\n"
				   "steps: [{id: cut, uses: t.write}]\n",
				   cases[i].spec);
		struct world *w = world_new(text);
		cut_auto(cut_json) json_t *status = NULL;

		world_start(w);
		status = status_of(w, 0);
		expect_at(status, "/triggers/high/text", cases[i].text);
		world_free(w);
	}
}

static void test_a_run_that_has_not_begun_is_in_no_phase(void **state)
{
	struct world *w = world_new(runbook);
	cut_auto(cut_json) json_t *status = status_of(w, 0);

	expect_at(status, "/phase", "null");
	expect_at(status, "/run", "null");
	expect_at(status, "/state", "\"new\"");
	world_start(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_has_every_field_from_the_start),
		cmocka_unit_test(test_a_group_folds_its_steps),
		cmocka_unit_test(test_status_tells_who_is_waited_for_and_how_long_it_has_been_down),
		cmocka_unit_test(test_who_is_asked_is_shown_the_question),
		cmocka_unit_test(test_status_tells_each_kind_of_waiting_for_people),
		cmocka_unit_test(test_status_tells_who_has_approved_and_how_many_it_takes),
		cmocka_unit_test(test_status_tells_when_a_wait_is_over),
		cmocka_unit_test(test_a_trigger_tells_its_limit_before_it_is_armed),
		cmocka_unit_test(test_a_run_that_has_not_begun_is_in_no_phase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
