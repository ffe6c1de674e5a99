/* SPDX-License-Identifier: Apache-2.0 */
/* A map of the file into a draft, by its table: unknown keys, missing ones, types and ranges are
 * judged here for every kind of object alike. Called by the files that know what a draft means. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <math.h>
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
		for (size_t k = 0; k < load_tables[t]->len; k++)
			l->rows[t][cut_doc_text(l->doc, load_tables[t]->keys[k].name,
			                        strlen(load_tables[t]->keys[k].name))] =
				(uint8_t)(k + 1);
	}
}

static int word_index(const char *range, const char *text, size_t len)
{
	int index = 0;

	for (const char *at = range;; index++) {
		size_t n = strcspn(at, "|");

		if (n == len && memcmp(at, text, n) == 0)
			return index;
		if (!at[n])
			return -1;
		at += n + 1;
	}
}

static const char *words_hint(struct load *l, const char *range, const char *text)
{
	struct cut_near near = {.word = text};
	struct cut_buf hint = {0};
	const char *kept;

	for (const char *at = range;;) {
		size_t n = strcspn(at, "|");
		char *word = cut_arena_strndup(&l->rb->arena, at, n);

		cut_near_try(&near, word);
		cut_buf_printf(&hint, "%s%s", at == range ? "" : at[n] ? ", " : " or ", word);
		if (!at[n])
			break;
		at += n + 1;
	}
	kept = near.best ? load_did_you_mean(l, &near)
	                 : cut_arena_printf(&l->rb->arena, "it may be %s", cut_buf_str(&hint));
	cut_buf_done(&hint);
	return kept;
}

/* "min..max", either open, by the reader of the type. */
static bool in_range(const char *range, double value, enum load_kind kind)
{
	const char *dots = range ? strstr(range, "..") : NULL;
	double bounds[2] = {-HUGE_VAL, HUGE_VAL};

	if (!dots)
		return true;
	for (int i = 0; i < 2; i++) {
		const char *text = i ? dots + 2 : range;
		size_t len = i ? strlen(text) : (size_t)(dots - range);
		cut_time ms;

		if (!len)
			continue;
		if (kind == LOAD_DURATION)
			bounds[i] = cut_duration_parse(text, len, &ms) == 0 ? (double)ms : bounds[i];
		else
			bounds[i] = strtod(text, NULL);
	}
	return value >= bounds[0] && value <= bounds[1];
}

static bool number_parse(const char *text, double *ret)
{
	char *end;

	if (!*text || strspn(text, "+-0123456789.eE") != strlen(text))
		return false;
	*ret = strtod(text, &end);
	return !*end && isfinite(*ret);
}

static bool percent_parse(const char *text, double *ret)
{
	size_t len = strlen(text);
	cut_auto(cut_str) char *digits = NULL;

	if (len < 2 || text[len - 1] != '%')
		return false;
	digits = cut_strndup(text, len - 1);
	if (!number_parse(digits, ret))
		return false;
	*ret /= 100;
	return true;
}

static int set_duration(struct load *l, const struct load_key *key, uint32_t node, const char *text,
                        void *at)
{
	cut_time ms;
	double number;

	if (node == 0 && strcmp(text, "none") == 0) {
		*(cut_time *)at = CUT_NEVER;
		return 0;
	}
	if (cut_duration_parse(text, strlen(text), &ms) < 0) {
		load_fault(l, node,
		           number_parse(text, &number)
		                   ? cut_arena_printf(&l->rb->arena,
		                                      "a bare number has no unit: %sms, %ss, %sm, %sh or %sd",
		                                      text, text, text, text, text)
		                   : "units are ms, s, m, h and d, combinable: 1h30m",
		           "%s: '%s' is not a duration", key->name, text);
		return -EINVAL;
	}
	if (!in_range(key->range, (double)ms, LOAD_DURATION)) {
		load_fault(l, node, NULL, "%s: %s is out of range, %s is wanted", key->name, text,
		           key->range);
		return -EINVAL;
	}
	*(cut_time *)at = ms;
	return 0;
}

static int set_number(struct load *l, const struct load_key *key, uint32_t node, const char *text,
                      void *at)
{
	double value = 0;
	const char *wanted = key->kind == LOAD_UINT ? "a whole number" : key->kind == LOAD_PERCENT
	                             ? "a percentage with its sign, such as 5%"
	                             : "a number";

	if (key->kind == LOAD_PERCENT ? !percent_parse(text, &value) : !number_parse(text, &value)) {
		load_fault(l, node, NULL, "%s: '%s' is not %s", key->name, text, wanted);
		return -EINVAL;
	}
	if ((key->kind == LOAD_UINT && (value < 0 || value != floor(value) || value > 1e9)) ||
	    !in_range(key->range, value, key->kind)) {
		load_fault(l, node,
		           key->range ? cut_arena_printf(&l->rb->arena, "it may be %s", key->range) : NULL,
		           "%s: %s is out of range", key->name, text);
		return -EINVAL;
	}
	if (key->kind == LOAD_UINT)
		*(unsigned *)at = (unsigned)value;
	else
		*(double *)at = value;
	return 0;
}

bool load_id_valid(struct load *l, uint32_t node, const char *text)
{
	size_t len = strlen(text);

	if (len > 0 && len <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len)
		return true;
	load_fault(l, node, "lower-case letters, digits and _, a letter first, up to 64 characters",
	           "'%s' is not an id", text);
	return false;
}

int load_word(struct load *l, uint32_t node, const char *range, unsigned *ret)
{
	const char *text = load_text(l, node);
	int index;

	if (!text)
		return -EINVAL;
	index = word_index(range, text, strlen(text));
	if (index < 0) {
		load_fault(l, node, words_hint(l, range, text), "'%s' is none of the words known here",
		           text);
		return -EINVAL;
	}
	*ret = (unsigned)index;
	return 0;
}

static int set_word(struct load *l, const struct load_key *key, uint32_t node, const char *text,
                    void *at)
{
	int index = word_index(key->range, text, strlen(text));

	if (index < 0) {
		load_fault(l, node, words_hint(l, key->range, text), "%s: '%s' is not known", key->name,
		           text);
		return -EINVAL;
	}
	if (key->kind == LOAD_CHOICE)
		*(const char **)at = text;
	else
		*(unsigned *)at = (unsigned)index;
	return 0;
}

static int set_bool(struct load *l, const struct load_key *key, uint32_t node, const char *text,
                    void *at)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		load_fault(l, node, "write true or false", "%s: '%s' is not true or false", key->name, text);
		return -EINVAL;
	}
	*(bool *)at = text[0] == 't';
	return 0;
}

static int when_parse(struct load *l, uint32_t node, const char *text, struct cut_when *ret)
{
	static const struct { const char *name; unsigned base; } bases[] = {
		{"opens", CUT_WHEN_OPENS}, {"closes", CUT_WHEN_CLOSES}};

	for (size_t i = 0; i < CUT_ARRAY_LEN(bases); i++) {
		size_t len = strlen(bases[i].name);
		cut_time offset = 0;

		if (strncmp(text, bases[i].name, len) != 0)
			continue;
		if (text[len] && ((text[len] != '+' && text[len] != '-') ||
		                  cut_duration_parse(text + len + 1, strlen(text + len + 1), &offset) < 0))
			break;
		*ret = (struct cut_when){.base = bases[i].base,
		                         .at = text[len] == '-' ? -offset : offset};
		return 0;
	}
	if (cut_rfc3339_parse(text, strlen(text), &ret->at) == 0) {
		ret->base = CUT_WHEN_AT;
		return 0;
	}
	load_fault(l, node,
	           "write it as 2026-11-22T02:00:00+01:00, or relative to the window: opens-1h, closes-30m",
	           "'%s' is not a time", text);
	return -EINVAL;
}

int load_when(struct load *l, uint32_t node, struct cut_when *ret)
{
	const char *text = load_text(l, node);

	return text ? when_parse(l, node, text, ret) : -EINVAL;
}

int load_texts(struct load *l, uint32_t node, const char *const **ret, uint32_t *ret_len)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	uint32_t len = n->kind == CUT_NODE_LIST ? cut_doc_count(l->doc, node) : 1, i = 0;
	const char **texts;

	if (n->kind == CUT_NODE_NONE)
		return -EINVAL;
	if (n->kind == CUT_NODE_MAP) {
		load_fault(l, node, NULL, "a list of names is wanted here, not a map");
		return -EINVAL;
	}
	texts = cut_arena_array(&l->rb->arena, const char *, len + 1); /* NULL-terminated too */
	for (uint32_t at = n->kind == CUT_NODE_LIST ? n->child : node; at;
	     at = n->kind == CUT_NODE_LIST ? cut_doc_at(l->doc, at)->next : 0) {
		const char *text = load_text(l, at);

		if (text)
			texts[i++] = text;
	}
	*ret = texts;
	*ret_len = i;
	return 0;
}

/* One scalar of a table at its place in the draft; node 0: a default of the table itself. */
static int set_scalar(struct load *l, const struct load_key *key, uint32_t node, const char *text,
                      void *at)
{
	switch ((enum load_kind)key->kind) {
	case LOAD_TEXT:
		*(const char **)at = text;
		return 0;
	case LOAD_ID:
		*(const char **)at = text;
		return node == 0 || load_id_valid(l, node, text) ? 0 : -EINVAL;
	case LOAD_BOOL:
		return set_bool(l, key, node, text, at);
	case LOAD_UINT:
	case LOAD_NUMBER:
	case LOAD_PERCENT:
		return set_number(l, key, node, text, at);
	case LOAD_DURATION:
		return set_duration(l, key, node, text, at);
	case LOAD_WORD:
	case LOAD_CHOICE:
		return set_word(l, key, node, text, at);
	case LOAD_WHEN:
		return when_parse(l, node, text, at);
	default:
		return -EINVAL; /* the other kinds are no scalars */
	}
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
	if (key->kind == LOAD_BOOL)
		load_as(l, node, LOAD_AS_BOOL);
	else if (key->kind == LOAD_UINT || key->kind == LOAD_NUMBER)
		load_as(l, node, LOAD_AS_NUMBER);
	return set_scalar(l, key, node, text, at);
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
				set_scalar(l, &table->keys[k], 0, table->keys[k].fallback,
				           (char *)l->fallbacks[t] + table->keys[k].offset);
	}
}

static void unknown_key(struct load *l, const struct load_table *table, uint32_t node)
{
	struct cut_near near = {.word = cut_doc_key(l->doc, node)};

	for (size_t k = 0; k < table->len; k++)
		cut_near_try(&near, table->keys[k].name);
	load_fault_key(l, node, load_did_you_mean(l, &near), "unknown key '%s' in %s", near.word,
	               table->what);
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
	int r = 0;

	for (size_t k = 0; k < table->len; k++) {
		if (!(table->keys[k].flags & LOAD_REQUIRED) || given & (UINT64_C(1) << k))
			continue;
		if (!strange)
			load_fault(l, node,
			           cut_arena_printf(&l->rb->arena, "%s: %s", table->keys[k].name,
			                            table->keys[k].help),
			           "%s needs '%s'", table->what, table->keys[k].name);
		r = -EINVAL;
	}
	return r;
}

int load_object(struct load *l, enum load_table_id id, uint32_t node, void *draft)
{
	const struct load_table *table = load_tables[id];
	uint64_t given = 0;
	bool strange = false;
	int r = 0;

	memcpy(draft, l->fallbacks[id], table->size);
	if (!load_is(l, node, CUT_NODE_MAP, table->what))
		return -EINVAL;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		const struct load_key *key = row_of(l, id, at);

		if (!key) {
			unknown_key(l, table, at);
			strange = true;
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
	uint32_t at = map && cut_doc_at(l->doc, map)->kind == CUT_NODE_MAP ? cut_doc_at(l->doc, map)->child
	                                                                    : 0;

	while (at && strcmp(cut_doc_key(l->doc, at), key) != 0)
		at = cut_doc_at(l->doc, at)->next;
	return at;
}

static json_t *noted_scalar(struct load *l, const struct load_key *key, uint32_t node)
{
	union { const char *text; bool yes; unsigned count; double number; cut_time ms; struct cut_when when; } v;
	const char *text = load_text(l, node);
	struct cut_err err = {0};
	json_t *json = NULL;

	if (!text)
		return NULL;
	if (key->kind == LOAD_SIZE) {
		if (cut_value_parse(CUT_T_SIZE, NULL, text, strlen(text), &json, &err) < 0)
			load_fault(l, node, err.next, "%s: %s", key->name, err.what);
		cut_err_done(&err);
		return json;
	}
	if (set_scalar(l, key, node, text, &v) < 0)
		return NULL;
	switch ((enum load_kind)key->kind) {
	case LOAD_BOOL:
		load_as(l, node, LOAD_AS_BOOL);
		return json_boolean(v.yes);
	case LOAD_UINT:
		load_as(l, node, LOAD_AS_NUMBER);
		return json_integer(v.count);
	case LOAD_NUMBER:
		load_as(l, node, LOAD_AS_NUMBER);
		return json_real(v.number);
	case LOAD_PERCENT:
		return json_real(v.number);
	case LOAD_DURATION:
		return cut_json_seconds(v.ms);
	default:
		return json_string(text);
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
		return load_is(l, node, CUT_NODE_SCALAR, key->name) ? noted_scalar(l, key, node) : NULL;
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

	if (!load_is(l, node, CUT_NODE_MAP, table->what))
		return NULL;
	object = json_object();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		const struct load_key *key = row_of(l, id, at);
		json_t *value;

		if (!key) {
			unknown_key(l, table, at);
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
