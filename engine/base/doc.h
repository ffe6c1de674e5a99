/* SPDX-License-Identifier: Apache-2.0 */
/* A document as read: a compact tree of scalars, lists and maps that knows where each part was
 * written. Made by runbook/yaml.c, read by the loader and, for parameters of actions, by the core.
 */
#pragma once

#include "engine/base/alloc.h"

#include <stdbool.h>

enum cut_node_kind { CUT_NODE_NONE, CUT_NODE_SCALAR, CUT_NODE_LIST, CUT_NODE_MAP };

/* 32 bytes. Children are a chain in the order of the file; a child of a map carries its key. */
struct cut_node {
	uint32_t key;	      /* index into doc->texts, 0: none (lists, the root) */
	uint32_t text;	      /* of a scalar: index into doc->texts */
	uint32_t child, next; /* node indices, 0: none */
	uint32_t line;	      /* of the value, from 1 */
	uint32_t key_line;
	uint16_t column, key_column; /* from 1, capped */
	uint8_t kind;		     /* enum cut_node_kind */
	uint8_t quoted;		     /* scalar was quoted or a block: never typed as a number */
	uint16_t spare;
};

struct cut_doc {
	char *file;		/* owned: as the user named it */
	struct cut_node *nodes; /* owned; nodes[0] is unused, nodes[1] the root */
	uint32_t len, cap;
	const char **texts;  /* owned array into text_arena; texts[0] is "" */
	uint32_t *text_lens; /* owned */
	uint32_t texts_len, texts_cap;
	struct cut_doc_slot *slots; /* owned: the hash table of the texts that are stored once */
	uint32_t slots_len, slots_cap;
	struct cut_arena text_arena;
	char *source; /* owned: the file's bytes for carets, or NULL when dropped */
	size_t source_len;
};

struct cut_doc *cut_doc_new(const char *file);
void cut_doc_free(struct cut_doc *doc); /* NULL-safe */
CUT_CLEANUP(cut_doc, struct cut_doc *, cut_doc_free)

uint32_t cut_doc_text(struct cut_doc *doc, const char *s, size_t len); /* 0 for "" */
/* A text that names something is stored once, however long; others only when they are short. */
uint32_t cut_doc_name(struct cut_doc *doc, const char *s, size_t len);
uint32_t cut_doc_find(const struct cut_doc *doc, const char *s); /* a name; 0: not met */
/* Says that this text comes soon, so that its slot is fetched meanwhile. */
void cut_doc_expect(const struct cut_doc *doc, const char *s, size_t len);
/* Room for what a file of so many bytes is likely to hold. */
void cut_doc_reserve(struct cut_doc *doc, size_t bytes);
uint32_t cut_doc_node(struct cut_doc *doc, enum cut_node_kind kind); /* appends a node */
static inline const struct cut_node *cut_doc_at(const struct cut_doc *doc, uint32_t node)
{
	return &doc->nodes[node];
}
static inline const char *cut_doc_str(const struct cut_doc *doc, uint32_t node)
{
	return doc->texts[doc->nodes[node].text];
}
static inline const char *cut_doc_key(const struct cut_doc *doc, uint32_t node)
{
	return doc->texts[doc->nodes[node].key];
}
uint32_t cut_doc_get(const struct cut_doc *doc, uint32_t map, const char *key); /* 0: absent */
uint32_t cut_doc_count(const struct cut_doc *doc, uint32_t node);		/* children */

/* A number for each text of a document, 0 until it is set. */
struct cut_by_text {	 /* {0} is empty */
	uint32_t *items; /* owned */
	uint32_t len;
};

uint32_t *cut_by_text_at(struct cut_by_text *by, const struct cut_doc *doc, uint32_t text);
static inline uint32_t cut_by_text_get(const struct cut_by_text *by, uint32_t text)
{
	return text < by->len ? by->items[text] : 0;
}
