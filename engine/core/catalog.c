/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of plugins into tables to look things up in. Called by whoever asked `cutover-host`
 * to describe its plugins, and by tests. */
#include "engine/core/catalog.h"
#include "engine/base/vec.h"
#include "engine/core/catalog_check.h"

#include <errno.h>
#include <string.h>

static const struct cut_param check_params[] = {
	{.name = "that",
	 .type = CUT_T_EXPR,
	 .flags = CUT_P_REQUIRED,
	 .help = "an expression or a list of them; all must be true"},
	{0},
};
static const struct cut_param check_outputs[] = {
	{.name = "values", .type = CUT_T_LIST, .help = "what each expression gave"},
	{0},
};
/* Evaluated by the engine itself and so in every catalog, with or without plugins. */
static const struct cut_catalog_action check_action = {
	.plugin = "core",
	.name = "check",
	.help = "holds expressions against the run's own values",
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.ops = CUT_HAS_APPLY,
	.params = (struct cut_param *)check_params,
	.outputs = (struct cut_param *)check_outputs,
};
/* Every action gives it. */
static const struct cut_param duration_output = {
	.name = "duration_s", .type = CUT_T_NUMBER, .help = "how long it took, in seconds"};

static const char *keep(struct cut_catalog *c, const char *text)
{
	return text ? cut_arena_strndup(&c->arena, text, strlen(text)) : NULL;
}

static int read_params(struct cut_catalog *c, const char *owner, const json_t *list, bool outputs,
		       struct cut_param **ret, struct cut_err *err)
{
	size_t len = json_array_size(list), i;
	struct cut_param *params = cut_arena_array(&c->arena, struct cut_param, len + 2);
	const json_t *row;

	json_array_foreach (list, i, row) {
		int64_t type = cut_json_int(row, "type", -1);

		if (!cut_json_str(row, "name", NULL) || type < 0 || type > CUT_T_ARGV)
			return cut_err_set(err, -EPERM,
					   "a parameter has no name or an unknown type",
					   "rebuild the plugin against this version's plugin.h",
					   "descriptor of %s", owner);
		params[i].name = keep(c, cut_json_str(row, "name", NULL));
		params[i].type = (enum cut_type)type;
		params[i].flags = (uint32_t)cut_json_int(row, "flags", 0);
		params[i].fallback = keep(c, cut_json_str(row, "fallback", NULL));
		params[i].range = keep(c, cut_json_str(row, "range", NULL));
		params[i].help = keep(c, cut_json_str(row, "help", NULL));
	}
	*ret = params;
	if (cut_catalog_check_rows(params, owner, err) < 0)
		return -EPERM;
	if (outputs)
		params[len] = duration_output;
	return 0;
}

/* Actions of the plugin `core` go without a prefix. */
static const char *full_name(struct cut_catalog *c, const char *plugin, const char *name)
{
	if (strcmp(plugin, "core") == 0)
		return keep(c, name);
	return cut_arena_printf(&c->arena, "%s.%s", plugin, name);
}

static int read_action(struct cut_catalog *c, const char *plugin, const json_t *row, bool meter,
		       struct cut_catalog_action *ret, struct cut_err *err)
{
	const char *name = cut_json_str(row, "name", NULL);
	int r;

	if (!name)
		return cut_err_set(err, -EPERM, "an action has no name", NULL, "descriptor of %s",
				   plugin);
	*ret = (struct cut_catalog_action){
		.plugin = plugin,
		.name = full_name(c, plugin, name),
		.help = keep(c, cut_json_str(row, "help", NULL)),
		.unit = keep(c, cut_json_str(row, "unit", NULL)),
		.class = (enum cut_class)cut_json_int(row, "class", CUT_OPAQUE),
		.effects = (uint32_t)cut_json_int(row, "effects", meter ? CUT_READ : CUT_WRITE),
		.ops = (uint32_t)cut_json_int(row, "ops", 0),
	};
	r = read_params(c, ret->name, json_object_get(row, "params"), false, &ret->params, err);
	if (r < 0)
		return r;
	r = read_params(c, ret->name, json_object_get(row, "outputs"), !meter, &ret->outputs, err);
	return r < 0 || meter ? r : cut_catalog_check_action(ret, err);
}

static int add_actions(struct cut_catalog *c, const char *plugin, const json_t *list, bool meters,
		       struct cut_err *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach (list, i, row) {
		struct cut_catalog_action action;
		int r = read_action(c, plugin, row, meters, &action, err);

		if (r == 0 && (meters ? cut_catalog_meter(c, action.name)
				      : cut_catalog_action(c, action.name)))
			r = cut_err_set(err, -EEXIST, "it is in the plugin's list twice",
					"take one away", "will not load %s", action.name);
		if (r < 0)
			return r;
		if (meters)
			cut_vec_push(&c->meters, action);
		else
			cut_vec_push(&c->actions, action);
	}
	return 0;
}

static int add_providers(struct cut_catalog *c, const char *plugin, const json_t *list,
			 struct cut_err *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach (list, i, row) {
		struct cut_catalog_provider *p;
		const char *name = cut_json_str(row, "name", NULL);

		if (!name)
			return cut_err_set(err, -EPERM, "a provider has no name", NULL,
					   "descriptor of %s", plugin);
		if (c->providers_len == c->providers_cap)
			c->providers = cut_vec_grow_(c->providers, &c->providers_cap,
						     c->providers_len + 1, sizeof(*c->providers));
		p = &c->providers[c->providers_len];
		*p = (struct cut_catalog_provider){
			.plugin = plugin,
			.name = cut_arena_printf(&c->arena, "%s.%s", plugin, name),
			.help = keep(c, cut_json_str(row, "help", NULL)),
		};
		int r = read_params(c, p->name, json_object_get(row, "params"), false, &p->params,
				    err);
		if (r < 0)
			return r;
		c->providers_len++;
	}
	return 0;
}

int cut_catalog_add(struct cut_catalog *catalog, const json_t *descriptor, struct cut_err *err)
{
	struct cut_catalog_plugin plugin = {
		.name = keep(catalog, cut_json_str(descriptor, "name", NULL)),
		.version = keep(catalog, cut_json_str(descriptor, "version", "")),
		.license = keep(catalog, cut_json_str(descriptor, "license", NULL)),
		.help = keep(catalog, cut_json_str(descriptor, "help", NULL)),
		.path = keep(catalog, cut_json_str(descriptor, "path", NULL)),
		.digest = keep(catalog, cut_json_str(descriptor, "digest", NULL)),
	};
	struct cut_catalog before;
	int r;

	if (!plugin.name)
		return cut_err_set(err, -EPERM, "it has no name", NULL, "descriptor of a plugin");
	if (cut_catalog_plugin(catalog, plugin.name))
		return cut_err_set(err, -EEXIST, "two plugins have this name",
				   "take one of the files away", "plugin %s", plugin.name);
	before = *catalog;
	r = add_actions(catalog, plugin.name, json_object_get(descriptor, "actions"), false, err);
	if (r == 0)
		r = add_actions(catalog, plugin.name, json_object_get(descriptor, "meters"), true,
				err);
	if (r == 0)
		r = add_providers(catalog, plugin.name, json_object_get(descriptor, "providers"),
				  err);
	if (r < 0) { /* nothing of it, so that another try says the same */
		catalog->actions.len = before.actions.len;
		catalog->meters.len = before.meters.len;
		catalog->providers_len = before.providers_len;
		return r;
	}
	cut_vec_push(&catalog->plugins, plugin);
	return 0;
}

const struct cut_catalog_action *cut_catalog_action(const struct cut_catalog *c, const char *name)
{
	if (strcmp(name, check_action.name) == 0)
		return &check_action;
	for (size_t i = 0; i < c->actions.len; i++)
		if (strcmp(c->actions.items[i].name, name) == 0)
			return &c->actions.items[i];
	return NULL;
}

const struct cut_catalog_action *cut_catalog_meter(const struct cut_catalog *c, const char *name)
{
	for (size_t i = 0; i < c->meters.len; i++)
		if (strcmp(c->meters.items[i].name, name) == 0)
			return &c->meters.items[i];
	return NULL;
}

const struct cut_catalog_provider *cut_catalog_provider(const struct cut_catalog *c,
							const char *plugin, const char *provider)
{
	size_t len = strlen(plugin);

	for (size_t i = 0; i < c->providers_len; i++)
		if (strcmp(c->providers[i].plugin, plugin) == 0 &&
		    strcmp(c->providers[i].name + len + 1, provider) == 0)
			return &c->providers[i];
	return NULL;
}

const struct cut_catalog_plugin *cut_catalog_plugin(const struct cut_catalog *c, const char *name)
{
	for (size_t i = 0; i < c->plugins.len; i++)
		if (strcmp(c->plugins.items[i].name, name) == 0)
			return &c->plugins.items[i];
	return NULL;
}

void cut_catalog_done(struct cut_catalog *catalog)
{
	free(catalog->plugins.items);
	free(catalog->actions.items);
	free(catalog->meters.items);
	free(catalog->providers);
	cut_arena_done(&catalog->arena);
	*catalog = (struct cut_catalog){0};
}
