/* SPDX-License-Identifier: Apache-2.0 */
/* Holds: why nothing new starts, since when, and what a person can do about each. A run with a hold
 * that blocks is paused; one in which only held steps are left to run as well. */
#include "engine/core/run_internal.h"

#include <string.h>

static const char *const kind_names[CUT_HOLD_KINDS] = {
	[CUT_HOLD_OPERATOR] = "operator",     [CUT_HOLD_STEP] = "step",
	[CUT_HOLD_UNKNOWN] = "unknown",	      [CUT_HOLD_GATE] = "gate",
	[CUT_HOLD_TRIGGER] = "trigger",	      [CUT_HOLD_BLIND] = "blind",
	[CUT_HOLD_WINDOW] = "window",	      [CUT_HOLD_DOWNTIME] = "downtime",
	[CUT_HOLD_ACCEPTANCE] = "acceptance", [CUT_HOLD_ROLLBACK] = "rollback",
};

const char *cut_hold_kind_name(enum cut_hold_kind kind)
{
	return kind_names[kind];
}

static void note(json_t **list, const struct cut_hold *hold, bool held)
{
	json_t *entry = json_object();

	if (!*list)
		*list = json_array();
	json_object_set_new(entry, "kind", json_string(kind_names[hold->kind]));
	json_object_set_new(entry, "id", json_string(hold->id));
	if (held) {
		json_object_set_new(entry, "what", json_string(hold->what));
		json_object_set_new(entry, "remedy", json_string(hold->remedy));
	}
	json_array_append_new(*list, entry);
}

const struct cut_hold *cut_hold_find(const struct cut_run *run, enum cut_hold_kind kind,
				     const char *id)
{
	cut_vec_foreach (&run->holds, hold)
		if (hold->kind == kind && (!id || strcmp(hold->id, id) == 0))
			return hold;
	return NULL;
}

void cut_hold_add(struct cut_run *run, enum cut_hold_kind kind, const char *id, bool decision,
		  bool blocks, char *remedy, const char *fmt, ...)
{
	struct cut_hold hold = {.kind = kind,
				.id = id,
				.since = run->wall,
				.remedy = remedy,
				.decision = decision,
				.blocks = blocks};
	cut_auto(cut_buf) struct cut_buf what = {0};
	va_list ap;

	if (cut_hold_find(run, kind, id)) {
		free(remedy);
		return;
	}
	va_start(ap, fmt);
	cut_buf_vprintf(&what, fmt, ap);
	va_end(ap);
	hold.what = cut_buf_take(&what);
	cut_vec_push(&run->holds, hold);
	run->blocking += blocks;
	note(&run->held, &hold, true);
	if (!run->hold_cause)
		run->hold_cause = cut_printf("%s; next: %s", hold.what, remedy);
	cut_run_page(run, "run", "%s; next: %s", hold.what, remedy);
}

void cut_hold_done(struct cut_hold *hold)
{
	free(hold->what);
	free(hold->remedy);
}

bool cut_hold_drop(struct cut_run *run, enum cut_hold_kind kind, const char *id)
{
	size_t kept = 0, before = run->holds.len;

	for (size_t i = 0; i < before; i++) {
		struct cut_hold *hold = &run->holds.items[i];

		if (hold->kind != kind || (id && strcmp(hold->id, id) != 0)) {
			run->holds.items[kept++] = *hold;
			continue;
		}
		run->blocking -= hold->blocks;
		note(&run->released, hold, false);
		cut_hold_done(hold);
	}
	run->holds.len = kept;
	return kept < before;
}

void cut_hold_drop_all(struct cut_run *run)
{
	for (int kind = 0; kind < CUT_HOLD_KINDS; kind++)
		cut_hold_drop(run, (enum cut_hold_kind)kind, NULL);
}

/* Their time is over: nothing is said of them. */
void cut_hold_forget(struct cut_run *run)
{
	cut_hold_drop_all(run);
	json_decref(cut_take(run->held));
	json_decref(cut_take(run->released));
	free(cut_take(run->hold_cause));
	for (size_t i = run->waiting.len; i-- > 0;)
		if (run->waiting.items[i].step == CUT_NONE)
			cut_gate_sign_off(run, run->waiting.items[i].phase, false);
}

/* Is there nothing left but steps that are held, and what needs them? */
static bool only_held(const struct cut_run *run)
{
	static const enum cut_doing going[] = {CUT_DOING_QUEUED, CUT_DOING_CALL, CUT_DOING_DELAY,
					       CUT_DOING_WAIT, CUT_DOING_PEOPLE};

	if (!run->holds.len || run->done.len)
		return false;
	for (size_t i = 0; i < CUT_ARRAY_LEN(going); i++)
		if (run->doing[going[i]])
			return false;
	return true;
}

static json_t *changes(struct cut_run *run)
{
	json_t *details;

	if (!run->held && !run->released)
		return NULL;
	details = json_object();
	if (run->held)
		json_object_set_new(details, "held", cut_take(run->held));
	if (run->released)
		json_object_set_new(details, "released", cut_take(run->released));
	return details;
}

/* What there is to say where nothing new holds. */
static char *still(const struct cut_run *run, bool pause)
{
	if (!run->holds.len)
		return cut_strdup("the holds are gone, the run goes on");
	if (pause && !run->blocking)
		return cut_strdup("only held steps are left");
	return cut_printf("%s: %s",
			  cut_run_forward(run) && !pause ? "the run goes on without" : "still held",
			  run->holds.items[0].what);
}

void cut_hold_settle(struct cut_run *run)
{
	bool forward = cut_run_forward(run);
	bool pause = forward && (run->blocking || only_held(run));
	bool moved = forward && pause != (run->state == CUT_RUN_PAUSED);
	cut_auto(cut_str) char *cause = cut_take(run->hold_cause);
	bool changed = run->held || run->released;

	if (moved)
		cut_run_move(run, pause ? CUT_RUN_PAUSED : CUT_RUN_RUNNING);
	if (!moved && !changed)
		return;
	if (!cause)
		cause = still(run, pause);
	cut_run_record(run, changes(run), "%s", cause);
}
