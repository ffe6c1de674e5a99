/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/needs.h"

#include <string.h>

const char *cut_action_bare_name(const struct cut_catalog_action *action)
{
	const char *dot = strchr(action->name, '.');

	return dot ? dot + 1 : action->name;
}

void cut_needs_each_body(const struct cut_runbook *rb, cut_needs_body_fn *fn, void *data)
{
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];

		if (step->kind == CUT_STEP_ACTION)
			fn(data, &step->body, false);
		if (step->verify_body)
			fn(data, step->verify_body, false);
		if (step->undo == CUT_UNDO_BODY && step->undo_body)
			fn(data, step->undo_body, true);
		if (step->undo == CUT_UNDO_AUTO && (step->body.ops & CUT_HAS_ROLLBACK))
			fn(data, &step->body, true);
	}
}

struct plugin_search {
	const char *plugin;
	enum cut_need_of need;
};

static void plugin_search_body(void *data, const struct cut_body *body, bool undo)
{
	struct plugin_search *search = data;

	if (!body->action || !body->action->plugin || strcmp(body->action->plugin, search->plugin) != 0)
		return;
	if (undo)
		search->need = CUT_NEED_ROLLBACK;
	else if (search->need == CUT_NEED_NOT)
		search->need = CUT_NEED_FORWARD;
}

enum cut_need_of cut_needs_plugin(const struct cut_runbook *rb, const char *plugin)
{
	struct plugin_search search = {.plugin = plugin};

	cut_needs_each_body(rb, plugin_search_body, &search);
	for (uint32_t i = 0; i < rb->metrics_len && search.need == CUT_NEED_NOT; i++) {
		if (strcmp(rb->metrics[i].meter->plugin, plugin) == 0)
			search.need = CUT_NEED_FORWARD;
	}
	if (search.need == CUT_NEED_NOT && rb->notifies_len > 0 && strcmp(plugin, "core") == 0)
		search.need = CUT_NEED_FORWARD; /* notify entries are calls of the action notify */
	return search.need;
}

json_t *cut_needs_connections(const struct cut_runbook *rb, const char *plugin)
{
	json_t *connections = json_object();

	for (uint32_t i = 0; i < rb->connections_len; i++) {
		const struct cut_connection *c = &rb->connections[i];

		if (strcmp(c->plugin, plugin) == 0)
			json_object_set(connections, c->name, c->params);
	}
	return connections;
}

struct secret_search {
	const char *plugin;
	const json_t *values; /* name → value */
	json_t *found;
};

/* A secret is named by a text that is its name, wherever it stands. */
static void secret_search_json(struct secret_search *search, const json_t *json)
{
	if (json_is_string(json)) {
		json_t *value = json_object_get(search->values, json_string_value(json));

		if (value)
			json_object_set(search->found, json_string_value(json), value);
	} else if (json_is_array(json)) {
		for (size_t i = 0; i < json_array_size(json); i++)
			secret_search_json(search, json_array_get(json, i));
	} else if (json_is_object(json)) {
		const char *key;
		json_t *value;

		json_object_foreach((json_t *)json, key, value)
			secret_search_json(search, value);
	}
}

static void secret_search_body(void *data, const struct cut_body *body, bool undo)
{
	struct secret_search *search = data;

	if (body->action && body->action->plugin && strcmp(body->action->plugin, search->plugin) == 0)
		secret_search_json(search, body->params);
}

json_t *cut_needs_secrets(const struct cut_runbook *rb, const char *plugin, const json_t *values)
{
	struct secret_search search = {.plugin = plugin, .values = values, .found = json_object()};

	if (json_object_size(values) == 0)
		return search.found;
	for (uint32_t i = 0; i < rb->connections_len; i++) {
		if (strcmp(rb->connections[i].plugin, plugin) == 0)
			secret_search_json(&search, rb->connections[i].params);
	}
	for (uint32_t i = 0; i < rb->metrics_len; i++) {
		if (strcmp(rb->metrics[i].meter->plugin, plugin) == 0)
			secret_search_json(&search, rb->metrics[i].params);
	}
	cut_needs_each_body(rb, secret_search_body, &search);
	return search.found;
}
