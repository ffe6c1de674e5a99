/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted world around one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/world.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"

#define WALL_ZERO 1763841600000 /* 2025-11-22T20:00:00Z */

struct world {
	struct cut_catalog catalog;
	struct cut_runbook *rb;
	struct cut_graph *graph;
	struct cut_run *run;
	struct cut_effects effects;
	json_t *armed;
	cut_time t, wall_offset, shown;
	struct cut_buf trace;
	struct cut_buf inputs, outputs; /* a record a line */
	struct {
		CUT_VEC(uint32_t);
	} flying;
	struct flight {
		bool flying;
		enum cut_op op;
		unsigned attempt;
	} * flights; /* of each step */
	bool quiet, intent, ended;
	unsigned pages;
	unsigned epoch;
};

struct world *world_new(const char *runbook)
{
	struct world *w = cut_new(struct world);
	uint32_t where = 0;

	w->rb = world_load(runbook, &w->catalog);
	assert_int_equal(cut_graph_new(w->rb, &w->graph, &where, NULL), 0);
	w->flights = cut_new_array(struct flight, w->rb->steps_len);
	w->run = cut_run_new(w->rb, w->graph);
	w->shown = -1;
	w->armed = json_pack(
		"{s:s, s:i, s:s, s:{s:[{s:s, s:i}, {s:s, s:i}], s:[{s:s, s:i}, {s:s, s:i}]}}",
		"run", "test-run", "starter", 1001, "starter_name", "alice", "roles", "lead",
		"name", "alice", "uid", 1001, "name", "bob", "uid", 1002, "dba", "name", "bob",
		"uid", 1002, "name", "carol", "uid", 1003);
	return w;
}

unsigned world_pages(struct world *w)
{
	return w->pages;
}

struct cut_run *world_run(struct world *w)
{
	return w->run;
}

const struct cut_runbook *world_runbook(struct world *w)
{
	return w->rb;
}

const struct cut_graph *world_graph(struct world *w)
{
	return w->graph;
}

uint32_t world_step(struct world *w, const char *address)
{
	uint32_t step = cut_runbook_address(w->rb, address);

	if (step == CUT_NONE)
		fail_msg("no step %s", address);
	return step;
}

void world_armed(struct world *w, const char *json)
{
	json_t *more = json_loads(json, 0, NULL);

	assert_non_null(more);
	json_object_update(w->armed, more);
	json_decref(more);
}

void world_quiet(struct world *w)
{
	w->quiet = true;
}

/* --- the trace --- */

static void line(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->quiet)
		return;
	if (w->shown != w->t)
		cut_buf_printf(&w->trace, "[%6lld] ", (long long)w->t);
	else
		cut_buf_add_str(&w->trace, "         ");
	w->shown = w->t;
	va_start(ap, fmt);
	cut_buf_vprintf(&w->trace, fmt, ap);
	va_end(ap);
	cut_buf_add_char(&w->trace, '\n');
}

static const char *op_shown(const struct cut_effect *fx)
{
	return fx->call.op == CUT_OP_VERIFY && fx->call.entry == CUT_OP_APPLY
		       ? "extra verify"
		       : cut_op_name(fx->call.op);
}

static void show_call(struct world *w, const struct cut_effect *fx)
{
	const char *address = w->rb->steps[fx->call.step].address;
	cut_auto(cut_buf) struct cut_buf extra = {0};

	if (w->intent)
		cut_buf_add_str(&extra, ", after its intent");
	if (fx->call.poll)
		cut_buf_add_str(&extra, ", polling");
	if (fx->call.op == CUT_OP_ROLLBACK && fx->call.saved) {
		cut_buf_add_str(&extra, ", restores ");
		cut_json_canonical(fx->call.saved, &extra);
	}
	if (fx->call.params && json_object_get(fx->call.params, "value"))
		cut_buf_printf(&extra, " value=%s", cut_json_str(fx->call.params, "value", "?"));
	if (fx->call.params && json_object_get(fx->call.params, "data")) {
		cut_buf_add_str(&extra, " data=");
		cut_json_canonical(json_object_get(fx->call.params, "data"), &extra);
	}
	line(w, "%s: %s %u%s", address, fx->type == CUT_FX_EVAL ? "check" : op_shown(fx),
	     fx->call.attempt, cut_buf_str(&extra));
	w->intent = false;
}

static void take_off(struct world *w, const struct cut_effect *fx)
{
	struct flight *flight = &w->flights[fx->call.step];

	assert_false(flight->flying);
	*flight = (struct flight){true, fx->call.op, fx->call.attempt};
	cut_vec_push(&w->flying, fx->call.step);
}

static void show(struct world *w, const struct cut_effect *fx)
{
	switch (fx->type) {
	case CUT_FX_INTENT: w->intent = true; break;
	case CUT_FX_STEP:
		line(w, "%s %s%s%s", w->rb->steps[fx->step.step].address,
		     cut_step_state_name((enum cut_step_state)fx->step.state),
		     fx->step.reason ? ": " : "", fx->step.reason ? fx->step.reason : "");
		w->intent = false; /* manual work has an intent and no call */
		break;
	case CUT_FX_RUN:
		line(w, "run %s: %s", cut_run_state_name((enum cut_run_state)fx->run.state),
		     fx->run.cause);
		break;
	case CUT_FX_CALL:
	case CUT_FX_EVAL:
		show_call(w, fx);
		take_off(w, fx);
		break;
	case CUT_FX_CANCEL:
		line(w, "%s: cancel %s", w->rb->steps[fx->call.step].address, op_shown(fx));
		break;
	case CUT_FX_PAGE: w->pages++; break; /* each goes with a record */
	case CUT_FX_END:
		line(w, "end, exit code %d", cut_run_exit_code(w->run));
		w->ended = true;
		break;
	}
}

/* A check that an intent precedes each call with an effect, in the same order. */
static void effects_seen(struct world *w, const struct cut_event *ev)
{
	for (size_t i = 0; i < w->effects.len; i++) {
		const struct cut_effect *fx = &w->effects.items[i];

		if (cut_effect_is_record(fx)) {
			cut_effect_encode(fx, ev, w->rb, &w->outputs);
			cut_buf_add_char(&w->outputs, '\n');
		}
		if (!w->quiet)
			show(w, fx);
		else if (fx->type == CUT_FX_CALL || fx->type == CUT_FX_EVAL)
			take_off(w, fx);
		else if (fx->type == CUT_FX_END)
			w->ended = true;
	}
	cut_effects_clear(&w->effects);
}

static int feed_or_tell(struct world *w, struct cut_event *ev, struct cut_err *err)
{
	int r;

	ev->t = w->t;
	ev->wall = WALL_ZERO + w->t + w->wall_offset;
	if (!ev->actor)
		ev->actor = "alice";
	r = cut_run_feed(w->run, ev, &w->effects, err);
	if (r < 0) {
		line(w, "refused: %s%s%s", err->what, err->why ? ": " : "",
		     err->why ? err->why : "");
		assert_int_equal(w->effects.len, 0);
		return r;
	}
	if (!w->quiet) {
		cut_event_encode(ev, w->rb, &w->inputs);
		cut_buf_add_char(&w->inputs, '\n');
	}
	effects_seen(w, ev);
	return 0;
}

static int feed(struct world *w, struct cut_event *ev)
{
	cut_auto(cut_err) struct cut_err err = {0};

	return feed_or_tell(w, ev, &err);
}

static void tick(struct world *w)
{
	struct cut_event ev = {.type = CUT_EV_TICK, .actor = "engine"};

	assert_int_equal(feed(w, &ev), 0);
}

/* Ticks for what is due at this very instant. */
static void due_now(struct world *w)
{
	for (int i = 0; !w->ended && cut_run_wake(w->run) <= w->t; i++) {
		if (i == 1000)
			fail_msg("the machine wants to be woken for ever at %lld", (long long)w->t);
		tick(w);
	}
}

void world_at(struct world *w, cut_time t)
{
	while (!w->ended && cut_run_wake(w->run) <= t) {
		if (cut_run_wake(w->run) > w->t)
			w->t = cut_run_wake(w->run);
		due_now(w);
	}
	w->t = t;
}

static int happen(struct world *w, struct cut_event *ev)
{
	int r = feed(w, ev);

	due_now(w);
	return r;
}

/* --- events --- */

void world_start(struct world *w)
{
	struct cut_event ev = {.type = CUT_EV_ARMED, .armed = w->armed};

	assert_int_equal(happen(w, &ev), 0);
	assert_int_equal(world_order(w, CUT_ORDER_START, NULL, NULL), 0);
}

void world_outcome(struct world *w, const char *address, enum cut_status status, const char *text,
		   const char *data)
{
	uint32_t step = world_step(w, address);
	struct flight flight = w->flights[step];
	cut_auto(cut_json) json_t *json = data ? json_loads(data, 0, NULL) : NULL;
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {.step = step,
			    .op = flight.op,
			    .attempt = flight.attempt,
			    .status = status,
			    .text = text,
			    .data = json},
	};

	if (!flight.flying)
		fail_msg("nothing of %s is in flight", address);
	w->flights[step].flying = false;
	assert_int_equal(happen(w, &ev), 0);
}

void world_ok(struct world *w, const char *step)
{
	world_outcome(w, step, CUT_OK, NULL, NULL);
}

void world_fail(struct world *w, const char *step)
{
	world_outcome(w, step, CUT_FAIL, "broken", NULL);
}

void world_lost(struct world *w, const char *address, bool not_sent)
{
	uint32_t step = world_step(w, address);
	struct cut_event ev = {
		.type = CUT_EV_OUTCOME,
		.outcome = {.step = step,
			    .op = w->flights[step].op,
			    .attempt = w->flights[step].attempt,
			    .status = CUT_UNKNOWN,
			    .text = "its host died",
			    .not_sent = not_sent},
	};

	w->flights[step].flying = false;
	assert_int_equal(happen(w, &ev), 0);
}

void world_saved(struct world *w, const char *step, const char *state)
{
	cut_auto(cut_json) json_t *json = json_loads(state, JSON_DECODE_ANY, NULL);
	struct cut_event ev = {.type = CUT_EV_SAVED, .saved = {world_step(w, step), json}};

	assert_non_null(json);
	assert_int_equal(happen(w, &ev), 0);
}

void world_trigger(struct world *w, const char *id, enum cut_trigger_state state)
{
	struct cut_event ev = {.type = CUT_EV_TRIGGER, .trigger = {.state = state, .value = NAN}};

	while (strcmp(w->rb->triggers[ev.trigger.trigger].id, id) != 0)
		ev.trigger.trigger++;
	ev.trigger.text = "7 % > 5 %";
	assert_int_equal(feed(w, &ev), 0); /* others may follow at the same instant */
}

void world_accept(struct world *w, const char *phase, enum cut_acceptance_state state, bool tests)
{
	struct cut_event ev = {
		.type = CUT_EV_ACCEPTANCE,
		.acceptance = {.phase = cut_runbook_phase(w->rb, phase),
			       .state = state,
			       .want_tests = tests,
			       .text = "so it is"},
	};

	assert_int_equal(happen(w, &ev), 0);
}

void world_crash(struct world *w)
{
	struct cut_event ev = {.type = CUT_EV_RESUMED,
			       .actor = "engine",
			       .resumed = {.epoch = ++w->epoch, .same_boot = true}};

	for (uint32_t i = 0; i < w->rb->steps_len; i++)
		w->flights[i].flying = false;
	w->flying.len = 0;
	assert_int_equal(happen(w, &ev), 0);
}

void world_sleep(struct world *w, cut_time t)
{
	w->t = t;
}

void world_jump(struct world *w, cut_time ms)
{
	struct cut_event ev = {.type = CUT_EV_CLOCK, .actor = "engine", .clock = {ms}};

	w->wall_offset += ms;
	assert_int_equal(happen(w, &ev), 0);
}

static int vote(struct world *w, const char *gate, int64_t uid, bool approve, const char *values)
{
	static const char *const names[] = {"alice", "bob", "carol", "mallory"};
	cut_auto(cut_json) json_t *json = values ? json_loads(values, 0, NULL) : NULL;
	struct cut_event ev = {
		.type = CUT_EV_APPROVAL,
		.actor = names[uid - 1001],
		.approval = {.gate = gate,
			     .decline = !approve,
			     .uid = uid,
			     .name = names[uid - 1001],
			     .values = json},
	};

	return happen(w, &ev);
}

int world_vote(struct world *w, const char *gate, int64_t uid, bool approve)
{
	return vote(w, gate, uid, approve, NULL);
}

int world_vote_values(struct world *w, const char *gate, int64_t uid, const char *values)
{
	return vote(w, gate, uid, true, values);
}

int world_order(struct world *w, enum cut_order order, const char *target, const char *args)
{
	cut_auto(cut_json) json_t *json = args ? json_loads(args, 0, NULL) : NULL;
	struct cut_event ev = {
		.type = CUT_EV_ORDER,
		.order = {.order = order, .target = target, .uid = 1001, .args = json},
	};

	return happen(w, &ev);
}

unsigned world_answer_all(struct world *w)
{
	unsigned answers = 0;

	for (size_t at = 0; at < w->flying.len && !w->ended; at++) {
		uint32_t step = w->flying.items[at];
		struct cut_event ev = {
			.type = CUT_EV_OUTCOME,
			.actor = "engine",
			.outcome = {.step = step,
				    .op = w->flights[step].op,
				    .attempt = w->flights[step].attempt,
				    .status = CUT_OK},
		};

		if (!w->flights[step].flying)
			continue;
		w->flights[step].flying = false;
		answers++;
		assert_int_equal(feed(w, &ev), 0);
	}
	w->flying.len = 0;
	due_now(w);
	return answers;
}

bool world_end_one(struct world *w, enum cut_status status)
{
	while (w->flying.len > 0) {
		uint32_t step = w->flying.items[0];

		cut_vec_remove(&w->flying, 0);
		if (!w->flights[step].flying)
			continue;
		world_outcome(w, w->rb->steps[step].address, status, NULL, NULL);
		return true;
	}
	return false;
}

int world_feed(struct world *w, struct cut_event *ev, struct cut_err *err)
{
	int r = feed_or_tell(w, ev, err);

	due_now(w);
	return r;
}

/* --- looking --- */

void world_forget(struct world *w)
{
	cut_buf_reset(&w->trace);
	w->shown = -1;
}

void expect_trace_(struct world *w, const char *want, const char *file, int at)
{
	if (strcmp(cut_buf_str(&w->trace), want) != 0) {
		/* print_error() cuts long texts */
		fprintf(stderr, "--- wanted\n%s--- got\n%s", want, cut_buf_str(&w->trace));
		_fail(file, at);
	}
	world_forget(w);
}

bool world_saw(struct world *w, const char *part)
{
	bool saw = strstr(cut_buf_str(&w->trace), part) != NULL;

	if (!saw)
		fprintf(stderr, "no '%s' in\n%s", part, cut_buf_str(&w->trace));
	return saw;
}

/* --- the replay --- */

static void replay(struct world *w)
{
	struct cut_run *run = cut_run_new(w->rb, w->graph);
	struct cut_effects effects = {0};
	struct cut_buf outputs = {0};
	char *at = w->inputs.data;

	for (char *end; at && *at; at = end + 1) {
		struct cut_event ev;
		json_t *record;

		end = strchr(at, '\n');
		record = json_loadb(at, (size_t)(end - at), 0, NULL);
		assert_non_null(record);
		assert_int_equal(cut_event_decode(record, w->rb, &ev, NULL), 1);
		assert_true(cut_run_feed(run, &ev, &effects, NULL) >= 0);
		for (size_t i = 0; i < effects.len; i++) {
			if (!cut_effect_is_record(&effects.items[i]))
				continue;
			cut_effect_encode(&effects.items[i], &ev, w->rb, &outputs);
			cut_buf_add_char(&outputs, '\n');
		}
		cut_effects_clear(&effects);
		json_decref(record);
	}
	assert_string_equal(cut_buf_str(&outputs), cut_buf_str(&w->outputs));
	cut_effects_done(&effects);
	cut_buf_done(&outputs);
	cut_run_free(run);
}

void world_free(struct world *w)
{
	if (!w->quiet)
		replay(w);
	cut_run_free(w->run);
	cut_effects_done(&w->effects);
	cut_graph_free(w->graph);
	cut_runbook_free(w->rb);
	cut_catalog_done(&w->catalog);
	json_decref(w->armed);
	cut_vec_done(&w->flying);
	free(w->flights);
	cut_buf_done(&w->trace);
	cut_buf_done(&w->inputs);
	cut_buf_done(&w->outputs);
	free(w);
}
