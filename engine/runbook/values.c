/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the file into typed JSON by the tables of actions, providers and metrics; what is known
 * only during the run is noted with its place. Called where a body, connection or metric is read.
 */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

int load_type_named(const char *name)
{
	for (int t = CUT_T_STRING; t <= CUT_T_ARGV; t++)
		if (strcmp(cut_type_name((enum cut_type)t), name) == 0)
			return t;
	return -1;
}

static size_t pointer_push(struct load_values *values, const char *key, size_t index)
{
	size_t before;

	if (!values)
		return 0;
	before = values->pointer.len;
	if (!key) {
		cut_buf_printf(&values->pointer, "/%zu", index);
		return before;
	}
	cut_buf_add_char(&values->pointer, '/');
	for (; *key; key++) {
		if (*key == '~')
			cut_buf_add_str(&values->pointer, "~0");
		else if (*key == '/')
			cut_buf_add_str(&values->pointer, "~1");
		else
			cut_buf_add_char(&values->pointer, *key);
	}
	return before;
}

static void pointer_pop(struct load_values *values, size_t before)
{
	if (!values)
		return;
	values->pointer.len = before;
	if (values->pointer.data)
		values->pointer.data[before] = 0;
}

static json_t *type_fault(struct load *l, uint32_t node, enum cut_type type, const char *text,
			  struct cut_err *err)
{
	char *hint = err->next ? cut_arena_printf(&l->rb->arena, "%s", err->next) : NULL;

	if (err->what)
		load_fault(l, node, hint, "'%s' is not %s", text, err->what);
	else
		load_fault(l, node, hint, "'%s' is not a %s", text, cut_type_name(type));
	return NULL;
}

static json_t *dynamic_value(struct load *l, uint32_t node, enum cut_type type, const char *range,
			     const struct cut_template *tpl, struct load_values *values)
{
	struct cut_dynamic d = {.type = type, .value = *tpl};

	if (!values || values->constant) {
		load_fault(l, node,
			   "only params, environments and a foreach's variable are known when a "
			   "runbook is loaded",
			   "values of the run cannot be used here");
		return NULL;
	}
	d.range = range;
	d.pointer = cut_arena_strndup(&l->rb->arena, cut_buf_str(&values->pointer),
				      values->pointer.len);
	cut_vec_push(&values->dynamic, d);
	return json_null();
}

/* The value of a text with ${{ }} in it. */
static json_t *computed_value(struct load *l, uint32_t node, enum cut_type type, const char *range,
			      struct load_values *values)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_template tpl;
	struct cut_val val;
	json_t *json = NULL;
	bool constant;
	int r;

	if (load_template(l, node, &tpl, &constant) < 0)
		return NULL;
	if (type == CUT_T_JSON && !tpl.whole) /* a text with values in it is a text */
		type = CUT_T_STRING;
	if (!constant)
		return dynamic_value(l, node, type, range, &tpl, values);
	if (load_constant(l, node, &tpl, &arena, &val) == 0) {
		if (tpl.whole)
			r = cut_value_coerce(type, range, &val, &json, &err);
		else
			r = cut_value_parse(type, range, val.str.s, val.str.len, &json, &err);
		if (r < 0)
			json = type_fault(l, node, type, cut_doc_str(l->doc, node), &err);
	}
	cut_arena_done(&arena);
	return json;
}

json_t *load_untyped(struct load *l, uint32_t node, struct load_values *values)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	json_t *out, *item;
	size_t index = 0, before;

	if (n->kind == CUT_NODE_NONE)
		return NULL;
	if (n->kind == CUT_NODE_SCALAR) {
		if (load_has_template(l->doc->texts[n->text]))
			return computed_value(l, node, CUT_T_JSON, NULL, values);
		load_as(l, node, LOAD_AS_UNTYPED);
		return cut_value_untyped(l->doc->texts[n->text], l->doc->text_lens[n->text],
					 n->quoted);
	}
	out = n->kind == CUT_NODE_LIST ? json_array() : json_object();
	for (uint32_t at = n->child; at; at = cut_doc_at(l->doc, at)->next, index++) {
		const char *key = n->kind == CUT_NODE_MAP ? cut_doc_key(l->doc, at) : NULL;

		before = pointer_push(values, key, index);
		item = load_untyped(l, at, values);
		pointer_pop(values, before);
		if (!item)
			item = json_null();
		if (key)
			json_object_set_new(out, key, item);
		else
			json_array_append_new(out, item);
	}
	return out;
}

/* The items of a list or map by one type; a fault of one leaves it out. */
static json_t *load_items(struct load *l, uint32_t node, enum cut_type type, uint32_t flags,
			  const char *range, struct load_values *values)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	bool map = n->kind == CUT_NODE_MAP;
	json_t *out = map ? json_object() : json_array();
	size_t index = 0;

	for (uint32_t at = n->child; at; at = cut_doc_at(l->doc, at)->next, index++) {
		size_t before = pointer_push(values, map ? cut_doc_key(l->doc, at) : NULL, index);
		json_t *item = load_value(l, at, type, flags, range, values);

		pointer_pop(values, before);
		if (!item)
			item = json_null();
		if (map)
			json_object_set_new(out, cut_doc_key(l->doc, at), item);
		else
			json_array_append_new(out, item);
	}
	return out;
}

/* Splits where a text is given; each word may hold values of its own. */
static json_t *load_argv(struct load *l, uint32_t node, struct load_values *values)
{
	struct cut_buf words = {0};
	json_t *out = NULL;
	size_t len;

	if (cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST) {
		out = load_items(l, node, CUT_T_STRING, 0, NULL, values);
		if (json_array_size(out) == 0)
			load_fault(l, node, NULL, "this command is empty");
		return out;
	}
	if (!load_is(l, node, CUT_NODE_SCALAR, NULL))
		return NULL;
	if (load_split(l, node, &words, &len) == 0) {
		const char *word = words.data;

		out = json_array();
		for (size_t i = 0; i < len; i++, word += strlen(word) + 1) {
			size_t before = pointer_push(values, NULL, i);
			json_t *item = load_part(l, node, word, values);

			pointer_pop(values, before);
			json_array_append_new(out, item ? item : json_null());
		}
	}
	cut_buf_done(&words);
	return out;
}

json_t *load_part(struct load *l, uint32_t node, const char *text, struct load_values *values)
{
	struct cut_arena arena = {0};
	struct cut_template tpl;
	struct cut_val val;
	json_t *json = NULL;
	bool constant;

	if (!load_has_template(text))
		return json_string(text);
	if (load_template_text(l, node, text, &tpl, &constant) < 0)
		return NULL;
	if (!constant)
		return dynamic_value(l, node, CUT_T_STRING, NULL, &tpl, values);
	if (load_constant(l, node, &tpl, &arena, &val) == 0) {
		cut_auto(cut_err) struct cut_err err = {0};

		if (cut_value_coerce(CUT_T_STRING, NULL, &val, &json, &err) < 0)
			json = type_fault(l, node, CUT_T_STRING, text, &err);
	}
	cut_arena_done(&arena);
	return json;
}

static json_t *check_connection(struct load *l, uint32_t node, const char *range, json_t *name)
{
	const struct cut_runbook *rb = l->rb;
	const struct cut_connection *c;
	struct cut_near near = {.word = json_string_value(name)};
	size_t len;

	if (!near.word)
		return name; /* known during the run only */
	c = load_connection(l, near.word);
	if (!c) {
		for (uint32_t i = 0; i < rb->connections_len; i++)
			cut_near_try(&near, rb->connections[i].name);
		load_fault(l, node,
			   near.best ? load_did_you_mean(l, &near)
				     : "declare it under `connections`",
			   "unknown connection '%s'", near.word);
		return name;
	}
	len = range ? strcspn(range, ".") : 0;
	if (range && c->plugin && cut_catalog_plugin(l->catalog, c->plugin) &&
	    (strncmp(c->plugin, range, len) != 0 || c->plugin[len] != 0 ||
	     (range[len] && c->provider && strcmp(c->provider, range + len + 1) != 0)))
		load_fault(l, node, NULL, "connection '%s' is of %s.%s, one of %s is wanted here",
			   c->name, c->plugin, c->provider ? c->provider : "?", range);
	return name;
}

static json_t *check_secret(struct load *l, uint32_t node, json_t *name)
{
	struct cut_near near = {.word = json_string_value(name)};

	for (uint32_t i = 0; near.word && i < l->rb->secrets_len; i++) {
		if (strcmp(l->rb->secrets[i].name, near.word) == 0)
			return name;
		cut_near_try(&near, l->rb->secrets[i].name);
	}
	if (near.word)
		load_fault(
			l, node,
			near.best
				? load_did_you_mean(l, &near)
				: "declare it under `secrets`; a secret is never written literally",
			"unknown secret '%s'", near.word);
	return name;
}

/* A relative file name starts at the runbook's folder. */
static json_t *place_path(struct load *l, uint32_t flags, json_t *json)
{
	const char *path = json_string_value(json);
	json_t *placed;

	if (!(flags & CUT_P_PATH) || !path || path[0] == '/' || path[0] == 0 || !l->rb->folder)
		return json;
	placed = json_sprintf("%s/%s", l->rb->folder, path);
	json_decref(json);
	return placed;
}

static json_t *one_scalar(struct load *l, uint32_t node, enum cut_type type, uint32_t flags,
			  const char *range, struct load_values *values)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	const char *text = l->doc->texts[n->text];
	cut_auto(cut_err) struct cut_err err = {0};
	json_t *json = NULL;

	if (!load_is(l, node, CUT_NODE_SCALAR, NULL))
		return NULL;
	if (load_has_template(text))
		json = computed_value(l, node, type, range, values);
	else if (cut_value_parse(type, range, text, l->doc->text_lens[n->text], &json, &err) < 0)
		return type_fault(l, node, type, text, &err);
	else if (type == CUT_T_BOOL)
		load_as(l, node, LOAD_AS_BOOL);
	else if (type == CUT_T_INT || type == CUT_T_NUMBER)
		load_as(l, node, LOAD_AS_NUMBER);
	if (!json)
		return NULL;
	if (type == CUT_T_CONNECTION)
		return check_connection(l, node, range, json);
	if (type == CUT_T_SECRET)
		return check_secret(l, node, json);
	return place_path(l, flags, json);
}

static bool is_whole_template(struct load *l, uint32_t node)
{
	const char *text = cut_doc_str(l->doc, node);
	size_t len = strlen(text);

	return strncmp(text, "${{", 3) == 0 && len > 5 && strcmp(text + len - 2, "}}") == 0 &&
	       !strstr(text + 3, "${{");
}

json_t *load_value(struct load *l, uint32_t node, enum cut_type type, uint32_t flags,
		   const char *range, struct load_values *values)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	int item = range ? load_type_named(range) : -1;
	json_t *list, *one;

	if (n->kind == CUT_NODE_NONE)
		return NULL;
	if (flags & CUT_P_LIST) {
		flags &= ~CUT_P_LIST;
		if (n->kind == CUT_NODE_LIST)
			return load_items(l, node, type, flags, range, values);
		if (n->kind == CUT_NODE_SCALAR && is_whole_template(l, node))
			return computed_value(l, node, CUT_T_LIST, cut_type_name(type), values);
		size_t before = pointer_push(values, NULL, 0);
		one = load_value(l, node, type, flags, range, values);
		pointer_pop(values, before);
		list = json_array();
		if (one)
			json_array_append_new(list, one);
		return list;
	}
	if ((type == CUT_T_LIST || type == CUT_T_MAP) && n->kind == CUT_NODE_SCALAR &&
	    load_has_template(cut_doc_str(l->doc, node)))
		return computed_value(l, node, type, range, values);
	if (type == CUT_T_LIST)
		return !load_is(l, node, CUT_NODE_LIST, NULL) ? NULL
		       : item < 0 || item == CUT_T_MAP
			       ? load_untyped(l, node, values)
			       : load_items(l, node, (enum cut_type)item, flags, NULL, values);
	if (type == CUT_T_MAP)
		return !load_is(l, node, CUT_NODE_MAP, NULL) ? NULL
		       : item < 0			     ? load_untyped(l, node, values)
				  : load_items(l, node, (enum cut_type)item, flags, NULL, values);
	if (type == CUT_T_JSON)
		return load_untyped(l, node, values);
	if (type == CUT_T_ARGV)
		return load_argv(l, node, values);
	return one_scalar(l, node, type, flags, range, values);
}

static const struct cut_param *param_named(const struct cut_param *rows, const char *name)
{
	for (; rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static bool is_ignored(const char *const *ignored, const char *key)
{
	for (; ignored && *ignored; ignored++)
		if (strcmp(*ignored, key) == 0)
			return true;
	return false;
}

/* Defaults are written as in a runbook: "30s", "[A, AAAA]". New reference, or NULL. */
static json_t *fallback(const struct cut_param *row)
{
	const char *text = row->fallback;
	json_t *list = row->flags & CUT_P_LIST || text[0] == '[' ? json_array() : NULL;

	if (list && text[0] == '[')
		text++;
	if (text[0] == '{')
		return json_loads(text, 0, NULL);
	for (;;) {
		cut_auto(cut_err) struct cut_err err = {0};
		size_t len = list ? strcspn(text, ",]") : strlen(text);
		enum cut_type type = row->type == CUT_T_LIST || row->type == CUT_T_JSON
					     ? CUT_T_STRING
					     : row->type;
		json_t *json = NULL;

		if (len > 0 && cut_value_parse(type, row->range, text, len, &json, &err) < 0)
			json = NULL; /* a table of a plugin is wrong: as if it had no default */
		if (!list)
			return json;
		if (json)
			json_array_append_new(list, json);
		text += len;
		text += strspn(text, ", ]");
		if (!*text)
			return list;
	}
}

/* "it may have a, b or c" */
static const char *param_list(struct load *l, const struct cut_param *rows)
{
	struct cut_buf list = {0};
	const char *kept;

	for (const struct cut_param *row = rows; row->name; row++)
		cut_buf_printf(&list, "%s%s",
			       row == rows   ? "it may have "
			       : row[1].name ? ", "
					     : " or ",
			       row->name);
	kept = cut_arena_printf(&l->rb->arena, "%s", cut_buf_str(&list));
	cut_buf_done(&list);
	return list.len || *kept ? kept : NULL;
}

json_t *load_params(struct load *l, uint32_t node, uint32_t at, const char *what,
		    const struct cut_param *rows, const char *const *ignored,
		    struct load_values *values)
{
	json_t *params = json_object();
	bool strange = false;

	if (node && !load_is(l, node, CUT_NODE_MAP, what))
		return params;
	for (uint32_t n = node ? cut_doc_at(l->doc, node)->child : 0; n;
	     n = cut_doc_at(l->doc, n)->next) {
		struct cut_near near = {.word = cut_doc_key(l->doc, n)};
		const struct cut_param *row = param_named(rows, near.word);

		if (is_ignored(ignored, near.word))
			continue;
		if (!row) {
			for (row = rows; row->name; row++)
				load_near_try(&near, row->name);
			load_fault_key(
				l, n, near.best ? load_did_you_mean(l, &near) : param_list(l, rows),
				"%s has no parameter '%s'", what, near.word);
			strange = true;
			continue;
		}
		size_t before = pointer_push(values, row->name, 0);
		json_t *value = load_value(l, n, row->type, row->flags, row->range, values);

		pointer_pop(values, before);
		json_object_set_new(params, row->name, value ? value : json_null());
	}
	for (const struct cut_param *row = rows; row->name; row++) {
		json_t *value;

		if (json_object_get(params, row->name))
			continue;
		if (row->flags & CUT_P_REQUIRED && !strange && !is_ignored(ignored, row->name))
			load_fault(l, at,
				   row->help ? cut_arena_printf(&l->rb->arena, "%s: %s", row->name,
								row->help)
					     : NULL,
				   "%s needs '%s'", what, row->name);
		value = row->fallback ? fallback(row) : NULL;
		if (value)
			json_object_set_new(params, row->name, value);
	}
	return params;
}
