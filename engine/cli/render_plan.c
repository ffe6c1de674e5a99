/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/render.h"

#include <string.h>

#define BEFORE_MAX_BYTES 200

/* As one would type it; words that a shell would split or read otherwise stand as JSON strings. */
static void add_words(const json_t *argv, struct cut_buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";
	const json_t *word;
	size_t i;

	json_array_foreach (argv, i, word) {
		const char *text = json_string_value(word);

		if (i > 0)
			cut_buf_add_char(out, ' ');
		if (text && *text && text[strspn(text, plain)] == '\0')
			cut_buf_add_str(out, text);
		else
			cut_json_canonical(word, out);
	}
}

/* What runs: a command itself, of anything else the action's name. */
static void add_action(const char *uses, const json_t *params, struct cut_buf *out)
{
	cut_buf_add_str(out, uses);
	if (strcmp(uses, "exec") == 0) {
		cut_buf_add_str(out, ": ");
		add_words(json_object_get(params, "argv"), out);
	}
}

static void add_body(const struct cut_body *body, struct cut_buf *out)
{
	add_action(body->uses, body->params, out);
}

static void add_wait(const struct cut_wait *wait, struct cut_buf *out)
{
	cut_buf_add_str(out, "wait");
	if (wait->length == CUT_NEVER || wait->for_text)
		return;
	cut_buf_add_char(out, ' ');
	cut_duration_human(wait->length, out);
}

static void add_step(const struct cut_step *step, struct cut_buf *out)
{
	switch (step->kind) {
	case CUT_STEP_ACTION:
	case CUT_STEP_CHECK: add_body(&step->body, out); break;
	case CUT_STEP_WAIT: add_wait(step->wait, out); break;
	case CUT_STEP_APPROVE: cut_buf_add_str(out, "approval"); break;
	case CUT_STEP_MANUAL: cut_buf_add_str(out, "by hand"); break;
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
	case CUT_UNDO_NOT_NEEDED: break;
	}
}

static void changes(const json_t *plan, struct cut_buf *out)
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

void cut_render_plan(const struct cut_runbook *rb, const struct cut_graph *graph,
		     const json_t *plans, struct cut_buf *out)
{
	uint32_t *path = cut_new_array(uint32_t, rb->steps_len + 1);
	bool *critical = cut_new_array(bool, rb->steps_len + 1);
	cut_time total = 0;
	uint32_t len = cut_graph_critical(graph, rb, path, &total);

	for (uint32_t i = 0; i < len; i++)
		critical[path[i]] = true;
	cut_buf_printf(out, "plan of %s%s%s\n", rb->name, rb->title ? ": " : "",
		       rb->title ? rb->title : "");
	for (uint32_t p = 0; p < rb->phases_len; p++) {
		const struct cut_phase *phase = &rb->phases[p];

		cut_buf_printf(out, "  %s%s\n", phase->id,
			       phase->point_of_no_return ? "  (point of no return)" : "");
		for (uint32_t i = 0; i < phase->steps_len; i++) {
			const struct cut_step *step = &rb->steps[phase->first_step + i];

			cut_buf_printf(out, "   %c %-28s ",
				       critical[phase->first_step + i] ? '*' : ' ', step->address);
			add_step(step, out);
			changes(json_object_get(plans, step->address), out);
			if (cut_step_writes(step))
				add_undo(step, out);
		}
	}
	cut_buf_add_str(out, "  (* critical path");
	if (total > 0) {
		cut_buf_add_str(out, ", planned ");
		cut_duration_human(total, out);
	}
	cut_buf_add_str(out, ")\n");
	free(path);
	free(critical);
}

/* A value from before; a long one begins and says so. */
static void add_before(const json_t *before, struct cut_buf *out)
{
	size_t start = out->len;

	cut_json_canonical(before, out);
	if (out->len - start <= BEFORE_MAX_BYTES)
		return;
	for (out->len = start + BEFORE_MAX_BYTES; (out->data[out->len] & 0xc0) == 0x80;)
		out->len--;
	cut_buf_add_str(out, "…");
}

/* What was saved, before it was changed: actions keep it as `before`, or in a list of `changes`,
 * beside what is theirs. */
static void add_saved(const json_t *saved, struct cut_buf *out)
{
	const json_t *changes = json_object_get(saved, "changes"),
		     *before = json_object_get(saved, "before");

	if (!json_array_size(changes))
		add_before(before ? before : saved, out);
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *c = json_array_get(changes, i);

		cut_buf_printf(out, "%s%s %s ", i ? ", " : "", cut_json_str(c, "name", ""),
			       cut_json_str(c, "type", ""));
		add_before(json_object_get(c, "before") ? json_object_get(c, "before") : c, out);
	}
}

static void add_undone(const json_t *s, size_t number, struct cut_buf *out)
{
	const json_t *restores = json_object_get(s, "restores");

	cut_buf_printf(out, "  %zu. %s: ", number, cut_json_str(s, "step", ""));
	if (json_is_string(restores))
		add_action(json_string_value(restores), json_object_get(s, "with"), out);
	else
		add_saved(restores, out);
	if (json_is_number(json_object_get(s, "planned_s"))) {
		cut_buf_add_str(out, ", about ");
		cut_render_seconds(json_object_get(s, "planned_s"), out);
	}
	cut_buf_add_char(out, '\n');
}

/* Tails: who asked before may still go there. */
static void add_tails(const json_t *list, struct cut_buf *out)
{
	const json_t *tail;
	size_t i;

	json_array_foreach (list, i, tail) {
		cut_buf_printf(out, "  %s: old answers may live until ",
			       cut_json_str(tail, "step", ""));
		cut_render_clock(cut_json_str(tail, "old_answers_until", NULL), out);
		cut_buf_add_char(out, '\n');
	}
}

static void add_downtime(const json_t *list, struct cut_buf *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i), *more = json_object_get(d, "more_s");
		const char *with = cut_json_str(d, "ends_with", NULL);

		cut_buf_printf(out, "Downtime: %s, since %.8s, ends ", cut_json_str(d, "id", ""),
			       cut_json_str(d, "since", "0000-00-00T--:--:--") + 11);
		if (!with) {
			cut_buf_add_str(out, "by none of this\n");
			continue;
		}
		cut_buf_printf(out, "when %s is undone", with);
		if (json_is_number(more)) {
			cut_buf_add_str(out, ", in ");
			cut_render_seconds(more, out);
		}
		cut_buf_add_char(out, '\n');
	}
}

void cut_render_rollback(const json_t *preview, struct cut_buf *out)
{
	const char *ended = cut_json_str(preview, "ended", NULL);
	const json_t *steps = json_object_get(preview, "steps");
	const json_t *impossible = json_object_get(preview, "impossible");
	const json_t *temporary = json_object_get(preview, "temporary");

	if (ended)
		cut_buf_printf(
			out, "The run has ended: %s. It cannot be rolled back any more; by hand:\n",
			ended);
	else if (json_array_size(steps) == 0)
		cut_buf_add_str(out, "There is nothing to undo.\n");
	else
		cut_buf_printf(
			out, "Would undo %zu step%s, in this order where one waits for another:\n",
			json_array_size(steps), json_array_size(steps) == 1 ? "" : "s");
	if (ended && json_array_size(steps) == 0)
		cut_buf_add_str(out, "  nothing stands that could be undone\n");
	for (size_t i = 0; i < json_array_size(steps); i++)
		add_undone(json_array_get(steps, i), i + 1, out);
	for (size_t i = 0; i < json_array_size(impossible); i++) {
		const json_t *s = json_array_get(impossible, i);

		cut_buf_printf(out, "  CANNOT be undone: %s: %s\n", cut_json_str(s, "step", ""),
			       cut_json_str(s, "reason", ""));
	}
	for (size_t i = 0; i < json_array_size(temporary); i++) {
		const json_t *t = json_array_get(temporary, i);

		cut_buf_printf(out, "  then, as at every end: %s\n",
			       json_is_string(t) ? json_string_value(t)
						 : cut_json_str(t, "step", ""));
	}
	if (ended)
		return;
	add_tails(json_object_get(preview, "until"), out);
	cut_buf_add_str(out, "Expected duration: ");
	if (json_is_number(json_object_get(preview, "time_s")))
		cut_render_seconds(json_object_get(preview, "time_s"), out);
	else
		cut_buf_add_str(out, "not known, a step says no `planned`");
	cut_buf_add_char(out, '\n');
	add_downtime(json_object_get(preview, "downtime"), out);
	if (cut_json_bool(preview, "accept_loss_needed", false))
		cut_buf_add_str(out, "A point of no return has been passed: what came since may be "
				     "lost, and this needs --accept-loss.\n");
}
