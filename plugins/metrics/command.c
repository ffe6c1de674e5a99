/* SPDX-License-Identifier: Apache-2.0 */
/* The meter `command`: a number that a program prints, plain or as {"value", "n", "at"}. */
#include "metrics/metrics.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_MAX_BYTES = 64 * 1024, SHOWN_BYTES = 200 };

static const char *program_of(const struct cut_call *call)
{
	const char *name =
		json_string_value(json_array_get(json_object_get(call->params, "argv"), 0));

	return name ? name : "(no program)";
}

/* The last line of what it said about its failure. */
static void fail(struct cut_call *call, const struct cut_child_result *result)
{
	const char *end = result->err + result->err_len, *line;

	while (end > result->err && isspace((unsigned char)end[-1]))
		end--;
	for (line = end; line > result->err && line[-1] != '\n'; line--)
		;
	sample_error(call, "%s ended with %d%s%.*s", program_of(call), result->status,
		     end > line ? ": " : "",
		     end - line < SHOWN_BYTES ? (int)(end - line) : SHOWN_BYTES, line);
}

static void read_object(struct cut_call *call, const json_t *object)
{
	const json_t *value = json_object_get(object, "value"), *n = json_object_get(object, "n");
	const json_t *at = json_object_get(object, "at");

	if (json_is_null(value))
		sample_missing(call, "%s has no value", program_of(call));
	else if (!json_is_number(value))
		sample_error(call, "%s printed no number as value", program_of(call));
	else if (n && !json_is_number(n) && !json_is_null(n))
		sample_error(call, "%s printed no number as n", program_of(call));
	else
		sample_value(call, json_number_value(value),
			     json_is_number(n) ? json_number_value(n) : -1, json_string_value(at));
}

static void read_output(struct cut_call *call, const char *out, size_t len)
{
	json_t *object;
	double value;
	char *end;

	while (len && isspace((unsigned char)*out))
		out++, len--;
	while (len && isspace((unsigned char)out[len - 1]))
		len--;
	if (!len) {
		sample_missing(call, "%s printed nothing", program_of(call));
		return;
	}
	value = strtod(out, &end);
	if (end == out + len) {
		sample_value(call, value, -1, NULL);
		return;
	}
	object = json_loadb(out, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		read_object(call, object);
	else
		sample_error(call, "%s printed neither a number nor {\"value\": …}: %.*s",
			     program_of(call), len < SHOWN_BYTES ? (int)len : SHOWN_BYTES, out);
	json_decref(object);
}

static void on_ended(struct cut_call *call, const struct cut_child_result *result)
{
	if (result->error)
		sample_error(call, "%s did not start: %s", program_of(call),
			     strerror(-result->error));
	else if (result->killed)
		sample_error(call, "%s did not end in time", program_of(call));
	else if (result->status)
		fail(call, result);
	else
		read_output(call, result->out, result->out_len);
}

static void sample(struct cut_call *call)
{
	const json_t *list = json_object_get(call->params, "argv"), *item;
	const char **argv = kit_new_array(const char *, json_array_size(list) + 1);
	struct cut_child child = {.argv = argv, .max_output_bytes = OUTPUT_MAX_BYTES};
	size_t i;
	int r;

	json_array_foreach (list, i, item)
		argv[i] = json_string_value(item);
	r = call->api->spawn(call, &child, on_ended);
	free(argv);
	if (r < 0)
		sample_error(call, "%s did not start: %s", program_of(call), strerror(-r));
}

static const struct cut_param params[] = {
	{"argv", CUT_T_ARGV, CUT_P_REQUIRED, NULL, NULL,
	 "prints a number, or {\"value\": number or null, \"n\": events, \"at\": time}"},
	{0},
};

const struct cut_meter metrics_command = {
	.name = "command",
	.help = "a number that a program prints",
	.params = params,
	.sample = sample,
};
