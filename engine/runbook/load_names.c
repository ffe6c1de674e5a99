/* SPDX-License-Identifier: Apache-2.0 */
/* Names of steps to indices, once all steps are known: `needs`, `since`, `until`, and where
 * triggers and downtime clocks begin and end. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

enum {
	NEEDS_AHEAD = 16, /* fetched from memory while others are resolved */
};

/* What a name means to somebody in `group`: false when nothing has it. */
static bool find_name(struct load *l, uint32_t group, uint32_t node, const char *name,
		      struct cut_need *ret)
{
	const struct cut_runbook *rb = l->rb;
	uint32_t text = node ? cut_doc_at(l->doc, node)->text : 0, found;

	if (group == CUT_NONE && l->doc->texts[text] == name && cut_runbook_place(rb, text, ret))
		return true;
	found = cut_runbook_step(rb, group, name);
	if (found != CUT_NONE) {
		*ret = (struct cut_need){.index = found};
		return true;
	}
	found = cut_runbook_group(rb, group, name);
	if (found == CUT_NONE)
		return false;
	*ret = (struct cut_need){.index = found, .group = true};
	return true;
}

static void tell_unknown(struct load *l, uint32_t node, const char *name, bool phases)
{
	const struct cut_runbook *rb = l->rb;
	struct cut_near near = {.word = name};

	if (load_seeks_near(l)) {
		for (uint32_t i = 0; i < rb->groups_len; i++)
			cut_near_try(&near, rb->groups[i].address);
		for (uint32_t i = 0; i < rb->steps_len; i++)
			cut_near_try(&near, rb->steps[i].address);
		for (uint32_t i = 0; phases && i < rb->forward_len; i++)
			cut_near_try(&near, rb->phases[i].id);
	}
	if (!phases && cut_runbook_phase(rb, name) != CUT_NONE)
		load_fault(l, node, "phases run in order anyway; name a step",
			   "'%s' is a phase, not a step", name);
	else
		load_fault(l, node, load_did_you_mean(l, &near), "there is no step '%s'", name);
}

static bool is_inside(const struct cut_runbook *rb, uint32_t group, uint32_t outer)
{
	for (; group != CUT_NONE; group = rb->groups[group].parent)
		if (group == outer)
			return true;
	return false;
}

static void steps_of_group(const struct cut_runbook *rb, uint32_t group, uint32_t *ret_first,
			   uint32_t *ret_last)
{
	const struct cut_phase *phase = &rb->phases[rb->groups[group].phase];

	*ret_first = *ret_last = CUT_NONE;
	for (uint32_t i = phase->first_step; i < phase->first_step + phase->steps_len; i++)
		if (is_inside(rb, rb->steps[i].group, group)) {
			if (*ret_first == CUT_NONE)
				*ret_first = i;
			*ret_last = i;
		}
}

int load_step_named(struct load *l, uint32_t node, const char *name, uint32_t *ret_first,
		    uint32_t *ret_last)
{
	struct cut_need need;

	if (!find_name(l, CUT_NONE, 0, name, &need)) {
		tell_unknown(l, node, name, false);
		return -EINVAL;
	}
	*ret_first = *ret_last = need.index;
	if (need.group)
		steps_of_group(l->rb, need.index, ret_first, ret_last);
	return *ret_first == CUT_NONE ? -EINVAL : 0;
}

/* Who a `needs` belongs to. */
struct owner {
	uint32_t index, group, phase;
	bool is_group;
	const char *address;
};

static bool is_allowed(struct load *l, uint32_t node, const struct owner *owner, const char *name,
		       struct cut_need need)
{
	const struct cut_runbook *rb = l->rb;
	uint32_t phase = need.group ? rb->groups[need.index].phase : rb->steps[need.index].phase;
	bool forward = rb->phases[owner->phase].role == CUT_PHASE_FORWARD;

	if (need.group == owner->is_group && need.index == owner->index) {
		load_fault(l, node, NULL, "'%s' needs itself", name);
		return false;
	}
	if (need.group && is_inside(rb, owner->group, need.index)) {
		load_fault(l, node, NULL, "'%s' stands inside '%s' and cannot wait for it",
			   owner->address, name);
		return false;
	}
	if (forward ? phase > owner->phase || rb->phases[phase].role != CUT_PHASE_FORWARD
		    : phase != owner->phase) {
		load_fault(l, node,
			   forward ? "needs name steps of this or an earlier phase"
				   : "here needs name steps of the same list",
			   "'%s' is in phase '%s', which %s", name, rb->phases[phase].id,
			   forward ? "comes later" : "stands apart");
		return false;
	}
	return true;
}

static bool resolve_need(struct load *l, uint32_t node, const struct owner *owner,
			 struct cut_need *ret)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	const char *name;

	/* an address has no ${{ }} in it */
	name = n->kind == CUT_NODE_SCALAR && cut_runbook_place(l->rb, n->text, ret)
		       ? l->doc->texts[n->text]
		       : load_text(l, node);
	if (!name)
		return false;
	if (!find_name(l, owner->group, node, name, ret)) {
		tell_unknown(l, node, name, false);
		return false;
	}
	return is_allowed(l, node, owner, name, *ret);
}

static void resolve_needs(struct load *l, const struct load_needs *n)
{
	struct cut_runbook *rb = l->rb;
	struct cut_group *group = n->group ? &rb->groups[n->owner] : NULL;
	struct cut_step *step = n->group ? NULL : &rb->steps[n->owner];
	struct owner owner = {.index = n->owner,
			      .is_group = n->group,
			      .group = group ? group->parent : step->group,
			      .phase = group ? group->phase : step->phase,
			      .address = group ? group->address : step->address};
	bool list = cut_doc_at(l->doc, n->node)->kind == CUT_NODE_LIST;
	uint32_t len = list ? cut_doc_count(l->doc, n->node) : 1, i = 0;
	struct cut_need *needs = cut_arena_array(&rb->arena, struct cut_need, len + 1);
	size_t errors = l->faults->errors;

	if (!list && !load_is(l, n->node, CUT_NODE_SCALAR, "needs: a list of ids"))
		return;
	for (uint32_t at = list ? cut_doc_at(l->doc, n->node)->child : n->node; at;
	     at = list ? cut_doc_at(l->doc, at)->next : 0)
		if (resolve_need(l, at, &owner, &needs[i]))
			i++;
	if (group) {
		group->needs = needs;
		group->needs_len = i;
	} else {
		step->needs = needs;
		step->needs_len = i;
		if (l->faults->errors > errors)
			l->tainted.items[n->owner] |= CUT_TAINT_ORDER;
	}
}

static void resolve_since(struct load *l, const struct load_later *later)
{
	struct cut_step *step = &l->rb->steps[later->step];
	struct cut_need need;

	if (!find_name(l, step->group, 0, later->name, &need)) {
		tell_unknown(l, later->node, later->name, false);
		l->tainted.items[later->step] |= CUT_TAINT_ORDER;
		return;
	}
	if (need.group) {
		uint32_t first;

		steps_of_group(l->rb, need.index, &first, &need.index);
	}
	step->wait->since = need.index;
}

void load_span(struct load *l, struct load_span span)
{
	if (span.from != CUT_NONE && span.to != CUT_NONE)
		cut_vec_push(&l->spans, span);
}

void load_spans(struct load *l)
{
	const struct cut_runbook *rb = l->rb;

	cut_vec_foreach (&l->spans, s) {
		uint32_t from = rb->steps[s->from].phase, to = rb->steps[s->to].phase;
		bool backwards = from == to ? cut_graph_before(rb->graph, s->to, s->from)
					    : from < rb->forward_len && to < from;

		if (backwards || (s->apart && s->from == s->to))
			load_fault(l, s->node, s->hint, "%s", s->what);
	}
}

static void resolve_until(struct load *l, const struct load_later *later)
{
	static const char what[] = "what is temporary would be undone as soon as it is done";
	static const char hint[] = "name a later step or phase, or write temporary: true";
	const struct cut_step *step = &l->rb->steps[later->step];
	uint32_t phase = cut_runbook_phase(l->rb, later->name);

	if (phase != CUT_NONE && phase < l->rb->forward_len) {
		step->temporary->until_phase = phase;
		if (phase < step->phase)
			load_fault(l, later->node, hint, "%s", what);
	} else if (!find_name(l, step->group, 0, later->name, &step->temporary->until)) {
		tell_unknown(l, later->node, later->name, true);
	} else if (!step->temporary->until.group) {
		load_span(l, (struct load_span){.node = later->node,
						.from = later->step,
						.to = step->temporary->until.index,
						.apart = true,
						.what = what,
						.hint = hint});
	}
}

void load_names(struct load *l)
{
	for (size_t i = 0; i < l->needs.len; i++) {
		if (i + NEEDS_AHEAD < l->needs.len)
			__builtin_prefetch(
				cut_doc_at(l->doc, l->needs.items[i + NEEDS_AHEAD].node));
		resolve_needs(l, &l->needs.items[i]);
	}
	for (size_t i = 0; i < l->waits.len; i++)
		resolve_since(l, &l->waits.items[i]);
	for (size_t i = 0; i < l->untils.len; i++)
		resolve_until(l, &l->untils.items[i]);
}
