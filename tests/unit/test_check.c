/* SPDX-License-Identifier: Apache-2.0 */
/* References that are in order; those that are not are among tests/golden/faulty. */
#include "tests/unit/load_kit.h"

#define HEAD "cutover: v1\nname: t\n"
#define TCP  "uses: tcp, with: {address: \"x:1\"}"

static void test_references_that_are_certain_are_taken(void **state)
{
	static const char *const texts[] = {
		/* through another step */
		HEAD
		"steps:\n  - {id: a, " TCP "}\n  - {id: b, " TCP "}\n"
		"  - {id: c, uses: check, with: {that: \"steps.a.outputs.connected_ms < 5.0\"}}\n",
		/* of an earlier phase */
		HEAD "phases:\n  - {id: p, steps: [{id: a, " TCP "}]}\n"
		     "  - {id: q, steps: [{id: b, uses: check, with: {that: "
		     "\"steps.a.outputs.duration_s < 5.0\"}}]}\n",
		/* a skipped one asked with has() */
		HEAD "steps:\n  - {id: a, if: \"1 < 2\", " TCP "}\n"
		     "  - {id: b, uses: check, with: {that: \"has(steps.a.outputs.received) && "
		     "steps.a.outputs.received == 'x'\"}}\n",
		/* its state needs no has() */
		HEAD "steps:\n  - {id: a, if: \"1 < 2\", " TCP "}\n"
		     "  - {id: b, uses: check, with: {that: \"steps.a.state == 'skipped'\"}}\n",
		/* beside it in the same group: both are skipped or none */
		HEAD
		"steps:\n  - id: g\n    if: 1 < 2\n    steps:\n      - {id: a, " TCP "}\n"
		"      - {id: b, uses: check, with: {that: \"steps.a.outputs.received == 'x'\"}}\n",
		/* one instance by its address, a sibling plainly */
		HEAD
		"steps:\n  - id: l\n    foreach: {items: [5]}\n    steps:\n      - {id: a, " TCP
		"}\n"
		"      - {id: b, uses: check, with: {that: \"steps.a.outputs.received == 'x'\"}}\n"
		"  - {id: c, uses: check, with: {that: \"steps['l/5/a'].outputs.received == "
		"'x'\"}}\n",
		/* its own outputs in its verify and rollback */
		HEAD "steps:\n  - id: a\n    run: [x]\n    outputs: {n: int}\n"
		     "    verify: {run: [y, \"${{ steps.a.outputs.n }}\"]}\n"
		     "    rollback: {run: [z, \"${{ steps.a.outputs.n }}\"]}\n",
		/* of a phase in its tests */
		HEAD "phases:\n  - id: p\n    steps: [{id: a, " TCP "}]\n"
		     "    acceptance: {tests: [{uses: check, with: {that: "
		     "\"steps.a.outputs.received == 'x'\"}}]}\n",
		/* live values in a gate */
		HEAD "roles: {ops: {members: [ann]}}\n"
		     "metrics: {m: {uses: metrics.command, with: {argv: [x]}}}\n"
		     "triggers: [{id: t, metric: m, bad: {above: 1}}]\n"
		     "steps:\n  - {id: g, approve: {roles: [ops], checks: [\"metrics.m.value < 1.0 "
		     "&& metrics.m.age < duration('1m')\", \"triggers.t.state == 'clear'\", "
		     "clients.all_acknowledged]}}\n",
		/* evidence of work by a person */
		HEAD "steps:\n  - {id: m, manual: {instructions: do, evidence: [photo]}, rollback: "
		     "not_needed}\n"
		     "  - {id: c, uses: check, with: {that: \"steps.m.outputs.photo != ''\"}}\n",
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(texts); i++)
		cut_runbook_free(load_good(texts[i]));
}

static void test_what_may_never_have_run_is_asked_first_in_finally(void **state)
{
	struct loaded l = load_with(
		HEAD "steps:\n  - {id: a, " TCP
		     "}\nfinally:\n  - {id: z, run: [x, \"${{ steps.a.outputs.received }}\"]}\n",
		NULL);

	assert_null(l.rb);
	assert_non_null(strstr(l.told, "step 'a' may be skipped, and then this has no value"));
	loaded_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references_that_are_certain_are_taken),
		cmocka_unit_test(test_what_may_never_have_run_is_asked_first_in_finally),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
