/* SPDX-License-Identifier: Apache-2.0 */
/* `foreach`: its items when the runbook is loaded, each with the name that its instance bears and
 * the loop variable in scope. Called for steps, groups, phases, metrics and triggers. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

static bool is_name(const char *text, size_t len)
{
	return len > 0 && len <= 64 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") >=
		       len;
}

/* The item's own text where that can stand in an address, else its index. */
static const char *item_name(struct load *l, const json_t *item, size_t index)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	struct cut_buf text = {0};
	struct cut_val val = cut_val_from_json(item, &arena);
	const char *name = NULL;

	if (cut_val_text(&val, &text, &err) == 0 && is_name(cut_buf_str(&text), text.len))
		name = cut_arena_strndup(&l->rb->arena, cut_buf_str(&text), text.len);
	cut_buf_done(&text);
	cut_arena_done(&arena);
	return name ? name : cut_arena_printf(&l->rb->arena, "%zu", index);
}

static json_t *load_item_list(struct load *l, uint32_t node)
{
	struct load_values values = {.constant = true};
	json_t *items;

	if (cut_doc_at(l->doc, node)->kind != CUT_NODE_SCALAR) {
		items = load_untyped(l, node, &values);
	} else {
		items = load_value(l, node, CUT_T_JSON, 0, NULL, &values);
		if (items && !json_is_array(items) && !json_is_object(items)) {
			load_fault(l, node, "for example items: [5, 25, 50]",
				   "foreach goes over a list or a map");
			json_decref(items);
			items = NULL;
		}
	}
	cut_buf_done(&values.pointer);
	return items;
}

struct loop {
	struct load *l;
	uint32_t items_node, item_node; /* the whole; where a fault of the current item is shown */
	struct cut_map names;		/* of instances so far */
	const char *as;
	load_each_fn *each;
	void *data;
};

static void run_item(struct loop *loop, const char *name, json_t *value, size_t index)
{
	struct load *l = loop->l;
	struct cut_scope *scope = cut_arena_new(&l->rb->arena, struct cut_scope);
	bool repeated = l->repeated;

	cut_vec_push(&l->rb->values, value);
	if (!cut_map_put(&loop->names, name, strlen(name), 0, NULL)) {
		load_fault(l, loop->item_node,
			   "each item names its instance, so no two may be alike",
			   "the item '%s' is there twice", name);
		return;
	}
	*scope = (struct cut_scope){.name = loop->as, .value = value, .outer = l->scope};
	l->scope = scope;
	l->repeated = repeated || index > 0;
	loop->each(l, loop->data, name);
	l->scope = scope->outer;
	l->repeated = repeated;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Children that the file shows carry their places; those of a computed map or list do not. */
static struct cut_map child_nodes(const struct loop *loop)
{
	const struct cut_doc *doc = loop->l->doc;
	uint32_t at = cut_doc_at(doc, loop->items_node)->child;
	struct cut_map nodes = {0};

	for (; at; at = cut_doc_at(doc, at)->next)
		cut_map_put(&nodes, cut_doc_key(doc, at), strlen(cut_doc_key(doc, at)), at, NULL);
	return nodes;
}

static void run_list(struct loop *loop, const json_t *items)
{
	struct load *l = loop->l;
	uint32_t at = cut_doc_at(l->doc, loop->items_node)->child;
	json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		loop->item_node = at ? at : loop->items_node;
		run_item(loop, item_name(l, item, i), json_incref(item), i);
		at = at ? cut_doc_at(l->doc, at)->next : 0;
	}
}

/* A map goes by its keys in order of the alphabet: the canonical form of a runbook keeps no other.
 */
static void run_map(struct loop *loop, const json_t *items)
{
	struct load *l = loop->l;
	const char **keys = cut_new_array(const char *, json_object_size(items) + 1);
	struct cut_map nodes = child_nodes(loop);
	size_t len = 0;
	const char *key;
	json_t *item;

	json_object_foreach ((json_t *)items, key, item)
		keys[len++] = cut_arena_strndup(&l->rb->arena, key, strlen(key));
	qsort(keys, len, sizeof(*keys), by_key);
	for (size_t i = 0; i < len; i++) {
		uint32_t node = cut_map_find(&nodes, keys[i]);

		loop->item_node = node == CUT_MAP_NONE ? loop->items_node : node;
		if (!is_name(keys[i], strlen(keys[i])))
			load_fault_key(l, loop->item_node,
				       "letters, digits, '.', '_' and '-', up to 64 characters",
				       "'%s' cannot name an instance", keys[i]);
		item = json_object_get(items, keys[i]);
		run_item(loop, keys[i], json_pack("{s:s, s:O}", "key", keys[i], "value", item), i);
	}
	cut_map_done(&nodes);
	free(keys);
}

int load_foreach(struct load *l, uint32_t node, unsigned *ret_max_parallel, load_each_fn *each,
		 void *data)
{
	struct loop loop = {.l = l, .each = each, .data = data};
	struct foreach_draft draft;
	json_t *items;

	if (load_object(l, T_FOREACH, node, &draft) < 0 ||
	    !load_loop_name(l, load_find(l, node, "as"), draft.as))
		return -EINVAL;
	items = load_item_list(l, draft.items);
	if (!items)
		return -EINVAL;
	*ret_max_parallel = draft.max_parallel;
	loop.as = draft.as;
	loop.items_node = draft.items;
	if (json_is_array(items))
		run_list(&loop, items);
	else
		run_map(&loop, items);
	cut_map_done(&loop.names);
	json_decref(items);
	return 0;
}
