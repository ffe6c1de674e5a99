/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollback would do, step by step: for `rollback`, which shows it before it asks. */
#include "engine/cli/render.h"

#define BEFORE_MAX_BYTES 200

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

static void add_undone(const json_t *s, size_t number, bool ended, struct cut_buf *out)
{
	const json_t *restores = json_object_get(s, "restores");

	cut_buf_printf(out, "  %zu. %s: ", number, cut_json_str(s, "step", ""));
	if (ended)
		cut_buf_add_str(out, cut_json_str(s, "by_hand", ""));
	else if (json_is_string(restores))
		cut_render_action(json_string_value(restores), json_object_get(s, "with"), out);
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

		cut_buf_printf(out, "Downtime: %s, since ", cut_json_str(d, "id", ""));
		cut_render_clock(cut_json_str(d, "since", NULL), out);
		cut_buf_add_str(out, ", ends ");
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
		add_undone(json_array_get(steps, i), i + 1, ended, out);
	for (size_t i = 0; i < json_array_size(impossible); i++) {
		const json_t *s = json_array_get(impossible, i);

		cut_buf_printf(out, "  CANNOT be undone: %s: %s\n", cut_json_str(s, "step", ""),
			       cut_json_str(s, "reason", ""));
	}
	for (size_t i = 0; i < json_array_size(temporary); i++)
		cut_buf_printf(out, "  %s: %s\n",
			       ended ? "temporary, and still there" : "then, as at every end",
			       json_string_value(json_array_get(temporary, i)));
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
