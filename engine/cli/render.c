/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/render.h"

#include <string.h>
#include <time.h>

void cut_render_clock(const char *rfc3339, struct cut_buf *out)
{
	cut_time wall;
	struct tm tm;
	time_t seconds;
	char text[16];

	if (!rfc3339 || cut_rfc3339_parse(rfc3339, strlen(rfc3339), &wall) < 0) {
		cut_buf_add_str(out, "--:--:--");
		return;
	}
	seconds = (time_t)(wall / 1000);
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	cut_buf_add_str(out, text);
}

void cut_render_seconds(const json_t *seconds, struct cut_buf *out)
{
	if (!json_is_number(seconds))
		cut_buf_add_char(out, '?');
	else
		cut_duration_human(cut_json_ms(seconds, 0), out);
}

static void say_outcome(const json_t *r, struct cut_buf *out)
{
	const char *status = cut_json_str(r, "status", ""), *text = cut_json_str(r, "text", NULL);

	cut_buf_printf(out, "%s: %s %s in ", cut_json_str(r, "step", ""), cut_json_str(r, "op", ""),
	               status);
	cut_render_seconds(json_object_get(r, "duration_s"), out);
	if (text && *text)
		cut_buf_printf(out, ": %s", text);
}

static void say_step(const json_t *r, struct cut_buf *out)
{
	const char *reason = cut_json_str(r, "reason", NULL);

	cut_buf_printf(out, "%s: %s%s%s", cut_json_str(r, "step", ""), cut_json_str(r, "state", ""),
	               reason ? ": " : "", reason ? reason : "");
}

static void say_run(const json_t *r, struct cut_buf *out)
{
	const char *cause = cut_json_str(r, "cause", NULL);

	cut_buf_printf(out, "== %s%s%s", cut_json_str(r, "state", ""), cause && *cause ? ": " : "",
	               cause ? cause : "");
}

static void say_intent(const json_t *r, struct cut_buf *out)
{
	cut_buf_printf(out, "%s: %s, attempt %lld", cut_json_str(r, "step", ""),
	               strcmp(cut_json_str(r, "direction", ""), "rollback") == 0 ? "undo starts"
	                                                                         : "starts",
	               (long long)cut_json_int(r, "attempt", 1));
}

static void say_trigger(const json_t *r, struct cut_buf *out)
{
	const char *text = cut_json_str(r, "text", NULL);

	cut_buf_printf(out, "trigger %s: %s%s%s", cut_json_str(r, "trigger", ""),
	               cut_json_str(r, "shown", ""), text ? ": " : "", text ? text : "");
}

static void say_acceptance(const json_t *r, struct cut_buf *out)
{
	const char *text = cut_json_str(r, "text", NULL);

	cut_buf_printf(out, "acceptance of %s: %s%s%s", cut_json_str(r, "phase", ""),
	               cut_json_str(r, "state", ""), text ? ": " : "", text ? text : "");
}

static void say_approval(const json_t *r, struct cut_buf *out)
{
	const char *comment = cut_json_str(r, "comment", NULL);

	cut_buf_printf(out, "%s: %s by %s%s%s", cut_json_str(r, "gate", ""),
	               cut_json_str(r, "vote", ""), cut_json_str(r, "actor", ""),
	               comment ? ": " : "", comment ? comment : "");
}

static void say_order(const json_t *r, struct cut_buf *out)
{
	const char *target = cut_json_str(r, "target", NULL);

	cut_buf_printf(out, "order %s%s%s by %s", cut_json_str(r, "order", ""), target ? " " : "",
	               target ? target : "", cut_json_str(r, "actor", ""));
}

static void say_armed(const json_t *r, struct cut_buf *out)
{
	cut_buf_printf(out, "armed: %s by %s", cut_json_str(r, "run", ""),
	               cut_json_str(r, "starter_name", ""));
}

static void say_note(const json_t *r, struct cut_buf *out)
{
	cut_buf_printf(out, "note by %s: %s", cut_json_str(r, "actor", ""),
	               cut_json_str(r, "text", ""));
}

static void say_clock(const json_t *r, struct cut_buf *out)
{
	cut_buf_printf(out, "the wall clock jumped by %lld ms; timers go on untouched",
	               (long long)cut_json_int(r, "jump_ms", 0));
}

static void say_resumed(const json_t *r, struct cut_buf *out)
{
	cut_buf_printf(out, "the engine is back (epoch %lld) after ",
	               (long long)cut_json_int(r, "epoch", 0));
	cut_duration_human(cut_json_int(r, "gap_ms", 0), out);
}

static const struct say {
	const char *type;
	void (*say)(const json_t *record, struct cut_buf *out);
} says[] = {
	{"armed", say_armed},       {"intent", say_intent},   {"outcome", say_outcome},
	{"step", say_step},         {"run", say_run},         {"trigger", say_trigger},
	{"acceptance", say_acceptance}, {"approval", say_approval}, {"order", say_order},
	{"note", say_note},         {"clock", say_clock},     {"resumed", say_resumed},
};

bool cut_render_record(const json_t *record, struct cut_buf *out)
{
	const char *type = cut_json_str(record, "type", "");
	const char *refused = cut_json_str(record, "refused", NULL);

	for (size_t i = 0; i < CUT_ARRAY_LEN(says); i++) {
		if (strcmp(says[i].type, type) != 0)
			continue;
		cut_render_clock(cut_json_str(record, "at", NULL), out);
		cut_buf_add_char(out, ' ');
		says[i].say(record, out);
		if (refused)
			cut_buf_printf(out, " REFUSED: %s", refused);
		return true;
	}
	return false;
}
