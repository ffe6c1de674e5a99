/* SPDX-License-Identifier: Apache-2.0 */
/* The static part of a plan. */
#include "engine/core/plan.h"
#include "engine/base/json.h"
#include "engine/core/graph_print.h"

const char *cut_effects_name(uint32_t effects)
{
	if (effects & CUT_DESTROY)
		return "destroy";
	if (effects & CUT_TRAFFIC)
		return "traffic";
	return effects & CUT_WRITE ? "write" : "read";
}

const char *cut_class_name(enum cut_class class)
{
	static const char *const names[] = {
		[CUT_DECLARATIVE] = "declarative",
		[CUT_DEDUP] = "dedup",
		[CUT_PROBE] = "probe",
		[CUT_OPAQUE] = "opaque",
	};

	return names[class];
}

static const char *undo_name(enum cut_undo undo)
{
	static const char *const names[] = {
		[CUT_UNDO_AUTO] = "auto",
		[CUT_UNDO_BODY] = "body",
		[CUT_UNDO_NOT_NEEDED] = "not_needed",
		[CUT_UNDO_IMPOSSIBLE] = "impossible",
	};

	return names[undo];
}

/* An undo is taken to last as long as what it undoes. Goes from the last step to the first; phases
 * and groups are barriers both ways, so the reversed order of the graph is that of the undos. A
 * rollback stays within its stage, so it begins anew with the last phase of each. */
cut_time cut_plan_rollback_time(const struct cut_runbook *rb, const struct cut_graph *graph,
				uint32_t *ret_unknown)
{
	cut_time *end = cut_new_array(cut_time, graph->nodes_len + 1), longest = 0;
	uint32_t *unknown = cut_new_array(uint32_t, rb->phases_len + 1); /* by stage */

	*ret_unknown = 0;
	for (uint32_t p = 0; p + 1 < rb->forward_len; p++)
		if (rb->phases[p].acceptance.given)
			end[cut_graph_phase_end(graph, p)] = CUT_NEVER;
	for (uint32_t i = graph->nodes_len; i-- > 0;) {
		uint32_t node = graph->order[i];
		const struct cut_step *step = node < graph->steps_len ? &rb->steps[node] : NULL;
		const struct cut_phase *phase = step ? &rb->phases[step->phase] : NULL;

		if (end[node] == CUT_NEVER) { /* nothing behind it is undone with what is before */
			end[node] = 0;
			continue;
		}
		if (phase && phase->role != CUT_PHASE_FORWARD)
			continue;
		for (uint32_t s = graph->succ_at[node]; s < graph->succ_at[node + 1]; s++)
			if (end[graph->succ[s]] > end[node])
				end[node] = end[graph->succ[s]];
		if (phase && !step->temporary &&
		    (step->undo == CUT_UNDO_AUTO || step->undo == CUT_UNDO_BODY)) {
			if (step->planned != CUT_NEVER)
				end[node] += step->planned;
			else if (++unknown[phase->stage] > *ret_unknown)
				*ret_unknown = unknown[phase->stage];
		}
		if (end[node] > longest)
			longest = end[node];
	}
	free(unknown);
	free(end);
	return longest;
}

static json_t *step_json(const struct cut_runbook *rb, const struct cut_step *step, bool critical)
{
	return json_pack("{s:s, s:s, s:o, s:s?, s:s, s:s, s:s, s:[], s:o, s:b, s:n}", "id",
			 step->address, "phase", rb->phases[step->phase].id, "needs",
			 cut_needs_json(rb, step->needs, step->needs_len), "uses", step->body.uses,
			 "effects", cut_effects_name(step->body.effects), "class",
			 cut_class_name(step->body.class), "rollback", undo_name(step->undo),
			 "changes", "planned_s", cut_json_seconds(step->planned), "critical",
			 (int)critical, "latest_safe_start");
}

json_t *cut_plan_json(const struct cut_runbook *rb, const struct cut_graph *graph)
{
	uint32_t *path = cut_new_array(uint32_t, rb->steps_len + 1);
	uint8_t *critical = cut_new_array(uint8_t, rb->steps_len + 1);
	json_t *steps = json_array(), *ids = json_array();
	bool planned = false;
	uint32_t unknown;
	cut_time forward;
	uint32_t len = cut_graph_critical(graph, rb, path, &forward);

	for (uint32_t i = 0; i < len; i++) {
		critical[path[i]] = 1;
		json_array_append_new(ids, json_string(rb->steps[path[i]].address));
	}
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		planned |= rb->steps[i].planned != CUT_NEVER;
		json_array_append_new(steps, step_json(rb, &rb->steps[i], critical[i]));
	}
	free(critical);
	free(path);
	return json_pack("{s:o, s:o, s:o, s:o, s:n, s:n}", "steps", steps, "critical_path", ids,
			 "forward_s", planned ? cut_json_seconds(forward) : json_null(),
			 "rollback_s",
			 planned ? cut_json_seconds(cut_plan_rollback_time(rb, graph, &unknown))
				 : json_null(),
			 "fits_window", "lint");
}

bool *cut_plan_finds_as_is(const struct cut_runbook *rb, const struct cut_graph *graph)
{
	bool *as_is = cut_new_array(bool, graph->nodes_len + 1);

	for (uint32_t i = 0; i < graph->nodes_len; i++) {
		uint32_t node = graph->order[i];

		as_is[node] = node >= graph->steps_len ||
			      rb->phases[rb->steps[node].phase].role == CUT_PHASE_FORWARD;
		for (uint32_t p = graph->pred_at[node]; p < graph->pred_at[node + 1]; p++) {
			uint32_t before = graph->pred[p];
			const struct cut_step *step =
				before < graph->steps_len ? &rb->steps[before] : NULL;

			as_is[node] =
				as_is[node] && as_is[before] &&
				!(step && (cut_step_writes(step) || step->kind == CUT_STEP_MANUAL));
		}
	}
	return as_is;
}

static const json_t *change_of(const json_t *changes, const json_t *what)
{
	const json_t *change;
	size_t i;

	json_array_foreach ((json_t *)changes, i, change)
		if (json_equal(json_object_get(change, "what"), what))
			return change;
	return NULL;
}

static void add_change(const json_t *change, struct cut_buf *out)
{
	const json_t *before = json_object_get(change, "before");
	const json_t *after = json_object_get(change, "after");

	if (!change) {
		cut_buf_add_str(out, "no change");
	} else if (json_is_null(before) && json_is_null(after)) {
		cut_buf_add_str(out, "a change");
	} else {
		cut_json_canonical(before, out);
		cut_buf_add_str(out, " to ");
		cut_json_canonical(after, out);
	}
}

/* What of `from` is another one in `to`, or not there. */
static bool differs(const json_t *from, const json_t *to, const json_t **ret_what)
{
	const json_t *change;
	size_t i;

	json_array_foreach ((json_t *)from, i, change) {
		*ret_what = json_object_get(change, "what");
		if (!json_equal(change, change_of(to, *ret_what)))
			return true;
	}
	return false;
}

bool cut_plan_same(const json_t *then, const json_t *now, struct cut_buf *difference)
{
	const json_t *what = NULL;

	if ((then && now && json_equal(then, now)) ||
	    (!differs(then, now, &what) && !differs(now, then, &what)))
		return true;
	cut_buf_printf(difference, "%s: then ", json_string_value(what));
	add_change(change_of(then, what), difference);
	cut_buf_add_str(difference, ", now ");
	add_change(change_of(now, what), difference);
	return false;
}
