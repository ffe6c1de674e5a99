/* SPDX-License-Identifier: Apache-2.0 */
/* What a comparison found. Whatever was not compared is listed, and makes "equal" impossible. */
#include "sync/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 5 };

void report_init(struct report *report)
{
	*report = (struct report){.differences = json_array(), .unchecked = json_array()};
}

void report_done(struct report *report)
{
	json_decref(report->differences);
	json_decref(report->unchecked);
}

/* A database may hold texts that are not UTF-8; a message cannot. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

void report_difference(struct report *report, const char *table, json_t *key, const char *what)
{
	json_t *item = json_pack("{s:o, s:s}", "table", text_json(table), "what", what);

	if (key)
		json_object_set_new(item, "key", key);
	if (report->differences_len++ < FOUND_MAX)
		json_array_append_new(report->differences, item);
	else
		json_decref(item);
}

void report_unchecked(struct report *report, const char *table, const char *column,
		      const char *reason)
{
	json_t *item =
		json_pack("{s:o, s:o}", "table", text_json(table), "reason", text_json(reason));

	if (column)
		json_object_set_new(item, "column", text_json(column));
	if (report->unchecked_len++ < FOUND_MAX)
		json_array_append_new(report->unchecked, item);
	else
		json_decref(item);
}

bool report_is_full(const struct report *report)
{
	return report->differences_len >= FOUND_MAX;
}

static const char *get(const json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));

	return text ? text : "";
}

static void say_key(FILE *to, const json_t *item)
{
	const char *name;
	json_t *value;
	const char *comma = "";

	json_object_foreach (json_object_get(item, "key"), name, value) {
		fprintf(to, "%s %s %s", comma, name, json_string_value(value));
		comma = ",";
	}
}

static void say_differences(FILE *to, const struct report *report)
{
	const json_t *item;
	size_t i;

	fprintf(to, "green differs from blue:");
	json_array_foreach (report->differences, i, item) {
		if (i == NAMED_MAX)
			break;
		fprintf(to, "%s %s", i ? ";" : "", get(item, "table"));
		say_key(to, item);
		fprintf(to, " %s", get(item, "what"));
	}
	if (report->differences_len > NAMED_MAX)
		fprintf(to, "; and %zu more%s", report->differences_len - NAMED_MAX,
			report_is_full(report) ? ", stopped there" : "");
	if (report->not_marked[0])
		fprintf(to, "; green may only be behind, as no heartbeat could be waited for (%s)",
			report->not_marked);
}

static void say_unchecked(FILE *to, const struct report *report)
{
	const json_t *item;
	size_t i;

	fprintf(to, "not all could be compared:");
	json_array_foreach (report->unchecked, i, item) {
		const char *column = get(item, "column");

		if (i == NAMED_MAX)
			break;
		fprintf(to, "%s %s%s%s: %s", i ? ";" : "", get(item, "table"), *column ? "." : "",
			column, get(item, "reason"));
	}
	if (report->unchecked_len > NAMED_MAX)
		fprintf(to, "; and %zu more", report->unchecked_len - NAMED_MAX);
}

static const char *verdict_of(const struct report *report)
{
	if (report->differences_len)
		return "different";
	return report->unchecked_len ? "inconclusive" : "equal";
}

static char *say(const struct report *report)
{
	size_t len;
	char *text = NULL;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		abort();
	if (report->differences_len)
		say_differences(to, report);
	else if (report->unchecked_len)
		say_unchecked(to, report);
	else
		fprintf(to, "green %s blue",
			report->counts_only ? "has as many rows as" : "equals");
	fprintf(to, " (%zu of %zu table%s, %lld row%s compared%s)", report->checked, report->tables,
		report->tables == 1 ? "" : "s", (long long)report->rows,
		report->rows == 1 ? "" : "s",
		report->counts_only ? ", counts only: contents were not looked at" : "");
	fclose(to);
	return text;
}

void report_end(struct report *report, struct cut_call *call, bool allow_inconclusive)
{
	const char *verdict = verdict_of(report);
	bool ok = !strcmp(verdict, "equal") ||
		  (allow_inconclusive && !strcmp(verdict, "inconclusive"));
	char *text = say(report);
	json_t *data =
		json_pack("{s:s, s:I, s:I, s:O, s:O}", "verdict", verdict, "rows",
			  (json_int_t)report->rows, "checked", (json_int_t)report->checked,
			  "unchecked", report->unchecked, "differences", report->differences);

	call->api->done(call, ok ? CUT_OK : CUT_FAIL, text, data);
	free(text);
}
