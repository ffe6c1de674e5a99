/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/needs.h"

#include <string.h>

const char *cut_action_bare_name(const struct cut_catalog_action *action)
{
	const char *dot = strchr(action->name, '.');

	return dot ? dot + 1 : action->name;
}

typedef void body_fn(void *data, const struct cut_body *body, bool undo);

/* Each body of a runbook once: a step's own, its verify, its rollback. undo: it is a rollback. */
static void each_body(const struct cut_runbook *rb, body_fn *fn, void *data)
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

	if (!body->action || !body->action->plugin ||
	    strcmp(body->action->plugin, search->plugin) != 0)
		return;
	if (undo)
		search->need = CUT_NEED_ROLLBACK;
	else if (search->need == CUT_NEED_NOT)
		search->need = CUT_NEED_FORWARD;
}

enum cut_need_of cut_needs_plugin(const struct cut_runbook *rb, const char *plugin)
{
	struct plugin_search search = {.plugin = plugin};

	each_body(rb, plugin_search_body, &search);
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

typedef void text_fn(void *data, const char *text);

struct text_walk {
	const char *plugin;
	text_fn *fn;
	void *data;
};

static void walk_json(const struct text_walk *walk, const json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(json))
		walk->fn(walk->data, json_string_value(json));
	json_array_foreach (json, i, value)
		walk_json(walk, value);
	json_object_foreach ((json_t *)json, key, value)
		walk_json(walk, value);
}

static void walk_body(void *data, const struct cut_body *body, bool undo)
{
	const struct text_walk *walk = data;

	if (body->action && body->action->plugin && strcmp(body->action->plugin, walk->plugin) == 0)
		walk_json(walk, body->params);
}

/* Every text that the plugin will be given. */
static void each_text(const struct cut_runbook *rb, const char *plugin, text_fn *fn, void *data)
{
	struct text_walk walk = {.plugin = plugin, .fn = fn, .data = data};

	for (uint32_t i = 0; i < rb->connections_len; i++) {
		if (strcmp(rb->connections[i].plugin, plugin) == 0)
			walk_json(&walk, rb->connections[i].params);
	}
	for (uint32_t i = 0; i < rb->metrics_len; i++) {
		if (strcmp(rb->metrics[i].meter->plugin, plugin) == 0)
			walk_json(&walk, rb->metrics[i].params);
	}
	each_body(rb, walk_body, &walk);
}

struct secret_search {
	const json_t *values; /* name → value */
	json_t *found;
};

/* A secret is named by a text that is its name, wherever it stands. */
static void find_secret(void *data, const char *text)
{
	struct secret_search *search = data;
	json_t *value = json_object_get(search->values, text);

	if (value)
		json_object_set(search->found, text, value);
}

json_t *cut_needs_secrets(const struct cut_runbook *rb, const char *plugin, const json_t *values)
{
	struct secret_search search = {.values = values, .found = json_object()};

	if (json_object_size(values) > 0)
		each_text(rb, plugin, find_secret, &search);
	return search.found;
}

/* data: an object whose keys are the hosts found. RFC 3986: scheme://[user@]host[:port][/…] */
static void find_host(void *data, const char *text)
{
	const char *at = strstr(text, "://"), *end, *colon;
	bool tls = strncmp(text, "https:", 6) == 0;

	if (!at || (!tls && strncmp(text, "http:", 5) != 0))
		return;
	at += 3;
	end = at + strcspn(at, "/?#");
	for (const char *c = at; c < end; c++)
		if (*c == '@')
			at = c + 1;
	colon = memchr(at, ':', (size_t)(end - at));
	if (at < end && *at != '[') {
		cut_auto(cut_str) char *key =
			colon ? cut_strndup(at, (size_t)(end - at))
			      : cut_printf("%.*s:%d", (int)(end - at), at, tls ? 443 : 80);

		json_object_set_new(data, key, json_true());
	}
}

json_t *cut_needs_hosts(const struct cut_runbook *rb, const char *plugin)
{
	cut_auto(cut_json) json_t *found = json_object();
	json_t *hosts = json_array(), *value;
	const char *key;

	each_text(rb, plugin, find_host, found);
	for (uint32_t i = 0; i < rb->notifies_len && strcmp(plugin, "core") == 0; i++)
		if (rb->notifies[i].webhook)
			find_host(found, rb->notifies[i].webhook);
	json_object_foreach (found, key, value)
		json_array_append_new(hosts, json_string(key));
	return hosts;
}
