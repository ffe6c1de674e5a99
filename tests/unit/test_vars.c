/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/load_kit.h"

#define HEAD "cutover: v1\nname: t\n"
#define PARAMS                                                                                     \
	"parameters: {p: {default: \"a b\"}, n: {type: int, default: 3}, d: {type: duration, "     \
	"default: 90s}, l: {type: list, default: [x, y]}}\n"                                       \
	"environments: {green: {host: g.example, weight: 2}}\n"

/* argv of a step made of the given `run`, as JSON */
static void expect_argv(const char *run, const char *argv)
{
	cut_auto(cut_str) char *text = cut_printf(
		HEAD PARAMS "steps:\n  - id: a\n    run: %s\n    rollback: not_needed\n", run);
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(text);
	cut_auto(cut_str) char *got =
		json_dumps(json_object_get(rb->steps[0].body.params, "argv"), JSON_COMPACT);

	assert_string_equal(got, argv);
}

static void test_a_text_is_split_as_a_shell_splits_words(void **state)
{
	static const struct {
		const char *run, *argv;
	} rows[] = {
		{"echo a  b", "[\"echo\",\"a\",\"b\"]"},
		{"echo 'a  b' \"c d\"", "[\"echo\",\"a  b\",\"c d\"]"},
		{"echo a\\ b \"q\\\"q\" 'it'\\''s'", "[\"echo\",\"a b\",\"q\\\"q\",\"it's\"]"},
		{"echo '' \"\"", "[\"echo\",\"\",\"\"]"},
		{"echo \"a\\b\" a\"b\"c", "[\"echo\",\"a\\\\b\",\"abc\"]"},
		{"echo $HOME *", "[\"echo\",\"$HOME\",\"*\"]"},
		{"[echo, a b, '']", "[\"echo\",\"a b\",\"\"]"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		expect_argv(rows[i].run, rows[i].argv);
}

static void test_a_value_never_adds_a_word(void **state)
{
	static const struct {
		const char *run, *argv;
	} rows[] = {
		{"echo ${{ params.p }} z", "[\"echo\",\"a b\",\"z\"]"},
		{"echo x${{ params.p }}y", "[\"echo\",\"xa by\"]"},
		{"echo \"${{ params.p }}\" '${{ params.p }}'", "[\"echo\",\"a b\",\"a b\"]"},
		{"[echo, \"${{ params.n }} of ${{ params.d }}\"]", "[\"echo\",\"3 of 1m30s\"]"},
		{"[echo, \"${{ environments.green.host + '!' }}\"]", "[\"echo\",\"g.example!\"]"},
		{"[echo, \"${{ {'a': {'b': 'c'}}.a.b }}\"]", "[\"echo\",\"c\"]"},
		{"'echo ${{ {\"a\": {\"b\": \"c d\"}}.a.b }} ${{ \"}} }\" }}'",
		 "[\"echo\",\"c d\",\"}} }\"]"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		expect_argv(rows[i].run, rows[i].argv);
}

static void test_values_reach_a_shell_as_variables_only(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD PARAMS
		"steps:\n  - id: a\n    shell: true\n    rollback: not_needed\n"
		"    run: echo ${{ params.p }} \"x ${{ params.n }}\" 'lit' ${{ run.id }}\n");
	const struct cut_body *body = &rb->steps[0].body;

	assert_string_equal(json_string_value(cut_json_at(body->params, "/argv/0")),
			    "echo \"${CUTOVER_VALUE_1}\" \"x ${CUTOVER_VALUE_2}\" 'lit' "
			    "\"${CUTOVER_VALUE_3}\"");
	assert_string_equal(json_string_value(cut_json_at(body->params, "/env/CUTOVER_VALUE_1")),
			    "a b");
	assert_string_equal(json_string_value(cut_json_at(body->params, "/env/CUTOVER_VALUE_2")),
			    "3");
	assert_int_equal(body->dynamic_len, 1);
	assert_string_equal(body->dynamic[0].pointer, "/env/CUTOVER_VALUE_3");
}

static void test_values_of_the_run_are_kept_with_their_place(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD PARAMS
		"steps:\n"
		"  - {id: a, uses: tcp, with: {address: \"x:1\"}}\n"
		"  - {id: b, uses: http, with: {url: \"http://x/\", json: {\"k/~\": [1, \"${{ "
		"steps.a.outputs.received }}\"], t: \"n ${{ params.n }} ${{ run.id }}\"}}}\n"
		"  - {id: c, wait: \"${{ duration(steps.a.outputs.received) }}\"}\n");
	const struct cut_body *b = &step_of(rb, "b")->body;

	assert_int_equal(b->dynamic_len, 2);
	assert_string_equal(b->dynamic[0].pointer, "/json/k~1~0/1");
	assert_true(b->dynamic[0].value.whole);
	assert_string_equal(b->dynamic[1].pointer, "/json/t");
	assert_false(b->dynamic[1].value.whole);
	assert_int_equal(b->dynamic[1].value.len, 4);
	assert_non_null(step_of(rb, "c")->wait->for_text);
}

static void test_a_scalar_that_is_one_expression_keeps_its_type(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD PARAMS "steps:\n"
			    "  - {id: a, uses: http, with: {url: \"http://x/\", json: [\"${{ "
			    "params.n }}\", \"${{ params.l }}\", \"n${{ params.n }}\"]}}\n"
			    "  - {id: b, wait: \"${{ params.d }}\"}\n"
			    "  - {id: c, wait: \"${{ params.n }}s\"}\n");
	const json_t *params = step_of(rb, "a")->body.params;

	assert_int_equal(json_integer_value(cut_json_at(params, "/json/0")), 3);
	assert_int_equal(json_array_size(cut_json_at(params, "/json/1")), 2);
	assert_string_equal(json_string_value(cut_json_at(params, "/json/2")), "n3");
	assert_int_equal(step_of(rb, "b")->wait->length, 90000);
	assert_int_equal(step_of(rb, "c")->wait->length, 3000);
}

static void test_loop_variables_are_in_scope_for_what_is_evaluated_later(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD
		"steps:\n  - id: l\n    foreach: {items: {a: 1, b: 2}, as: it}\n    if: it.value > "
		"1\n"
		"    uses: check\n    with: {that: \"it.key == 'a' || run.starter == it.key\"}\n");
	const struct cut_step *b = step_of(rb, "l/b");

	assert_non_null(b->cond);
	assert_string_equal(b->scope->name, "it");
	assert_int_equal(json_integer_value(json_object_get(b->scope->value, "value")), 2);
	/* one text is one expression, whatever the instance */
	assert_ptr_equal(b->cond, step_of(rb, "l/a")->cond);
}

static void test_braces_around_an_expression_may_be_left_out(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD
		"steps:\n  - {id: a, uses: check, with: {that: [\"${{ 1 < 2 }}\", \"1 < 2\"]}}\n");

	assert_int_equal(rb->steps[0].body.that_len, 2);
	assert_ptr_equal(rb->steps[0].body.that[0], rb->steps[0].body.that[1]);
}

static void test_shell_words_without_a_shell_are_warned_of(void **state)
{
	struct loaded l =
		load_with(HEAD "steps:\n  - {id: a, run: 'a | b', rollback: not_needed}\n", NULL);

	assert_non_null(l.rb);
	assert_string_equal(
		l.told,
		"t.yaml:4:18: warning: '|' has no meaning here: no shell runs this text; add "
		"shell: true, or quote it if it is meant as it stands\n"
		"      - {id: a, run: 'a | b', rollback: not_needed}\n"
		"                     ^~~~~~~\n");
	loaded_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_is_split_as_a_shell_splits_words),
		cmocka_unit_test(test_a_value_never_adds_a_word),
		cmocka_unit_test(test_values_reach_a_shell_as_variables_only),
		cmocka_unit_test(test_values_of_the_run_are_kept_with_their_place),
		cmocka_unit_test(test_a_scalar_that_is_one_expression_keeps_its_type),
		cmocka_unit_test(test_loop_variables_are_in_scope_for_what_is_evaluated_later),
		cmocka_unit_test(test_braces_around_an_expression_may_be_left_out),
		cmocka_unit_test(test_shell_words_without_a_shell_are_warned_of),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
