/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover plugins [NAME]`: what the installed plugins offer, from their own tables; NAME is a
 * plugin, an action, a metric or a kind of connection. */
#include "engine/cli/commands.h"

#include "engine/base/vec.h"
#include "engine/cli/context.h"
#include "engine/cli/print.h"
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

static void add_params(const struct cut_param *p, const char *what, struct cut_buf *out)
{
	for (; p && p->name; p++) {
		cut_buf_printf(out, "      %s %-18s %s%s%s%s\n", what, p->name,
			       cut_type_name(p->type), p->range ? " " : "",
			       p->range ? p->range : "",
			       p->flags & CUT_P_REQUIRED ? ", required" : "");
		if (p->fallback && *p->fallback)
			cut_buf_printf(out, "          default %s\n", p->fallback);
		if (p->help)
			cut_buf_printf(out, "          %s\n", p->help);
	}
}

/* What of a plugin is listed: all in short, all with parameters, or one thing with parameters. */
struct listing {
	const struct cut_catalog *catalog;
	const char *plugin;
	const char *only; /* of this name, or NULL */
	bool whole;
	struct cut_buf *out;
};

static bool is_listed(const struct listing *l, const char *plugin, const char *name)
{
	return plugin && strcmp(plugin, l->plugin) == 0 && (!l->only || strcmp(name, l->only) == 0);
}

static void add_providers(const struct listing *l)
{
	for (size_t i = 0; i < l->catalog->providers_len; i++) {
		if (!is_listed(l, l->catalog->providers[i].plugin, l->catalog->providers[i].name))
			continue;
		cut_buf_printf(l->out, "  connection %-17s %s\n", l->catalog->providers[i].name,
			       l->catalog->providers[i].help);
		if (l->whole)
			add_params(l->catalog->providers[i].params, "key", l->out);
	}
}

static void add_actions(const struct listing *l)
{
	cut_vec_foreach (&l->catalog->actions, a) {
		if (!is_listed(l, a->plugin, a->name))
			continue;
		cut_buf_printf(l->out, "  %-28s %s, %s: %s\n", a->name,
			       cut_effects_name(a->effects), cut_class_name(a->class),
			       a->help ? a->help : "");
		if (l->whole) {
			add_params(a->params, "param ", l->out);
			add_params(a->outputs, "output", l->out);
		}
	}
}

static void add_meters(const struct listing *l)
{
	cut_vec_foreach (&l->catalog->meters, m) {
		if (!is_listed(l, m->plugin, m->name))
			continue;
		cut_buf_printf(l->out, "  %-28s metric%s%s: %s\n", m->name, m->unit ? " in " : "",
			       m->unit ? m->unit : "", m->help ? m->help : "");
		if (l->whole)
			add_params(m->params, "param ", l->out);
	}
}

/* False: it is not what was asked for, nor has it what was. */
static bool add_plugin(const struct cut_catalog *c, const struct cut_catalog_plugin *plugin,
		       const char *wanted, struct cut_buf *out)
{
	bool all = !wanted || strcmp(plugin->name, wanted) == 0;
	cut_auto(cut_buf) struct cut_buf items = {0};
	struct listing l = {c, plugin->name, all ? NULL : wanted, wanted, &items};

	add_providers(&l);
	add_actions(&l);
	add_meters(&l);
	if (!all && !items.len)
		return false;
	cut_buf_printf(out, "%s %s: %s\n", plugin->name, plugin->version,
		       plugin->help ? plugin->help : "");
	cut_buf_add(out, cut_buf_str(&items), items.len);
	return true;
}

int cut_cmd_plugins(const struct cut_args *args)
{
	const char *wanted = args->positional_len ? args->positional[0] : NULL;
	cut_auto(cut_context) struct cut_context ctx = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *list = json_array();
	cut_auto(cut_buf) struct cut_buf text = {0};
	int r;

	cut_places_find(args, &ctx.places);
	r = cut_catalog_load_all(&ctx.places, &ctx.catalog, &err);
	cut_vec_foreach (&ctx.catalog.plugins, p)
		if (add_plugin(&ctx.catalog, p, wanted, &text))
			json_array_append_new(list, plugin_json(&ctx.catalog, p));
	if (r == 0 && wanted && json_array_size(list) == 0) {
		cut_err_set(&err, -ENOENT, "no plugin and nothing of one has this name",
			    "`cutover plugins` lists them", "there is no %s", wanted);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	if (args->json)
		cut_cli_print_json(list);
	else
		cut_print_text(cut_buf_str(&text), stdout);
	/* One that is no good keeps nobody from the others. */
	if (r < 0 && !(wanted && json_array_size(list)))
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	return CUT_EXIT_OK;
}
