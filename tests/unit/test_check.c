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

/* Each is told so, and nothing else is. */
static void test_references_that_cannot_be_are_told_with_what_to_do(void **state)
{
	static const struct {
		const char *steps, *told; /* NULL: nothing is wrong */
	} cases[] = {
		/* one mistake, one fault: the first of an expression */
		{"steps: [{id: a, uses: check, with: {that: \"steps.xxxxxxxx.state == "
		 "steps.yyyyyyyy.state\"}}]\n",
		 "there is no step 'xxxxxxxx'"},
		{"steps:\n  - {id: g, steps: [{id: a, " TCP "}]}\n"
		 "  - {id: b, uses: check, with: {that: \"steps.g.state == 'x'\"}}\n",
		 "'g' is a group, which has no outputs or state"},
		{"steps:\n  - {id: z, " TCP "}\n"
		 "  - id: g\n    steps: [{id: h, foreach: {items: [1, 2]}, steps: [{id: a, " TCP
		 "}]},"
		 " {id: b, uses: check, with: {that: \"steps.h.state == 'x'\"}}]\n",
		 "name one instance: steps[\"h/1/a\"]"},
		{"steps:\n  - {id: z, " TCP "}\n  - {id: h, foreach: {items: [1, 2]}, " TCP "}\n"
		 "  - {id: g, if: \"steps.h.state == 'x'\", steps: [{id: a, " TCP "}]}\n",
		 "name one instance: steps[\"h/1\"]"},
		{"steps:\n  - {id: a, " TCP "}\n"
		 "  - {id: b, uses: check, with: {that: \"steps.a.nosuch == 'x'\"}}\n",
		 "a step has no 'nosuch'"},
		{"steps:\n  - {id: a, run: [x], effects: read, outputs: {size: int}}\n"
		 "  - {id: b, uses: check, with: {that: \"steps.a.outputs.sizes == 1\"}}\n",
		 "did you mean 'size'?"},
		{"steps:\n  - {id: a, run: [x], effects: read, outputs: {other: int, size: int}}\n"
		 "  - {id: b, uses: check, with: {that: \"steps.a.outputs.size == 1 && "
		 "steps.a.outputs.duration_s < 5.0\"}}\n",
		 NULL},
		{"steps:\n  - {id: m, manual: {instructions: do, evidence: [photo, call]},"
		 " rollback: not_needed}\n"
		 "  - {id: c, uses: check, with: {that: \"steps.m.outputs.call != ''\"}}\n",
		 NULL},
		{"steps:\n  - {id: m, manual: {instructions: do, evidence: [photo]},"
		 " rollback: not_needed}\n"
		 "  - {id: c, uses: check, with: {that: \"steps.m.outputs.phots != ''\"}}\n",
		 "did you mean 'photo'?"},
		{"steps:\n  - {id: d, uses: drill, with: {outputs: {size: 3}}, effects: read}\n"
		 "  - {id: c, uses: check, with: {that: \"steps.d.outputs.size == 3\"}}\n",
		 NULL},
		{"steps:\n  - {id: d, uses: drill, with: {outputs: {size: 3}}, effects: read}\n"
		 "  - {id: c, uses: check, with: {that: \"steps.d.outputs.zzz == 3\"}}\n",
		 "step 'd' (drill) has no output 'zzz'"},
		/* beside another in a group under one condition: both are skipped or none is */
		{"steps:\n  - {id: z, " TCP "}\n"
		 "  - {id: g, if: \"steps.z.state == 'failed'\", steps: [{id: a, " TCP "},"
		 " {id: s, steps: [{id: b, uses: check, with: {that: "
		 "\"steps.a.outputs.received == 'x'\"}}]}]}\n",
		 NULL},
		{"steps:\n  - {id: z, " TCP "}\n"
		 "  - {id: g, if: \"steps.z.state == 'failed'\", steps: [{id: a, " TCP "}]}\n"
		 "  - {id: h, steps: [{id: b, uses: check, with: {that: "
		 "\"steps.a.outputs.received == 'x'\"}}]}\n",
		 "step 'a' may be skipped"},
		{"steps:\n  - {id: z, " TCP "}\n  - {id: a, if: \"steps.z.state == 'failed'\", " TCP
		 "}\n  - {id: b, if: \"steps.z.state == 'failed'\", " TCP "}\n"
		 "  - {id: c, uses: check, with: {that: \"has(steps.a.outputs.received) && "
		 "has(steps.b.outputs.received) && steps.b.outputs.received == 'x'\"}}\n",
		 NULL},
		{"steps:\n  - {id: z, " TCP "}\n  - {id: a, if: \"steps.z.state == 'failed'\", " TCP
		 "}\n  - {id: b, if: \"steps.z.state == 'failed'\", " TCP "}\n"
		 "  - {id: c, uses: check, with: {that: \"has(steps.a.outputs.received) && "
		 "steps.b.outputs.received == 'x'\"}}\n",
		 "step 'b' may be skipped"},
		/* what comes after all of it */
		{"steps:\n  - {id: a, uses: check, with: {that: \"steps.z.state == 'failed'\"}}\n"
		 "finally: [{id: z, " TCP "}]\n",
		 "step 'z' is not certain to be done before this"},
		{"steps: [{id: a, " TCP "}]\n"
		 "finally: [{id: y, " TCP "}, {id: z, uses: check, with: {that: "
		 "\"steps.y.outputs.received == 'x'\"}}]\n",
		 NULL},
		{"steps:\n  - {id: a, " TCP "}\n"
		 "  - {id: g, if: \"steps.b.state == 'x'\", steps: [{id: c, " TCP "}]}\n"
		 "  - {id: b, " TCP "}\n",
		 "step 'b' is not certain to be done before this"},
		/* live values */
		{"steps: [{id: a, uses: check, with: {that: \"metrics.m.value > 1.0\"}}]\n",
		 "there is no metric 'm'"},
		{"steps: [{id: a, uses: check, with: {that: \"triggers.t.state == 'x'\"}}]\n",
		 "there is no trigger 't'"},
		{"steps: [{id: a, uses: check, with: {that: \"downtime.d > 1.0\"}}]\n",
		 "there is no downtime clock 'd'"},
		{"metrics: {other: {uses: metrics.command, with: {argv: [x]}},"
		 " errors: {uses: metrics.command, with: {argv: [x]}}}\n"
		 "steps: [{id: a, uses: check, with: {that: \"metrics.error.value > 1.0\"}}]\n",
		 "did you mean 'errors'?"},
		{"metrics: {other: {uses: metrics.command, with: {argv: [x]}},"
		 " m: {uses: metrics.command, with: {argv: [x]}}}\n"
		 "steps: [{id: a, uses: check, with: {that: \"metrics.m.age > "
		 "duration('1s')\"}}]\n",
		 NULL},
		{"metrics: {m: {uses: metrics.command, with: {argv: [x]}}}\n"
		 "steps: [{id: a, uses: check, with: {that: \"metrics.m.rate > 1.0\"}}]\n",
		 "metrics.m has no 'rate'"},
		{"metrics: {m: {uses: metrics.command, with: {argv: [x]}}}\n"
		 "triggers: [{id: t, metric: m, bad: {above: 1}}]\n"
		 "steps: [{id: a, uses: check, with: {that: \"has(metrics.m) && "
		 "triggers.t.value > 1.0\"}}]\n",
		 "triggers.t has no 'value'"},
		{"downtime: [{id: d, from: a, to: b, limit: 5s}]\nsteps:\n"
		 "  - {id: a, run: [x], rollback: not_needed}\n"
		 "  - {id: b, run: [x], rollback: not_needed}\n"
		 "  - {id: c, uses: check, with: {that: \"downtime.d < 5.0\"}}\n",
		 NULL},
		{"steps: [{id: a, uses: check, with: {that: \"clients.all\"}}]\n",
		 "clients has no 'all'"},
		{"steps: [{id: a, uses: check, with: {that: \"clients.all_acknowledged\"}}]\n",
		 NULL},
		{"steps: [{id: a, uses: check, with: {that: \"window.closes > 5\"}}]\n",
		 "window has no 'closes'"},
		{"steps: [{id: a, uses: check, with: {that: \"window.margin > "
		 "duration('5m')\"}}]\n",
		 NULL},
		{"steps: [{id: a, uses: check, with: {that: \"run.id != run.starter\"}}]\n", NULL},
		{"steps: [{id: a, uses: check, with: {that: \"run.uid == 0\"}}]\n",
		 "run has no 'uid'"},
		{"steps: [{id: a, uses: check, with: {that: \"run == steps || metrics == "
		 "run\"}}]\n",
		 NULL},
		/* what counts from a window */
		{"steps: [{id: a, not_before: opens-1h, " TCP "}]\n",
		 "step 'a' counts from a window that is not there"},
		{"window: {opens: 2031-01-01T00:00:00Z, closes: 2031-01-01T05:00:00Z}\n"
		 "steps: [{id: a, not_before: opens+1h, " TCP
		 "}, {id: b, wait: {until: closes-1h}}]\n",
		 NULL},
		{"steps: [{id: a, wait: {until: closes-1h}}]\n",
		 "step 'a' counts from a window that is not there"},
		{"steps: [{id: a, " TCP "}, {id: b, wait: {for: 5s, since: a}}]\n", NULL},
		/* evidence of an acceptance */
		{"acceptance: {clean_for: 1s}\n"
		 "metrics: {m: {uses: metrics.command, with: {argv: [x]}}}\n"
		 "triggers: [{id: t, metric: m, bad: {above: 1}}]\n"
		 "steps: [{id: a, " TCP "}]\n",
		 NULL},
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_str) char *text = cut_printf(HEAD "%s", cases[i].steps);
		struct loaded l = load_with(text, NULL);

		if (cases[i].told ? !strstr(l.told, cases[i].told) || l.faults.len != 1
				  : l.faults.len != 0) {
			print_error("%s--- want %s, got\n%s", text,
				    cases[i].told ? cases[i].told : "nothing", l.told);
			wrong++;
		}
		loaded_done(&l);
	}
	assert_int_equal(wrong, 0);
}

static void test_as_many_may_be_asked_for_as_there_are(void **state)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct loaded l;

	cut_buf_add_str(&text, HEAD "steps:\n");
	for (int i = 0; i < 40; i++)
		cut_buf_printf(&text,
			       "  - {id: s%d, if: \"run.id == 'x'\", run: [x], effects: read, "
			       "outputs: {v: int}}\n",
			       i);
	cut_buf_add_str(&text, "  - {id: b, uses: check, with: {that: \"true");
	for (int i = 0; i < 40; i++)
		cut_buf_printf(&text,
			       " && (has(steps.s%d.outputs.v) ? steps.s%d.outputs.v == 1 : true)",
			       i, i);
	cut_buf_add_str(&text, "\"}}\n");
	l = load_with(text.data, NULL);
	assert_string_equal(l.told, "");
	loaded_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references_that_are_certain_are_taken),
		cmocka_unit_test(test_references_that_cannot_be_are_told_with_what_to_do),
		cmocka_unit_test(test_what_may_never_have_run_is_asked_first_in_finally),
		cmocka_unit_test(test_as_many_may_be_asked_for_as_there_are),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
