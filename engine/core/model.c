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
	json_decref(rb->step_links);
	json_decref(rb->parameters);
	json_decref(rb->environments);
	json_decref(rb->objectives);
	json_decref(rb->inventory);
	json_decref(rb->authority);
	free(rb->places.items);
	free(rb->phase_ids.items);
	cut_graph_free(rb->graph);
	free(rb->steps);
	free(rb->groups);
	free(rb->phases);
	cut_doc_free(rb->doc);
	cut_arena_done(&rb->arena);
	free(rb);
}

/* What `places` keeps of a step or group: never 0. */
static uint32_t code_of(struct cut_need place)
{
	return (place.index << 1 | place.group) + 1;
}

bool cut_runbook_name_place(struct cut_runbook *rb, uint32_t text, struct cut_need place)
{
	uint32_t *code = cut_by_text_at(&rb->places, rb->doc, text);

	if (*code)
		return false;
	*code = code_of(place);
	return true;
}

bool cut_runbook_name_phase(struct cut_runbook *rb, uint32_t text, uint32_t phase)
{
	uint32_t *code = cut_by_text_at(&rb->phase_ids, rb->doc, text);

	if (*code)
		return false;
	*code = phase + 1;
	return true;
}

bool cut_runbook_place(const struct cut_runbook *rb, uint32_t text, struct cut_need *ret)
{
	uint32_t code = cut_by_text_get(&rb->places, text);

	if (!text || !code)
		return false;
	*ret = (struct cut_need){.index = (code - 1) >> 1, .group = (code - 1) & 1};
	return true;
}

static uint32_t at_address(const struct cut_runbook *rb, const char *address, bool group)
{
	struct cut_need place;

	return cut_runbook_place(rb, cut_doc_find(rb->doc, address), &place) && place.group == group
		       ? place.index
		       : CUT_NONE;
}

uint32_t cut_runbook_address(const struct cut_runbook *rb, const char *address)
{
	return at_address(rb, address, false);
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

static uint32_t look_up(const struct cut_runbook *rb, uint32_t inside, const char *name, bool group)
{
	for (uint32_t g = inside; g != CUT_NONE; g = rb->groups[g].parent) {
		cut_auto(cut_str) char *address = NULL;
		uint32_t found;

		if (!is_instance(rb, g))
			continue;
		address = cut_printf("%s/%s", rb->groups[g].address, name);
		found = at_address(rb, address, group);
		if (found != CUT_NONE)
			return found;
	}
	return at_address(rb, name, group);
}

uint32_t cut_runbook_step(const struct cut_runbook *rb, uint32_t group, const char *name)
{
	return look_up(rb, group, name, false);
}

uint32_t cut_runbook_group(const struct cut_runbook *rb, uint32_t group, const char *name)
{
	return look_up(rb, group, name, true);
}

uint32_t cut_runbook_phase(const struct cut_runbook *rb, const char *id)
{
	uint32_t text = cut_doc_find(rb->doc, id);

	return text ? cut_by_text_get(&rb->phase_ids, text) - 1 : CUT_NONE;
}
