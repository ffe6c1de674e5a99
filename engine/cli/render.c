/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/render.h"

#include "engine/base/num.h"
#include "engine/core/report.h"

#include <string.h>
#include <time.h>

/* In the reader's zone; false: it is no time. */
static bool local_time(const char *rfc3339, size_t len, struct tm *ret)
{
	cut_time wall;
	time_t seconds;

	if (cut_rfc3339_parse(rfc3339, len, &wall) < 0)
		return false;
	seconds = (time_t)(wall / 1000);
	return localtime_r(&seconds, ret);
}

static void add_clock(const char *rfc3339, size_t len, struct cut_buf *out)
{
	char text[16] = "--:--:--";
	struct tm tm;

	if (local_time(rfc3339, len, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	cut_buf_add_str(out, text);
}

static void add_time(const struct tm *tm, struct cut_buf *out)
{
	char text[32];

	strftime(text, sizeof(text), "%F %T %z", tm);
	cut_buf_add_str(out, text);
}

void cut_render_time(const char *rfc3339, struct cut_buf *out)
{
	struct tm tm;

	if (rfc3339 && local_time(rfc3339, strlen(rfc3339), &tm))
		add_time(&tm, out);
	else
		cut_buf_add_char(out, '?');
}

void cut_render_clock(const char *rfc3339, struct cut_buf *out)
{
	add_clock(rfc3339 ? rfc3339 : "", rfc3339 ? strlen(rfc3339) : 0, out);
}

void cut_render_seconds(const json_t *seconds, struct cut_buf *out)
{
	if (!json_is_number(seconds))
		cut_buf_add_char(out, '?');
	else
		cut_duration_human(cut_json_ms(seconds, 0), out);
}

/* --- a record as a line --- */

#define MEMBERS_MAX 40

/* A record's members as they stand in its text: building each record would be most of the work of
 * showing it. */
struct line {
	struct cut_json_member items[MEMBERS_MAX];
	size_t len;
};

static const struct cut_json_member *find(const struct line *r, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < r->len; i++)
		if (r->items[i].key_len == len && memcmp(r->items[i].key, key, len) == 0)
			return &r->items[i];
	return NULL;
}

/* A string that is there and not empty. */
static const struct cut_json_member *find_text(const struct line *r, const char *key)
{
	const struct cut_json_member *m = find(r, key);

	return m && m->text[0] == '"' && m->len > 2 ? m : NULL;
}

static bool is(const struct line *r, const char *key, const char *value)
{
	const struct cut_json_member *m = find_text(r, key);

	return m && m->len == strlen(value) + 2 && memcmp(m->text + 1, value, m->len - 2) == 0;
}

static json_t *value_of(const struct cut_json_member *m)
{
	return m ? json_loadb(m->text, m->len, JSON_DECODE_ANY, NULL) : NULL;
}

static void add_text(const struct cut_json_member *m, struct cut_buf *out)
{
	if (m && !memchr(m->text, '\\', m->len)) {
		cut_buf_add(out, m->text + 1, m->len - 2);
	} else if (m) {
		cut_auto(cut_json) json_t *text = value_of(m);

		cut_buf_add(out, json_string_value(text), json_string_length(text));
	}
}

static void add(const struct line *r, const char *key, struct cut_buf *out)
{
	add_text(find_text(r, key), out);
}

/* before and the text, where there is one. */
static void add_after(const char *before, const struct line *r, const char *key,
		      struct cut_buf *out)
{
	const struct cut_json_member *m = find_text(r, key);

	if (m)
		cut_buf_add_str(out, before);
	add_text(m, out);
}

static void add_int(const struct line *r, const char *key, int64_t fallback, struct cut_buf *out)
{
	cut_auto(cut_json) json_t *v = value_of(find(r, key));

	cut_int_format(json_is_integer(v) ? json_integer_value(v) : fallback, out);
}

static void say_outcome(const struct line *r, struct cut_buf *out)
{
	cut_auto(cut_json) json_t *duration = value_of(find(r, "duration_s"));

	add(r, "step", out);
	cut_buf_add(out, ": ", 2);
	add(r, "op", out);
	cut_buf_add_char(out, ' ');
	add(r, "status", out);
	cut_buf_add(out, " in ", 4);
	cut_render_seconds(duration, out);
	add_after(": ", r, "text", out);
}

static void say_step(const struct line *r, struct cut_buf *out)
{
	add(r, "step", out);
	cut_buf_add(out, ": ", 2);
	add(r, "state", out);
	add_after(": ", r, "reason", out);
}

static void say_run(const struct line *r, struct cut_buf *out)
{
	const struct cut_json_member *state = find_text(r, "state"), *cause = find_text(r, "cause");

	cut_buf_add(out, "== ", 3);
	add_text(state, out);
	if (state && cause && state->len == cause->len &&
	    memcmp(state->text, cause->text, state->len) == 0)
		return; /* "accepted: accepted" */
	add_after(": ", r, "cause", out);
}

static void say_intent(const struct line *r, struct cut_buf *out)
{
	add(r, "step", out);
	cut_buf_add_str(out, is(r, "direction", "rollback") ? ": undo starts" : ": starts");
	cut_buf_add_str(out, ", attempt ");
	add_int(r, "attempt", 1, out);
}

static void say_trigger(const struct line *r, struct cut_buf *out)
{
	cut_buf_add_str(out, "trigger ");
	add(r, "trigger", out);
	cut_buf_add(out, ": ", 2);
	add(r, "shown", out);
	add_after(": ", r, "text", out);
}

static void say_acceptance(const struct line *r, struct cut_buf *out)
{
	cut_buf_add_str(out, "acceptance of ");
	add(r, "phase", out);
	cut_buf_add(out, ": ", 2);
	add(r, "state", out);
	add_after(": ", r, "text", out);
}

static void say_approval(const struct line *r, struct cut_buf *out)
{
	add(r, "gate", out);
	cut_buf_add(out, ": ", 2);
	add(r, "vote", out);
	cut_buf_add_str(out, " by ");
	add(r, "actor", out);
	add_after(": ", r, "comment", out);
}

static void say_order(const struct line *r, struct cut_buf *out)
{
	cut_auto(cut_json) json_t *args = value_of(find(r, "args"));
	const char *note = cut_json_str(args, "note", NULL),
		   *why = cut_json_str(args, "comment", cut_json_str(args, "reason", note));

	cut_buf_add_str(out, "order ");
	add(r, "order", out);
	add_after(" ", r, "target", out);
	cut_order_say_options(args, out);
	cut_buf_add_str(out, " by ");
	add(r, "actor", out);
	if (why)
		cut_buf_printf(out, ": %s", why);
}

static void say_armed(const struct line *r, struct cut_buf *out)
{
	const struct cut_json_member *start = find_text(r, "start"); /* or a word */
	struct tm tm;

	cut_buf_add_str(out, "armed: ");
	add(r, "run", out);
	cut_buf_add_str(out, " by ");
	add(r, "starter_name", out);
	if (start && local_time(start->text + 1, start->len - 2, &tm)) {
		cut_buf_add_str(out, ", to start on ");
		add_time(&tm, out);
	}
}

static void say_note(const struct line *r, struct cut_buf *out)
{
	cut_buf_add_str(out, "note by ");
	add(r, "actor", out);
	cut_buf_add(out, ": ", 2);
	add(r, "text", out);
}

static void say_clock(const struct line *r, struct cut_buf *out)
{
	cut_buf_add_str(out, "the wall clock jumped by ");
	add_int(r, "jump_ms", 0, out);
	cut_buf_add_str(out, " ms; timers go on untouched");
}

static void say_resumed(const struct line *r, struct cut_buf *out)
{
	cut_auto(cut_json) json_t *gap = value_of(find(r, "gap_ms"));

	cut_buf_add_str(out, "the engine is back (epoch ");
	add_int(r, "epoch", 0, out);
	cut_buf_add_str(out, "), ");
	cut_duration_human(json_integer_value(gap), out);
	cut_buf_add_str(out, " after the record before");
}

static const struct say {
	const char *type;
	void (*say)(const struct line *record, struct cut_buf *out);
} says[] = {
	{"armed", say_armed},
	{"intent", say_intent},
	{"outcome", say_outcome},
	{"step", say_step},
	{"run", say_run},
	{"trigger", say_trigger},
	{"acceptance", say_acceptance},
	{"approval", say_approval},
	{"order", say_order},
	{"note", say_note},
	{"clock", say_clock},
	{"resumed", say_resumed},
};

static void read_line(const char *json, size_t len, struct line *ret)
{
	const char *at = json + 1;

	while (ret->len < MEMBERS_MAX && cut_json_member(&at, json + len, &ret->items[ret->len]))
		ret->len++;
}

bool cut_render_record(const char *json, size_t len, struct cut_buf *out)
{
	const struct cut_json_member *at;
	struct line record = {0};

	if (len < 2)
		return false;
	read_line(json, len, &record);
	at = find_text(&record, "at");
	for (size_t i = 0; i < CUT_ARRAY_LEN(says); i++) {
		if (!is(&record, "type", says[i].type))
			continue;
		add_clock(at ? at->text + 1 : "", at ? at->len - 2 : 0, out);
		cut_buf_add_char(out, ' ');
		says[i].say(&record, out);
		add_after(" REFUSED: ", &record, "refused", out);
		return true;
	}
	return false;
}
