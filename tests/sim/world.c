/* SPDX-License-Identifier: Apache-2.0 */
/* The world of one seed: a virtual clock, calls that end as they like, a metric, an engine that
 * dies; and a driver that journals before it acts, as the real one does. */
#include "sim.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/vec.h"
#include "engine/runbook/runbook.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WALL	   ((cut_time)1800000000000) /* 2027 */
#define EVENTS_MAX 30000
#define TIME_MAX   (12 * CUT_HOUR)
#define CRASHES	   4

void sim_say(const struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (!sim->trace)
		return;
	printf("[%8.3f] ", (double)sim->t / CUT_SECOND);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void sim_fault(struct sim *sim, const char *fmt, ...)
{
	va_list ap;

	if (sim_failed(sim))
		return;
	va_start(ap, fmt);
	cut_buf_vprintf(&sim->fault, fmt, ap);
	va_end(ap);
	sim_say(sim, "BROKEN: %s", cut_buf_str(&sim->fault));
}

bool sim_failed(const struct sim *sim)
{
	return sim->fault.len > 0;
}

/* --- the journal --- */

static struct sim_record *append(struct sim *sim, struct cut_buf *text, bool output)
{
	sim->hash = cut_crc32c(sim->hash, text->data, text->len);
	sim_say(sim, "%s%s", output ? "   -> " : "", cut_buf_str(text));
	cut_vec_push(&sim->journal, (struct sim_record){
					    .text = cut_buf_take(text),
					    .output = output,
					    .step = CUT_NONE,
				    });
	return &cut_vec_last(&sim->journal);
}

static void journal_event(struct sim *sim, const struct cut_event *ev)
{
	struct cut_buf text = {0};

	cut_event_encode(ev, sim->rb, &text);
	append(sim, &text, false);
}

void sim_journal_output(struct sim *sim, const struct cut_effect *fx, const struct cut_event *ev)
{
	struct cut_buf text = {0};

	struct sim_record *record;

	cut_effect_encode(fx, ev, sim->rb, &text);
	record = append(sim, &text, true);
	sim->need_sync |= fx->durable;
	if (fx->type != CUT_FX_INTENT)
		return;
	record->step = fx->call.step;
	memcpy(record->key, fx->call.key, sizeof(record->key));
}

/* --- the driver --- */

static void perform(struct sim *sim, struct cut_effect *fx)
{
	switch (fx->type) {
	case CUT_FX_CALL:
		if (sim->need_sync) {
			sim->synced = sim->journal.len;
			sim->need_sync = false;
		}
		sim_rule_call(sim, fx);
		sim_call_start(sim, fx);
		break;
	case CUT_FX_CANCEL: sim_call_cancel(sim, fx->call.step); break;
	case CUT_FX_EVAL: cut_vec_push(&sim->evals, fx->call.step); break;
	case CUT_FX_END: sim->ended = true; break;
	case CUT_FX_INTENT:
	case CUT_FX_STEP:
	case CUT_FX_RUN:
	case CUT_FX_PAGE: break;
	}
}

static bool feed_one(struct sim *sim, struct cut_event *ev)
{
	struct cut_effects out = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *why = NULL;
	int r;

	if (sim->dead || sim_failed(sim))
		return false;
	sim->events++;
	r = cut_run_feed(sim->run, ev, &out, &err);
	if (r < 0) {
		ev->refused = why = cut_err_text(&err);
		journal_event(sim, ev);
		if (out.len)
			sim_fault(sim, "a refused event had effects");
		cut_effects_done(&out);
		return false;
	}
	if (ev->type != CUT_EV_TICK || r > 0 || out.len)
		journal_event(sim, ev);
	for (size_t i = 0; i < out.len; i++)
		if (cut_effect_is_record(&out.items[i]))
			sim_journal_output(sim, &out.items[i], ev);
	if (ev->type == CUT_EV_TICK)
		sim->ticks = r > 0 || out.len ? 0 : sim->ticks + 1;
	if (ev->type == CUT_EV_SAVED)
		sim->synced = sim->journal.len;

	sim->dead = sim->events >= sim->next_crash;
	for (size_t i = 0; i < out.len && !sim->dead; i++)
		perform(sim, &out.items[i]);
	cut_effects_done(&out);
	sim_rule_after(sim);
	return true;
}

static cut_time wall_now(const struct sim *sim)
{
	return WALL + sim->t + sim->wall_offset;
}

static void feed_all(struct sim *sim, struct cut_watch_events *events)
{
	cut_vec_foreach (events, ev)
		feed_one(sim, ev);
	cut_watch_events_clear(events);
}

static void settle(struct sim *sim)
{
	struct cut_watch_events events = {0};

	while (!sim->dead && !sim_failed(sim)) {
		cut_watch_update(sim->watch, sim->run, sim->t, wall_now(sim), &events);
		if (events.len) {
			feed_all(sim, &events);
		} else if (sim->evals.len) {
			uint32_t step = cut_vec_pop(&sim->evals);
			struct cut_step_view view;
			cut_auto(cut_err) struct cut_err err = {0};
			cut_auto(cut_json) json_t *data = NULL;
			int r = cut_run_check(sim->run, step, NULL, &data, &err);
			struct cut_event ev = {.type = CUT_EV_OUTCOME,
					       .t = sim->t,
					       .wall = wall_now(sim),
					       .actor = "engine"};

			cut_run_step_view(sim->run, step, &view);
			ev.outcome.step = step;
			ev.outcome.op = CUT_OP_APPLY;
			ev.outcome.attempt = view.attempt;
			ev.outcome.status = r == 1 ? CUT_OK : CUT_FAIL;
			ev.outcome.data = data;
			feed_one(sim, &ev);
		} else {
			return;
		}
	}
}

bool sim_feed(struct sim *sim, struct cut_event ev)
{
	bool taken;

	ev.t = sim->t;
	ev.wall = wall_now(sim);
	if (!ev.actor)
		ev.actor = "engine";
	taken = feed_one(sim, &ev);
	settle(sim);
	return taken;
}

/* --- what happens next --- */

static void take_sample(struct sim *sim)
{
	struct cut_sample sample = {.n = NAN, .at = CUT_NEVER};
	struct cut_watch_events events = {0};
	uint32_t luck = sim->calm ? 99 : sim_roll(&sim->rng, 100);

	sim->next_sample = sim->t + sim->rb->metrics[0].every;
	if (sim->calm)
		sim->level = 1;
	else if (sim_chance(&sim->rng, 4))
		sim->level = sim_chance(&sim->rng, 25) ? 9 : 1;
	sample.value = luck < 4 ? NAN : sim->level;
	sample.error = luck >= 4 && luck < 8;
	cut_watch_sample(sim->watch, sim->run, 0, &sample, sim->t, wall_now(sim), &events);
	feed_all(sim, &events);
	settle(sim);
}

static cut_time earlier(cut_time a, cut_time b)
{
	return a < b ? a : b;
}

static void advance(struct sim *sim)
{
	cut_time call_at, wake = cut_run_wake(sim->run), watch = cut_watch_wake(sim->watch), next;
	struct sim_call *call = sim_call_next(sim, &call_at);

	next = earlier(earlier(call_at, wake), earlier(watch, sim->next_sample));
	next = earlier(next, sim->next_person);
	if (next > sim->t)
		sim->t = next;
	if (!sim->calm && sim->t >= sim->calm_at) {
		sim_say(sim, "faults have stopped");
		sim->calm = true;
		sim->next_crash = UINT32_MAX;
	}

	if (wake <= sim->t)
		sim_feed(sim, (struct cut_event){.type = CUT_EV_TICK});
	else if (watch <= sim->t)
		settle(sim);
	else if (call_at <= sim->t && call->saves < call->ends)
		sim_call_save(sim, call);
	else if (call_at <= sim->t)
		sim_call_end(sim, call);
	else if (sim->next_sample <= sim->t)
		take_sample(sim);
	else
		sim_person(sim);
}

/* --- the engine dies, and another goes on --- */

static void crash(struct sim *sim)
{
	size_t keep =
		sim->synced + sim_roll(&sim->rng, (uint32_t)(sim->journal.len - sim->synced) + 1);
	cut_time gap = sim_between(&sim->rng, 0, sim_chance(&sim->rng, 10) ? 1500000 : 20000);
	struct cut_event resumed = {.type = CUT_EV_RESUMED};

	sim_say(sim, "the engine dies; %zu of %zu records are left", keep, sim->journal.len);
	while (sim->journal.len > keep)
		free(cut_vec_pop(&sim->journal).text);
	cut_vec_foreach (&sim->calls, call) {
		call->lands = sim_chance(&sim->rng, 50);
		sim_call_land(sim, call);
		json_decref(call->fx.call.params);
	}
	cut_vec_clear(&sim->calls);
	cut_vec_clear(&sim->evals);
	cut_run_free(sim->run);
	cut_watch_free(sim->watch);
	sim_replay(sim, &sim->run, &sim->watch, &sim->ended);
	sim->synced = sim->journal.len;
	sim->need_sync = sim->dead = false;
	sim->t += gap;
	sim->next_crash =
		++sim->crashes < CRASHES ? sim->events + 2 + sim_roll(&sim->rng, 40) : UINT32_MAX;
	if (sim->ended || sim_failed(sim))
		return;
	resumed.resumed.epoch = ++sim->epoch;
	resumed.resumed.gap = gap;
	resumed.resumed.same_boot = true;
	resumed.t = sim->t;
	resumed.wall = wall_now(sim);
	cut_watch_restore(sim->watch, &resumed, NULL);
	sim_feed(sim, resumed);
}

/* --- one seed --- */

static void arm(struct sim *sim)
{
	cut_auto(cut_json) json_t *roles = json_object();
	cut_auto(cut_json) json_t *armed = NULL;
	struct cut_event ev = {.type = CUT_EV_ARMED};

	for (uint32_t i = 0; i < sim->rb->roles_len; i++) {
		const struct cut_role *role = &sim->rb->roles[i];
		json_t *members = json_array();

		for (uint32_t k = 0; k < role->members_len; k++)
			json_array_append_new(
				members, json_pack("{s:s,s:i}", "name", role->members[k], "uid",
						   SIM_FIRST_UID + role->members[k][1] - '0'));
		json_object_set_new(roles, role->name, members);
	}
	armed = json_pack("{s:s,s:s,s:i,s:s,s:O,s:[],s:n}", "run", "sim-run", "name", "sim",
			  "starter", SIM_FIRST_UID, "starter_name", "p0", "roles", roles,
			  "acked_triggers", "override_window");
	ev.armed = armed;
	sim_feed(sim, ev);
	sim->synced = sim->journal.len;
	ev = (struct cut_event){.type = CUT_EV_ORDER, .actor = "p0 (uid 1001)"};
	ev.order.order = CUT_ORDER_START;
	ev.order.uid = SIM_FIRST_UID;
	if (!sim_feed(sim, ev))
		sim_fault(sim, "the run does not start");
}

static bool load(struct sim *sim, const struct cut_catalog *catalog)
{
	struct sim_rng rng = {sim->seed * 2 + 1};
	cut_auto(cut_str) char *text = sim_generate(&rng);
	struct cut_load_options options = {.catalog = catalog};
	struct cut_faults faults = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf shown = {0};
	uint32_t where;
	int r;

	if (sim->trace)
		printf("%s\n", text);
	r = cut_runbook_load_text(text, strlen(text), "sim.json", "/", &options, &faults, &sim->rb,
				  &err);
	if (r < 0) {
		cut_faults_print(&faults, false, &shown);
		sim_fault(sim, "the runbook does not load: %s", cut_buf_str(&shown));
	} else if (cut_graph_new(sim->rb, &sim->graph, &where, &err) < 0) {
		sim_fault(sim, "the runbook has no graph");
	}
	cut_faults_done(&faults);
	return !sim_failed(sim);
}

static void finish(struct sim *sim)
{
	cut_vec_foreach (&sim->calls, call)
		json_decref(call->fx.call.params);
	cut_vec_foreach (&sim->journal, record)
		free(record->text);
	cut_vec_done(&sim->calls);
	cut_vec_done(&sim->journal);
	cut_vec_done(&sim->evals);
	cut_run_free(sim->run);
	cut_watch_free(sim->watch);
	cut_graph_free(sim->graph);
	cut_runbook_free(sim->rb);
	cut_buf_done(&sim->fault);
	free(sim->steps);
}

static void stuck(struct sim *sim)
{
	size_t len;
	const struct cut_hold *holds = cut_run_holds(sim->run, &len);

	sim_fault(sim, "the run does not end: %s, %u events, %u idle ticks, hold %s %s",
		  cut_run_state_name(cut_run_state(sim->run)), sim->events, sim->ticks,
		  len ? cut_hold_kind_name(holds[0].kind) : "none", len ? holds[0].id : "");
}

static void play(struct sim *sim)
{
	sim->run = cut_run_new(sim->rb, sim->graph);
	sim->watch = cut_watch_new(sim->rb);
	sim->steps = cut_new_array(struct sim_step, sim->rb->steps_len + 1);
	sim->next_crash = UINT32_MAX;
	arm(sim);
	if (sim_chance(&sim->rng, 60))
		sim->next_crash = sim->events + 1 + sim_roll(&sim->rng, 40);
	while (!sim_failed(sim) && (!sim->ended || sim->dead)) {
		if (sim->dead)
			crash(sim);
		else
			advance(sim);
		if (sim->events > EVENTS_MAX || sim->t > TIME_MAX || sim->ticks > 100)
			stuck(sim);
	}
	if (!sim_failed(sim))
		sim_rule_end(sim);
}

struct sim_result sim_play(uint64_t seed, const struct cut_catalog *catalog, bool trace)
{
	struct sim sim = {.seed = seed, .trace = trace, .rng = {seed * 2}, .level = 1};
	struct sim_result result = {0};

	sim.calm_at = sim_between(&sim.rng, 1, 20) * CUT_MINUTE;
	sim.next_person = sim_between(&sim.rng, 1, 60) * CUT_SECOND;
	if (load(&sim, catalog))
		play(&sim);
	result.ok = !sim_failed(&sim);
	result.hash = sim.hash;
	result.state = sim.run ? cut_run_state(sim.run) : CUT_RUN_NEW;
	result.events = sim.events;
	result.crashes = sim.crashes;
	result.orders = sim.orders;
	if (!result.ok)
		printf("seed %llu: %s\n", (unsigned long long)seed, cut_buf_str(&sim.fault));
	finish(&sim);
	return result;
}
