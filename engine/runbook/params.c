/* SPDX-License-Identifier: Apache-2.0 */
/* What a runbook knows before its first step: parameters with what --set and --params give,
 * environments, secrets and connections. Read first, in this order, since all else uses them. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

/* What stood in --set or --params: a text, or the JSON that a params file held. */
static json_t *given_value(struct load *l, uint32_t node, const char *name, enum cut_type type,
			   const char *range, const json_t *given)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_val val;
	json_t *json = NULL;
	int r;

	if (json_is_string(given) && type == CUT_T_LIST) {
		cut_auto(cut_json) json_t *list =
			json_loads(json_string_value(given), JSON_REJECT_DUPLICATES, NULL);

		if (json_is_array(list))
			return json_incref(list);
		return json_pack("[O]", given);
	}
	if (json_is_string(given)) {
		r = cut_value_parse(type, range, json_string_value(given),
				    json_string_length(given), &json, &err);
	} else if (type == CUT_T_DURATION || type == CUT_T_SIZE || type == CUT_T_PERCENT) {
		r = cut_err_set(&err, -EINVAL, NULL, NULL, "a %s with its unit, written as a text",
				cut_type_name(type));
	} else {
		val = cut_val_from_json(given, &arena);
		r = cut_value_coerce(type, range, &val, &json, &err);
	}
	cut_arena_done(&arena);
	if (r < 0) {
		cut_auto(cut_str) char *shown = cut_json_text(given, 0);

		load_fault_key(l, node,
			       err.next ? cut_arena_printf(&l->rb->arena, "%s", err.next) : NULL,
			       "parameter '%s' was given as %s, which is not %s", name, shown,
			       err.what ? err.what : cut_type_name(type));
	}
	return json;
}

static json_t *load_choices(struct load *l, uint32_t node, enum cut_type type)
{
	json_t *list;

	if (!load_is(l, node, CUT_NODE_LIST, "choices"))
		return NULL;
	if (!cut_doc_at(l->doc, node)->child)
		load_fault(l, node, "choices: [small, large]", "nothing could be chosen");
	list = json_array();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		json_t *choice = load_value(l, at, type, 0, NULL, NULL);

		if (choice)
			json_array_append_new(list, choice);
	}
	return list;
}

static bool is_choice(const json_t *choices, const json_t *value)
{
	const json_t *choice;
	size_t i;

	json_array_foreach (choices, i, choice)
		if (json_equal(choice, value))
			return true;
	return false;
}

/* False: told. */
static bool check_choice(struct load *l, uint32_t node, const char *name, const json_t *choices,
			 const json_t *value)
{
	cut_auto(cut_str) char *shown = NULL;
	cut_auto(cut_buf) struct cut_buf hint = {0};
	const json_t *choice;
	size_t i;

	if (!choices || is_choice(choices, value))
		return true;
	shown = cut_json_text(value, 0);
	cut_buf_add_str(&hint, "it may be ");
	json_array_foreach (choices, i, choice) {
		if (i)
			cut_buf_add_str(&hint, i + 1 < json_array_size(choices) ? ", " : " or ");
		cut_json_print(choice, 0, &hint);
	}
	load_fault_key(l, node, cut_arena_printf(&l->rb->arena, "%s", cut_buf_str(&hint)),
		       "parameter '%s' is %s, which is not among its choices", name, shown);
	return false;
}

/* The value that a run gets: resolved before, given now, or the default; NULL: none. */
static json_t *resolve(struct load *l, uint32_t node, const char *name,
		       const struct parameter_draft *draft, enum cut_type type)
{
	const json_t *given = json_object_get(l->options->resolved, name);
	/* choices are compared as values; the type of a choice itself is its text */
	enum cut_type read_as = type == CUT_T_CHOICE ? CUT_T_STRING : type;
	json_t *fallback =
		draft->fallback ? load_value(l, draft->fallback, read_as, 0, NULL, NULL) : NULL;

	if (l->options->resolved) {
		json_decref(fallback);
		return json_incref((json_t *)given);
	}
	given = json_object_get(l->options->set, name);
	if (!given)
		given = json_object_get(l->options->params, name);
	if (!given)
		return fallback;
	json_decref(fallback);
	return given_value(l, node, name, read_as, NULL, given);
}

static void load_parameter(struct load *l, uint32_t node)
{
	struct cut_parameter *p = &l->rb->declared[l->rb->declared_len];
	const char *name = cut_doc_key(l->doc, node);
	struct parameter_draft draft;
	json_t *value, *choices = NULL;
	size_t errors = l->faults->errors;

	*p = (struct cut_parameter){.name = name, .type = CUT_T_STRING};
	l->rb->declared_len++;
	load_id_valid(l, node, name);
	if (load_object(l, T_PARAMETER, node, &draft) < 0) {
		l->poisoned = true;
		return;
	}
	p->type = (enum cut_type)load_type_named(draft.type);
	if (draft.choices)
		choices = load_choices(l, draft.choices,
				       p->type == CUT_T_CHOICE ? CUT_T_STRING : p->type);
	else if (p->type == CUT_T_CHOICE)
		load_fault(l, node, "choices: [small, large]",
			   "a parameter of type choice needs 'choices'");
	if (p->type == CUT_T_CHOICE)
		p->type = CUT_T_STRING;
	value = resolve(l, node, name, &draft, p->type);
	if (value && !check_choice(l, node, name, choices, value)) {
		json_decref(value);
		value = NULL;
	}
	json_decref(choices);
	if (value)
		json_object_set_new(l->rb->parameters, name, value);
	else if (draft.required && l->faults->errors == errors)
		load_fault_key(l, node,
			       cut_arena_printf(&l->rb->arena,
						"give it with --set %s=… or --params FILE%s%s",
						name, draft.help ? ": " : "",
						draft.help ? draft.help : ""),
			       "parameter '%s' is required and has no value", name);
	if (l->faults->errors > errors)
		l->poisoned = true;
}

/* What was given and is not declared has no line in the file. */
static void check_given(struct load *l)
{
	const json_t *set = l->options->set;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)set, name, value) {
		struct cut_near near = {.word = name};
		bool known = false;

		for (uint32_t i = 0; i < l->rb->declared_len; i++) {
			known |= strcmp(l->rb->declared[i].name, name) == 0;
			cut_near_try(&near, l->rb->declared[i].name);
		}
		if (!known)
			cut_faults_add(
				l->faults, l->doc->file, (struct cut_mark){0}, CUT_SEV_ERROR,
				near.best ? load_did_you_mean(l, &near)
					  : "declare it under `parameters`, or leave it out",
				"parameter '%s' was given, but the runbook has none of that name",
				name);
	}
}

void load_parameters(struct load *l)
{
	uint32_t node = l->top.parameters;

	l->rb->parameters = json_object();
	if (node && load_is(l, node, CUT_NODE_MAP, "parameters")) {
		l->rb->declared = cut_arena_array(&l->rb->arena, struct cut_parameter,
						  cut_doc_count(l->doc, node));
		for (uint32_t at = cut_doc_at(l->doc, node)->child; at;
		     at = cut_doc_at(l->doc, at)->next)
			load_parameter(l, at);
	}
	if (!l->options->resolved)
		check_given(l);
}

void load_environments(struct load *l)
{
	uint32_t node = l->top.environments;
	const char *name;
	json_t *side;

	l->rb->environments = json_object();
	if (!node || !load_is(l, node, CUT_NODE_MAP, "environments"))
		return;
	json_decref(l->rb->environments);
	l->rb->environments = load_untyped(l, node, NULL);
	json_object_foreach (l->rb->environments, name, side) {
		const json_t *protect = json_object_get(side, "protect");

		if (protect && !json_is_boolean(protect))
			load_fault(l, load_find(l, load_find(l, node, name), "protect"),
				   "write true or false", "protect of %s is not true or false",
				   name);
	}
}

static void load_secret(struct load *l, uint32_t node, struct cut_secret *secret)
{
	struct secret_draft draft;
	int given;

	secret->name = cut_doc_key(l->doc, node);
	secret->mark = load_mark(l, node);
	if (!load_id_valid(l, node, secret->name))
		return;
	if (cut_doc_at(l->doc, node)->kind == CUT_NODE_SCALAR) {
		load_fault(l, node,
			   "say where it is read from: {file: …}, {env: …}, {credential: …} or "
			   "{command: […]}",
			   "a secret is never written into a runbook");
		return;
	}
	if (load_object(l, T_SECRET, node, &draft) < 0)
		return;
	given = !!draft.file + !!draft.env + !!draft.credential + !!draft.command;
	if (given != 1) {
		load_fault(l, node, "one of file, env, credential and command",
			   "a secret needs exactly one place to be read from");
		return;
	}
	secret->text = draft.file ? draft.file : draft.env ? draft.env : draft.credential;
	secret->from = draft.file	  ? CUT_SECRET_FILE
		       : draft.env	  ? CUT_SECRET_ENV
		       : draft.credential ? CUT_SECRET_CREDENTIAL
					  : CUT_SECRET_COMMAND;
	if (draft.file && draft.file[0] != '/' && l->rb->folder)
		secret->text = cut_arena_printf(&l->rb->arena, "%s/%s", l->rb->folder, draft.file);
	if (draft.command) {
		struct load_values values = {.constant = true};

		secret->argv = load_value(l, draft.command, CUT_T_ARGV, 0, NULL, &values);
		cut_buf_done(&values.pointer);
	}
}

void load_secrets(struct load *l)
{
	uint32_t node = l->top.secrets;

	if (!node || !load_is(l, node, CUT_NODE_MAP, "secrets"))
		return;
	l->rb->secrets =
		cut_arena_array(&l->rb->arena, struct cut_secret, cut_doc_count(l->doc, node));
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		load_secret(l, at, &l->rb->secrets[l->rb->secrets_len++]);
}

static const struct cut_catalog_provider *find_provider(struct load *l, uint32_t node,
							const struct cut_connection *c)
{
	const struct cut_catalog_provider *p =
		cut_catalog_provider(l->catalog, c->plugin, c->provider);
	struct cut_near near = {.word = c->provider};
	struct cut_buf known = {0};
	size_t len = strlen(c->plugin);

	if (p)
		return p;
	for (size_t i = 0; i < l->catalog->providers_len; i++)
		if (strcmp(l->catalog->providers[i].plugin, c->plugin) == 0) {
			cut_near_try(&near, l->catalog->providers[i].name + len + 1);
			cut_buf_printf(&known, "%s%s", known.len ? ", " : "it has ",
				       l->catalog->providers[i].name + len + 1);
		}
	load_fault(l, load_find(l, node, "provider"),
		   near.best ? load_did_you_mean(l, &near)
			     : cut_arena_printf(&l->rb->arena, "%s",
						known.len ? cut_buf_str(&known) : "it has none"),
		   "plugin '%s' has no provider '%s'", c->plugin, c->provider);
	cut_buf_done(&known);
	return NULL;
}

static const char *wanted_text(struct load *l, uint32_t node, const char *key)
{
	uint32_t at = load_find(l, node, key);

	if (!at) {
		load_fault(l, node, "for example {plugin: dns, provider: rfc2136, …}",
			   "a connection needs '%s'", key);
		return NULL;
	}
	return load_text(l, at);
}

static void load_one_connection(struct load *l, uint32_t node, struct cut_connection *c)
{
	static const char *const own_keys[] = {"plugin", "provider", NULL};
	struct load_values values = {.constant = true};
	const struct cut_catalog_provider *p;

	c->name = cut_doc_key(l->doc, node);
	c->mark = load_mark(l, node);
	if (!load_id_valid(l, node, c->name) || !load_is(l, node, CUT_NODE_MAP, "a connection"))
		return;
	c->plugin = wanted_text(l, node, "plugin");
	if (!c->plugin)
		return;
	if (!cut_catalog_plugin(l->catalog, c->plugin)) {
		struct cut_near near = {.word = c->plugin};

		for (size_t i = 0; i < l->catalog->plugins.len; i++)
			cut_near_try(&near, l->catalog->plugins.items[i].name);
		load_fault(l, load_find(l, node, "plugin"),
			   near.best ? load_did_you_mean(l, &near)
				     : "see `cutover plugins`, and --plugin-dir for where they are "
				       "looked for",
			   "there is no plugin '%s'", c->plugin);
		return;
	}
	c->provider = wanted_text(l, node, "provider");
	p = c->provider ? find_provider(l, node, c) : NULL;
	if (p)
		c->params = load_params(l, node, node,
					cut_arena_printf(&l->rb->arena, "connection %s", c->name),
					p->params, own_keys, &values);
	cut_buf_done(&values.pointer);
}

void load_connections(struct load *l)
{
	uint32_t node = l->top.connections;

	if (!node || !load_is(l, node, CUT_NODE_MAP, "connections"))
		return;
	l->rb->connections =
		cut_arena_array(&l->rb->arena, struct cut_connection, cut_doc_count(l->doc, node));
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		load_one_connection(l, at, &l->rb->connections[l->rb->connections_len++]);
}

const struct cut_connection *load_connection(const struct load *l, const char *name)
{
	for (uint32_t i = 0; i < l->rb->connections_len; i++)
		if (strcmp(l->rb->connections[i].name, name) == 0)
			return &l->rb->connections[i];
	return NULL;
}
