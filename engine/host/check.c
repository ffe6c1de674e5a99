/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin says of parameters before any run: its `check` functions, which are pure. Printed
 * by --check, for `validate`. */
#include "engine/host/host.h"

#include "engine/base/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_MAX_BYTES = 64 << 20 };

static json_t *read_calls(void)
{
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = CALLS_MAX_BYTES};
	json_t *calls = NULL;
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0)
		cut_buf_add(&text, part, (size_t)n);
	if (n < 0 || text.error ||
	    cut_json_parse(cut_buf_str(&text), text.len, "the calls", &calls, NULL) < 0)
		return NULL;
	return calls;
}

/* The reason against it, or null. */
static json_t *judge(const struct cut_plugin *plugin, const json_t *call)
{
	const char *name = cut_json_str(call, "action", "");
	char why[512] = "";

	for (const struct cut_action *const *a = plugin->actions; a && *a; a++)
		if (!strcmp((*a)->name, name) && (*a)->check &&
		    (*a)->check(json_object_get(call, "params"), why, sizeof(why)) < 0)
			return json_string(*why ? why : "refused without a reason");
	return json_null();
}

int host_check(const struct cut_plugin *plugin, FILE *out)
{
	cut_auto(cut_json) json_t *calls = read_calls();
	cut_auto(cut_json) json_t *whys = json_array();
	const json_t *call;
	size_t i;

	if (!json_is_array(calls)) {
		fprintf(stderr, "cutover-host: the calls are not a list in JSON\n");
		return 2;
	}
	json_array_foreach (calls, i, call) {
		json_t *why = judge(plugin, call);

		json_array_append_new(whys, why ? why : json_string("a reason that is no UTF-8"));
	}
	if (json_dumpf(whys, out, JSON_COMPACT) < 0)
		return 1;
	fputc('\n', out);
	return fflush(out) == EOF;
}
