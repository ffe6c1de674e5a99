/* SPDX-License-Identifier: Apache-2.0 */
/* A map of the file into a draft, by its table: unknown keys, missing ones, types and ranges are
 * judged here for every kind of object alike. Called by the files that know what a draft means. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

/* Keys are interned before the document, so that a key of the file is a small number. */
void load_words(struct load *l)
{
	for (unsigned t = 0; t < T_TABLES; t++)
		for (size_t k = 0; k < load_tables[t]->len; k++)
			cut_doc_text(l->doc, load_tables[t]->keys[k].name,
				     strlen(load_tables[t]->keys[k].name));
	l->word.id = cut_doc_text(l->doc, "id", 2);
	l->word.foreach = cut_doc_text(l->doc, "foreach", 7);
	l->word.steps = cut_doc_text(l->doc, "steps", 5);
	l->word.uses = cut_doc_text(l->doc, "uses", 4);
	l->word.that = cut_doc_text(l->doc, "that", 4);
	l->words_len = l->doc->texts_len;
	for (unsigned t = 0; t < T_TABLES; t++) {
		l->rows[t] = cut_arena_array(&l->rb->arena, uint8_t, l->words_len);
		for (size_t k = 0; k < load_tables[t]->len; k++) {
			const struct load_key *key = &load_tables[t]->keys[k];

			l->rows[t][cut_doc_find(l->doc, key->name)] = (uint8_t)(k + 1);
			if (key->flags & LOAD_REQUIRED)
				l->required[t] |= UINT64_C(1) << k;
		}
	}
}

/* What others read as null: mostly a value that was forgotten, or that a '#' has hidden. */
static bool is_nothing(const struct cut_node *n, const char *text)
{
	return !n->quoted && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int set_key(struct load *l, const struct load_key *key, uint32_t node, void *draft)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	void *at = (char *)draft + key->offset;
	const char *text;

	if (key->kind == LOAD_NODE) {
		*(uint32_t *)at = node;
		return 0;
	}
	if (key->kind == LOAD_TEXTS)
		return load_texts(l, node, at, (uint32_t *)((char *)at + sizeof(char *)));
	if (n->kind == CUT_NODE_NONE)
		return -EINVAL;
	if (n->kind != CUT_NODE_SCALAR) {
		load_fault(l, node, NULL, "%s: a single value is wanted here, not %s", key->name,
			   load_kind_name(l, node));
		return -EINVAL;
	}
	if (key->kind == LOAD_EXPR) {
		*(struct cut_expr **)at = load_expr(l, node, CUT_USE_VALUE);
		return 0;
	}
	text = load_text(l, node);
	if (!text)
		return -EINVAL;
	if (key->kind == LOAD_TEXT && is_nothing(n, text)) {
		load_fault(l, node, "quote it, or leave the key out",
			   "%s: a text is wanted here, not %s", key->name,
			   *text ? text : "nothing");
		return -EINVAL;
	}
	if (key->kind == LOAD_BOOL)
		load_as(l, node, LOAD_AS_BOOL);
	else if (key->kind == LOAD_UINT || key->kind == LOAD_NUMBER)
		load_as(l, node, LOAD_AS_NUMBER);
	return load_scalar(l, key, node, text, at);
}

void load_defaults(struct load *l)
{
	for (unsigned t = 0; t < T_TABLES; t++) {
		const struct load_table *table = load_tables[t];

		if (table->size == 0)
			continue;
		l->fallbacks[t] = cut_arena_alloc(&l->rb->arena, table->size);
		for (size_t k = 0; k < table->len; k++)
			if (table->keys[k].fallback && table->keys[k].kind != LOAD_NODE)
				load_scalar(l, &table->keys[k], 0, table->keys[k].fallback,
					    (char *)l->fallbacks[t] + table->keys[k].offset);
	}
}

enum { FEW = 10 }; /* keys, to be listed */

/* "a, b or c"; NULL where there are too many to read. */
static const char *key_list(struct load *l, const struct load_table *table)
{
	struct cut_buf list = {0};
	const char *kept = NULL;

	for (size_t k = 0; k < table->len && table->len <= FEW; k++)
		cut_buf_printf(&list, "%s%s",
			       k == 0		    ? ""
			       : k + 1 < table->len ? ", "
						    : " or ",
			       table->keys[k].name);
	if (list.len)
		kept = cut_arena_strndup(&l->rb->arena, list.data, list.len);
	cut_buf_done(&list);
	return kept;
}

static struct cut_near nearest_key(const struct load *l, const struct load_table *table,
				   uint32_t node)
{
	struct cut_near near = {.word = cut_doc_key(l->doc, node)};

	for (size_t k = 0; k < table->len; k++)
		load_near_try(&near, table->keys[k].name);
	return near;
}

/* What it may have meant: a word of this table, or the right one in the wrong place. A misspelt
 * one then goes by its right name, so that nobody misses it. */
static void unknown_key(struct load *l, const struct load_table *table, uint32_t node, uint32_t map)
{
	struct cut_near near = nearest_key(l, table, node);
	uint32_t word = cut_doc_at(l->doc, node)->key;
	/* a phase, a body or the top may well be taken for a step */
	bool of_steps = table->len > FEW && word < l->words_len && l->rows[T_STEP][word];
	const char *hint = NULL, *list = key_list(l, table);

	if (near.best && (near.distance == 0 || !of_steps))
		hint = load_did_you_mean(l, &near);
	else if (of_steps)
		hint = "it is a key of steps";
	else if (list)
		hint = cut_arena_printf(&l->rb->arena, "it may have %s", list);
	load_fault_key(l, node, hint, "unknown key '%s' in %s", near.word, table->what);
	if (near.best && near.distance == 1 && !of_steps && !load_find(l, map, near.best))
		l->doc->nodes[node].key = cut_doc_find(l->doc, near.best);
}

static bool is_map(struct load *l, const struct load_table *table, uint32_t node)
{
	enum cut_node_kind kind = cut_doc_at(l->doc, node)->kind;
	const char *list = key_list(l, table);

	if (!list || kind == CUT_NODE_MAP || kind == CUT_NODE_NONE)
		return load_is(l, node, CUT_NODE_MAP, table->what);
	load_fault(l, node, cut_arena_printf(&l->rb->arena, "it may have %s", list),
		   "%s: a map is wanted here, not %s", table->what, load_kind_name(l, node));
	return false;
}

bool load_is(struct load *l, uint32_t node, enum cut_node_kind kind, const char *what)
{
	static const char *const wanted[] = {"", "a single value", "a list", "a map"};
	const struct cut_node *n = cut_doc_at(l->doc, node);

	if (n->kind == kind)
		return true;
	if (!what)
		what = n->key ? cut_doc_key(l->doc, node) : "this item";
	if (n->kind != CUT_NODE_NONE)
		load_fault(l, node, NULL, "%s: %s is wanted here, not %s", what, wanted[kind],
			   load_kind_name(l, node));
	return false;
}

static const struct load_key *row_of(const struct load *l, enum load_table_id id, uint32_t node)
{
	uint32_t word = cut_doc_at(l->doc, node)->key;
	uint8_t row = word < l->words_len ? l->rows[id][word] : 0;

	return row ? &load_tables[id]->keys[row - 1] : NULL;
}

/* Keys that must be there; `strange` ones may be their misspelling, told already. */
static int missing_keys(struct load *l, enum load_table_id id, uint32_t node, uint64_t given,
			bool strange)
{
	const struct load_table *table = load_tables[id];
	uint64_t missing = l->required[id] & ~given;

	for (size_t k = 0; !strange && missing >> k; k++)
		if (missing >> k & 1)
			load_fault(l, node,
				   cut_arena_printf(&l->rb->arena, "%s: %s", table->keys[k].name,
						    table->keys[k].help),
				   "%s needs '%s'", table->what, table->keys[k].name);
	return missing ? -EINVAL : 0;
}

int load_object(struct load *l, enum load_table_id id, uint32_t node, void *draft)
{
	const struct load_table *table = load_tables[id];
	uint64_t given = 0;
	bool strange = false;
	int r = 0;

	memcpy(draft, l->fallbacks[id], table->size);
	if (!is_map(l, table, node))
		return -EINVAL;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		const struct load_key *key = row_of(l, id, at);

		if (!key) {
			unknown_key(l, table, at, node);
			strange = true;
			key = row_of(l, id, at);
			if (!key)
				continue;
		}
		given |= UINT64_C(1) << (key - table->keys);
		if (key->flags & LOAD_LATER)
			load_unsupported(l, at, key->name);
		if (set_key(l, key, at, draft) < 0)
			r = -EINVAL;
	}
	return missing_keys(l, id, node, given, strange) < 0 || strange ? -EINVAL : r;
}

uint32_t load_find(const struct load *l, uint32_t map, const char *key)
{
	uint32_t at = map && cut_doc_at(l->doc, map)->kind == CUT_NODE_MAP
			      ? cut_doc_at(l->doc, map)->child
			      : 0;

	while (at && strcmp(cut_doc_key(l->doc, at), key) != 0)
		at = cut_doc_at(l->doc, at)->next;
	return at;
}

uint32_t load_meant(struct load *l, enum load_table_id id, uint32_t map, const char *key)
{
	uint32_t found = load_find(l, map, key), at = cut_doc_at(l->doc, map)->child;

	/* who has more keys than there are did not misspell one */
	for (size_t k = 0; at && !found && k < load_tables[id]->len; k++) {
		if (!row_of(l, id, at)) {
			struct cut_near near = nearest_key(l, load_tables[id], at);

			found = near.best && strcmp(near.best, key) == 0 ? at : 0;
		}
		at = cut_doc_at(l->doc, at)->next;
	}
	return found;
}

json_t *load_text_map(struct load *l, uint32_t node)
{
	json_t *map;

	if (!load_is(l, node, CUT_NODE_MAP, NULL))
		return NULL;
	map = json_object();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		const char *text = load_is(l, at, CUT_NODE_SCALAR, NULL) ? load_text(l, at) : NULL;

		if (text)
			json_object_set_new(map, cut_doc_key(l->doc, at), json_string(text));
	}
	return map;
}

static json_t *noted_scalar(struct load *l, const struct load_key *key, uint32_t node)
{
	union {
		const char *text;
		bool yes;
		unsigned count;
		double number;
		cut_time ms;
		struct cut_when when;
	} v;
	const char *text = load_text(l, node);
	struct cut_err err = {0};
	json_t *json = NULL;

	if (!text)
		return NULL;
	if (key->kind == LOAD_SIZE) {
		if (cut_value_parse(CUT_T_SIZE, NULL, text, strlen(text), &json, &err) < 0)
			load_fault(l, node, err.next, "%s: '%s' is not %s", key->name, text,
				   err.what);
		cut_err_done(&err);
		return json;
	}
	if (load_scalar(l, key, node, text, &v) < 0)
		return NULL;
	switch ((enum load_kind)key->kind) {
	case LOAD_BOOL: load_as(l, node, LOAD_AS_BOOL); return json_boolean(v.yes);
	case LOAD_UINT: load_as(l, node, LOAD_AS_NUMBER); return json_integer(v.count);
	case LOAD_NUMBER: load_as(l, node, LOAD_AS_NUMBER); return json_real(v.number);
	case LOAD_PERCENT: return json_real(v.number);
	case LOAD_DURATION: return cut_json_seconds(v.ms);
	default: return json_string(text);
	}
}

static json_t *noted_value(struct load *l, const struct load_key *key, uint32_t node)
{
	const char *const *texts;
	uint32_t len;
	json_t *list;

	if (key->kind == LOAD_NODE)
		return load_untyped(l, node, NULL);
	if (key->kind != LOAD_TEXTS)
		return load_is(l, node, CUT_NODE_SCALAR, key->name) ? noted_scalar(l, key, node)
								    : NULL;
	if (load_texts(l, node, &texts, &len) < 0)
		return NULL;
	list = json_array();
	for (uint32_t i = 0; i < len; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

json_t *load_noted(struct load *l, enum load_table_id id, uint32_t node)
{
	const struct load_table *table = load_tables[id];
	json_t *object;
	uint64_t given = 0;
	bool strange = false;

	if (!is_map(l, table, node))
		return NULL;
	object = json_object();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		const struct load_key *key = row_of(l, id, at);
		json_t *value;

		if (!key) {
			unknown_key(l, table, at, node);
			strange = true;
			continue;
		}
		given |= UINT64_C(1) << (key - table->keys);
		if (key->flags & LOAD_LATER)
			load_unsupported(l, at, key->name);
		value = noted_value(l, key, at);
		if (value)
			json_object_set_new(object, key->name, value);
	}
	missing_keys(l, id, node, given, strange);
	return object;
}

json_t *load_noted_list(struct load *l, enum load_table_id id, uint32_t node)
{
	json_t *list;

	if (!load_is(l, node, CUT_NODE_LIST, load_tables[id]->what))
		return NULL;
	list = json_array();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		json_t *item = load_noted(l, id, at);

		if (item)
			json_array_append_new(list, item);
	}
	return list;
}
