/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/load_kit.h"

static void test_the_schema_knows_keys_words_and_defaults(void **state)
{
	cut_auto(cut_json) json_t *schema = cut_runbook_schema(&catalog);

	assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
			    "https://json-schema.org/draft/2020-12/schema");
	assert_string_equal(json_string_value(cut_json_at(
				    schema, "/$defs/step/properties/on_failure/anyOf/0/enum/2")),
			    "rollback");
	assert_string_equal(json_string_value(cut_json_at(
				    schema, "/$defs/defaults/properties/timeout/description")),
			    "of one attempt; default 10m");
	assert_string_equal(json_string_value(cut_json_at(schema, "/$defs/runbook/required/0")),
			    "cutover");
	assert_true(json_is_false(cut_json_at(schema, "/$defs/step/additionalProperties")));
	assert_string_equal(json_string_value(cut_json_at(
				    schema, "/$defs/runbook/properties/phases/items/$ref")),
			    "#/$defs/phase");
}

static void test_the_schema_knows_the_actions_of_plugins(void **state)
{
	cut_auto(cut_json) json_t *schema = cut_runbook_schema(&catalog);
	const json_t *cases = cut_json_at(schema, "/$defs/step/allOf"), *row;
	bool found = false;
	size_t i;

	json_array_foreach (cases, i, row) {
		const char *name = json_string_value(cut_json_at(row, "/if/properties/uses/const"));
		const json_t *with = cut_json_at(row, "/then/properties/with");

		if (strcmp(name, "traffic.shift") != 0)
			continue;
		found = true;
		assert_string_equal(json_string_value(cut_json_at(with, "/required/0")),
				    "balancer");
		assert_non_null(cut_json_at(with, "/properties/tolerance"));
	}
	assert_true(found);
	assert_non_null(cut_json_at(
		schema, "/$defs/runbook/properties/connections/additionalProperties/anyOf/0"));
}

/* Every reference in the schema leads somewhere. */
static void check_refs(const json_t *schema, const json_t *at)
{
	const char *ref = json_string_value(json_object_get(at, "$ref")), *key;
	json_t *value;
	size_t i;

	if (ref && !cut_json_at(schema, ref + 1))
		fail_msg("%s is not there", ref);
	if (json_is_object(at))
		json_object_foreach ((json_t *)at, key, value)
			check_refs(schema, value);
	else
		json_array_foreach (at, i, value)
			check_refs(schema, value);
}

static void test_references_lead_somewhere(void **state)
{
	cut_auto(cut_json) json_t *schema = cut_runbook_schema(&catalog);

	check_refs(schema, schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_schema_knows_keys_words_and_defaults),
		cmocka_unit_test(test_the_schema_knows_the_actions_of_plugins),
		cmocka_unit_test(test_references_lead_somewhere),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
