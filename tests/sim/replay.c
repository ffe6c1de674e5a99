/* SPDX-License-Identifier: Apache-2.0 */
/* A new engine reads the journal: the inputs are fed again and must reach the outputs that stand
 * there, byte for byte. */
#include "sim.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"

#include <string.h>

struct replay {
	struct sim *sim;
	struct cut_run *run;
	struct cut_watch *watch;
	size_t at; /* next record */
	bool ended;
};

/* An output: the next record must be the same; past the end it is one that was lost. */
static void compare(struct replay *r, const struct cut_effect *fx, const struct cut_event *ev)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	const char *was;

	if (r->at == r->sim->journal.len) {
		sim_journal_output(r->sim, fx, ev);
		r->at++;
		return;
	}
	cut_effect_encode(fx, ev, r->sim->rb, &text);
	was = r->sim->journal.items[r->at++].text;
	if (strcmp(was, cut_buf_str(&text)) != 0)
		sim_fault(r->sim, "a replay differs at record %zu:\n  was %s\n  now %s", r->at, was,
			  cut_buf_str(&text));
}

static void replay_one(struct replay *r)
{
	cut_auto(cut_json) json_t *record = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_effects out = {0};
	struct cut_event ev;
	const char *text = r->sim->journal.items[r->at].text;
	bool output = r->sim->journal.items[r->at].output;
	int is_event;

	r->at++;
	if (output) {
		sim_fault(r->sim, "a replay does not make record %zu: %s", r->at, text);
		return;
	}
	if (cut_json_parse(text, strlen(text), "a record", &record, &err) < 0) {
		sim_fault(r->sim, "a record is not JSON: %s", text);
		return;
	}
	is_event = cut_event_decode(record, r->sim->rb, &ev, &err);
	if (is_event < 0)
		sim_fault(r->sim, "a record cannot be read back: %s: %s", err.what, text);
	if (is_event <= 0)
		return;
	if (cut_run_feed(r->run, &ev, &out, &err) < 0)
		sim_fault(r->sim, "a replay refuses an event: %s: %s", err.what, text);
	for (size_t i = 0; i < out.len && !sim_failed(r->sim); i++) {
		r->ended |= out.items[i].type == CUT_FX_END;
		if (cut_effect_is_record(&out.items[i]))
			compare(r, &out.items[i], &ev);
	}
	if (cut_watch_restore(r->watch, &ev, &err) < 0)
		sim_fault(r->sim, "a watch cannot be restored: %s", err.what);
	cut_effects_done(&out);
}

void sim_replay(struct sim *sim, struct cut_run **ret_run, struct cut_watch **ret_watch,
		bool *ret_ended)
{
	struct replay r = {.sim = sim};

	r.run = cut_run_new(sim->rb, sim->graph);
	r.watch = cut_watch_new(sim->rb);
	while (r.at < sim->journal.len && !sim_failed(sim))
		replay_one(&r);
	*ret_run = r.run;
	*ret_watch = r.watch;
	*ret_ended = r.ended;
}
