/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/render.h"

#include <string.h>

/* The two forms differ only in how a heading, a row and the end of a table look. */
struct form {
	const char *row_start, *row_between, *row_end;
	bool rule;	  /* a line of dashes under a table's head */
	const char *line; /* what keeps a line apart from the one above it */
};

static const struct form text_form = {"  ", "  ", "\n", false, ""};
static const struct form md_form = {"| ", " | ", " |\n", true, "- "};

struct cell {
	const char *text;
	int width; /* of text form */
};

static void cell_text(const char *text, int width, const struct form *f, struct cut_buf *out)
{
	if (!f->rule) {
		cut_buf_printf(out, "%-*s", width, text);
		return;
	}
	for (const char *p = text; *p; p++) {
		if (*p == '|')
			cut_buf_add_char(out, '\\');
		cut_buf_add_char(out, *p == '\n' ? ' ' : *p);
	}
}

static void row(const struct form *f, const struct cell *cells, size_t len, struct cut_buf *out)
{
	cut_buf_add_str(out, f->row_start);
	for (size_t i = 0; i < len; i++) {
		cell_text(cells[i].text ? cells[i].text : "", i + 1 < len ? cells[i].width : 0, f,
			  out);
		if (i + 1 < len)
			cut_buf_add_str(out, f->row_between);
	}
	while (out->len > 0 && !f->rule && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	cut_buf_add_str(out, f->row_end);
}

static void rule(const struct form *f, size_t len, struct cut_buf *out)
{
	if (!f->rule)
		return;
	cut_buf_add_char(out, '|');
	for (size_t i = 0; i < len; i++)
		cut_buf_add_str(out, " --- |");
	cut_buf_add_char(out, '\n');
}

static void heading(const struct form *f, const char *title, struct cut_buf *out)
{
	cut_buf_add_str(out, f->rule ? "\n## " : "\n");
	cut_buf_add_str(out, title);
	cut_buf_add_str(out, f->rule ? "\n\n" : "\n");
}

static char *seconds(const json_t *json)
{
	struct cut_buf text = {0};

	if (json_is_number(json))
		cut_render_seconds(json, &text);
	return cut_buf_take(&text);
}

static char *clock_text(const json_t *json)
{
	struct cut_buf text = {0};

	cut_render_clock(json_string_value(json), &text);
	return cut_buf_take(&text);
}

static void head(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const char *title = cut_json_str(r, "title", NULL),
		   *ticket = cut_json_str(r, "ticket", NULL);
	cut_auto(cut_str) char *elapsed = seconds(json_object_get(r, "elapsed_s"));

	cut_buf_printf(out, "%s%s%s%s: %s\n", f->rule ? "# " : "", cut_json_str(r, "runbook", ""),
		       title ? ", " : "", title ? title : "", cut_json_str(r, "state", ""));
	if (f->rule)
		cut_buf_add_char(out, '\n');
	cut_buf_printf(out, "%srun %s, started by %s on ", f->line, cut_json_str(r, "run", ""),
		       cut_json_str(r, "starter", "?"));
	cut_render_time(cut_json_str(r, "started", NULL), out);
	cut_buf_printf(out, ", %s\n", elapsed);
	if (ticket)
		cut_buf_printf(out, "%sticket %s\n", f->line, ticket);
	cut_buf_printf(out, "%splan %s\n", f->line, cut_json_str(r, "plan_sha256", ""));
}

/* The line that an auditor looks for. */
static void seal(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const json_t *seal = json_object_get(r, "seal");
	const char *state = cut_json_str(seal, "state", "");
	const char *key = cut_json_str(seal, "key", NULL);

	cut_buf_add_str(out, f->line);
	if (strcmp(state, "sealed") == 0)
		cut_buf_printf(out, "journal sealed at record %lld by\n%s\n",
			       (long long)cut_json_int(seal, "seq", 0), key);
	else if (strcmp(state, "live") == 0 ||
		 (strcmp(state, "unsealed") == 0 && !cut_json_str(r, "ended", NULL)))
		cut_buf_printf(out, "journal not sealed yet: the run has not ended\n");
	else
		cut_buf_printf(out, "journal NOT SEALED (%s): see cutover audit verify\n", state);
}

static void objectives(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const json_t *all = json_object_get(r, "objectives");
	const struct cell names[] = {{"objective", 12}, {"wanted", 9}, {"achieved", 9}, {"met", 4}};
	const char *name;
	json_t *o;

	if (json_object_size(all) == 0)
		return;
	heading(f, "Objectives", out);
	row(f, names, CUT_ARRAY_LEN(names), out);
	rule(f, CUT_ARRAY_LEN(names), out);
	json_object_foreach ((json_t *)all, name, o) {
		cut_auto(cut_str) char *wanted = seconds(json_object_get(o, "wanted_s"));
		cut_auto(cut_str) char *got = seconds(json_object_get(o, "achieved_s"));
		const json_t *met = json_object_get(o, "met");
		const struct cell cells[] = {
			{name, 12},
			{wanted, 9},
			{*got ? got : "not known", 9},
			{json_is_null(met)   ? "?"
			 : json_is_true(met) ? "yes"
					     : "NO",
			 4},
		};

		row(f, cells, CUT_ARRAY_LEN(cells), out);
	}
}

static void downtime(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const json_t *all = json_object_get(r, "downtime");
	const struct cell names[] = {{"clock", 20}, {"lasted", 9}, {"limit", 9}, {"within", 6}};
	const char *name;
	json_t *d;

	if (json_object_size(all) == 0)
		return;
	heading(f, "Downtime", out);
	row(f, names, CUT_ARRAY_LEN(names), out);
	rule(f, CUT_ARRAY_LEN(names), out);
	json_object_foreach ((json_t *)all, name, d) {
		cut_auto(cut_str) char *lasted = seconds(json_object_get(d, "elapsed_s"));
		cut_auto(cut_str) char *limit = seconds(json_object_get(d, "limit_s"));
		const struct cell cells[] = {
			{name, 20},
			{lasted, 9},
			{limit, 9},
			{cut_json_bool(d, "within", true) ? "yes" : "NO", 6},
		};

		row(f, cells, CUT_ARRAY_LEN(cells), out);
	}
}

/* One more part of a list, in which commas stand between. */
static void add_part(const char *name, const char *text, struct cut_buf *list)
{
	cut_buf_printf(list, "%s%s%s", list->len ? ", " : "", name, text);
}

/* Why, what was handed in, by whom. */
static void reason(const json_t *d, struct cut_buf *out)
{
	const char *why = cut_json_str(d, "why", NULL), *who = cut_json_str(d, "who", "");
	const char *name;
	json_t *value;

	if (why)
		add_part(cut_json_bool(d, "refused", false) ? "REFUSED: " : "", why, out);
	json_object_foreach ((json_t *)cut_json_at(d, "/evidence/evidence"), name, value) {
		cut_auto(cut_str) char *is = cut_printf("%s = ", name);

		if (json_is_string(value))
			add_part(is, json_string_value(value), out);
	}
	if (strcmp(who, "engine") != 0)
		add_part("by ", who, out);
}

static void decisions(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const json_t *list = json_object_get(r, "decisions");
	const struct cell names[] = {{"time", 8}, {"what", 34}, {"why", 0}};

	heading(f, "Decisions", out);
	row(f, names, CUT_ARRAY_LEN(names), out);
	rule(f, CUT_ARRAY_LEN(names), out);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);
		cut_auto(cut_str) char *at = clock_text(json_object_get(d, "at"));
		cut_auto(cut_buf) struct cut_buf why = {0};

		reason(d, &why);
		const struct cell cells[] = {
			{at, 8}, {cut_json_str(d, "what", ""), 34}, {cut_buf_str(&why), 0}};

		row(f, cells, CUT_ARRAY_LEN(cells), out);
	}
}

static void timeline(const json_t *r, const struct form *f, struct cut_buf *out)
{
	const json_t *list = json_object_get(r, "timeline");
	const struct cell names[] = {
		{"started", 8}, {"step", 28}, {"state", 19}, {"took", 8}, {"planned", 8}};

	heading(f, "Timeline", out);
	row(f, names, CUT_ARRAY_LEN(names), out);
	rule(f, CUT_ARRAY_LEN(names), out);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		cut_auto(cut_str) char *at = clock_text(json_object_get(s, "started"));
		cut_auto(cut_str) char *took = seconds(json_object_get(s, "duration_s"));
		cut_auto(cut_str) char *planned = seconds(json_object_get(s, "planned_s"));
		const struct cell cells[] = {
			{at, 8},
			{cut_json_str(s, "step", ""), 28},
			{cut_json_str(s, "state", ""), 19},
			{took, 8},
			{planned, 8},
		};

		row(f, cells, CUT_ARRAY_LEN(cells), out);
	}
}

static void left(const json_t *r, const struct form *f, const char *bullet, struct cut_buf *out)
{
	const json_t *continued = json_object_get(r, "continued");
	const json_t *stands = json_object_get(r, "left");

	if (json_array_size(continued) > 0)
		heading(f, "Failed, and gone on without", out);
	for (size_t i = 0; i < json_array_size(continued); i++)
		cut_buf_printf(out, "%s%s: %s\n", bullet,
			       cut_json_str(json_array_get(continued, i), "step", ""),
			       cut_json_str(json_array_get(continued, i), "reason", ""));
	if (json_array_size(stands) > 0)
		heading(f, "Left to people", out);
	for (size_t i = 0; i < json_array_size(stands); i++) {
		const json_t *s = json_array_get(stands, i);
		const char *by_hand = cut_json_str(s, "by_hand", NULL);

		cut_buf_printf(out, "%s%s: %s%s%s\n", bullet, cut_json_str(s, "step", ""),
			       cut_json_str(s, "reason", ""), by_hand ? "; " : "",
			       by_hand ? by_hand : "");
	}
}

void cut_render_report(const json_t *r, bool markdown, struct cut_buf *out)
{
	const struct form *f = markdown ? &md_form : &text_form;

	head(r, f, out);
	seal(r, f, out);
	objectives(r, f, out);
	downtime(r, f, out);
	decisions(r, f, out);
	timeline(r, f, out);
	left(r, f, markdown ? "- " : "  ", out);
}
