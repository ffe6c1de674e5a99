/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema of the language, made of the tables that the loader reads by and of the catalog's
 * actions. Called by `cutover schema`, for editors. */
#include "engine/runbook/load.h"

#include <string.h>

static const char *const def_names[T_TABLES] = {
	[T_RUNBOOK] = "runbook",     [T_OBJECTIVES] = "objectives",
	[T_PARAMETER] = "parameter", [T_SECRET] = "secret",
	[T_WINDOW] = "window",	     [T_ROLE] = "role",
	[T_AUTHORITY] = "authority", [T_SIGN_OFF] = "sign_off",
	[T_FQDN] = "fqdn",	     [T_CLIENT] = "client",
	[T_DATA] = "data",	     [T_NETWORK] = "network",
	[T_METRIC] = "metric",	     [T_BASELINE] = "baseline",
	[T_TRIGGER] = "trigger",     [T_BOUND] = "bound",
	[T_MISSING] = "missing",     [T_MITIGATE] = "mitigate",
	[T_BURN_RATE] = "burn_rate", [T_ACCEPTANCE] = "acceptance",
	[T_DOWNTIME] = "downtime",   [T_DEFAULTS] = "defaults",
	[T_ROLLBACK] = "rollback",   [T_NOTIFY] = "notify",
	[T_WAIVE] = "waive",	     [T_PHASE] = "phase",
	[T_STEP] = "step",	     [T_BODY] = "body",
	[T_WAIT] = "wait",	     [T_APPROVE] = "approve",
	[T_MANUAL] = "manual",	     [T_FOREACH] = "foreach",
	[T_RETRY] = "retry",	     [T_POLL] = "poll",
	[T_TEMPORARY] = "temporary", [T_EMERGENCY] = "emergency",
};

/* Of these keys a map has exactly one, or at most one. */
static const struct {
	uint8_t table;
	bool may_lack;
	const char *keys;
} alternatives[] = {
	{T_RUNBOOK, false, "steps|phases"},
	{T_SECRET, false, "file|env|credential|command"},
	{T_BOUND, false, "above|below|outside|worse_than|judge"},
	{T_TRIGGER, true, "for|consecutive|m_of_n|total|burn_rate"},
	{T_NOTIFY, false, "webhook|argv"},
	{T_STEP, false, "uses|run|wait|approve|manual|steps"},
	{T_BODY, false, "uses|run"},
};

static const char id_pattern[] = "^[a-z][a-z0-9_]{0,63}$";
static const char percent_pattern[] = "^[0-9.]+%$";
static const char duration_pattern[] = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$";

/* Scalars keep their text, so an editor's number or boolean is a text too. */
static json_t *text_schema(void)
{
	return json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
}

static json_t *pattern_schema(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *time_schema(void)
{
	return pattern_schema("^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]"
			      "([01][0-9]|2[0-3]):[0-5][0-9]:[0-6][0-9](\\.[0-9]+)?"
			      "([Zz]|[+-][0-9]{2}:[0-9]{2})"
			      "|(opens|closes)([+-]([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)?)$");
}

/* Any scalar may be computed. */
static json_t *or_template(json_t *schema)
{
	return json_pack("{s:[o, o]}", "anyOf", schema, pattern_schema("\\$\\{\\{"));
}

static json_t *words_schema(const char *range)
{
	json_t *words = json_array();

	while (range) {
		size_t len = strcspn(range, "|");

		json_array_append_new(words, json_stringn(range, len));
		range = range[len] ? range + len + 1 : NULL;
	}
	return json_pack("{s:o}", "enum", words);
}

static json_t *ref_schema(unsigned table)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", def_names[table]));
}

static json_t *list_schema(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *map_schema(json_t *values)
{
	return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", values);
}

static json_t *one_or_list(json_t *item)
{
	json_t *again = json_incref(item);

	return json_pack("{s:[o, o]}", "anyOf", item, list_schema(again));
}

/* A program and its arguments, or a text of them; null is a word like any other. */
static json_t *command_schema(void)
{
	return json_pack("{s:[o, {s:s, s:{s:[s, s, s, s]}, s:i}]}", "anyOf", text_schema(), "type",
			 "array", "items", "type", "string", "number", "boolean", "null",
			 "minItems", 1);
}

static json_t *either(json_t *a, json_t *b)
{
	return json_pack("{s:[o, o]}", "anyOf", a, b);
}

/* The text of a number is one as well. */
static json_t *number_schema(const char *type, const char *range)
{
	json_t *schema = json_pack("{s:s}", "type", type);
	const char *dots = range ? strstr(range, "..") : NULL;

	if (dots && dots != range)
		json_object_set_new(schema, "minimum", json_real(strtod(range, NULL)));
	if (dots && dots[2])
		json_object_set_new(schema, "maximum", json_real(strtod(dots + 2, NULL)));
	return either(schema, pattern_schema("^[-+0-9.eE]+$|\\$\\{\\{"));
}

/* So is the text of true and false. */
static json_t *bool_schema(void)
{
	return either(json_pack("{s:s}", "type", "boolean"),
		      pattern_schema("^(true|false)$|\\$\\{\\{"));
}

/* A map from ids; those of metrics may be instances of a foreach where they are referred to. */
static json_t *named_schema(const struct load_key *key)
{
	json_t *schema = map_schema(ref_schema(key->table));

	if (key->table != T_BASELINE)
		json_object_set_new(schema, "propertyNames", pattern_schema(id_pattern));
	return schema;
}

static json_t *shape_schema(const struct load_key *key)
{
	switch ((enum load_shape)key->shape) {
	case SHAPE_TABLE: return ref_schema(key->table);
	case SHAPE_LIST: return list_schema(ref_schema(key->table));
	case SHAPE_MAP: return named_schema(key);
	case SHAPE_TEXT_MAP: return map_schema(text_schema());
	case SHAPE_ANY_MAP:
	case SHAPE_BODY: return json_pack("{s:s}", "type", "object");
	case SHAPE_ARGV: return command_schema();
	case SHAPE_TEXTS:
	case SHAPE_EXPRS: return one_or_list(text_schema());
	case SHAPE_TIMES: return one_or_list(or_template(time_schema()));
	case SHAPE_WORDS: return one_or_list(or_template(words_schema(key->range)));
	case SHAPE_WORD_OR_TABLE:
		return either(or_template(words_schema(key->range)), ref_schema(key->table));
	case SHAPE_DURATION_OR_WORD:
		return either(words_schema(key->range),
			      or_template(pattern_schema(duration_pattern)));
	case SHAPE_DURATION_OR_TABLE:
		return either(or_template(pattern_schema(duration_pattern)),
			      ref_schema(key->table));
	case SHAPE_BOOL_OR_TABLE: return either(bool_schema(), ref_schema(key->table));
	case SHAPE_NUMBERS:
		return json_pack("{s:s, s:o, s:i, s:i}", "type", "array", "items",
				 either(json_pack("{s:s}", "type", "number"),
					json_pack("{s:s}", "type", "string")),
				 "minItems", 2, "maxItems", 2);
	case SHAPE_ANY: break;
	}
	return json_object();
}

static json_t *key_schema(const struct load_key *key)
{
	switch ((enum load_kind)key->kind) {
	case LOAD_ID: return pattern_schema(id_pattern);
	case LOAD_BOOL: return bool_schema();
	case LOAD_UINT: return number_schema("integer", key->range);
	case LOAD_NUMBER: return number_schema("number", key->range);
	case LOAD_PERCENT: return or_template(pattern_schema(percent_pattern));
	case LOAD_DURATION: return or_template(pattern_schema(duration_pattern));
	case LOAD_WORD:
	case LOAD_CHOICE: return or_template(words_schema(key->range));
	case LOAD_WHEN: return or_template(time_schema());
	case LOAD_TEXTS: return one_or_list(text_schema());
	case LOAD_NODE: return shape_schema(key);
	default: return text_schema();
	}
}

/* A map with exactly one of the keys "a|b", or with none where it may lack them. */
static json_t *alternatives_schema(const char *keys, bool may_lack)
{
	json_t *cases = json_array(), *any = json_array();

	while (keys) {
		size_t len = strcspn(keys, "|");
		json_t *has = json_pack("{s:[o]}", "required", json_stringn(keys, len));

		json_array_append(any, has);
		json_array_append_new(cases, has);
		keys = keys[len] ? keys + len + 1 : NULL;
	}
	if (may_lack)
		json_array_append_new(cases, json_pack("{s:{s:O}}", "not", "anyOf", any));
	json_decref(any);
	return cases;
}

static json_t *table_schema(const struct load_table *table)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *schema;

	for (size_t k = 0; k < table->len; k++) {
		const struct load_key *key = &table->keys[k];
		json_t *property = key_schema(key);

		json_object_set_new(
			property, "description",
			json_sprintf(
				"%s%s%s%s", key->help,
				key->fallback && strcmp(key->fallback, "none") != 0 ? "; default "
										    : "",
				key->fallback && strcmp(key->fallback, "none") != 0 ? key->fallback
										    : "",
				key->flags & LOAD_LATER ? "; not supported yet" : ""));
		json_object_set_new(properties, key->name, property);
		if (key->flags & LOAD_REQUIRED)
			json_array_append_new(required, json_string(key->name));
	}
	schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
			   "additionalProperties", 0);
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

static json_t *param_schema(const struct cut_param *p)
{
	static const char *const numbers[] = {[CUT_T_INT] = "integer", [CUT_T_NUMBER] = "number"};
	json_t *schema;

	if (p->type == CUT_T_INT || p->type == CUT_T_NUMBER)
		schema = number_schema(numbers[p->type], p->range);
	else if (p->type == CUT_T_BOOL)
		schema = or_template(json_pack("{s:s}", "type", "boolean"));
	else if (p->type == CUT_T_CHOICE && p->range)
		schema = or_template(words_schema(p->range));
	else if (p->type == CUT_T_DURATION)
		schema = or_template(pattern_schema(duration_pattern));
	else if (p->type == CUT_T_PERCENT)
		schema = or_template(pattern_schema(percent_pattern));
	else if (p->type == CUT_T_LIST)
		schema = either(json_pack("{s:s}", "type", "array"), pattern_schema("\\$\\{\\{"));
	else if (p->type == CUT_T_MAP)
		schema = either(json_pack("{s:s}", "type", "object"), pattern_schema("\\$\\{\\{"));
	else if (p->type == CUT_T_JSON)
		schema = json_object();
	else if (p->type == CUT_T_ARGV)
		schema = command_schema();
	else if (p->type == CUT_T_EXPR)
		schema = one_or_list(text_schema());
	else
		schema = text_schema();
	return p->flags & CUT_P_LIST ? one_or_list(schema) : schema;
}

static json_t *params_schema(const struct cut_param *rows)
{
	json_t *properties = json_object(), *required = json_array(), *schema;

	for (const struct cut_param *p = rows; p->name; p++) {
		json_t *property = param_schema(p);

		if (p->help)
			json_object_set_new(property, "description", json_string(p->help));
		json_object_set_new(properties, p->name, property);
		if (p->flags & CUT_P_REQUIRED)
			json_array_append_new(required, json_string(p->name));
	}
	schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
			   "additionalProperties", 0);
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

static void add_case(json_t *cases, const char *name, const struct cut_param *rows)
{
	json_t *with = params_schema(rows);
	json_t *then = json_pack("{s:{s:O}}", "properties", "with", with);

	if (json_object_get(with, "required"))
		json_object_set_new(then, "required", json_pack("[s]", "with"));
	json_decref(with);
	json_array_append_new(cases,
			      json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:o}", "if", "properties", "uses",
					"const", name, "required", "uses", "then", then));
}

/* What may stand beside `run` are parameters of exec, by its table. */
static void add_beside(json_t *schema, const struct cut_catalog *catalog)
{
	const struct cut_catalog_action *exec = cut_catalog_action(catalog, "exec");
	json_t *properties = json_object_get(schema, "properties");

	for (const struct cut_param *p = exec ? exec->params : NULL; p && p->name; p++) {
		json_t *property = json_object_get(properties, p->name);

		if (property && json_object_size(property) == 1) /* so far but a description */
			json_object_update_missing_new(property, param_schema(p));
	}
	json_object_set_new(schema, "dependentRequired", json_pack("{s:[s]}", "with", "uses"));
}

/* A step with `steps` is a group, which has few keys. */
static void add_groups(json_t *schema)
{
	json_t *names = json_array();

	for (const char *const *key = load_group_keys; *key; key++)
		json_array_append_new(names, json_string(*key));
	json_object_update_new(schema, json_pack("{s:{s:[s]}, s:{s:{s:o}}}", "if", "required",
						 "steps", "then", "propertyNames", "enum", names));
}

/* `uses` is one of what is there, and `with` follows its table. */
static void add_actions(json_t *schema, const struct cut_catalog *catalog, bool meters)
{
	size_t len = meters ? catalog->meters.len : catalog->actions.len;
	const struct cut_catalog_action *items =
		meters ? catalog->meters.items : catalog->actions.items;
	json_t *names = json_array(), *cases = json_array();
	json_t *uses = json_object_get(json_object_get(schema, "properties"), "uses");

	for (size_t i = 0; i < len; i++) {
		json_array_append_new(names, json_string(items[i].name));
		add_case(cases, items[i].name, items[i].params);
	}
	if (!meters) {
		const struct cut_catalog_action *check = cut_catalog_action(catalog, "check");

		json_array_append_new(names, json_string(check->name));
		add_case(cases, check->name, check->params);
	}
	json_object_del(uses, "type");
	json_object_set_new(uses, "enum", names);
	json_object_set_new(schema, "allOf", cases);
}

/* A body is what it says, or a connection of a provider with that provider's keys. */
static json_t *connections_schema(const struct cut_catalog *catalog)
{
	json_t *cases = json_array();

	for (size_t i = 0; i < catalog->providers_len; i++) {
		const struct cut_catalog_provider *p = &catalog->providers[i];
		json_t *schema = params_schema(p->params);
		json_t *properties = json_object_get(schema, "properties");
		json_t *required = json_object_get(schema, "required");

		json_object_set_new(properties, "plugin", json_pack("{s:s}", "const", p->plugin));
		json_object_set_new(properties, "provider",
				    json_pack("{s:s}", "const", p->name + strlen(p->plugin) + 1));
		if (!required) {
			required = json_array();
			json_object_set_new(schema, "required", required);
		}
		json_array_append_new(required, json_string("plugin"));
		json_array_append_new(required, json_string("provider"));
		json_array_append_new(cases, schema);
	}
	if (json_array_size(cases) == 0) {
		json_decref(cases);
		return map_schema(json_pack("{s:s}", "type", "object"));
	}
	return map_schema(json_pack("{s:o}", "anyOf", cases));
}

json_t *cut_runbook_schema(const struct cut_catalog *catalog)
{
	json_t *defs = json_object(), *top;

	for (unsigned t = 0; t < T_TABLES; t++)
		json_object_set_new(defs, def_names[t], table_schema(load_tables[t]));
	for (size_t i = 0; i < CUT_ARRAY_LEN(alternatives); i++)
		json_object_set_new(
			json_object_get(defs, def_names[alternatives[i].table]), "oneOf",
			alternatives_schema(alternatives[i].keys, alternatives[i].may_lack));
	add_actions(json_object_get(defs, "step"), catalog, false);
	add_actions(json_object_get(defs, "body"), catalog, false);
	add_actions(json_object_get(defs, "metric"), catalog, true);
	add_beside(json_object_get(defs, "step"), catalog);
	add_beside(json_object_get(defs, "body"), catalog);
	add_groups(json_object_get(defs, "step"));
	top = json_object_get(json_object_get(defs, "runbook"), "properties");
	json_object_update_new(json_object_get(top, "connections"), connections_schema(catalog));
	return json_pack("{s:s, s:s, s:s, s:o}", "$schema",
			 "https://json-schema.org/draft/2020-12/schema", "title",
			 "cutover runbook, version 1", "$ref", "#/$defs/runbook", "$defs", defs);
}
