/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollback would do now, without doing it: for `rollback --show`, the confirmation and, as
 * sums, status. The same scope and order as the rollback itself. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

struct preview {
	struct cut_run *run;
	bool *scope;	/* owned */
	uint32_t *left; /* owned */
	struct cut_heap ready;
	struct {
		CUT_VEC(uint32_t);
	} done;
	json_t *steps, *impossible, *downtime;
	cut_time total;
	bool unknown; /* some duration is */
	bool *ended;  /* owned: of each downtime, whether it was noted */
};

/* Is there something of the step that a rollback would undo, if it can? */
static bool is_open(const struct cut_run *run, uint32_t step)
{
	return !run->rb->steps[step].temporary && cut_step_duty(run, step) &&
	       run->steps[step].state != CUT_STEP_ROLLED_BACK;
}

static void open_step(struct preview *p, uint32_t step)
{
	const struct cut_step *model = &p->run->rb->steps[step];
	json_t *entry;

	if (!p->scope[step] || !is_open(p->run, step)) {
		cut_vec_push(&p->done, step);
		return;
	}
	if (model->undo == CUT_UNDO_IMPOSSIBLE) {
		entry = json_object();
		json_object_set_new(entry, "step", json_string(model->address));
		json_object_set_new(entry, "reason", json_string(model->prose->undo_reason));
		json_array_append_new(p->impossible, entry);
		cut_vec_push(&p->done, step);
		return;
	}
	cut_heap_push(&p->ready, (struct cut_heap_item){cut_rollback_rank(p->run, step), 0, step});
}

/* Downtime that ends when this step is undone; step CUT_NONE: that no undo ends. */
static void note_downtime(struct preview *p, uint32_t step)
{
	const struct cut_run *run = p->run;

	for (uint32_t i = 0; i < run->rb->downtimes_len; i++) {
		const struct cut_downtime *d = &run->rb->downtimes[i];
		cut_time since = run->clocks[i].since;

		if (since == CUT_NEVER || (step == CUT_NONE ? p->ended[i] : d->from != step))
			continue;
		p->ended[i] = true;
		json_array_append_new(
			p->downtime,
			json_pack("{s:s, s:o, s:s?, s:o}", "id", d->id, "since",
				  cut_json_rfc3339(run->wall - (run->t - since)), "ends_with",
				  step == CUT_NONE ? NULL : run->rb->steps[step].address, "more_s",
				  cut_json_seconds(step == CUT_NONE || p->unknown ? CUT_NEVER
										  : p->total)));
	}
}

static void undo_step(struct preview *p, uint32_t step)
{
	const struct cut_step *model = &p->run->rb->steps[step];
	const struct cut_run_step *s = &p->run->steps[step];
	cut_auto(cut_str) char *by_hand = cut_undo_by_hand(p->run, step);
	json_t *entry = json_object();
	json_t *restores = s->saved	      ? json_incref(s->saved)
			   : model->undo_body ? json_string(model->undo_body->uses)
					      : json_string("the state before it");

	json_object_set_new(entry, "step", json_string(model->address));
	json_object_set_new(entry, "restores", restores);
	if (!s->saved && model->undo_body)
		json_object_set(entry, "with", model->undo_body->params);
	json_object_set_new(entry, "planned_s", cut_json_seconds(model->planned));
	json_object_set_new(entry, "by_hand", json_string(by_hand));
	json_array_append_new(p->steps, entry);
	if (model->planned == CUT_NEVER)
		p->unknown = true;
	else
		p->total += model->planned;
	note_downtime(p, step);
	cut_vec_push(&p->done, step);
}

static void drain(struct preview *p)
{
	const struct cut_graph *g = p->run->graph;

	while (p->done.len) {
		uint32_t node = cut_vec_pop(&p->done);

		for (uint32_t i = g->pred_at[node]; i < g->pred_at[node + 1]; i++) {
			uint32_t before = g->pred[i];

			if (!cut_rollback_in_stage(p->run, before) || --p->left[before])
				continue;
			if (before < g->steps_len)
				open_step(p, before);
			else
				cut_vec_push(&p->done, before);
		}
	}
}

static void walk(struct preview *p)
{
	for (uint32_t i = 0; i < p->run->graph->nodes_len; i++) {
		if (!p->left[i] && cut_rollback_in_stage(p->run, i))
			cut_vec_push(&p->done, i); /* the end of a phase: steps have followers */
	}
	drain(p);
	while (p->ready.len) {
		undo_step(p, cut_heap_pop(&p->ready).target);
		drain(p);
	}
}

static json_t *temporaries(const struct cut_run *run)
{
	json_t *list = json_array();

	cut_vec_foreach (&run->temporaries, step)
		if (cut_closing_open(run, *step))
			json_array_append_new(list, json_string(run->rb->steps[*step].address));
	return list;
}

/* How long old answers may live: of each step after which they do. */
static json_t *tails(const struct cut_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < run->rb->steps_len; i++) {
		const json_t *tail = json_object_get(run->steps[i].outputs, "tail");
		json_t *entry;

		if (json_number_value(tail) <= 0 || !cut_rollback_in_stage(run, i))
			continue;
		entry = json_object();
		json_object_set_new(entry, "step", json_string(run->rb->steps[i].address));
		json_object_set_new(entry, "tail_s", json_deep_copy(tail));
		json_object_set_new(entry, "old_answers_until",
				    cut_json_rfc3339(run->wall + cut_json_ms(tail, 0)));
		json_array_append_new(list, entry);
	}
	return list;
}

json_t *cut_run_rollback_preview(struct cut_run *run, const char *target, struct cut_err *err)
{
	struct preview p = {.run = run};
	json_t *preview = NULL;

	p.scope = cut_new_array(bool, run->rb->steps_len);
	if (cut_rollback_scope(run, target, p.scope, err) == 0) {
		p.left = cut_rollback_counters(run);
		p.steps = json_array();
		p.impossible = json_array();
		p.downtime = json_array();
		p.ended = cut_new_array(bool, run->rb->downtimes_len + 1);
		walk(&p);
		note_downtime(&p, CUT_NONE);
		free(p.ended);
		preview = json_object();
		json_object_set_new(preview, "steps", p.steps);
		json_object_set_new(preview, "impossible", p.impossible);
		json_object_set_new(preview, "temporary", temporaries(run));
		json_object_set_new(preview, "time_s",
				    cut_json_seconds(p.unknown ? CUT_NEVER : p.total));
		json_object_set_new(preview, "downtime", p.downtime);
		json_object_set_new(preview, "accept_loss_needed",
				    json_boolean(run->ponr != CUT_NONE));
		json_object_set_new(preview, "until", tails(run));
	}
	cut_vec_done(&p.ready);
	cut_vec_done(&p.done);
	free(p.left);
	free(p.scope);
	return preview;
}

json_t *cut_run_rollback_cost(const struct cut_run *run)
{
	json_t *impossible = json_array();
	json_int_t steps = 0;
	cut_time total = 0;

	for (uint32_t i = run->rb->steps_len; i-- > 0;) {
		const struct cut_step *model = &run->rb->steps[i];

		if (!is_open(run, i) || !cut_rollback_in_stage(run, i))
			continue;
		if (model->undo == CUT_UNDO_IMPOSSIBLE) {
			json_array_append_new(impossible, json_string(model->address));
			continue;
		}
		steps++;
		if (model->planned == CUT_NEVER || total == CUT_NEVER)
			total = CUT_NEVER;
		else
			total += model->planned;
	}
	return json_pack("{s:I, s:o, s:n, s:o}", "steps", steps, "time_s", cut_json_seconds(total),
			 "downtime_s", "impossible", impossible);
}
