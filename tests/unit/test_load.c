/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/load_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "cutover: v1\nname: t\n"
#define OK   "uses: check, with: {that: \"true\"}"
#define EDGE                                                                                       \
	"connections: {edge: {plugin: traffic, provider: haproxy, sockets: [/s], backend: b}}\n"
#define ZONE                                                                                       \
	"connections: {zone: {plugin: dns, provider: rfc2136, servers: [\"127.0.0.1:53\"], "       \
	"zone: shop.test}}\n"

static void test_addresses_of_instances_name_group_item_and_step(void **state)
{
	static const char *const addresses[] = {"ladder/5/shift",   "ladder/5/inside",
						"ladder/b-1/shift", "ladder/2/shift",
						"each/x",	    "plain"};
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "steps:\n"
		     "  - id: ladder\n    foreach: {items: [5, b-1, a b]}\n"
		     "    steps:\n"
		     "      - {id: shift, " OK "}\n"
		     "      - {id: group, steps: [{id: inside, needs: [shift], " OK "}]}\n"
		     "  - {id: each, foreach: {items: {x: 1}}, " OK "}\n"
		     "  - {id: wrap, steps: [{id: plain, " OK "}]}\n");

	for (size_t i = 0; i < CUT_ARRAY_LEN(addresses); i++)
		step_of(rb, addresses[i]);
	assert_int_equal(rb->steps_len, 8);
	assert_int_equal(step_of(rb, "ladder/b-1/inside")->needs[0].index,
			 step_of(rb, "ladder/b-1/shift") - rb->steps);
}

static void test_siblings_are_named_plainly_from_the_inside_out(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "steps:\n  - id: l\n    foreach: {items: [a, b]}\n"
			       "    steps: [{id: s, " OK "}, {id: g, steps: [{id: t, " OK "}]}]\n");
	uint32_t group = step_of(rb, "l/b/t")->group;

	assert_string_equal(rb->steps[cut_runbook_step(rb, group, "s")].address, "l/b/s");
	assert_string_equal(rb->steps[cut_runbook_step(rb, group, "l/a/s")].address, "l/a/s");
	assert_int_equal(cut_runbook_step(rb, CUT_NONE, "s"), CUT_NONE);
}

static void test_a_phase_is_repeated_with_its_item_in_the_address(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "phases:\n  - id: wave\n    foreach: {items: [eu, us]}\n    steps:\n"
		     "      - {id: a, run: [\"go\", \"${{ item }}\"], rollback: not_needed}\n"
		     "      - {id: b, needs: [a], " OK "}\n");

	assert_int_equal(rb->forward_len, 2);
	assert_string_equal(rb->phases[1].id, "wave/us");
	assert_int_equal(step_of(rb, "wave/us/b")->needs[0].index,
			 step_of(rb, "wave/us/a") - rb->steps);
	assert_string_equal(
		json_string_value(cut_json_at(step_of(rb, "wave/us/a")->body.params, "/argv/1")),
		"us");
}

static void test_tests_and_checks_without_an_id_are_numbered(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "phases:\n  - id: p\n    steps: [{id: a, " OK "}]\n"
			       "    acceptance: {clean_for: 5s, tests: [{run: [x]}, {run: [y]}]}\n"
			       "rollback: {ready: [{run: [z]}], verify: [{run: [z]}]}\n"
			       "finally: [{id: bye, run: [z]}]\n");

	assert_int_equal(step_of(rb, "p/tests/1")->body.effects & CUT_WRITE, 0);
	assert_int_equal(step_of(rb, "rollback/ready/0")->undo, CUT_UNDO_NOT_NEEDED);
	step_of(rb, "rollback/verify/0");
	assert_int_equal(step_of(rb, "bye")->undo, CUT_UNDO_NOT_NEEDED);
	assert_int_equal(rb->phases[rb->phases[0].acceptance.tests].role, CUT_PHASE_TESTS);
	assert_int_equal(rb->phases[rb->finally_phase].role, CUT_PHASE_FINALLY);
}

static void test_stages_count_the_accepted_phases_before(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "phases:\n"
		     "  - {id: p, steps: [{id: a, " OK "}], acceptance: {tests: [{run: [x]}]}}\n"
		     "  - {id: q, steps: [{id: b, " OK "}]}\n"
		     "  - {id: r, steps: [{id: c, " OK "}]}\n"
		     "acceptance: {tests: [{run: [x]}]}\n");

	assert_int_equal(rb->phases[0].stage, 0);
	assert_int_equal(rb->phases[1].stage, 1);
	assert_int_equal(rb->phases[2].stage, 1);
	assert_true(rb->phases[2].acceptance.given);
}

static void test_undo_follows_from_effects_where_nothing_is_said(void **state)
{
	static const struct {
		const char *step;
		enum cut_undo undo;
	} rows[] = {
		{"ttl", CUT_UNDO_AUTO},		{"tcp", CUT_UNDO_NOT_NEEDED},
		{"get", CUT_UNDO_NOT_NEEDED},	{"read", CUT_UNDO_NOT_NEEDED},
		{"tell", CUT_UNDO_NOT_NEEDED},	{"gate", CUT_UNDO_NOT_NEEDED},
		{"body", CUT_UNDO_BODY},	{"drill", CUT_UNDO_AUTO},
		{"never", CUT_UNDO_IMPOSSIBLE},
	};
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD ZONE
		"roles: {ops: {members: [ann]}}\nsteps:\n"
		"  - {id: ttl, uses: dns.set_ttl, with: {zone: zone, names: [www], ttl: 2s}}\n"
		"  - {id: tcp, uses: tcp, with: {address: \"x:1\"}}\n"
		"  - {id: get, uses: http, with: {url: \"http://x/\"}}\n"
		"  - {id: read, run: [x], effects: read}\n"
		"  - {id: tell, uses: notify, with: {text: hi}}\n"
		"  - {id: gate, approve: {roles: [ops]}}\n"
		"  - {id: body, run: [x], rollback: {run: [y]}}\n"
		"  - {id: drill, uses: drill, with: {}}\n"
		"  - {id: never, run: [x], rollback: impossible, rollback_reason: gone}\n");

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		if (step_of(rb, rows[i].step)->undo != rows[i].undo)
			fail_msg("%s: %d", rows[i].step, step_of(rb, rows[i].step)->undo);
}

static void test_class_follows_from_what_stands_beside(void **state)
{
	static const struct {
		const char *step;
		enum cut_class class;
		uint32_t effects;
	} rows[] = {
		{"plain", CUT_OPAQUE, CUT_WRITE},	{"seen", CUT_PROBE, CUT_WRITE},
		{"said", CUT_DECLARATIVE, CUT_DESTROY}, {"post", CUT_OPAQUE, CUT_WRITE},
		{"keyed", CUT_DEDUP, CUT_WRITE},	{"get", CUT_DECLARATIVE, CUT_READ},
		{"marked", CUT_PROBE, CUT_WRITE},	{"unmarked", CUT_DECLARATIVE, CUT_WRITE},
	};
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "steps:\n"
			       "  - {id: plain, run: [x], rollback: not_needed}\n"
			       "  - {id: seen, run: [x], observe: [y], rollback: not_needed}\n"
			       "  - {id: said, run: [x], class: declarative, effects: destroy, "
			       "rollback: not_needed}\n"
			       "  - {id: post, uses: http, with: {url: \"http://x/\", method: "
			       "POST}, rollback: not_needed}\n"
			       "  - {id: keyed, uses: http, with: {url: \"http://x/\", method: "
			       "POST, idempotency_header: K}, rollback: not_needed}\n"
			       "  - {id: get, uses: http, with: {url: \"http://x/\"}}\n"
			       "  - {id: marked, uses: drill, with: {mark: m}}\n"
			       "  - {id: unmarked, uses: drill, with: {}}\n");

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		const struct cut_body *body = &step_of(rb, rows[i].step)->body;

		if (body->class != rows[i].class || !(body->effects & rows[i].effects))
			fail_msg("%s: class %d effects %u", rows[i].step, body->class,
				 body->effects);
	}
	assert_true(step_of(rb, "seen")->body.ops & CUT_HAS_OBSERVE);
	assert_false(step_of(rb, "plain")->body.ops & CUT_HAS_OBSERVE);
}

static void test_defaults_reach_steps_and_their_extra_bodies(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "defaults: {timeout: 1m, on_failure: hold, retry: {limit: 3, delay: "
			       "1s}, max_parallel: 7}\n"
			       "steps:\n"
			       "  - {id: a, run: [x], rollback: {run: [y], timeout: 5s}, verify: "
			       "{run: [z], retry: {limit: 9}}}\n"
			       "  - {id: b, run: [x], rollback: not_needed, timeout: 2s, "
			       "on_failure: abort, retry: {limit: 1}}\n");
	const struct cut_step *a = step_of(rb, "a"), *b = step_of(rb, "b");

	assert_int_equal(a->body.timeout, 60000);
	assert_int_equal(a->undo_body->timeout, 5000);
	assert_int_equal(a->verify_body->timeout, 60000);
	assert_int_equal(a->body.retry->limit, 3);
	assert_int_equal(a->verify_body->retry->limit, 9);
	assert_int_equal(a->on_failure, CUT_FAIL_HOLD);
	assert_int_equal(b->body.timeout, 2000);
	assert_int_equal(b->on_failure, CUT_FAIL_ABORT);
	assert_int_equal(b->body.retry->delay, 5000);
	assert_int_equal(rb->max_parallel, 7);
}

static void test_triggers_are_armed_at_the_first_step_that_moves_traffic(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD EDGE
		"metrics: {m: {uses: metrics.command, with: {argv: [x]}, every: 2s}}\n"
		"triggers: [{id: t, metric: m, bad: {above: 5%}}]\n"
		"steps:\n  - {id: a, " OK "}\n"
		"  - {id: b, uses: traffic.shift, with: {balancer: edge, to: {green: 5%}}}\n");
	const struct cut_trigger *t = &rb->triggers[0];

	assert_int_equal(t->from, 1);
	assert_int_equal(t->until, CUT_NONE);
	assert_int_equal(t->persist, CUT_PERSIST_FOR);
	assert_int_equal(t->for_time, 180000);
	assert_int_equal(t->max_gap, 4000);
	assert_int_equal(t->max_age, 4000);
	assert_int_equal(t->blind_after, 120000);
	assert_true(t->bad.high > 0.0499 && t->bad.high < 0.0501);
}

/* Of golden/good/everything.yaml, where each key has a value that is not its default. */
static void test_what_is_written_reaches_the_model(void **state)
{
	cut_auto(cut_str) char *path = test_path("golden/good/everything.yaml");
	cut_auto(cut_json) json_t *set =
		json_pack("{s:s, s:s}", "hosts", "[\"a.example\"]", "size", "small");
	struct cut_load_options options = {.catalog = &catalog, .set = set};
	cut_auto(cut_runbook) struct cut_runbook *rb = NULL;
	struct cut_faults faults = {0};
	const struct cut_trigger *high, *slow, *down;
	const struct cut_step *plug, *firewall, *frozen, *go;
	const struct cut_acceptance *accepted;
	const struct cut_group *together;

	assert_int_equal(cut_runbook_load(path, &options, &faults, &rb, NULL), 0);
	cut_faults_done(&faults);
	high = &rb->triggers[0], slow = &rb->triggers[1], down = &rb->triggers[2];
	plug = step_of(rb, "plug"), firewall = step_of(rb, "firewall");
	frozen = step_of(rb, "freeze"), go = step_of(rb, "go");
	accepted = &rb->phases[step_of(rb, "ladder/first/shift")->phase].acceptance;
	together = &rb->groups[step_of(rb, "switch_all")->group];
	const struct {
		const char *what;
		int64_t is, want;
	} numbers[] = {
		{"high until", high->until, cut_runbook_step(rb, CUT_NONE, "switch_all")},
		{"high for", high->for_time, 5000},
		{"high persist", high->persist, CUT_PERSIST_FOR},
		{"high min_events", (int64_t)high->min_events, 10},
		{"high then", high->then, CUT_THEN_ROLLBACK},
		{"high missing", high->missing, CUT_MISSING_HOLD},
		{"high on_blind", high->on_blind, CUT_THEN_PAUSE},
		{"slow every", slow->every, 15000},
		{"slow max_age", slow->max_age, 30000},
		{"slow max_gap", slow->max_gap, 30000},
		{"slow persist", slow->persist, CUT_PERSIST_M_OF_N},
		{"slow m", slow->m, 3},
		{"slow n", slow->n, 5},
		{"slow then", slow->then, CUT_THEN_PAUSE},
		{"slow keep", slow->keep, 10000},
		{"slow missing", slow->missing, CUT_MISSING_BAD},
		{"slow blind_after", slow->blind_after, 60000},
		{"slow on_blind", slow->on_blind, CUT_THEN_NOTIFY},
		{"down persist", down->persist, CUT_PERSIST_CONSECUTIVE},
		{"down n", down->n, 3},
		{"down warmup", down->warmup, 5000},
		{"down shadow", down->shadow, true},
		{"down then", down->then, CUT_THEN_NOTIFY},
		{"outage", rb->downtimes[0].outage, true},
		{"limit", rb->downtimes[0].limit, 30000},
		{"on_limit", rb->downtimes[0].on_limit, CUT_LIMIT_PAUSE},
		{"downtime from", rb->downtimes[0].from, cut_runbook_step(rb, CUT_NONE, "freeze")},
		{"downtime to", rb->downtimes[0].to, cut_runbook_step(rb, CUT_NONE, "thaw")},
		{"rollback max_parallel", rb->rollback_max_parallel, 2},
		{"rollback on_failure", rb->rollback_continues, true},
		{"max_parallel", rb->max_parallel, 8},
		{"phase max_parallel", rb->phases[0].max_parallel, 4},
		{"on_overrun", rb->phases[0].window.on_overrun, CUT_OVERRUN_ROLLBACK},
		{"manual class", plug->body.class, CUT_DECLARATIVE},
		{"manual effects", plug->body.effects, CUT_WRITE},
		{"command class", frozen->body.class, CUT_DECLARATIVE},
		{"command ops", firewall->body.ops & CUT_HAS_OBSERVE, CUT_HAS_OBSERVE},
		{"undo's timeout", firewall->undo_body->timeout, 5000},
		{"undo's retry", firewall->undo_body->retry->limit, 3},
		{"retry delay", firewall->body.retry->delay, 1000},
		{"retry max", firewall->body.retry->max, 10000},
		{"retry jitter", firewall->body.retry->jitter, false},
		{"backstop", firewall->temporary->backstop, 6 * 3600000},
		{"planned", firewall->planned, 5000},
		{"deadline", frozen->deadline, 600000},
		{"on_interrupt", frozen->interrupt_waits, true},
		{"on_failure", frozen->on_failure, CUT_FAIL_ROLLBACK},
		{"group's max_parallel", together->max_parallel, 2},
		{"expires", go->approve->expires, 30 * 60000},
		{"on_expiry", go->approve->on_expiry, CUT_GATE_ROLLBACK},
		{"on_decline", go->approve->on_decline, CUT_GATE_ABORT},
		{"clean_for", accepted->clean_for, 20000},
		{"settle", accepted->settle, 1000},
		{"tests_every", accepted->tests_every, 10000},
		{"max_bad", accepted->max_bad, 1},
		{"coverage", (int64_t)(accepted->coverage * 100 + 0.5), 90},
		{"on_bad", accepted->on_bad, CUT_BAD_EXTEND},
		{"accepted by", accepted->deadline, 3600000},
		{"on_deadline", accepted->on_deadline, CUT_DEADLINE_ROLLBACK},
		{"sign_off", accepted->sign_off[0], 1},
		{"quorum", rb->roles[0].quorum, 2},
		{"not_starter", rb->roles[0].not_starter, true},
		{"notify every", rb->notifies[0].every, 600000},
	};
	const struct {
		const char *is, *want;
	} texts[] = {
		{rb->clients[0].what, "new pins"},
		{rb->clients[0].owner, "app"},
		{rb->roles[0].contact, "#ops"},
		{firewall->environment, "green"},
		{firewall->prose->owner, "net"},
		{firewall->prose->if_fails, "call the network team"},
		{firewall->locks[0], "fw"},
		{plug->manual->instructions, "plug it in"},
		{plug->manual->evidence[0], "photo"},
		{rb->notifies[0].text, "hi"},
		{together->title, "at once"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(numbers); i++)
		if (numbers[i].is != numbers[i].want)
			fail_msg("%s is %lld", numbers[i].what, (long long)numbers[i].is);
	for (size_t i = 0; i < CUT_ARRAY_LEN(texts); i++)
		assert_string_equal(texts[i].is, texts[i].want);
	assert_true(slow->bad.low > 0.099 && slow->bad.low < 0.101 && slow->bad.high == 9);
	assert_true(high->clear.kind == CUT_BOUND_BELOW && high->clear.low < 0.021);
}

static void test_what_is_not_written_has_its_default(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "steps: [{id: a, run: [x], rollback: {run: [y]}}, {id: m, manual: "
			       "{instructions: do it}, rollback: not_needed}]\n");
	const struct cut_step *a = step_of(rb, "a"), *m = step_of(rb, "m");

	assert_int_equal(rb->max_parallel, 16);
	assert_int_equal(rb->rollback_max_parallel, 4);
	assert_false(rb->rollback_continues);
	assert_int_equal(a->body.timeout, 600000);
	assert_int_equal(a->undo_body->timeout, 600000);
	assert_int_equal(a->on_failure, CUT_FAIL_PAUSE);
	assert_int_equal(a->body.retry->limit, 0);
	assert_int_equal(a->undo_body->retry->limit, 0);
	assert_int_equal(a->body.class, CUT_OPAQUE);
	assert_int_equal(m->body.class, CUT_OPAQUE);
	assert_int_equal(m->body.effects, CUT_WRITE);
}

static void test_what_is_of_a_later_version_is_noted_with_its_place(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD "sign_off: {roles: [ops]}\nsteps:\n  - {id: a, " OK ", emergency: skip}\n");

	assert_int_equal(rb->unsupported_len, 2);
	assert_string_equal(rb->unsupported[0].what, "sign_off");
	assert_int_equal(rb->unsupported[0].mark.line, 3);
	assert_string_equal(rb->unsupported[1].what, "emergency");
}

static void test_later_names_and_words_are_noted_too(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = load_good(
		HEAD
		"roles: {ops: {members: [ann]}}\nsteps:\n"
		"  - {id: a, approve: {roles: [ops], checks: [window.margin > duration('1m')]}}\n"
		"  - {id: b, " OK ", planned: history}\n");

	assert_int_equal(rb->unsupported_len, 2);
	assert_string_equal(rb->unsupported[0].what, "window.margin");
	assert_string_equal(rb->unsupported[1].what, "planned: history");
}

static int need_nothing(void *data, const char *name, struct cut_err *err)
{
	return strcmp(name, "dns") && strcmp(name, "core")
		       ? cut_err_set(err, -ENOENT, NULL, NULL, "no %s", name)
		       : 0;
}

/* Refuses every url that has a word in it. */
static int check_url(void *data, const char *plugin, const json_t *calls, json_t **ret,
		     struct cut_err *err)
{
	json_t *whys = json_array();
	const json_t *call;
	size_t i;

	assert_string_equal(plugin, "core");
	++*(unsigned *)data;
	json_array_foreach (calls, i, call) {
		assert_string_equal(cut_json_str(call, "action", ""), "http");
		json_array_append_new(
			whys, strstr(cut_json_str(cut_json_at(call, "/params"), "url", ""), "bad")
				      ? json_string("no such place")
				      : json_null());
	}
	*ret = whys;
	return 0;
}

static void told_of(const char *text, const struct cut_load_options *options, const char *told)
{
	struct cut_faults faults = {0};
	struct cut_runbook *rb = NULL;
	struct cut_buf all = {0};

	cut_runbook_load_text(text, strlen(text), "t.yaml", "/srv", options, &faults, &rb, NULL);
	cut_faults_print(&faults, false, &all);
	assert_string_equal(cut_buf_str(&all), told);
	cut_runbook_free(rb);
	cut_faults_done(&faults);
	cut_buf_done(&all);
}

static void test_a_plugin_that_is_not_there_is_told_where_it_is_named(void **state)
{
	told_of(HEAD "steps:\n  - {id: a, uses: dnss.set_ttl}\n  - {id: b, wait: 5}\n",
		&(struct cut_load_options){.catalog = &catalog, .need_plugin = need_nothing},
		"t.yaml:4:19: error: there is no action 'dnss.set_ttl'; did you mean "
		"'dns.set_ttl'?\n"
		"      - {id: a, uses: dnss.set_ttl}\n                      ^~~~~~~~~~~~\n"
		"t.yaml:5:19: error: '5' is not a duration of at least 0s; write 5s, 5m or 5h\n"
		"      - {id: b, wait: 5}\n                      ^\n");
}

static void test_plugins_are_asked_once_about_what_is_known(void **state)
{
	unsigned asked = 0;
	struct cut_load_options options = {
		.catalog = &catalog, .check_params = check_url, .need_data = &asked};

	told_of(HEAD "steps:\n"
		     "  - {id: a, uses: http, with: {url: \"http://good\"}}\n"
		     "  - {id: b, uses: http, with: {url: \"http://bad\"}}\n"
		     "  - {id: c, uses: http, with: {url: \"http://bad/${{ run.id }}\"}}\n"
		     "  - id: d\n    foreach: {items: [1, 2]}\n    uses: http\n"
		     "    with: {url: \"http://bad/${{ item }}\"}\n",
		&options,
		"t.yaml:5:31: error: http: no such place\n"
		"      - {id: b, uses: http, with: {url: \"http://bad\"}}\n"
		"                                  ^\n"
		"t.yaml:10:11: error: http: no such place\n"
		"        with: {url: \"http://bad/${{ item }}\"}\n"
		"              ^\n");
	assert_int_equal(asked, 1);
}

static void test_inventory_and_objectives_are_kept_typed(void **state)
{
	cut_auto(cut_runbook) struct cut_runbook *rb =
		load_good(HEAD "objectives: {rpo: 5s, downtime: 1m30s}\nstrategy: canary\n"
			       "fqdns: [{name: www.shop.test, decision: keep}]\n"
			       "data: [{store: orders, rpo: 1m}]\nsteps: [{id: a, " OK "}]\n");

	assert_int_equal(json_integer_value(cut_json_at(rb->objectives, "/downtime")), 90);
	assert_string_equal(json_string_value(cut_json_at(rb->inventory, "/strategy/0")), "canary");
	assert_string_equal(json_string_value(cut_json_at(rb->inventory, "/fqdns/0/decision")),
			    "keep");
	assert_int_equal(json_integer_value(cut_json_at(rb->inventory, "/data/0/rpo")), 60);
}

static void test_a_file_and_its_json_form_have_one_identity(void **state)
{
	static const char *const forms[] = {
		"cutover: v1\nname: t\n# a comment\nsteps:\n- id: a\n  uses: check\n  with:\n    "
		"that: 'true'\n  on_failure: pause\n",
		"{\"steps\": [{\"with\": {\"that\": \"true\"}, \"uses\": \"check\", "
		"\"on_failure\": \"pause\", \"id\": \"a\"}], \"name\": \"t\", \"cutover\": \"v1\"}",
	};
	char digests[2][65];

	for (int i = 0; i < 2; i++) {
		cut_auto(cut_runbook) struct cut_runbook *rb = load_good(forms[i]);
		struct cut_buf canonical = {0};

		assert_int_equal(cut_runbook_identity(rb, &canonical), 0);
		assert_string_equal(cut_buf_str(&canonical),
				    "{\"cutover\":\"v1\",\"name\":\"t\",\"steps\":[{\"id\":\"a\","
				    "\"on_failure\":"
				    "\"pause\",\"uses\":\"check\",\"with\":{\"that\":\"true\"}}]}");
		memcpy(digests[i], rb->sha256, 65);
		cut_buf_done(&canonical);
	}
	assert_string_equal(digests[0], digests[1]);
}

static void test_the_cap_of_steps_is_told_once(void **state)
{
	expect_told(HEAD "parameters: {many: {type: list, default: []}}\nsteps:\n"
			 "  - id: a\n    foreach: {items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
			 "13, 14, 15, 16, 17]}\n"
			 "    steps:\n      - id: b\n        foreach: {items: [1, 2, 3, 4, 5, 6, "
			 "7, 8, 9, 10, 11, 12]}\n"
			 "        steps:\n          - id: c\n            foreach: {items: [1, 2, "
			 "3, 4, 5, 6, 7, 8, 9, 10, 11]}\n"
			 "            steps:\n              - id: d\n                foreach: "
			 "{items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\n"
			 "                steps:\n                  - id: e\n                    "
			 "foreach: {items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\n"
			 "                    "
			 "uses: check\n                    with: {that: \"true\"}\n",
		    "t.yaml:17:21: error: more than 250,000 steps, foreach expanded; split the "
		    "work into several runbooks\n"
		    "                      - id: e\n"
		    "                        ^\n");
}

/* Else its commands would be looked for in another. */
static void test_a_file_whose_folder_cannot_be_told_is_not_loaded(void **state)
{
	enum { LEVELS = 20, NAME_MAX_LEN = 250 };
	static const char text[] = HEAD "steps: [{id: a, " OK "}]\n";
	struct cut_load_options options = {.catalog = &catalog};
	cut_auto(cut_err) struct cut_err err = {0};
	int back = open(".", O_PATH | O_DIRECTORY), depth = 0, file;
	char name[NAME_MAX_LEN + 1] = {0}, top[] = "/tmp/test_load.XXXXXX";
	struct cut_runbook *rb = NULL;
	struct cut_faults faults = {0};

	memset(name, 'd', NAME_MAX_LEN);
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	while (depth < LEVELS && mkdir(name, 0700) == 0 && chdir(name) == 0)
		depth++;
	file = open("book.yaml", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
	assert_int_equal(cut_runbook_load("book.yaml", &options, &faults, &rb, &err),
			 -ENAMETOOLONG);
	assert_string_equal(err.what, "cannot tell in which folder book.yaml lies");
	assert_null(rb);
	unlink("book.yaml");
	while (depth-- > 0 && chdir("..") == 0)
		rmdir(name);
	rmdir(top);
	assert_int_equal(fchdir(back), 0);
	close(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_of_instances_name_group_item_and_step),
		cmocka_unit_test(test_siblings_are_named_plainly_from_the_inside_out),
		cmocka_unit_test(test_a_phase_is_repeated_with_its_item_in_the_address),
		cmocka_unit_test(test_tests_and_checks_without_an_id_are_numbered),
		cmocka_unit_test(test_stages_count_the_accepted_phases_before),
		cmocka_unit_test(test_undo_follows_from_effects_where_nothing_is_said),
		cmocka_unit_test(test_class_follows_from_what_stands_beside),
		cmocka_unit_test(test_defaults_reach_steps_and_their_extra_bodies),
		cmocka_unit_test(test_triggers_are_armed_at_the_first_step_that_moves_traffic),
		cmocka_unit_test(test_what_is_written_reaches_the_model),
		cmocka_unit_test(test_what_is_not_written_has_its_default),
		cmocka_unit_test(test_what_is_of_a_later_version_is_noted_with_its_place),
		cmocka_unit_test(test_later_names_and_words_are_noted_too),
		cmocka_unit_test(test_a_plugin_that_is_not_there_is_told_where_it_is_named),
		cmocka_unit_test(test_plugins_are_asked_once_about_what_is_known),
		cmocka_unit_test(test_inventory_and_objectives_are_kept_typed),
		cmocka_unit_test(test_a_file_and_its_json_form_have_one_identity),
		cmocka_unit_test(test_the_cap_of_steps_is_told_once),
		cmocka_unit_test(test_a_file_whose_folder_cannot_be_told_is_not_loaded),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
