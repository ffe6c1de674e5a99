/* SPDX-License-Identifier: Apache-2.0 */
/* Random small runbooks that use every construct which the machine handles. */
#include "sim.h"

#include "engine/base/json.h"
#include "engine/core/catalog.h"

#include <string.h>

uint32_t sim_roll(struct sim_rng *rng, uint32_t n)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % n;
}

bool sim_chance(struct sim_rng *rng, uint32_t percent)
{
	return sim_roll(rng, 100) < percent;
}

cut_time sim_between(struct sim_rng *rng, cut_time low, cut_time high)
{
	return low + (cut_time)sim_roll(rng, (uint32_t)(high - low + 1));
}

/* --- the plugin --- */

static const struct sim_action {
	const char *name;
	enum cut_class class;
	uint32_t effects, ops;
} actions[] = {
	{"read", CUT_DECLARATIVE, CUT_READ, CUT_HAS_APPLY},
	{"set", CUT_DECLARATIVE, CUT_WRITE, CUT_HAS_APPLY | CUT_HAS_OBSERVE | CUT_HAS_ROLLBACK},
	{"send", CUT_DEDUP, CUT_WRITE, CUT_HAS_APPLY | CUT_HAS_ROLLBACK},
	{"probe", CUT_PROBE, CUT_WRITE, CUT_HAS_APPLY | CUT_HAS_OBSERVE | CUT_HAS_ROLLBACK},
	{"blind", CUT_OPAQUE, CUT_WRITE, CUT_HAS_APPLY | CUT_HAS_ROLLBACK},
	{"save", CUT_DECLARATIVE, CUT_WRITE | CUT_SAVES,
	 CUT_HAS_APPLY | CUT_HAS_OBSERVE | CUT_HAS_ROLLBACK | CUT_HAS_VERIFY},
	{"move", CUT_PROBE, CUT_TRAFFIC | CUT_SAVES,
	 CUT_HAS_APPLY | CUT_HAS_OBSERVE | CUT_HAS_ROLLBACK | CUT_HAS_VERIFY},
	{"once", CUT_PROBE, CUT_WRITE, CUT_HAS_APPLY | CUT_HAS_OBSERVE},
};

json_t *sim_descriptor(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < CUT_ARRAY_LEN(actions); i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:i,s:i,s:[],s:[]}", "name",
						      actions[i].name, "help", "", "class",
						      (int)actions[i].class, "effects",
						      (int)actions[i].effects, "ops",
						      (int)actions[i].ops, "params", "outputs"));
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:[{s:s,s:s,s:s,s:[]}],s:[]}", "name", "sim",
			 "version", "1", "license", "Apache-2.0", "help", "", "actions", list,
			 "meters", "name", "value", "unit", "", "help", "", "params", "providers");
}

/* --- the runbook --- */

enum where { IN_PHASE, IN_GROUP, READS_ONLY, IN_FINALLY };

struct maker {
	struct sim_rng *rng;
	unsigned next_id;
	bool window;	 /* the run has one */
	int leads;	 /* so many of them decide */
	json_t *writing; /* owned: ids of steps that change something, for downtime clocks */
};

static bool chance(struct maker *m, uint32_t percent)
{
	return sim_chance(m->rng, percent);
}

static void set(json_t *obj, const char *key, const char *text)
{
	json_object_set_new(obj, key, json_string(text));
}

static const char *pick(struct maker *m, const char *const *words, uint32_t len)
{
	return words[sim_roll(m->rng, len)];
}
#define PICK(m, ...)                                                                               \
	pick((m), (const char *const[]){__VA_ARGS__},                                              \
	     CUT_ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void set_seconds(struct maker *m, json_t *obj, const char *key, cut_time low, cut_time high)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_duration_format(sim_between(m->rng, low, high) * CUT_SECOND, &text);
	set(obj, key, cut_buf_str(&text));
}

/* A moment around the start of the run, or of the window where there is one. */
static void set_moment(struct maker *m, json_t *obj, const char *key, cut_time low, cut_time high)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_time offset = sim_between(m->rng, low, high);

	if (m->window && offset >= 0 && chance(m, 50)) {
		cut_buf_add_str(&text, "opens+");
		cut_duration_format(offset, &text);
	} else {
		cut_rfc3339_format(SIM_WALL + offset, &text);
	}
	set(obj, key, cut_buf_str(&text));
}

static json_t *make_retry(struct maker *m)
{
	json_t *retry = json_pack("{s:i}", "limit", (int)sim_roll(m->rng, 3));

	if (chance(m, 50))
		set_seconds(m, retry, "delay", 0, 20);
	if (chance(m, 30))
		json_object_set_new(retry, "jitter", json_boolean(chance(m, 50)));
	return retry;
}

static json_t *make_body(struct maker *m, const char *action)
{
	json_t *body = json_object();
	cut_auto(cut_str) char *uses = cut_printf("sim.%s", action);

	set(body, "uses", uses);
	if (chance(m, 40))
		set_seconds(m, body, "timeout", 1, 60);
	if (chance(m, 40))
		json_object_set_new(body, "retry", make_retry(m));
	return body;
}

static void add_undo(struct maker *m, json_t *step, const char *action)
{
	bool own = strcmp(action, "once") != 0;
	uint32_t way = sim_roll(m->rng, 10);

	if (own && way < 7)
		return;
	if (way < 8 || !own) {
		json_object_set_new(step, "rollback", make_body(m, "set"));
	} else if (way == 8) {
		set(step, "rollback", "not_needed");
	} else {
		set(step, "rollback", "impossible");
		set(step, "rollback_reason", "simulated");
	}
}

static void add_action(struct maker *m, json_t *step, enum where where)
{
	const char *action = where == READS_ONLY || chance(m, 20)
				     ? "read"
				     : PICK(m, "set", "send", "probe", "blind", "save", "move",
					    "once", "set", "save");
	json_t *body = make_body(m, action);
	bool writes = strcmp(action, "read") != 0;

	json_object_update(step, body);
	json_decref(body);
	if (chance(m, 15))
		set_seconds(m, step, "deadline", 5, 120);
	if (!writes && chance(m, 20))
		json_object_set_new(step, "poll",
				    json_pack("{s:s,s:i}", "every", "2s", "limit", 5));
	if (where == READS_ONLY || where == IN_FINALLY)
		return;
	if (chance(m, 40))
		set(step, "on_failure",
		    PICK(m, "pause", "hold", "rollback", "continue", "abort", "pause", "pause"));
	if (chance(m, 20))
		set(step, "on_interrupt", "wait");
	if (!writes)
		return;
	if (chance(m, 12)) {
		json_object_set_new(step, "temporary", json_true());
		if (strcmp(action, "once") == 0)
			json_object_set_new(step, "rollback", make_body(m, "set"));
	} else {
		add_undo(m, step, action);
	}
	if (chance(m, 20))
		json_object_set_new(step, "verify", make_body(m, "read"));
	if (chance(m, 3))
		json_object_set_new(step, "point_of_no_return", json_true());
}

static void add_wait(struct maker *m, json_t *step)
{
	json_t *wait = json_object();

	set_seconds(m, wait, "for", 0, 60);
	if (chance(m, 30))
		json_object_set_new(wait, "clean", json_true());
	json_object_set_new(step, "wait", wait);
}

static void add_gate(struct maker *m, json_t *step)
{
	json_t *approve = m->leads < 3 && chance(m, 20) /* else one person too few */
				  ? json_pack("{s:[s,s]}", "roles", "leads", "owners")
				  : json_pack("{s:[s]}", "roles", PICK(m, "leads", "owners"));

	if (chance(m, 40))
		set_seconds(m, approve, "expires", 90, 600);
	if (chance(m, 50))
		set(approve, "on_expiry", PICK(m, "pause", "rollback", "abort"));
	if (chance(m, 50))
		set(approve, "on_decline", PICK(m, "pause", "rollback", "abort"));
	json_object_set_new(step, "approve", approve);
}

static json_t *make_steps(struct maker *m, enum where where, uint32_t most);

static void add_group(struct maker *m, json_t *step)
{
	if (chance(m, 40)) {
		json_object_set_new(step, "foreach", json_pack("{s:[i,i,i]}", "items", 5, 25, 50));
		if (chance(m, 50))
			json_object_set_new(json_object_get(step, "foreach"), "max_parallel",
					    json_integer(2));
	}
	if (chance(m, 50))
		set(step, "order", "parallel");
	json_object_set_new(step, "steps", make_steps(m, IN_GROUP, 3));
}

static void add_kind(struct maker *m, json_t *step, enum where where)
{
	uint32_t kind = sim_roll(m->rng, 100);

	if (where == READS_ONLY || where == IN_FINALLY || kind < 70) {
		add_action(m, step, where);
	} else if (kind < 80) {
		add_wait(m, step);
	} else if (kind < 86) {
		add_gate(m, step);
	} else if (kind < 90) {
		json_object_set_new(
			step, "manual",
			json_pack("{s:s,s:s}", "instructions", "look", "role", "leads"));
		set(step, "rollback", "not_needed");
	} else if (where == IN_PHASE) {
		add_group(m, step);
	} else {
		add_wait(m, step);
	}
}

/* before: ids of the list so far that may be needed. */
static json_t *make_step(struct maker *m, enum where where, const json_t *before)
{
	json_t *step = json_object(), *needs = json_array();
	cut_auto(cut_str) char *id = cut_printf("s%u", m->next_id++);

	set(step, "id", id);
	add_kind(m, step, where);
	if (chance(m, 5))
		set(step, "if", "false");
	if (where == IN_PHASE && !json_object_get(step, "steps") && chance(m, 6))
		set_moment(m, step, "not_before", 0, 5 * CUT_MINUTE);
	if (!json_object_get(step, "steps") && chance(m, 15))
		json_object_set_new(step, "locks", json_pack("[s]", PICK(m, "lock_a", "lock_b")));
	if (json_array_size(before) > 0 && chance(m, 40)) {
		size_t n = json_array_size(before);

		json_array_append(needs, json_array_get(before, sim_roll(m->rng, (uint32_t)n)));
		json_object_set(step, "needs", needs);
	}
	json_decref(needs);
	if (where == IN_PHASE && strcmp(cut_json_str(step, "uses", "sim.read"), "sim.read") != 0)
		json_array_append(m->writing, json_object_get(step, "id"));
	return step;
}

static json_t *make_steps(struct maker *m, enum where where, uint32_t most)
{
	json_t *steps = json_array(), *before = json_array();
	uint32_t len = 1 + sim_roll(m->rng, most);

	for (uint32_t i = 0; i < len; i++) {
		json_t *step = make_step(m, where, before);

		json_array_append(before, json_object_get(step, "id"));
		json_array_append_new(steps, step);
	}
	json_decref(before);
	return steps;
}

static json_t *make_acceptance(struct maker *m)
{
	json_t *acceptance = json_object();

	set_seconds(m, acceptance, "clean_for", 0, 60);
	if (chance(m, 50))
		set_seconds(m, acceptance, "settle", 0, 20);
	json_object_set_new(acceptance, "tests", make_steps(m, READS_ONLY, 2));
	if (chance(m, 30))
		set_seconds(m, acceptance, "tests_every", 10, 60);
	if (chance(m, 30))
		json_object_set_new(acceptance, "max_bad", json_integer(sim_roll(m->rng, 3)));
	if (chance(m, 50))
		set(acceptance, "on_bad", PICK(m, "restart", "extend", "fail"));
	if (chance(m, 30)) {
		set_seconds(m, acceptance, "deadline", 90, 900);
		set(acceptance, "on_deadline", PICK(m, "ask", "rollback"));
	}
	if (chance(m, 30))
		json_object_set_new(acceptance, "sign_off", json_pack("[s]", "owners"));
	return acceptance;
}

static json_t *make_window(struct maker *m)
{
	json_t *window = json_object();
	bool was = m->window;

	m->window = false; /* its own ends are moments of the clock */
	set_moment(m, window, "opens", -10 * CUT_MINUTE, 3 * CUT_MINUTE);
	set_moment(m, window, "closes", 4 * CUT_MINUTE, 90 * CUT_MINUTE);
	m->window = was;
	if (chance(m, 70))
		set(window, "on_overrun", PICK(m, "pause", "rollback", "continue"));
	return window;
}

/* Who may approve: so many of its members, all of them different. */
static json_t *make_roles(struct maker *m)
{
	return json_pack("{s:{s:[s,s,s],s:i},s:{s:[s,s],s:i,s:b}}", "leads", "members", "p0", "p1",
			 "p2", "quorum", m->leads, "owners", "members", "p2", "p3", "quorum",
			 1 + (int)sim_roll(m->rng, 2), "not_starter", (int)chance(m, 50));
}

static json_t *make_phase(struct maker *m, unsigned number)
{
	json_t *phase = json_object();
	cut_auto(cut_str) char *id = cut_printf("phase%u", number);

	set(phase, "id", id);
	set(phase, "order", PICK(m, "serial", "parallel"));
	json_object_set_new(phase, "steps", make_steps(m, IN_PHASE, 6));
	if (chance(m, 30))
		json_object_set_new(phase, "max_parallel",
				    json_integer(1 + (json_int_t)sim_roll(m->rng, 3)));
	if (chance(m, 40))
		json_object_set_new(phase, "acceptance", make_acceptance(m));
	if (chance(m, 6))
		set_moment(m, phase, "not_before", 0, 10 * CUT_MINUTE);
	if (chance(m, 6))
		json_object_set_new(phase, "window", make_window(m));
	return phase;
}

static void add_triggers(struct maker *m, json_t *rb)
{
	json_t *list = json_array();
	uint32_t len = sim_roll(m->rng, 3);

	for (uint32_t i = 0; i < len; i++) {
		json_t *trigger = json_pack("{s:s,s:{s:i}}", "metric", "errors", "bad", "above", 5);
		cut_auto(cut_str) char *id = cut_printf("trigger%u", i);

		set(trigger, "id", id);
		if (chance(m, 60))
			set_seconds(m, trigger, "for", 0, 30);
		else if (chance(m, 60))
			json_object_set_new(trigger, PICK(m, "consecutive", "total"),
					    json_integer(1 + (json_int_t)sim_roll(m->rng, 4)));
		else
			json_object_set_new(trigger, "m_of_n", json_pack("[i,i]", 2, 4));
		set(trigger, "then", PICK(m, "rollback", "pause", "notify"));
		if (chance(m, 20))
			json_object_set_new(trigger, "shadow", json_true());
		json_object_set_new(trigger, "missing",
				    json_pack("{s:s,s:s,s:s}", "policy",
					      PICK(m, "hold", "bad", "good"), "blind_after", "30s",
					      "on_blind", PICK(m, "pause", "rollback", "notify")));
		json_array_append_new(list, trigger);
	}
	json_object_set_new(
		rb, "metrics",
		json_pack("{s:{s:s,s:s}}", "errors", "uses", "sim.value", "every", "5s"));
	json_object_set_new(rb, "triggers", list);
}

static void add_downtime(struct maker *m, json_t *rb)
{
	size_t n = json_array_size(m->writing);
	uint32_t from, to;
	json_t *clock;

	if (n < 2 || chance(m, 60))
		return;
	from = sim_roll(m->rng, (uint32_t)n - 1);
	to = from + 1 + sim_roll(m->rng, (uint32_t)n - from - 1);
	clock = json_pack("{s:s,s:O,s:O,s:s}", "id", "outage", "from",
			  json_array_get(m->writing, from), "to", json_array_get(m->writing, to),
			  "on_limit", PICK(m, "page", "pause", "rollback"));
	set_seconds(m, clock, "limit", 5, 120);
	json_object_set_new(rb, "downtime", json_pack("[o]", clock));
}

static json_t *make_rollback(struct maker *m)
{
	json_t *rollback = json_object();

	if (chance(m, 40))
		set(rollback, "on_failure", PICK(m, "pause", "continue"));
	if (chance(m, 30))
		json_object_set_new(rollback, "ready", make_steps(m, READS_ONLY, 2));
	if (chance(m, 30))
		json_object_set_new(rollback, "verify", make_steps(m, READS_ONLY, 2));
	return rollback;
}

char *sim_generate(struct sim_rng *rng)
{
	struct maker m = {.rng = rng, .writing = json_array()};
	json_t *rb = json_pack("{s:s,s:s}", "cutover", "v1", "name", "sim"), *phases = json_array();
	uint32_t len = 1 + sim_roll(rng, 3);
	char *text;

	m.leads = 1 + (int)sim_roll(rng, 3);
	json_object_set_new(rb, "roles", make_roles(&m));
	if (chance(&m, 25)) {
		m.window = true;
		json_object_set_new(rb, "window", make_window(&m));
		json_object_set_new(rb, "authority",
				    json_pack("{s:[s,s]}", "override_window", "leads", "owners"));
	}
	for (uint32_t i = 0; i < len; i++)
		json_array_append_new(phases, make_phase(&m, i));
	json_object_set_new(rb, "phases", phases);
	json_object_set_new(rb, "rollback", make_rollback(&m));
	if (chance(&m, 40))
		json_object_set_new(rb, "finally", make_steps(&m, IN_FINALLY, 2));
	add_triggers(&m, rb);
	add_downtime(&m, rb);
	text = json_dumps(rb, JSON_INDENT(1));
	json_decref(rb);
	json_decref(m.writing);
	return text;
}
