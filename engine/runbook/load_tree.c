/* SPDX-License-Identifier: Apache-2.0 */
/* Phases, groups and steps in the order of the file, with every foreach expanded and every address
 * given. Recursion follows the nesting of the file (at most 64), never the graph. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { STEPS_AT_MOST = 250000 };

/* Where in the tree the walk is. */
struct place {
	uint32_t phase, group;
	enum cut_phase_role role;
	const char *prefix;  /* of addresses: "ladder/25/", or "" */
	const char *unnamed; /* of addresses of tests and checks: "switch/tests/", or NULL */
	bool parallel;
	bool has_previous; /* of the list: what a step without needs waits for */
	struct cut_need previous;
	uint32_t count; /* items of the list so far */
};

static void load_list(struct load *l, uint32_t node, struct place *place);

/* A name that the file does not have as it stands: an address inside an instance. */
static uint32_t new_name(struct load *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static uint32_t new_name(struct load *l, const char *fmt, ...)
{
	struct cut_buf name = {0};
	uint32_t text;
	va_list ap;

	va_start(ap, fmt);
	cut_buf_vprintf(&name, fmt, ap);
	va_end(ap);
	text = cut_doc_name(l->doc, cut_buf_str(&name), name.len);
	cut_buf_done(&name);
	return text;
}

/* What load_text() said of a scalar, as a name: nothing is looked up where it is as written. */
static uint32_t text_of(struct load *l, uint32_t node, const char *text)
{
	uint32_t written = cut_doc_at(l->doc, node)->text;

	return l->doc->texts[written] == text ? written : cut_doc_name(l->doc, text, strlen(text));
}

/* Ids are one name space: of steps, groups and phases, wherever they stand. */
static bool take_id(struct load *l, uint32_t node, uint32_t id)
{
	uint32_t *taken = cut_by_text_at(&l->id_nodes, l->doc, id);

	if (*taken == 0 || *taken == node) {
		*taken = node;
		return true;
	}
	load_fault(
		l, load_child(l, node, l->word.id), "steps, groups and phases share one name space",
		"'%s' is the id of line %u already", l->doc->texts[id], load_mark(l, *taken).line);
	return false;
}

static uint32_t new_group(struct load *l, struct place *place, uint32_t address)
{
	uint32_t index = (uint32_t)l->groups.len;

	cut_vec_push(&l->groups, (struct cut_group){.address = l->doc->texts[address],
						    .parent = place->group,
						    .phase = place->phase,
						    .scope = l->scope});
	cut_runbook_name_place(l->rb, address, (struct cut_need){.group = true, .index = index});
	return index;
}

/* `needs` as written, else what `order` implies; then this is what the next one waits for. */
static struct cut_need *place_needs(struct load *l, struct place *place, struct cut_need self,
				    uint32_t needs, uint32_t *ret_len)
{
	struct cut_need *implied = NULL;

	*ret_len = 0;
	if (needs) {
		cut_vec_push(&l->needs, (struct load_needs){.node = needs,
							    .owner = self.index,
							    .group = self.group});
	} else if (!place->parallel && place->has_previous) {
		implied = cut_arena_new(&l->rb->arena, struct cut_need);
		*implied = place->previous;
		*ret_len = 1;
	}
	place->previous = self;
	place->has_previous = true;
	return implied;
}

static uint32_t address_of(struct load *l, const struct place *place, uint32_t id)
{
	return place->prefix[0] ? new_name(l, "%s%s", place->prefix, l->doc->texts[id]) : id;
}

static void add_step(struct load *l, uint32_t node, struct step_draft *draft, struct place *place,
		     uint32_t address, bool usable)
{
	struct cut_need self = {.index = (uint32_t)l->steps.len};
	struct cut_step *step;

	if (l->steps.len >= STEPS_AT_MOST) {
		if (!l->too_many)
			load_fault(l, node, "split the work into several runbooks",
				   "more than 250,000 steps, foreach expanded");
		l->too_many = true;
		return;
	}
	l->step = self.index;
	cut_vec_push(&l->step_nodes, node);
	cut_vec_push(&l->tainted, usable ? 0 : CUT_TAINT_BODY);
	cut_vec_reserve(&l->steps, 1);
	step = &l->steps.items[l->steps.len++];
	memset(step, 0, sizeof(*step));
	step->address = l->doc->texts[address];
	step->phase = place->phase;
	step->group = place->group;
	load_step(l, node, draft, place->role, step);
	step->needs = place_needs(l, place, self, draft->needs, &step->needs_len);
	if (!cut_runbook_name_place(l->rb, address, self))
		l->tainted.items[self.index] |= CUT_TAINT_ORDER;
	l->step = CUT_NONE;
}

const char *const load_group_keys[] = {"id",	       "title",	      "description", "order",
				       "needs",	       "if",	      "foreach",     "steps",
				       "max_parallel", "environment", NULL};

static void refuse_group_keys(struct load *l, uint32_t node)
{
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		bool known = false;

		for (size_t i = 0; load_group_keys[i]; i++)
			known |= strcmp(load_group_keys[i], cut_doc_key(l->doc, at)) == 0;
		/* a second body is no key too many, but a body too many */
		for (const char *const *body = (const char *const[]){"uses", "run", "wait",
								     "approve", "manual", NULL};
		     *body; body++)
			if (strcmp(*body, cut_doc_key(l->doc, at)) == 0) {
				load_fault_key(l, at, "make two steps of it",
					       "a group has no body of its own beside 'steps'");
				known = true;
			}
		/* a key that no step has either was told by the table */
		if (!known && cut_doc_at(l->doc, at)->key < l->words_len &&
		    l->rows[T_STEP][cut_doc_at(l->doc, at)->key])
			load_fault_key(l, at, "put it on the steps inside",
				       "'%s' is not for groups", cut_doc_key(l->doc, at));
	}
}

static void fill_group(struct load *l, uint32_t index, const struct step_draft *draft)
{
	struct cut_group *group = &l->groups.items[index];

	group->title = draft->title;
	group->cond = draft->cond;
	group->environment = draft->environment;
	group->max_parallel = draft->max_parallel;
}

/* The steps inside a group, which is there already. */
static void load_children(struct load *l, const struct step_draft *draft, const struct place *place,
			  uint32_t group, const char *prefix)
{
	struct place inner = {.phase = place->phase,
			      .group = group,
			      .role = place->role,
			      .prefix = prefix,
			      .parallel = draft->order && strcmp(draft->order, "parallel") == 0};

	load_list(l, draft->steps, &inner);
}

static void add_group(struct load *l, uint32_t node, const struct step_draft *draft,
		      struct place *place, uint32_t address, const char *prefix)
{
	uint32_t index = new_group(l, place, address), len;
	struct cut_need *needs;

	fill_group(l, index, draft);
	refuse_group_keys(l, node);
	needs = place_needs(l, place, (struct cut_need){.group = true, .index = index},
			    draft->needs, &len);
	l->groups.items[index].needs = needs;
	l->groups.items[index].needs_len = len;
	load_children(l, draft, place, index, prefix);
}

static void read_draft(struct load *l, uint32_t node, struct place *place, struct step_draft *draft,
		       bool *ret_usable)
{
	uint32_t steps = load_child(l, node, l->word.steps);

	/* references in `if` belong to whoever comes next: a step or a group */
	l->step = steps ? CUT_NONE : (uint32_t)l->steps.len;
	l->group = steps ? (uint32_t)l->groups.len : CUT_NONE;
	*ret_usable = load_object(l, T_STEP, node, draft) == 0;
	l->group = CUT_NONE;
}

struct repeat {
	uint32_t node, container;
	struct place place; /* inside the container */
};

static void on_item(struct load *l, void *data, const char *item)
{
	struct repeat *r = data;
	uint32_t address = new_name(l, "%s/%s", l->groups.items[r->container].address, item);
	struct step_draft draft;
	bool usable;

	read_draft(l, r->node, &r->place, &draft, &usable);
	draft.needs = 0; /* the container waits for all its instances */
	if (draft.steps)
		add_group(l, r->node, &draft, &r->place, address,
			  cut_arena_printf(&l->rb->arena, "%s/", l->doc->texts[address]));
	else
		add_step(l, r->node, &draft, &r->place, address, usable);
}

static void load_repeated(struct load *l, uint32_t node, uint32_t foreach, struct place *place,
			  uint32_t id)
{
	uint32_t index = new_group(l, place, address_of(l, place, id)), len;
	struct cut_need *needs;
	struct repeat repeat = {.node = node, .container = index, .place = *place};

	l->groups.items[index].foreach = true;
	l->groups.items[index].max_parallel = 1;
	needs = place_needs(l, place, (struct cut_need){.group = true, .index = index},
			    load_find(l, node, "needs"), &len);
	l->groups.items[index].needs = needs;
	l->groups.items[index].needs_len = len;
	repeat.place.group = index;
	repeat.place.parallel = true; /* one after the other by the container's max_parallel */
	repeat.place.has_previous = false;
	load_foreach(l, foreach, &l->groups.items[index].max_parallel, on_item, &repeat);
}

/* CUT_NONE: it has none, which is told where it needs one. */
static uint32_t id_of(struct load *l, uint32_t node, const struct place *place, bool usable)
{
	uint32_t at = load_child(l, node, l->word.id);
	const char *id = at ? load_text(l, at) : NULL;

	if (!at && !place->unnamed && usable)
		load_fault(l, node, "id: a name for it, such as switch_traffic",
			   "a step needs an 'id'");
	return id ? text_of(l, at, id) : CUT_NONE;
}

static void load_item(struct load *l, uint32_t node, struct place *place)
{
	uint32_t foreach = 0, id, address;
	struct step_draft draft;
	bool usable;

	place->count++;
	if (cut_doc_at(l->doc, node)->kind != CUT_NODE_MAP) {
		load_is(l, node, CUT_NODE_MAP, "a step");
		return;
	}
	foreach = load_child(l, node, l->word.foreach);
	if (foreach) {
		id = id_of(l, node, place, true);
		if (id != CUT_NONE && take_id(l, node, id))
			load_repeated(l, node, foreach, place, id);
		return;
	}
	read_draft(l, node, place, &draft, &usable);
	id = id_of(l, node, place, usable);
	if (id != CUT_NONE && !take_id(l, node, id))
		return;
	if (id == CUT_NONE)
		id = new_name(l, "%s%u", place->unnamed ? place->unnamed : "?", place->count - 1);
	address = address_of(l, place, id);
	if (draft.steps)
		add_group(l, node, &draft, place, address, place->prefix);
	else
		add_step(l, node, &draft, place, address, usable);
}

static void load_list(struct load *l, uint32_t node, struct place *place)
{
	if (!load_is(l, node, CUT_NODE_LIST, "steps"))
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		load_item(l, at, place);
}

/* --- phases --- */

static uint32_t new_phase(struct load *l, uint32_t id, enum cut_phase_role role, uint32_t node)
{
	uint32_t index = (uint32_t)l->phases.len;

	cut_runbook_name_phase(l->rb, id, index);
	cut_vec_push(&l->phases,
		     (struct cut_phase){.id = l->doc->texts[id],
					.role = role,
					.first_step = (uint32_t)l->steps.len,
					.window = l->rb->window,
					.acceptance = {.tests = CUT_NONE, .settle = CUT_NEVER}});
	cut_vec_push(&l->phase_nodes, node);
	return index;
}

static void end_phase(struct load *l, uint32_t index)
{
	l->phases.items[index].steps_len =
		(uint32_t)l->steps.len - l->phases.items[index].first_step;
}

static void add_phase(struct load *l, uint32_t node, const struct phase_draft *draft, uint32_t id,
		      bool instance)
{
	uint32_t index = new_phase(l, id, CUT_PHASE_FORWARD, node);
	struct cut_phase *phase = &l->phases.items[index];
	struct place place = {
		.phase = index, .group = CUT_NONE, .prefix = "", .parallel = draft->order == 1};

	phase->title = draft->title;
	phase->description = draft->description;
	phase->max_parallel = draft->max_parallel;
	phase->not_before = draft->not_before;
	phase->point_of_no_return = draft->point_of_no_return;
	if (draft->window)
		load_window(l, draft->window, &phase->window);
	if (draft->acceptance)
		load_acceptance(l, draft->acceptance, &phase->acceptance);
	load_relative(l, load_find(l, node, "not_before"), draft->not_before, &phase->window);
	if (instance) { /* a group for its names: siblings are named plainly inside it */
		place.prefix = cut_arena_printf(&l->rb->arena, "%s/", l->doc->texts[id]);
		place.group = new_group(l, &place, id);
	}
	if (draft->steps)
		load_list(l, draft->steps, &place);
	end_phase(l, index);
}

struct repeated_phase {
	uint32_t node;
	const char *id;
};

static void on_phase_item(struct load *l, void *data, const char *item)
{
	struct repeated_phase *r = data;
	struct phase_draft draft;

	load_object(l, T_PHASE, r->node, &draft);
	add_phase(l, r->node, &draft, new_name(l, "%s/%s", r->id, item), true);
}

static void load_phase(struct load *l, uint32_t node)
{
	uint32_t foreach = load_child(l, node, l->word.foreach),
		 at = load_child(l, node, l->word.id);
	struct phase_draft draft;
	unsigned parallel = 1;
	uint32_t id = 0;

	if (foreach) {
		struct repeated_phase r = {.node = node, .id = at ? load_text(l, at) : NULL};

		if (!at)
			load_fault(l, node, "its name", "a phase needs 'id'");
		if (!r.id || !load_id_valid(l, at, r.id) || !take_id(l, node, text_of(l, at, r.id)))
			return;
		load_foreach(l, foreach, &parallel, on_phase_item, &r);
		if (parallel > 1)
			load_fault(l, load_find(l, foreach, "max_parallel"),
				   "repeat a group instead", "phases run one after the other");
		return;
	}
	load_object(l, T_PHASE, node, &draft);
	id = draft.id ? text_of(l, at, draft.id) : new_name(l, "?");
	if (draft.id && !take_id(l, node, id))
		return;
	if (draft.steps || at)
		add_phase(l, node, &draft, id, false);
}

/* `steps` at the top is one phase called main. */
static void load_main(struct load *l)
{
	struct phase_draft draft = {.id = "main", .steps = l->top.steps};

	add_phase(l, l->top.steps, &draft, new_name(l, "main"), false);
}

static void count_stages(struct load *l)
{
	uint32_t stage = 0;

	for (size_t i = 0; i < l->phases.len; i++) {
		l->phases.items[i].stage = stage;
		stage += l->phases.items[i].acceptance.given;
	}
}

void load_phases(struct load *l)
{
	uint32_t node = l->top.phases;

	/* every step but the instances of a foreach has a text of its own, its id */
	l->steps.cap = l->doc->texts_len < STEPS_AT_MOST ? l->doc->texts_len : STEPS_AT_MOST;
	l->steps.items = cut_large_array(l->steps.cap, sizeof(*l->steps.items));
	if (node && l->top.steps)
		load_fault_key(l, l->top.steps, "put them into a phase",
			       "'steps' and 'phases' do not go together");
	else if (!node && !l->top.steps)
		load_fault(l, 1, "phases: [{id: switch, steps: […]}], or steps: […] for one phase",
			   "a runbook needs 'phases' or 'steps'");
	cut_vec_reserve(&l->phases, cut_doc_count(l->doc, node));
	if (node && load_is(l, node, CUT_NODE_LIST, "phases"))
		for (uint32_t at = cut_doc_at(l->doc, node)->child; at;
		     at = cut_doc_at(l->doc, at)->next) {
			if (load_is(l, at, CUT_NODE_MAP, "a phase"))
				load_phase(l, at);
		}
	else if (!node && l->top.steps)
		load_main(l);
	l->rb->forward_len = (uint32_t)l->phases.len;
	if (l->top.acceptance && l->phases.len > 0) {
		struct cut_phase *last = &cut_vec_last(&l->phases);

		if (last->acceptance.given)
			load_fault_key(l, l->top.acceptance, "keep one of the two",
				       "the last phase has its own acceptance");
		else
			load_acceptance(l, l->top.acceptance, &last->acceptance);
	}
	count_stages(l);
}

static uint32_t load_side(struct load *l, uint32_t node, uint32_t id, enum cut_phase_role role,
			  const char *prefix)
{
	struct place place = {.group = CUT_NONE, .role = role, .prefix = prefix};
	bool before = l->reading_only;

	if (!node || !load_is(l, node, CUT_NODE_LIST, l->doc->texts[id]))
		return CUT_NONE;
	place.phase = new_phase(l, id, role, node);
	if (role != CUT_PHASE_FINALLY)
		place.unnamed =
			cut_arena_printf(&l->rb->arena, "%s/", l->doc->texts[id] + strlen(prefix));
	l->reading_only = role != CUT_PHASE_FINALLY;
	load_list(l, node, &place);
	l->reading_only = before;
	end_phase(l, place.phase);
	return place.phase;
}

/* The group of a phase that is an instance of a foreach; NULL for any other. */
static const struct cut_group *instance_of(const struct load *l, uint32_t phase)
{
	struct cut_need place;

	return cut_runbook_place(l->rb, cut_doc_find(l->doc, l->phases.items[phase].id), &place)
		       ? &l->groups.items[place.index]
		       : NULL;
}

/* Tests of a phase see its loop variable, and are called by its instance. */
static uint32_t load_tests(struct load *l, uint32_t phase, uint32_t node)
{
	const struct cut_group *instance = instance_of(l, phase);
	uint32_t id = new_name(l, "%s/tests", l->phases.items[phase].id), tests;

	l->scope = instance ? instance->scope : NULL;
	tests = load_side(l, node, id, CUT_PHASE_TESTS,
			  instance ? cut_arena_printf(&l->rb->arena, "%s/", instance->address)
				   : "");
	l->scope = NULL;
	if (tests != CUT_NONE)
		l->phases.items[tests].stage = l->phases.items[phase].stage;
	return tests;
}

void load_side_phases(struct load *l)
{
	struct cut_runbook *rb = l->rb;
	struct rollback_draft rollback;
	uint32_t before = CUT_NONE;

	for (uint32_t i = 0; i < rb->forward_len; i++) {
		uint32_t node = l->phases.items[i].acceptance.tests, tests;

		if (node == CUT_NONE)
			continue;
		l->repeated = node == before; /* the same list, of another instance */
		before = node;
		tests = load_tests(l, i, node); /* new phases: the array may move */
		l->phases.items[i].acceptance.tests = tests;
	}
	l->repeated = false;
	rb->ready_phase = rb->verify_phase = CUT_NONE;
	rb->rollback_max_parallel = 4;
	if (l->top.rollback) {
		load_object(l, T_ROLLBACK, l->top.rollback, &rollback);
		rb->rollback_max_parallel = rollback.max_parallel;
		rb->rollback_continues = rollback.on_failure == 1;
		rb->ready_phase = load_side(l, rollback.ready, new_name(l, "rollback/ready"),
					    CUT_PHASE_READY, "");
		rb->verify_phase = load_side(l, rollback.verify, new_name(l, "rollback/verify"),
					     CUT_PHASE_VERIFY, "");
	}
	rb->finally_phase =
		load_side(l, l->top.finally, new_name(l, "finally"), CUT_PHASE_FINALLY, "");
}
