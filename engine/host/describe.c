/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's tables as JSON, in the form that base/descriptor.h documents. Printed by --describe
 * and sent in the ready frame. */
#include "engine/host/host.h"

#include "engine/base/descriptor.h"

/* NULL: a row has no name, or a text that is not UTF-8; so has the list then. */
static json_t *with_row(json_t *list, json_t *row)
{
	if (json_array_append_new(list, row) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *describe_params(const struct cut_param *params)
{
	json_t *list = json_array();

	for (const struct cut_param *p = params; p && p->name; p++)
		list = with_row(list,
				json_pack("{s:s, s:i, s:i, s:s?, s:s?, s:s?}", "name", p->name,
					  "type", (int)p->type, "flags", (int)p->flags, "fallback",
					  p->fallback, "range", p->range, "help", p->help));
	return list;
}

static unsigned ops_of(const struct cut_action *a)
{
	return (a->check ? CUT_HAS_CHECK : 0) | (a->plan ? CUT_HAS_PLAN : 0) |
	       (a->apply ? CUT_HAS_APPLY : 0) | (a->verify ? CUT_HAS_VERIFY : 0) |
	       (a->observe ? CUT_HAS_OBSERVE : 0) | (a->rollback ? CUT_HAS_ROLLBACK : 0) |
	       (a->cancel ? CUT_HAS_CANCEL : 0);
}

static json_t *describe_action(const struct cut_action *a)
{
	return json_pack("{s:s, s:s?, s:i, s:i, s:i, s:o, s:o}", "name", a->name, "help", a->help,
			 "class", (int)a->class, "effects", (int)a->effects, "ops", (int)ops_of(a),
			 "params", describe_params(a->params), "outputs",
			 describe_params(a->outputs));
}

json_t *host_describe(const struct cut_plugin *plugin, const char *path, const char *digest)
{
	json_t *actions = json_array(), *meters = json_array(), *providers = json_array();

	for (const struct cut_action *const *a = plugin->actions; a && *a; a++)
		actions = with_row(actions, describe_action(*a));
	for (const struct cut_meter *const *m = plugin->meters; m && *m; m++)
		meters = with_row(meters, json_pack("{s:s, s:s?, s:s?, s:o}", "name", (*m)->name,
						    "unit", (*m)->unit, "help", (*m)->help,
						    "params", describe_params((*m)->params)));
	for (const struct cut_provider *p = plugin->providers; p && p->name; p++)
		providers = with_row(providers,
				     json_pack("{s:s, s:s?, s:o}", "name", p->name, "help", p->help,
					       "params", describe_params(p->params)));
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o}", "name", plugin->name,
			 "version", plugin->version, "license", plugin->license, "help",
			 plugin->help, "path", path, "digest", digest, "actions", actions, "meters",
			 meters, "providers", providers);
}
