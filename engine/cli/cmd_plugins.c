/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover plugins [NAME]`: what the installed plugins offer, from their own tables. */
#include "engine/cli/commands.h"

#include "engine/base/vec.h"
#include "engine/cli/context.h"
#include "engine/core/plan.h"
#include "engine/core/value.h"

#include <errno.h>
#include <string.h>

static json_t *params_json(const struct cut_param *p)
{
	json_t *list = json_array();

	for (; p && p->name; p++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:s?}", "name",
						p->name, "type", cut_type_name(p->type), "required",
						(p->flags & CUT_P_REQUIRED) != 0, "default",
						p->fallback, "range", p->range, "help", p->help));
	return list;
}

static json_t *plugin_json(const struct cut_catalog *c, const struct cut_catalog_plugin *plugin)
{
	json_t *actions = json_array(), *meters = json_array(), *providers = json_array();

	cut_vec_foreach (&c->actions, a) {
		if (a->plugin && strcmp(a->plugin, plugin->name) == 0)
			json_array_append_new(actions,
					      json_pack("{s:s, s:s?, s:s, s:s, s:o, s:o}", "name",
							a->name, "help", a->help, "class",
							cut_class_name(a->class), "effects",
							cut_effects_name(a->effects), "params",
							params_json(a->params), "outputs",
							params_json(a->outputs)));
	}
	cut_vec_foreach (&c->meters, m) {
		if (strcmp(m->plugin, plugin->name) == 0)
			json_array_append_new(meters,
					      json_pack("{s:s, s:s?, s:s?, s:o}", "name", m->name,
							"help", m->help, "unit", m->unit, "params",
							params_json(m->params)));
	}
	for (size_t i = 0; i < c->providers_len; i++) {
		if (strcmp(c->providers[i].plugin, plugin->name) == 0)
			json_array_append_new(providers,
					      json_pack("{s:s, s:s?, s:o}", "name",
							c->providers[i].name, "help",
							c->providers[i].help, "params",
							params_json(c->providers[i].params)));
	}
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o}", "name", plugin->name,
			 "version", plugin->version, "license", plugin->license, "help",
			 plugin->help, "path", plugin->path, "digest", plugin->digest, "actions",
			 actions, "meters", meters, "providers", providers);
}

static void print_params(const struct cut_param *p, const char *what)
{
	for (; p && p->name; p++) {
		printf("      %s %-18s %s%s%s%s%s\n", what, p->name, cut_type_name(p->type),
		       p->range ? " " : "", p->range ? p->range : "",
		       p->flags & CUT_P_REQUIRED ? ", required" : "", "");
		if (p->fallback && *p->fallback)
			printf("          default %s\n", p->fallback);
		if (p->help)
			printf("          %s\n", p->help);
	}
}

static void print_plugin(const struct cut_catalog *c, const struct cut_catalog_plugin *plugin,
			 bool whole)
{
	printf("%s %s: %s\n", plugin->name, plugin->version, plugin->help ? plugin->help : "");
	for (size_t i = 0; i < c->providers_len; i++) {
		if (strcmp(c->providers[i].plugin, plugin->name) != 0)
			continue;
		printf("  connection %-18s %s\n", c->providers[i].name, c->providers[i].help);
		if (whole)
			print_params(c->providers[i].params, "key");
	}
	cut_vec_foreach (&c->actions, a) {
		if (!a->plugin || strcmp(a->plugin, plugin->name) != 0)
			continue;
		printf("  %-28s %s, %s: %s\n", a->name, cut_effects_name(a->effects),
		       cut_class_name(a->class), a->help ? a->help : "");
		if (whole) {
			print_params(a->params, "param ");
			print_params(a->outputs, "output");
		}
	}
	cut_vec_foreach (&c->meters, m) {
		if (strcmp(m->plugin, plugin->name) != 0)
			continue;
		printf("  %-28s metric%s%s: %s\n", m->name, m->unit ? " in " : "",
		       m->unit ? m->unit : "", m->help ? m->help : "");
		if (whole)
			print_params(m->params, "param ");
	}
}

int cut_cmd_plugins(const struct cut_args *args)
{
	const char *wanted = args->positional_len ? args->positional[0] : NULL;
	cut_auto(cut_context) struct cut_context ctx = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *list = json_array();
	bool found = false;
	int r = cut_places_find(args, &ctx.places, &err);

	if (r == 0)
		r = cut_catalog_load_all(&ctx.places, &ctx.catalog, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	cut_vec_foreach (&ctx.catalog.plugins, p) {
		if (wanted && strcmp(p->name, wanted) != 0)
			continue;
		found = true;
		if (args->json)
			json_array_append_new(list, plugin_json(&ctx.catalog, p));
		else
			print_plugin(&ctx.catalog, p, wanted != NULL);
	}
	if (wanted && !found) {
		cut_err_set(&err, -ENOENT, "it is not in the plugin directory",
			    "`cutover plugins` lists them", "plugin %s", wanted);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	if (args->json)
		cut_cli_print_json(list);
	return CUT_EXIT_OK;
}
