/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/load_kit.h"

#define HEAD "cutover: v1\nname: t\n"
#define STEP "steps: [{id: a, uses: check, with: {that: \"true\"}}]\n"
#define TYPES                                                                                      \
	HEAD "parameters:\n  s: {default: x}\n  n: {type: int, default: 3}\n"                      \
	     "  d: {type: duration, default: 20s}\n  p: {type: percent, default: 5%}\n"            \
	     "  b: {type: bool, default: false}\n  l: {type: list, default: [a]}\n"                \
	     "  c: {type: choice, choices: [small, large]}\n" STEP

static void test_defaults_are_typed(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(TYPES);
	cut_auto(cut_str) char *got =
		json_dumps(rb->parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(3));

	assert_string_equal(got,
			    "{\"b\":false,\"d\":20,\"l\":[\"a\"],\"n\":3,\"p\":0.05,\"s\":\"x\"}");
}

static void test_what_is_given_wins_and_is_typed_the_same_way(void **state)
{
	cut_auto(cut_json) json_t *set =
		json_pack("{s:s, s:s, s:i, s:b, s:[s,s], s:s, s:s}", "s", "5", "d", "1m", "n", 7,
			  "b", 1, "l", "y", "z", "c", "large", "p", "2%");
	struct loaded l = load_with(TYPES, set);
	cut_auto(cut_str) char *got = NULL;

	if (!l.rb)
		fail_msg("%s", l.told);
	got = json_dumps(l.rb->parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(3));
	assert_string_equal(got, "{\"b\":true,\"c\":\"large\",\"d\":60,\"l\":[\"y\",\"z\"],\"n\":7,"
				 "\"p\":0.02,\"s\":\"5\"}");
	loaded_done(&l);
}

static void test_a_list_is_given_as_json_or_as_its_only_item(void **state)
{
	static const struct {
		const char *given;
		size_t len;
	} rows[] = {{"[\"a\", \"b\"]", 2}, {"only", 1}, {"[]", 0}};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *set = json_pack("{s:s}", "l", rows[i].given);
		struct loaded l = load_with(TYPES, set);

		assert_non_null(l.rb);
		assert_int_equal(json_array_size(json_object_get(l.rb->parameters, "l")),
				 rows[i].len);
		loaded_done(&l);
	}
}

static void test_a_bare_number_is_no_duration(void **state)
{
	cut_auto(cut_json) json_t *set = json_pack("{s:i}", "d", 20);
	struct loaded l = load_with(TYPES, set);

	assert_null(l.rb);
	assert_non_null(strstr(
		l.told, "parameter 'd' was given as 20, which is not a duration with its unit"));
	loaded_done(&l);
}

static void test_secrets_start_at_the_folder_and_are_never_literal(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "parameters: {lab: {default: sub}}\n"
			       "secrets: {a: {file: \"${{ params.lab }}/x\"}, b: {file: /etc/x}, "
			       "c: {env: TOKEN}, d: {command: bin/say it}}\n" STEP);

	assert_string_equal(rb->secrets[0].text, "/srv/sub/x");
	assert_string_equal(rb->secrets[1].text, "/etc/x");
	assert_int_equal(rb->secrets[2].from, CUT_SECRET_ENV);
	assert_int_equal(json_array_size(rb->secrets[3].argv), 2);
}

static void test_connections_are_typed_by_their_provider(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "secrets: {tsig: {file: t}}\n"
			       "connections: {z: {plugin: dns, provider: rfc2136, servers: "
			       "[127.0.0.1:53], zone: shop.test, secret: tsig}}\n" STEP);
	const struct cut_connection *c = &rb->connections[0];

	assert_string_equal(c->provider, "rfc2136");
	assert_int_equal(json_array_size(json_object_get(c->params, "servers")), 1);
	assert_string_equal(cut_json_str(c->params, "algorithm", ""), "hmac-sha256");
	assert_string_equal(cut_json_str(c->params, "secret", ""), "tsig");
}

static int note_plugin(void *data, const char *name, struct cut_err *err)
{
	json_array_append_new(data, json_string(name));
	return 0;
}

static void test_each_plugin_is_asked_for_once_before_types_are_looked_at(void **state)
{
	static const char text[] =
		HEAD "connections: {z: {plugin: dns, provider: rfc2136, servers: [a], zone: b.c}}\n"
		     "steps:\n  - {id: a, uses: sync.lag, with: {}}\n"
		     "  - {id: b, uses: dns.set_ttl, with: {}}\n  - {id: c, run: [x]}\n";
	cut_auto(cut_json) json_t *plugins = json_array();
	struct cut_load_options options = {
		.catalog = &catalog, .need_plugin = note_plugin, .need_data = plugins};
	cut_auto(cut_runbook) struct cut_runbook *rb = NULL;
	struct cut_faults faults = {0};
	cut_auto(cut_str) char *got = NULL;

	cut_runbook_load_text(text, strlen(text), "t.yaml", "/srv", &options, &faults, &rb, NULL);
	got = json_dumps(plugins, JSON_COMPACT);
	assert_string_equal(got, "[\"dns\",\"sync\",\"core\"]");
	cut_faults_done(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_typed),
		cmocka_unit_test(test_what_is_given_wins_and_is_typed_the_same_way),
		cmocka_unit_test(test_a_list_is_given_as_json_or_as_its_only_item),
		cmocka_unit_test(test_a_bare_number_is_no_duration),
		cmocka_unit_test(test_secrets_start_at_the_folder_and_are_never_literal),
		cmocka_unit_test(test_connections_are_typed_by_their_provider),
		cmocka_unit_test(test_each_plugin_is_asked_for_once_before_types_are_looked_at),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
