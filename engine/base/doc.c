/* SPDX-License-Identifier: Apache-2.0 */
/* The document tree. */
#include "engine/base/doc.h"

#include "engine/base/hash.h"

#include <assert.h>
#include <string.h>

enum {
	SHORT_TEXT_BYTES = 64, /* stored once up to here: ids, keys, numbers, names */
	BYTES_A_TEXT = 64,     /* of a file, for each text not met before, about */
	BYTES_A_NODE = 8,      /* at least, nearly always */
};

_Static_assert(sizeof(struct cut_node) == 32, "documents of a million nodes stay small");

struct cut_doc_slot {
	uint32_t hash, text; /* 0: free */
};

static void grow_slots(struct cut_doc *doc, uint32_t cap)
{
	struct cut_doc_slot *bigger = cut_new_array(struct cut_doc_slot, cap);

	for (uint32_t i = 0; i < doc->slots_cap; i++) {
		uint32_t at = doc->slots[i].hash & (cap - 1);

		if (!doc->slots[i].text)
			continue;
		while (bigger[at].text)
			at = (at + 1) & (cap - 1);
		bigger[at] = doc->slots[i];
	}
	free(doc->slots);
	doc->slots = bigger;
	doc->slots_cap = cap;
}

struct cut_doc *cut_doc_new(const char *file)
{
	struct cut_doc *doc = cut_new(struct cut_doc);

	doc->file = cut_strdup(file);
	doc->texts_cap = 16;
	doc->texts = cut_new_array(const char *, doc->texts_cap);
	doc->text_lens = cut_new_array(uint32_t, doc->texts_cap);
	doc->texts[0] = "";
	doc->texts_len = 1;
	grow_slots(doc, 16);
	cut_doc_node(doc, CUT_NODE_NONE);
	return doc;
}

void cut_doc_free(struct cut_doc *doc)
{
	if (!doc)
		return;
	cut_arena_done(&doc->text_arena);
	free(doc->slots);
	free(doc->texts);
	free(doc->text_lens);
	free(doc->nodes);
	free(doc->source);
	free(doc->file);
	free(doc);
}

/* --- texts: their hash table probes linearly and is at most 3/4 full --- */

/* The slot of the text, or the free one where it belongs. */
static struct cut_doc_slot *probe(const struct cut_doc *doc, const char *s, size_t len,
				  uint32_t hash)
{
	for (uint32_t at = hash;; at++) {
		struct cut_doc_slot *slot = &doc->slots[at & (doc->slots_cap - 1)];

		if (!slot->text)
			return slot;
		if (slot->hash == hash && doc->text_lens[slot->text] == len &&
		    memcmp(doc->texts[slot->text], s, len) == 0)
			return slot;
	}
}

static uint32_t add_text(struct cut_doc *doc, const char *s, size_t len)
{
	if (doc->texts_len == doc->texts_cap) {
		doc->texts_cap += doc->texts_cap / 2;
		doc->texts = cut_realloc_array(doc->texts, doc->texts_cap, sizeof(*doc->texts));
		doc->text_lens =
			cut_realloc_array(doc->text_lens, doc->texts_cap, sizeof(*doc->text_lens));
	}
	assert(len < UINT32_MAX);
	doc->texts[doc->texts_len] = cut_arena_strndup(&doc->text_arena, s, len);
	doc->text_lens[doc->texts_len] = (uint32_t)len;
	return doc->texts_len++;
}

uint32_t cut_doc_name(struct cut_doc *doc, const char *s, size_t len)
{
	uint32_t hash = (uint32_t)cut_hash64(s, len);
	struct cut_doc_slot *slot;

	if (!len)
		return 0;
	slot = probe(doc, s, len, hash);
	if (slot->text)
		return slot->text;
	if ((doc->slots_len + 1) * UINT64_C(4) > doc->slots_cap * UINT64_C(3)) {
		grow_slots(doc, doc->slots_cap * 2);
		slot = probe(doc, s, len, hash);
	}
	doc->slots_len++;
	*slot = (struct cut_doc_slot){.hash = hash, .text = add_text(doc, s, len)};
	return slot->text;
}

void cut_doc_expect(const struct cut_doc *doc, const char *s, size_t len)
{
	if (len <= SHORT_TEXT_BYTES)
		__builtin_prefetch(&doc->slots[cut_hash64(s, len) & (doc->slots_cap - 1)]);
}

uint32_t cut_doc_text(struct cut_doc *doc, const char *s, size_t len)
{
	return len <= SHORT_TEXT_BYTES ? cut_doc_name(doc, s, len) : add_text(doc, s, len);
}

uint32_t cut_doc_find(const struct cut_doc *doc, const char *s)
{
	size_t len = strlen(s);

	return len ? probe(doc, s, len, (uint32_t)cut_hash64(s, len))->text : 0;
}

uint32_t *cut_by_text_at(struct cut_by_text *by, const struct cut_doc *doc, uint32_t text)
{
	if (text >= by->len) {
		uint32_t len = doc->texts_len + doc->texts_len / 2;

		by->items = cut_realloc_array(by->items, len, sizeof(*by->items));
		memset(by->items + by->len, 0, (len - by->len) * sizeof(*by->items));
		by->len = len;
	}
	return &by->items[text];
}

void cut_doc_reserve(struct cut_doc *doc, size_t bytes)
{
	uint32_t cap = doc->slots_cap, nodes = (uint32_t)(bytes / BYTES_A_NODE);
	struct cut_node *larger;

	while (bytes / BYTES_A_TEXT * 4 > cap * UINT64_C(3))
		cap *= 2;
	if (cap > doc->slots_cap)
		grow_slots(doc, cap);
	if (nodes <= doc->cap)
		return;
	larger = cut_large_array(nodes, sizeof(*larger));
	memcpy(larger, doc->nodes, doc->len * sizeof(*larger));
	free(doc->nodes);
	doc->nodes = larger;
	doc->cap = nodes;
}

/* --- nodes --- */

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
	uint32_t text = cut_doc_find(doc, key);

	if (!text && key[0])
		return 0;
	for (uint32_t at = doc->nodes[map].child; at; at = doc->nodes[at].next)
		if (doc->nodes[at].key == text)
			return at;
	return 0;
}

uint32_t cut_doc_count(const struct cut_doc *doc, uint32_t node)
{
	uint32_t n = 0;

	for (uint32_t at = doc->nodes[node].child; at; at = doc->nodes[at].next)
		n++;
	return n;
}
