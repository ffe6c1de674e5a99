/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of plugins: what is looked up in them, and what is told of those that are no good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "engine/core/catalog.h"

static int add(struct cut_catalog *catalog, const char *text, struct cut_err *err)
{
	cut_auto(cut_json) json_t *descriptor = json_loads(text, 0, NULL);

	assert_non_null(descriptor);
	return cut_catalog_add(catalog, descriptor, err);
}

static void test_a_descriptor_that_is_no_good_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *what, *why;
	} cases[] = {
		{"{}", -EPERM, "descriptor of a plugin", "it has no name"},
		{"{\"name\": \"old\"}", -EEXIST, "plugin old", "two plugins have this name"},
		{"{\"name\": \"p\", \"actions\": [{}]}", -EPERM, "descriptor of p",
		 "an action has no name"},
		{"{\"name\": \"p\", \"meters\": [{}]}", -EPERM, "descriptor of p",
		 "an action has no name"},
		{"{\"name\": \"p\", \"providers\": [{}]}", -EPERM, "descriptor of p",
		 "a provider has no name"},
		{"{\"name\": \"p\", \"actions\": [{\"name\": \"a\", \"params\": [{\"type\": 0}]}]}",
		 -EPERM, "descriptor of p.a", "a parameter has no name or an unknown type"},
		{"{\"name\": \"core\", \"actions\": [{\"name\": \"a\", \"outputs\": "
		 "[{\"name\": \"x\", \"type\": 99}]}]}",
		 -EPERM, "descriptor of a", "a parameter has no name or an unknown type"},
		{"{\"name\": \"p\", \"meters\": [{\"name\": \"m\", \"params\": [{\"name\": "
		 "\"x\"}]}]}",
		 -EPERM, "descriptor of p.m", "a parameter has no name or an unknown type"},
		{"{\"name\": \"p\", \"providers\": [{\"name\": \"v\", \"params\": [{}]}]}", -EPERM,
		 "descriptor of p.v", "a parameter has no name or an unknown type"},
		{"{\"name\": \"p\", \"providers\": [{\"name\": \"v w\"}]}", -EPERM,
		 "will not load p.v w", "its name has other than letters, digits, _ and -"},
		{"{\"name\": \"p\", \"meters\": [{\"name\": \"m\"}, {\"name\": \"m\"}]}", -EEXIST,
		 "will not load p.m", "it is in the plugin's list twice"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct cut_catalog catalog = {0};
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(add(&catalog, "{\"name\": \"old\"}", NULL), 0);
		assert_int_equal(add(&catalog, cases[i].text, &err), cases[i].result);
		assert_string_equal(err.what, cases[i].what);
		assert_string_equal(err.why, cases[i].why);
		assert_null(cut_catalog_plugin(&catalog, "p"));
		cut_catalog_done(&catalog);
	}
}

/* Of an action that is right but for these members. */
static void test_an_action_that_would_mislead_a_run_is_refused(void **state)
{
	static const struct {
		const char *members, *why;
	} cases[] = {
		{"\"effects\": 0", "its effects do not say whether it reads or writes"},
		{"\"effects\": 16", "its effects do not say whether it reads or writes"},
		{"\"effects\": 3", "its effects say both that it only reads and that it writes"},
		{"\"class\": 9", "its class is none"},
		{"\"class\": -1", "its class is none"},
		{"\"ops\": 32", "it has no apply"},
		{"\"params\": [{\"name\": \"x\", \"type\": 1}, {\"name\": \"x\", \"type\": 0}]",
		 "its row x is there twice"},
		{"\"outputs\": [{\"name\": \"a.b\", \"type\": 0}]",
		 "its row a.b is not named with letters, digits, _ and -"},
		{"\"params\": [{\"name\": \"x\", \"type\": 11}]",
		 "its row x is a choice and its range has none"},
		{"\"params\": [{\"name\": \"x\", \"type\": 4, \"fallback\": \"ten\"}]",
		 "its row x has the fallback ten: a duration with a unit, such as 30s or 1h30m "
		 "is expected"},
		{"\"params\": [{\"name\": \"x\", \"type\": 1, \"fallback\": \"50\", \"range\": "
		 "\"1..10\"}]",
		 "its row x has the fallback 50: a whole number from 1 to 10 is expected"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct cut_catalog catalog = {0};
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_str) char *members = cut_printf("{%s}", cases[i].members);
		cut_auto(cut_json) json_t *given = json_loads(members, 0, NULL);
		cut_auto(cut_json) json_t *descriptor =
			json_pack("{s:s, s:[{s:s, s:i, s:i}]}", "name", "p", "actions", "name", "a",
				  "effects", CUT_WRITE, "ops", CUT_HAS_APPLY);
		json_t *action = json_array_get(json_object_get(descriptor, "actions"), 0);

		assert_int_equal(cut_catalog_add(&catalog, descriptor, NULL), 0);
		cut_catalog_done(&catalog);
		json_object_update(action, given);
		assert_int_equal(cut_catalog_add(&catalog, descriptor, &err), -EPERM);
		assert_string_equal(err.what, "will not load p.a");
		assert_string_equal(err.why, cases[i].why);
		cut_catalog_done(&catalog);
	}
}

static void test_what_a_plugin_has_is_found_by_its_full_name(void **state)
{
	struct cut_catalog catalog = {0};
	const struct cut_catalog_action *action, *meter;

	assert_int_equal(add(&catalog,
			     "{\"name\": \"core\", \"actions\": [{\"name\": \"tcp\", \"ops\": 4}]}",
			     NULL),
			 0);
	assert_int_equal(
		add(&catalog,
		    "{\"name\": \"p\", \"actions\": [{\"name\": \"a\", \"ops\": 4, \"outputs\": "
		    "[{\"name\": "
		    "\"x\", \"type\": 0}]}], \"meters\": [{\"name\": \"m\", \"unit\": \"ms\"}],"
		    "\"providers\": [{\"name\": \"v\", \"params\": [{\"name\": \"url\", "
		    "\"type\": 0}]}, {\"name\": \"w\"}]}",
		    NULL),
		0);
	assert_non_null(cut_catalog_action(&catalog, "check")); /* the engine's own */
	assert_non_null(cut_catalog_action(&catalog, "tcp"));
	assert_null(cut_catalog_action(&catalog, "a"));
	action = cut_catalog_action(&catalog, "p.a");
	assert_string_equal(action->plugin, "p");
	assert_int_equal(action->class, CUT_OPAQUE); /* nothing was promised */
	assert_int_equal(action->effects, CUT_WRITE);
	assert_string_equal(action->outputs[0].name, "x");
	assert_string_equal(action->outputs[1].name, "duration_s");
	meter = cut_catalog_meter(&catalog, "p.m");
	assert_string_equal(meter->unit, "ms");
	assert_int_equal(meter->effects, CUT_READ);
	assert_null(cut_catalog_meter(&catalog, "p.a"));
	assert_string_equal(cut_catalog_provider(&catalog, "p", "v")->params[0].name, "url");
	assert_non_null(cut_catalog_provider(&catalog, "p", "w"));
	assert_null(cut_catalog_provider(&catalog, "p", "x"));
	assert_null(cut_catalog_provider(&catalog, "q", "v"));
	assert_non_null(cut_catalog_plugin(&catalog, "p"));
	assert_null(cut_catalog_plugin(&catalog, "q"));
	cut_catalog_done(&catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_descriptor_that_is_no_good_is_refused_with_the_reason),
		cmocka_unit_test(test_an_action_that_would_mislead_a_run_is_refused),
		cmocka_unit_test(test_what_a_plugin_has_is_found_by_its_full_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
