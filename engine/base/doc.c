/* SPDX-License-Identifier: Apache-2.0 */
/* The document tree. */
#include "engine/base/doc.h"

#include <assert.h>
#include <string.h>

enum { SHORT_TEXT_BYTES = 64 }; /* interned up to here: ids, keys, numbers, names */

_Static_assert(sizeof(struct cut_node) == 32, "documents of a million nodes stay small");

struct cut_doc *cut_doc_new(const char *file)
{
	struct cut_doc *doc = cut_new(struct cut_doc);

	doc->file = cut_strdup(file);
	cut_doc_node(doc, CUT_NODE_NONE);
	doc->texts_cap = 16;
	doc->texts = cut_new_array(const char *, doc->texts_cap);
	doc->text_lens = cut_new_array(uint32_t, doc->texts_cap);
	doc->texts[0] = "";
	doc->texts_len = 1;
	return doc;
}

void cut_doc_free(struct cut_doc *doc)
{
	if (!doc)
		return;
	cut_map_done(&doc->interned);
	cut_arena_done(&doc->text_arena);
	free(doc->texts);
	free(doc->text_lens);
	free(doc->nodes);
	free(doc->source);
	free(doc->file);
	free(doc);
}

static void grow_texts(struct cut_doc *doc)
{
	doc->texts_cap += doc->texts_cap / 2;
	doc->texts = cut_realloc_array(doc->texts, doc->texts_cap, sizeof(*doc->texts));
	doc->text_lens = cut_realloc_array(doc->text_lens, doc->texts_cap, sizeof(*doc->text_lens));
}

uint32_t cut_doc_text(struct cut_doc *doc, const char *s, size_t len)
{
	uint32_t index;
	char *copy;

	assert(len < UINT32_MAX);
	if (!len)
		return 0;
	if (len <= SHORT_TEXT_BYTES) {
		index = cut_map_get(&doc->interned, s, len);
		if (index != CUT_MAP_NONE)
			return index;
	}
	if (doc->texts_len == doc->texts_cap)
		grow_texts(doc);
	index = doc->texts_len++;
	copy = cut_arena_strndup(&doc->text_arena, s, len);
	doc->texts[index] = copy;
	doc->text_lens[index] = (uint32_t)len;
	if (len <= SHORT_TEXT_BYTES)
		cut_map_put(&doc->interned, copy, len, index, NULL);
	return index;
}

uint32_t cut_doc_node(struct cut_doc *doc, enum cut_node_kind kind)
{
	if (doc->len == doc->cap) {
		doc->cap = doc->cap ? doc->cap + doc->cap / 2 : 64;
		doc->nodes = cut_realloc_array(doc->nodes, doc->cap, sizeof(*doc->nodes));
	}
	doc->nodes[doc->len] = (struct cut_node){.kind = (uint8_t)kind};
	return doc->len++;
}

uint32_t cut_doc_get(const struct cut_doc *doc, uint32_t map, const char *key)
{
	size_t len = strlen(key);
	uint32_t text = 0;

	if (len && len <= SHORT_TEXT_BYTES) {
		text = cut_map_get(&doc->interned, key, len);
		if (text == CUT_MAP_NONE)
			return 0;
	}
	for (uint32_t at = doc->nodes[map].child; at; at = doc->nodes[at].next) {
		uint32_t have = doc->nodes[at].key;

		if (len <= SHORT_TEXT_BYTES ? have == text
					    : doc->text_lens[have] == len &&
						      memcmp(doc->texts[have], key, len) == 0)
			return at;
	}
	return 0;
}

uint32_t cut_doc_count(const struct cut_doc *doc, uint32_t node)
{
	uint32_t n = 0;

	for (uint32_t at = doc->nodes[node].child; at; at = doc->nodes[at].next)
		n++;
	return n;
}
