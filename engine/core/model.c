/* SPDX-License-Identifier: Apache-2.0 */
/* What a runbook in memory owns, and names in it to indices. Called by everything that holds or
 * looks into a model. */
#include "engine/core/model.h"
#include "engine/core/graph.h"

#include <string.h>

static void items_done(struct cut_runbook *rb)
{
	for (uint32_t i = 0; i < rb->connections_len; i++)
		json_decref(rb->connections[i].params);
	for (uint32_t i = 0; i < rb->secrets_len; i++)
		json_decref(rb->secrets[i].argv);
	for (uint32_t i = 0; i < rb->metrics_len; i++)
		json_decref(rb->metrics[i].params);
	for (uint32_t i = 0; i < rb->notifies_len; i++)
		json_decref(rb->notifies[i].argv);
}

void cut_runbook_free(struct cut_runbook *rb)
{
	if (!rb)
		return;
	items_done(rb);
	for (size_t i = 0; i < rb->exprs.len; i++)
		cut_expr_free(rb->exprs.items[i]);
	free(rb->exprs.items);
	for (size_t i = 0; i < rb->values.len; i++)
		json_decref(rb->values.items[i]);
	free(rb->values.items);
	json_decref(rb->links);
	json_decref(rb->parameters);
	json_decref(rb->environments);
	json_decref(rb->objectives);
	json_decref(rb->inventory);
	json_decref(rb->authority);
	cut_map_done(&rb->by_address);
	cut_map_done(&rb->by_group);
	cut_map_done(&rb->by_phase);
	cut_graph_free(rb->graph);
	free(rb->steps);
	free(rb->groups);
	free(rb->phases);
	cut_doc_free(rb->doc);
	cut_arena_done(&rb->arena);
	free(rb);
}

void cut_runbook_drop_doc(struct cut_runbook *rb)
{
	if (!rb->doc)
		return;
	free(rb->doc->nodes);
	rb->doc->nodes = NULL;
	rb->doc->len = rb->doc->cap = 0;
	cut_map_done(&rb->doc->interned);
}

/* Only an instance of a foreach puts its address before the names inside it. */
static bool is_instance(const struct cut_runbook *rb, uint32_t group)
{
	uint32_t parent = rb->groups[group].parent;

	if (rb->groups[group].foreach)
		return false;
	return parent != CUT_NONE ? rb->groups[parent].foreach
				  : strchr(rb->groups[group].address, '/') != NULL;
}

static uint32_t look_up(const struct cut_runbook *rb, const struct cut_map *map, uint32_t group,
			const char *name)
{
	for (uint32_t g = group; g != CUT_NONE; g = rb->groups[g].parent) {
		cut_auto(cut_str) char *address = NULL;
		uint32_t found;

		if (!is_instance(rb, g))
			continue;
		address = cut_printf("%s/%s", rb->groups[g].address, name);
		found = cut_map_find(map, address);
		if (found != CUT_MAP_NONE)
			return found;
	}
	return cut_map_find(map, name);
}

uint32_t cut_runbook_step(const struct cut_runbook *rb, uint32_t group, const char *name)
{
	return look_up(rb, &rb->by_address, group, name);
}

uint32_t cut_runbook_group(const struct cut_runbook *rb, uint32_t group, const char *name)
{
	return look_up(rb, &rb->by_group, group, name);
}

uint32_t cut_runbook_phase(const struct cut_runbook *rb, const char *id)
{
	return cut_map_find(&rb->by_phase, id);
}
