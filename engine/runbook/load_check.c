/* SPDX-License-Identifier: Apache-2.0 */
/* What only a plugin can judge in its parameters, such as two that exclude each other: each plugin
 * is asked once, with all that the file says to it. Called at the end of a load. */
#include "engine/runbook/load.h"

#include <string.h>

static bool same_plugin(const struct load_check *a, const struct load_check *b)
{
	return strcmp(a->action->plugin, b->action->plugin) == 0;
}

/* All that is for the plugin of the first of them: a list of {action, params}. */
static json_t *calls_of(const struct load *l, const struct load_check *first)
{
	json_t *calls = json_array();

	cut_vec_foreach (&l->checks, c) {
		const char *dot = strchr(c->action->name, '.');

		if (same_plugin(first, c))
			json_array_append_new(calls, json_pack("{s:s, s:O}", "action",
							       dot ? dot + 1 : c->action->name,
							       "params", c->params));
	}
	return calls;
}

static void tell(struct load *l, const struct load_check *first, const json_t *whys)
{
	size_t at = 0;

	l->repeated = true; /* instances of a foreach make the same mistake */
	cut_vec_foreach (&l->checks, c) {
		const char *why;

		if (!same_plugin(first, c))
			continue;
		c->asked = true;
		why = json_string_value(json_array_get(whys, at++));
		if (why)
			load_fault(l, c->node, NULL, "%s: %s", c->action->name, why);
	}
	l->repeated = false;
}

int load_checks(struct load *l, struct cut_err *err)
{
	if (!l->options->check_params)
		return 0;
	cut_vec_foreach (&l->checks, c) {
		cut_auto(cut_json) json_t *calls = NULL, *whys = NULL;
		int r;

		if (c->asked)
			continue;
		calls = calls_of(l, c);
		r = l->options->check_params(l->options->need_data, c->action->plugin, calls, &whys,
					     err);
		if (r < 0)
			return r;
		tell(l, c, whys);
	}
	return 0;
}
