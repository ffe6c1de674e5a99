/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as one signs it: what each step does, when, before and after, how it is undone, what
 * watches over it all, and how long it takes there and back. */
#include "engine/cli/render.h"

#include "engine/base/shell.h"
#include "engine/base/time.h"
#include "engine/core/plan.h"
#include "engine/core/trigger.h"

#include <string.h>

/* As one would type it; what is not known before the run is "?". */
static void add_words(const json_t *argv, struct cut_buf *out)
{
	const json_t *word;
	size_t i;

	json_array_foreach (argv, i, word) {
		if (i > 0)
			cut_buf_add_char(out, ' ');
		cut_shell_word(json_string_value(word), out);
	}
}

/* What runs: a command or request itself, of anything else the action's name. */
void cut_render_action(const char *uses, const json_t *params, struct cut_buf *out)
{
	cut_buf_add_str(out, uses);
	if (strcmp(uses, "exec") == 0) {
		cut_buf_add_str(out, ": ");
		add_words(json_object_get(params, "argv"), out);
	} else if (strcmp(uses, "http") == 0) {
		cut_buf_printf(out, ": %s %s", cut_json_str(params, "method", ""),
			       cut_json_str(params, "url", ""));
	}
}

static void add_body(const struct cut_body *body, struct cut_buf *out)
{
	cut_render_action(body->uses, body->params, out);
}

/* Lines that begin with the same words, such as an indent. */
static void add_lines(const char *start, const char *text, struct cut_buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		cut_buf_printf(out, "%s%.*s\n", start, (int)len, text);
		text += len + (text[len] != 0);
	}
}

/* To the second, as windows are written. */
static void add_time(cut_time wall, struct cut_buf *out)
{
	cut_rfc3339_format(wall, out);
	if (wall % CUT_SECOND == 0) {
		out->len -= strlen(".000Z");
		cut_buf_add_char(out, 'Z');
	}
}

/* As written: a time, or what it counts from. */
static void add_when(const struct cut_when *when, struct cut_buf *out)
{
	if (when->base == CUT_WHEN_AT) {
		add_time(when->at, out);
		return;
	}
	cut_buf_add_str(out, when->base == CUT_WHEN_OPENS ? "opens" : "closes");
	if (when->at) {
		cut_buf_add_char(out, when->at < 0 ? '-' : '+');
		cut_duration_human(when->at < 0 ? -when->at : when->at, out);
	}
}

/* How long stands beside it. */
static void add_wait(const struct cut_runbook *rb, const struct cut_wait *wait, struct cut_buf *out)
{
	cut_buf_add_str(out, "wait");
	if (wait->since != CUT_NONE)
		cut_buf_printf(out, " since %s", rb->steps[wait->since].address);
	if (wait->until.base != CUT_WHEN_NONE) {
		cut_buf_add_str(out, " until ");
		add_when(&wait->until, out);
	}
	if (wait->clean)
		cut_buf_add_str(out, ", clean");
}

/* "release (2), risk" */
static void add_roles(const struct cut_runbook *rb, const uint32_t *roles, uint32_t len,
		      struct cut_buf *out)
{
	for (uint32_t i = 0; i < len; i++) {
		const struct cut_role *role = &rb->roles[roles[i]];

		cut_buf_printf(out, "%s%s", i ? ", " : "", role->name);
		if (role->quorum > 1)
			cut_buf_printf(out, " (%u persons)", role->quorum);
	}
}

static void add_step(const struct cut_runbook *rb, const struct cut_step *step, struct cut_buf *out)
{
	switch (step->kind) {
	case CUT_STEP_ACTION:
	case CUT_STEP_CHECK: add_body(&step->body, out); break;
	case CUT_STEP_WAIT: add_wait(rb, step->wait, out); break;
	case CUT_STEP_APPROVE:
		cut_buf_add_str(out, "approval of ");
		add_roles(rb, step->approve->roles, step->approve->roles_len, out);
		break;
	case CUT_STEP_MANUAL: cut_buf_add_str(out, "by hand"); break;
	}
	cut_buf_add_char(out, '\n');
}

/* When a temporary change ends by itself. */
static void add_temporary(const struct cut_runbook *rb, const struct cut_temporary *t,
			  struct cut_buf *out)
{
	const char *until = "the run ends";

	if (t->until_phase != CUT_NONE)
		until = rb->phases[t->until_phase].id;
	else if (t->until.index != CUT_NONE)
		until = t->until.group ? rb->groups[t->until.index].address
				       : rb->steps[t->until.index].address;
	cut_buf_printf(out, "      temporary, until %s%s", until,
		       strcmp(until, "the run ends") ? " is done" : "");
	if (t->backstop != CUT_NEVER) {
		cut_buf_add_str(out, ", at most ");
		cut_duration_human(t->backstop, out);
	}
	cut_buf_add_char(out, '\n');
}

static void add_undo(const struct cut_step *step, struct cut_buf *out)
{
	switch (step->undo) {
	case CUT_UNDO_AUTO:
		cut_buf_add_str(out, "      undo: automatic, from the state saved before\n");
		break;
	case CUT_UNDO_BODY:
		cut_buf_add_str(out, "      undo: ");
		add_body(step->undo_body, out);
		cut_buf_add_char(out, '\n');
		break;
	case CUT_UNDO_IMPOSSIBLE:
		cut_buf_printf(out, "      NO UNDO: %s\n", step->prose->undo_reason);
		break;
	case CUT_UNDO_NOT_NEEDED: cut_buf_add_str(out, "      undo: not needed\n"); break;
	}
}

static void add_changes(const json_t *plan, struct cut_buf *out)
{
	const json_t *list = json_object_get(plan, "changes");
	const char *note = cut_json_str(plan, "note", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		cut_auto(cut_str) char *before = cut_json_text(json_object_get(c, "before"), 0);
		cut_auto(cut_str) char *after = cut_json_text(json_object_get(c, "after"), 0);

		cut_buf_printf(out, "      %s\n        - %s\n        + %s\n",
			       cut_json_str(c, "what", ""), before ? before : "?",
			       after ? after : "?");
	}
	if (note)
		cut_buf_printf(out, "      %s%s\n",
			       cut_json_bool(plan, "failed", false) ? "CANNOT BE PLANNED: " : "",
			       note);
}

/* What people are told and asked. */
static void add_asked(const struct cut_step *step, struct cut_buf *out)
{
	const char *asked = step->kind == CUT_STEP_APPROVE  ? step->approve->message
			    : step->kind == CUT_STEP_MANUAL ? step->manual->instructions
							    : NULL;

	if (step->prose->title)
		add_lines("      ", step->prose->title, out);
	if (asked)
		add_lines("      ", asked, out);
	for (uint32_t i = 0; step->kind == CUT_STEP_APPROVE && i < step->approve->checks_len; i++)
		add_lines("      if ", step->approve->checks_text[i], out);
}

static void add_conditions(const struct cut_step *step, struct cut_buf *out)
{
	if (step->cond)
		cut_buf_add_str(out, "      skipped unless its `if` is true\n");
	if (step->not_before.base != CUT_WHEN_NONE) {
		cut_buf_add_str(out, "      not before ");
		add_when(&step->not_before, out);
		cut_buf_add_char(out, '\n');
	}
	if (step->body.effects & CUT_DESTROY)
		cut_buf_printf(out, "      DESTROYS%s%s\n", step->environment ? " in " : "",
			       step->environment ? step->environment : "");
	if (step->point_of_no_return)
		cut_buf_add_str(out, "      POINT OF NO RETURN\n");
}

static void add_planned(cut_time planned, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (planned != CUT_NEVER)
		cut_duration_human(planned, &text);
	cut_buf_printf(out, "%7s", planned == CUT_NEVER ? "?" : cut_buf_str(&text));
}

static void add_window(const char *indent, const struct cut_window *w, struct cut_buf *out)
{
	static const char *const overrun[] = {[CUT_OVERRUN_PAUSE] = "pauses",
					      [CUT_OVERRUN_ROLLBACK] = "rolls back",
					      [CUT_OVERRUN_CONTINUE] = "goes on"};

	cut_buf_printf(out, "%swindow", indent);
	if (w->opens) {
		cut_buf_add_str(out, " from ");
		add_time(w->opens, out);
	}
	if (w->closes != CUT_NEVER) {
		cut_buf_add_str(out, " to ");
		add_time(w->closes, out);
		cut_buf_printf(out, ", then %s", overrun[w->on_overrun]);
	}
	cut_buf_add_char(out, '\n');
}

/* When the phases up to here count as a success. */
static void add_acceptance(const struct cut_runbook *rb, const struct cut_acceptance *a,
			   struct cut_buf *out)
{
	uint32_t tests = a->tests == CUT_NONE ? 0 : rb->phases[a->tests].steps_len;
	const char *start = "   accepted when ";

	if (!a->given)
		return;
	if (a->clean_for) {
		cut_buf_printf(out, "%sclean for ", start);
		cut_duration_human(a->clean_for, out);
		start = ", ";
	}
	if (tests) {
		cut_buf_printf(out, "%s%u test%s passed", start, tests, tests == 1 ? "" : "s");
		start = ", ";
	}
	if (a->sign_off_len) {
		cut_buf_printf(out, "%ssigned off by ", start);
		add_roles(rb, a->sign_off, a->sign_off_len, out);
		start = ", ";
	}
	if (strcmp(start, ", ") != 0) /* its triggers need only have had evidence */
		cut_buf_printf(out, "%swatched", start);
	if (a->deadline != CUT_NEVER) {
		cut_buf_add_str(out, "; after ");
		cut_duration_human(a->deadline, out);
		cut_buf_add_str(out, a->on_deadline == CUT_DEADLINE_ASK ? " asks" : " rolls back");
	}
	cut_buf_add_char(out, '\n');
}

static bool same_window(const struct cut_window *a, const struct cut_window *b)
{
	return a->opens == b->opens && a->closes == b->closes && a->on_overrun == b->on_overrun;
}

static void add_phase(const struct cut_runbook *rb, const struct cut_phase *phase,
		      const bool *critical, const json_t *plans, struct cut_buf *out)
{
	cut_buf_printf(out, "  %s%s%s%s\n", phase->id, phase->title ? ": " : "",
		       phase->title ? phase->title : "",
		       phase->point_of_no_return ? "  (POINT OF NO RETURN)" : "");
	if (phase->not_before.base != CUT_WHEN_NONE) {
		cut_buf_add_str(out, "   not before ");
		add_when(&phase->not_before, out);
		cut_buf_add_char(out, '\n');
	}
	if (phase->role == CUT_PHASE_FORWARD && !same_window(&phase->window, &rb->window))
		add_window("   ", &phase->window, out);
	for (uint32_t i = phase->first_step; i < phase->first_step + phase->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];

		cut_buf_printf(out, "   %c %-28s ", critical[i] ? '*' : ' ', step->address);
		add_planned(step->planned, out);
		cut_buf_add_str(out, "  ");
		add_step(rb, step, out);
		add_asked(step, out);
		add_conditions(step, out);
		add_changes(json_object_get(plans, step->address), out);
		if (step->temporary)
			add_temporary(rb, step->temporary, out);
		if (cut_step_writes(step) && phase->role == CUT_PHASE_FORWARD)
			add_undo(step, out);
	}
	add_acceptance(rb, &phase->acceptance, out);
}

static void add_head(const struct cut_runbook *rb, struct cut_buf *out)
{
	const char *name;
	json_t *link;

	cut_buf_printf(out, "plan of %s%s%s\n", rb->name, rb->title ? ": " : "",
		       rb->title ? rb->title : "");
	if (rb->description)
		add_lines("  ", rb->description, out);
	if (rb->ticket)
		cut_buf_printf(out, "  ticket %s\n", rb->ticket);
	if (rb->owner)
		cut_buf_printf(out, "  owner %s\n", rb->owner);
	json_object_foreach (rb->links, name, link)
		cut_buf_printf(out, "  %s %s\n", name, json_string_value(link));
	if (rb->window.opens || rb->window.closes != CUT_NEVER)
		add_window("  ", &rb->window, out);
}

static void add_watched(const struct cut_runbook *rb, struct cut_buf *out)
{
	static const char *const then[] = {[CUT_THEN_ROLLBACK] = "rolls back",
					   [CUT_THEN_PAUSE] = "pauses",
					   [CUT_THEN_NOTIFY] = "notifies"};
	static const char *const limit[] = {[CUT_LIMIT_PAGE] = "pages",
					    [CUT_LIMIT_PAUSE] = "pauses",
					    [CUT_LIMIT_ROLLBACK] = "rolls back"};

	if (rb->triggers_len + rb->downtimes_len)
		cut_buf_add_str(out, "  watched\n");
	for (uint32_t i = 0; i < rb->triggers_len; i++) {
		const struct cut_trigger *t = &rb->triggers[i];
		struct cut_trigger_machine m = {.spec = t, .armed_at = CUT_NEVER};

		cut_buf_printf(out, "     %-36s  %s, ", t->id,
			       t->shadow ? "does nothing (shadow)" : then[t->then]);
		cut_trigger_text(&m, 0, rb->metrics[t->metric].unit, 0, out);
		cut_buf_add_char(out, '\n');
	}
	for (uint32_t i = 0; i < rb->downtimes_len; i++) {
		const struct cut_downtime *d = &rb->downtimes[i];

		cut_buf_printf(out, "     %-36s  %s from %s to %s", d->id,
			       d->outage ? "outage" : "read-only", rb->steps[d->from].address,
			       rb->steps[d->to].address);
		if (d->limit != CUT_NEVER) {
			cut_buf_printf(out, "; %s after ", limit[d->on_limit]);
			cut_duration_human(d->limit, out);
		}
		cut_buf_add_char(out, '\n');
	}
}

/* "1h50m, and 3 steps of unknown duration" */
static void add_length(const char *what, cut_time known, uint32_t unknown, struct cut_buf *out)
{
	cut_buf_printf(out, "  %s: ", what);
	if (known || !unknown)
		cut_duration_human(known, out);
	if (unknown)
		cut_buf_printf(out, "%s%u step%s of unknown duration", known ? ", and " : "",
			       unknown, unknown == 1 ? "" : "s");
	cut_buf_add_char(out, '\n');
}

void cut_render_plan(const struct cut_runbook *rb, const struct cut_graph *graph,
		     const json_t *plans, struct cut_buf *out)
{
	uint32_t *path = cut_new_array(uint32_t, rb->steps_len + 1);
	bool *critical = cut_new_array(bool, rb->steps_len + 1);
	uint32_t len, unknown = 0, undos = 0;
	cut_time forward = 0, back;
	bool staged = false;

	len = cut_graph_critical(graph, rb, path, &forward);
	for (uint32_t i = 0; i < len; i++) {
		critical[path[i]] = true;
		unknown += rb->steps[path[i]].planned == CUT_NEVER;
	}
	back = cut_plan_rollback_time(rb, graph, &undos);
	add_head(rb, out);
	for (uint32_t p = 0; p < rb->phases_len; p++) {
		add_phase(rb, &rb->phases[p], critical, plans, out);
		staged |= rb->phases[p].stage > 0;
	}
	add_watched(rb, out);
	add_length("* critical path", forward, unknown, out);
	add_length(staged ? "back within a stage, at most" : "all the way back", back, undos, out);
	free(path);
	free(critical);
}
