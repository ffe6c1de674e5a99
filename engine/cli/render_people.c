/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for people: when it starts, holds and their remedies, gates and work; and both ways
 * from here. Called for `status` and `watch`. */
#include "engine/cli/render.h"

#include "engine/cli/print.h"
#include "engine/core/run.h"

#include <string.h>

/* A text of people in their own lines. */
static void quote(const char *text, struct cut_buf *out)
{
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		size_t len = strcspn(line, "\n");

		cut_buf_printf(out, "    %.*s\n", (int)len, line);
		line += len;
	}
}

/* "not true when it opened: metrics.lag.value < 5 (metrics.lag.value = 7)" */
static void check_line(const json_t *check, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (json_is_true(json_object_get(check, "is")))
		return;
	cut_buf_add_str(&text, "not true when it opened: ");
	cut_check_say(check, &text);
	quote(cut_buf_str(&text), out);
}

/* What a person must have read who answers. */
static void question(const json_t *w, struct cut_buf *out)
{
	const json_t *checks = cut_json_at(w, "/evidence/checks/values");
	const char *name;
	json_t *url;

	quote(cut_json_str(w, "asks", ""), out);
	for (size_t i = 0; i < json_array_size(checks); i++)
		check_line(json_array_get(checks, i), out);
	json_object_foreach (json_object_get(w, "links"), name, url)
		cut_buf_printf(out, "    %s: %s\n", name, json_string_value(url));
}

/* "approved 1 of 3: ann" */
static void votes(const json_t *w, struct cut_buf *out)
{
	const json_t *approved = json_object_get(w, "approved");

	cut_buf_printf(out, "    approved %zu of %lld", json_array_size(approved),
		       (long long)cut_json_int(w, "quorum", 0));
	for (size_t i = 0; i < json_array_size(approved); i++)
		cut_buf_printf(out, "%s%s", i ? ", " : ": ",
			       json_string_value(json_array_get(approved, i)));
	cut_buf_add_char(out, '\n');
}

/* "WAITS since 02:14:05 for dba, ops: cutover approve go_live", and what is asked. */
static void waiting_lines(const json_t *w, struct cut_buf *out)
{
	const json_t *roles = json_object_get(w, "roles"), *wants = json_object_get(w, "wants");
	bool manual = strcmp(cut_json_str(w, "kind", ""), "manual") == 0;
	const char *expires = cut_json_str(w, "expires", NULL);

	cut_buf_add_str(out, "  WAITS since ");
	cut_render_clock(cut_json_str(w, "since", NULL), out);
	if (expires) {
		cut_buf_add_str(out, " until ");
		cut_render_clock(expires, out);
	}
	cut_buf_add_str(out, " for ");
	if (json_array_size(roles) == 0)
		cut_buf_add_str(out, "an operator");
	for (size_t i = 0; i < json_array_size(roles); i++)
		cut_buf_printf(out, "%s%s", i ? ", " : "",
			       json_string_value(json_array_get(roles, i)));
	cut_buf_printf(out, ": cutover %s %s", manual ? "attest" : "approve",
		       cut_json_str(w, "id", ""));
	for (size_t i = 0; i < json_array_size(wants); i++)
		cut_buf_printf(out, " --evidence %s=…",
			       json_string_value(json_array_get(wants, i)));
	cut_buf_add_char(out, '\n');
	if (cut_json_int(w, "quorum", 0) > 1)
		votes(w, out);
	question(w, out);
}

/* What lies ahead, and what lies behind: to decide between both. */
static void ways(const json_t *s, struct cut_buf *out)
{
	const json_t *back = json_object_get(s, "rollback");
	const char *gate = cut_json_str(json_object_get(s, "continue"), "next_gate", NULL);
	long long steps = cut_json_int(back, "steps", 0);
	size_t stuck = json_array_size(json_object_get(back, "impossible"));

	if (strcmp(cut_json_str(s, "state", ""), "running") != 0 &&
	    strcmp(cut_json_str(s, "state", ""), "paused") != 0)
		return;
	cut_buf_printf(out, "  going on: %s%s\n", gate ? "next gate is " : "no gate ahead",
		       gate ? gate : "");
	cut_buf_printf(out, "  going back: %lld step%s to undo", steps, steps == 1 ? "" : "s");
	if (steps && json_is_number(json_object_get(back, "time_s"))) {
		cut_buf_add_str(out, ", about ");
		cut_render_seconds(json_object_get(back, "time_s"), out);
	}
	if (stuck)
		cut_buf_printf(out, ", %zu CANNOT BE UNDONE", stuck);
	cut_buf_add_char(out, '\n');
}

/* "HOLD step shift since 02:14:05: shift failed: …" and "next: cutover retry shift, …" */
static void hold_lines(const json_t *h, struct cut_buf *out)
{

	cut_buf_printf(out, "  HOLD %s %s since ", cut_json_str(h, "kind", ""),
		       cut_json_str(h, "id", ""));
	cut_render_clock(cut_json_str(h, "since", NULL), out);
	cut_buf_printf(out, ": %s\n    next: %s\n", cut_json_str(h, "what", ""),
		       cut_json_str(h, "remedy", ""));
}

static void beginning(const json_t *s, struct cut_buf *out)
{
	const char *starts = cut_json_str(s, "starts", NULL);

	if (strcmp(cut_json_str(s, "state", ""), "armed") != 0)
		return;
	if (starts) {
		cut_buf_add_str(out, "  STARTS by itself on ");
		cut_render_time(starts, out);
		cut_buf_add_str(out, "; cutover abort calls it off\n");
	} else {
		cut_buf_add_str(out, "  WAITS for the answer to the question of `cutover run`\n");
	}
}

void cut_render_people(const json_t *status, size_t columns, struct cut_buf *out)
{
	const json_t *holds = json_object_get(status, "holds"),
		     *waiting = json_object_get(status, "waiting_for");
	cut_auto(cut_buf) struct cut_buf text = {0};

	beginning(status, &text);
	for (size_t i = 0; i < json_array_size(holds); i++)
		hold_lines(json_array_get(holds, i), &text);
	for (size_t i = 0; i < json_array_size(waiting); i++)
		waiting_lines(json_array_get(waiting, i), &text);
	ways(status, &text);
	cut_fold_text(cut_buf_str(&text), columns, out);
}
