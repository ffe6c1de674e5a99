/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/render.h"

#include "engine/base/map.h"
#include "engine/cli/print.h"

#include <string.h>

struct style {
	const char *state, *mark, *color;
};

/* One letter a state, for a line of many steps; colour codes of ECMA-48. */
static const struct style styles[] = {
	{"pending", ".", ""},
	{"ready", "o", ""},
	{"running", ">", "\033[36m"},
	{"verifying", ">", "\033[36m"},
	{"succeeded", "+", "\033[32m"},
	{"failed", "!", "\033[31m"},
	{"unknown", "?", "\033[33m"},
	{"skipped", "-", ""},
	{"rollback_pending", "<", "\033[33m"},
	{"rolling_back", "<", "\033[33m"},
	{"rolled_back", "=", "\033[33m"},
	{"rollback_failed", "!", "\033[31m"},
	{"rollback_impossible", "x", "\033[31m"},
};

static const struct style *style_of(const char *state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(styles); i++) {
		if (strcmp(styles[i].state, state) == 0)
			return &styles[i];
	}
	return &styles[0];
}

#define RESET "\033[0m"

/* What is drawn on. */
struct page {
	struct cut_buf *out;
	size_t columns;
	bool color;
	enum { WHOLE, FEW_PHASES, FEW_TRIGGERS } brief; /* what is quiet shares a line */
};

static void line_end(struct cut_buf *out)
{
	cut_buf_add_char(out, '\n');
}

/* The line that began there must not need another one. */
static void clip_end(const struct page *page, size_t start)
{
	cut_clip_line(page->out, start, page->columns);
	cut_buf_add_str(page->out, page->color ? RESET : "");
	line_end(page->out);
}

static void add_folded(const struct page *page, const char *lines)
{
	cut_fold_text(lines, page->columns, page->out);
}

static bool final(const char *state)
{
	static const char *const states[] = {
		"accepted", "done", "rolled_back", "rollback_incomplete", "aborted", "failed"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(states); i++) {
		if (strcmp(states[i], state) == 0)
			return true;
	}
	return false;
}

static void gone(const json_t *s, struct cut_buf *out)
{
	if (strcmp(cut_json_str(s, "engine", ""), "dead") != 0 ||
	    final(cut_json_str(s, "state", "")))
		return;
	cut_buf_add_str(out, "  ENGINE GONE, its last record is of ");
	cut_render_clock(cut_json_str(s, "at", NULL), out);
	cut_buf_printf(out, ": cutover recover %s\n", cut_json_str(s, "run", ""));
}

static void head(const json_t *s, const struct page *page)
{
	const json_t *fault = json_object_get(s, "fault");
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_buf_printf(&text, "%s  %s  ", cut_json_str(s, "runbook", ""),
		       cut_json_str(s, "state", ""));
	cut_render_seconds(json_object_get(s, "elapsed_s"), &text);
	if (cut_json_str(s, "in_command", NULL))
		cut_buf_printf(&text, "  led by %s", cut_json_str(s, "in_command", ""));
	cut_buf_printf(&text, "\n%s\n", cut_json_str(s, "run", ""));
	gone(s, &text);
	if (json_is_object(fault))
		cut_buf_printf(&text, "  NOTHING NEW STARTS: %s: %s; %s\n",
			       cut_json_str(fault, "what", ""), cut_json_str(fault, "why", ""),
			       cut_json_str(fault, "next", ""));
	add_folded(page, cut_buf_str(&text));
}

/* Does a ready step wait for what no other line tells of? A lock, a time, its next try; holds and
 * people have lines of their own, and a queue is seen in the marks. */
static bool waits_for_more(const json_t *s, const char *id, const char *reason)
{
	const json_t *waiting = json_object_get(s, "waiting_for");

	if (final(cut_json_str(s, "state", "")) || !*reason || strcmp(reason, "hold") == 0 ||
	    strcmp(reason, "parallel limit") == 0)
		return false;
	for (size_t i = 0; i < json_array_size(waiting); i++)
		if (strcmp(cut_json_str(json_array_get(waiting, i), "id", ""), id) == 0)
			return false;
	return true;
}

/* Steps that deserve a line of their own: what happens now, what it waits for, what went wrong. */
static bool worth_a_line(const json_t *s, const char *id, const json_t *step)
{
	const char *state = cut_json_str(step, "state", "");

	if (strcmp(state, "ready") == 0)
		return waits_for_more(s, id, cut_json_str(step, "reason", ""));
	return strcmp(state, "pending") != 0 && strcmp(state, "succeeded") != 0 &&
	       strcmp(state, "skipped") != 0 && strcmp(state, "rolled_back") != 0;
}

/* From one of the times of a status to another; CUT_NEVER: one is not known. */
static cut_time between(const json_t *from, const json_t *to)
{
	cut_time a, b;

	if (!json_is_string(from) || !json_is_string(to) ||
	    cut_rfc3339_parse(json_string_value(from), json_string_length(from), &a) < 0 ||
	    cut_rfc3339_parse(json_string_value(to), json_string_length(to), &b) < 0)
		return CUT_NEVER;
	return b > a ? b - a : 0;
}

/* " 3s, 2s left", " 3s of about 10s" */
static void step_time(const json_t *step, const json_t *now, struct cut_buf *out)
{
	cut_time runs = between(json_object_get(step, "started"), now);
	cut_time left = between(now, json_object_get(step, "due"));
	const json_t *planned = json_object_get(step, "planned_s");

	if (runs == CUT_NEVER || json_is_string(json_object_get(step, "ended")))
		return;
	cut_buf_add_char(out, ' ');
	cut_duration_human(runs - runs % CUT_SECOND, out);
	if (left != CUT_NEVER) {
		cut_buf_add_str(out, ", ");
		cut_duration_human(left - left % CUT_SECOND, out);
		cut_buf_add_str(out, " left");
	} else if (json_is_number(planned)) {
		cut_buf_add_str(out, " of about ");
		cut_render_seconds(planned, out);
	}
}

static void step_line(const char *id, const json_t *step, const json_t *now,
		      const struct page *page)
{
	const char *state = cut_json_str(step, "state", ""),
		   *reason = cut_json_str(step, "reason", NULL);
	const struct style *style = style_of(state);
	struct cut_buf *out = page->out;
	size_t at = out->len;

	cut_buf_printf(out, "    %s%s %-24s %s%s", page->color ? style->color : "", style->mark, id,
		       state, page->color ? RESET : "");
	if (cut_json_int(step, "attempt", 0) > 1)
		cut_buf_printf(out, " attempt %lld", (long long)cut_json_int(step, "attempt", 0));
	step_time(step, now, out);
	if (reason)
		cut_buf_printf(out, ": %s", reason);
	clip_end(page, at);
}

/* What was undone because it was temporary is done where the run ended well. */
static bool is_done(const char *state, const char *run_state)
{
	bool good = strcmp(run_state, "accepted") == 0 || strcmp(run_state, "done") == 0;

	return strcmp(state, "succeeded") == 0 || strcmp(state, "skipped") == 0 ||
	       (good && strcmp(state, "rolled_back") == 0);
}

enum { NAME_WIDTH = 14, MARKS_MAX = 40, LINES_MAX_BYTES = 4000 };

struct phase_view {
	struct cut_buf marks, lines; /* a mark a step; lines of the steps that matter */
	unsigned all, done;
	size_t marks_max; /* as many as its line has room for */
	const char *mark; /* of its first step; NULL: others have another */
};

static void phase_add(struct phase_view *view, const char *id, const json_t *step, const json_t *s,
		      const struct page *page)
{
	const struct page below = {&view->lines, page->columns, page->color, page->brief};
	const char *state = cut_json_str(step, "state", "");

	if (view->all++ == 0)
		view->mark = style_of(state)->mark;
	else if (view->mark && strcmp(view->mark, style_of(state)->mark) != 0)
		view->mark = NULL;
	view->done += is_done(state, cut_json_str(s, "state", ""));
	if (view->all <= view->marks_max)
		cut_buf_add_str(&view->marks, style_of(state)->mark);
	if (worth_a_line(s, id, step) && view->lines.len < LINES_MAX_BYTES)
		step_line(id, step, json_object_get(s, "at"), &below);
}

/* "prepare    ++>..  3/5" and the lines of its steps. */
static void phase_print(const char *name, const struct phase_view *view, struct cut_buf *out)
{
	if (view->all == 0)
		return;
	cut_buf_printf(out, "  %-*s %s%s  %u/%u\n", NAME_WIDTH, name, cut_buf_str(&view->marks),
		       view->all > view->marks_max ? "…" : "", view->done, view->all);
	cut_buf_add(out, cut_buf_str(&view->lines), view->lines.len);
}

/* All that there is to tell of a phase; NULL: there is more. */
static const char *quiet(const struct phase_view *view)
{
	if (!view->mark || view->lines.len)
		return NULL;
	return strcmp(view->mark, "+") == 0   ? "done"
	       : strcmp(view->mark, ".") == 0 ? "to come"
	       : strcmp(view->mark, "=") == 0 ? "undone"
					      : NULL;
}

/* How many phases from the first on share a line. */
static size_t alike(const struct phase_view *views, size_t len)
{
	const char *first = quiet(&views[0]);
	size_t n = 1;

	while (first && n < len && quiet(&views[n]) == first)
		n++;
	return n;
}

static void phases_print(const json_t *list, const struct phase_view *views, size_t len,
			 const struct page *page)
{
	for (size_t i = 0, n; i < len; i += n) {
		const char *name = json_string_value(json_array_get(list, i));

		n = page->brief >= FEW_PHASES ? alike(&views[i], len - i) : 1;
		if (n == 1)
			phase_print(name, &views[i], page->out);
		else
			cut_buf_printf(page->out, "  %zu phases %s: %s to %s\n", n,
				       quiet(&views[i]), name,
				       json_string_value(json_array_get(list, i + n - 1)));
	}
}

static size_t marks_max(size_t name_len)
{
	size_t more = name_len > NAME_WIDTH ? name_len - NAME_WIDTH : 0;

	return more < MARKS_MAX ? MARKS_MAX - more : 0;
}

static void phases(const json_t *s, const struct page *page)
{
	const json_t *list = json_object_get(s, "phases");
	size_t len = json_array_size(list);
	struct phase_view *views = cut_new_array(struct phase_view, len);
	struct cut_map index = {0};
	const char *id;
	json_t *step;

	for (size_t i = 0; i < len; i++) {
		const json_t *name = json_array_get(list, i);

		cut_map_put(&index, json_string_value(name), json_string_length(name), (uint32_t)i,
			    NULL);
		views[i].marks_max = marks_max(json_string_length(name));
	}
	json_object_foreach (json_object_get(s, "steps"), id, step) {
		uint32_t i = cut_map_find(&index, cut_json_str(step, "phase", ""));

		if (i != CUT_MAP_NONE)
			phase_add(&views[i], id, step, s, page);
	}
	phases_print(list, views, len, page);
	for (size_t i = 0; i < len; i++) {
		cut_buf_done(&views[i].marks);
		cut_buf_done(&views[i].lines);
	}
	cut_map_done(&index);
	free(views);
}

static void triggers(const json_t *s, const struct page *page)
{
	size_t clear = 0;
	const char *id;
	json_t *t;

	json_object_foreach (json_object_get(s, "triggers"), id, t) {
		size_t at = page->out->len;

		if (page->brief >= FEW_TRIGGERS &&
		    strcmp(cut_json_str(t, "state", ""), "clear") == 0) {
			clear++;
			continue;
		}
		cut_buf_printf(page->out, "  trigger %s: %s: %s", id, cut_json_str(t, "state", ""),
			       cut_json_str(t, "text", ""));
		clip_end(page, at);
	}
	if (clear)
		cut_buf_printf(page->out, "  %zu trigger%s clear\n", clear, clear == 1 ? "" : "s");
}

static bool is_over(const json_t *clock)
{
	return cut_json_ms(json_object_get(clock, "elapsed_s"), 0) >
	       cut_json_ms(json_object_get(clock, "limit_s"), CUT_NEVER);
}

/* While it counts: clean for long enough may not be enough. */
static void add_coverage(const json_t *acceptance, struct cut_buf *out)
{
	static const char *const counting[] = {"running", "suspended", "overdue"};
	const char *state = cut_json_str(acceptance, "state", "");

	for (size_t i = 0; i < CUT_ARRAY_LEN(counting); i++)
		if (strcmp(counting[i], state) == 0 &&
		    json_is_number(json_object_get(acceptance, "coverage")))
			cut_buf_printf(out, ", coverage %.3g %%",
				       100 * cut_json_real(acceptance, "coverage", 0));
}

static void clocks(const json_t *s, struct cut_buf *out)
{
	const json_t *acceptance = json_object_get(s, "acceptance");
	const char *id;
	json_t *clock;

	if (json_is_object(acceptance)) {
		cut_buf_printf(out, "  acceptance of %s: %s, clean ",
			       cut_json_str(acceptance, "phase", ""),
			       cut_json_str(acceptance, "state", ""));
		cut_render_seconds(json_object_get(acceptance, "clean_s"), out);
		cut_buf_add_str(out, " of ");
		cut_render_seconds(json_object_get(acceptance, "needed_s"), out);
		add_coverage(acceptance, out);
		line_end(out);
	}
	json_object_foreach (json_object_get(s, "downtime"), id, clock) {
		cut_buf_printf(out, "  downtime %s: ", id);
		cut_render_seconds(json_object_get(clock, "elapsed_s"), out);
		cut_buf_add_str(out, cut_json_bool(clock, "running", false) ? ", running" : "");
		if (json_is_number(json_object_get(clock, "limit_s"))) {
			cut_buf_add_str(out, " (limit ");
			cut_render_seconds(json_object_get(clock, "limit_s"), out);
			cut_buf_add_str(out, is_over(clock) ? ", PASSED)" : ")");
		}
		line_end(out);
	}
}

struct sections {
	struct cut_buf people, phases, clocks;
};

static void sections_done(struct sections *s)
{
	cut_buf_done(&s->people);
	cut_buf_done(&s->phases);
	cut_buf_done(&s->clocks);
}

/* The lines of all. */
static size_t sections_make(struct sections *ret, const json_t *status, struct page page)
{
	sections_done(ret);
	page.out = &ret->people;
	head(status, &page);
	cut_render_people(status, page.columns, page.out); /* first: the smallest screen shows it */
	page.out = &ret->phases;
	phases(status, &page);
	page.out = &ret->clocks;
	triggers(status, &page);
	clocks(status, page.out);
	return cut_count_lines(cut_buf_str(&ret->people)) +
	       cut_count_lines(cut_buf_str(&ret->phases)) +
	       cut_count_lines(cut_buf_str(&ret->clocks));
}

void cut_render_status(const json_t *status, bool color, size_t columns, size_t lines,
		       struct cut_buf *out)
{
	struct sections s = {0};
	struct page page = {.columns = columns, .color = color};
	size_t made = sections_make(&s, status, page);

	while (made > lines && page.brief < FEW_TRIGGERS) {
		page.brief++;
		made = sections_make(&s, status, page);
	}
	if (made > lines) /* of the phases as much as leaves room for the clocks */
		cut_drop_lines(&s.phases, made - lines);
	cut_buf_add_str(out, cut_buf_str(&s.people));
	cut_buf_add_str(out, cut_buf_str(&s.phases));
	cut_buf_add_str(out, cut_buf_str(&s.clocks));
	sections_done(&s);
}
