/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of a runbook: its document as canonical JSON and the SHA-256 of that. Called when a
 * run is armed (the text becomes runbook.json) and for the plan. */
#include "engine/base/hash.h"
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

/* Values as JSON values where the language gives them a type, all else as text, so that layout,
 * comments and YAML's ways to write a text make no difference. */
static void write_scalar(const struct cut_doc *doc, const struct cut_node *n, struct cut_jw *w,
			 const char *key)
{
	const char *text = doc->texts[n->text];
	cut_auto(cut_json) json_t *value = NULL;

	switch ((enum load_as)n->spare) {
	case LOAD_AS_BOOL:
		if (!load_has_template(text)) {
			cut_jw_bool(w, key, strcmp(text, "true") == 0);
			return;
		}
		break;
	case LOAD_AS_NUMBER:
	case LOAD_AS_UNTYPED:
		value = cut_value_untyped(text, doc->text_lens[n->text],
					  n->spare == LOAD_AS_UNTYPED && n->quoted);
		if (value && !json_is_string(value)) {
			cut_jw_json(w, key, value);
			return;
		}
		break;
	case LOAD_AS_TEXT: break;
	}
	cut_jw_str(w, key, text);
}

struct child {
	const char *key;
	uint32_t node;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct child *)a)->key, ((const struct child *)b)->key);
}

/* Depth is at most 64: the reader refuses more. */
static void write_node(const struct cut_doc *doc, uint32_t node, struct cut_jw *w, const char *key)
{
	const struct cut_node *n = cut_doc_at(doc, node);
	bool map = n->kind == CUT_NODE_MAP;
	struct child *children;
	size_t len = 0;

	if (n->kind == CUT_NODE_SCALAR || n->kind == CUT_NODE_NONE) {
		write_scalar(doc, n, w, key);
		return;
	}
	cut_jw_open(w, key, map ? '{' : '[');
	children = cut_new_array(struct child, cut_doc_count(doc, node) + 1);
	for (uint32_t at = n->child; at; at = cut_doc_at(doc, at)->next)
		children[len++] =
			(struct child){.key = map ? cut_doc_key(doc, at) : NULL, .node = at};
	if (map)
		qsort(children, len, sizeof(*children), by_key);
	for (size_t i = 0; i < len; i++)
		write_node(doc, children[i].node, w, children[i].key);
	free(children);
	cut_jw_close(w);
}

int cut_runbook_identity(struct cut_runbook *rb, struct cut_buf *ret_canonical)
{
	struct cut_jw w = {.out = ret_canonical};

	if (!rb->doc || rb->doc->len < 2)
		return -ENODATA;
	write_node(rb->doc, 1, &w, NULL);
	if (ret_canonical->error)
		return ret_canonical->error;
	cut_sha256_hex(ret_canonical->data, ret_canonical->len, rb->sha256);
	return 0;
}
