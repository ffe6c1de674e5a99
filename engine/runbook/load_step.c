/* SPDX-License-Identifier: Apache-2.0 */
/* One step from its map: which body it has, what undoes it, when it may start. Called by the walk
 * over phases and groups; names of other steps are resolved later, in load_names.c. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

static void later(struct load_laters *list, uint32_t node, uint32_t step, const char *name)
{
	cut_vec_push(list, (struct load_later){.node = node, .step = step, .name = name});
}

static void load_length(struct load *l, uint32_t node, struct cut_wait *wait)
{
	struct cut_template tpl;
	bool constant;
	const char *text;

	if (!load_is(l, node, CUT_NODE_SCALAR, NULL))
		return;
	text = cut_doc_str(l->doc, node);
	if (load_has_template(text)) {
		if (load_template(l, node, &tpl, &constant) < 0)
			return;
		if (!constant) {
			wait->for_text = cut_arena_new(&l->rb->arena, struct cut_template);
			*wait->for_text = tpl;
			wait->length = 0;
			return;
		}
	}
	json_t *seconds = load_value(l, node, CUT_T_DURATION, 0, "0s..", NULL);

	wait->length = cut_json_ms(seconds, 0);
	json_decref(seconds);
}

static void load_wait(struct load *l, uint32_t node, struct cut_step *step)
{
	struct cut_wait *wait = cut_arena_new(&l->rb->arena, struct cut_wait);
	struct wait_draft draft;

	*wait = (struct cut_wait){.length = CUT_NEVER, .since = CUT_NONE};
	step->wait = wait;
	if (cut_doc_at(l->doc, node)->kind == CUT_NODE_SCALAR) {
		load_length(l, node, wait);
		return;
	}
	if (load_object(l, T_WAIT, node, &draft) < 0)
		return;
	wait->until = draft.until;
	wait->clean = draft.clean;
	if (draft.length)
		load_length(l, draft.length, wait);
	if (!draft.length && draft.until.base == CUT_WHEN_NONE)
		load_fault(l, node, NULL, "wait needs 'for' or 'until'");
	if (draft.since && !draft.length)
		load_fault_key(l, load_find(l, node, "since"), NULL, "'since' needs 'for'");
	if (draft.since)
		later(&l->waits, load_find(l, node, "since"), l->step, draft.since);
}

static void load_message(struct load *l, uint32_t node, struct cut_approve *approve)
{
	struct cut_template tpl;
	bool constant;

	if (!load_is(l, node, CUT_NODE_SCALAR, "message"))
		return;
	approve->message = cut_doc_str(l->doc, node);
	if (!load_has_template(approve->message) || load_template(l, node, &tpl, &constant) < 0)
		return;
	if (constant) {
		approve->message = load_text(l, node);
		return;
	}
	approve->message_text = cut_arena_new(&l->rb->arena, struct cut_template);
	*approve->message_text = tpl;
}

static void load_approve(struct load *l, uint32_t node, struct cut_step *step)
{
	struct cut_approve *approve = cut_arena_new(&l->rb->arena, struct cut_approve);
	struct approve_draft draft;
	uint32_t roles;

	step->approve = approve;
	if (load_object(l, T_APPROVE, node, &draft) < 0)
		return;
	approve->expires = draft.expires;
	approve->on_expiry = draft.on_expiry;
	approve->on_decline = draft.on_decline;
	if (draft.message)
		load_message(l, draft.message, approve);
	if (draft.checks)
		load_exprs(l, draft.checks, &approve->checks, &approve->checks_text,
			   &approve->checks_len);
	roles = load_find(l, node, "roles");
	if (draft.roles_len == 0)
		load_fault(l, roles, NULL, "a gate without a role would open by itself");
	approve->roles =
		load_role_list(l, roles, draft.roles, draft.roles_len, &approve->roles_len);
}

static void load_manual(struct load *l, uint32_t node, struct cut_step *step)
{
	struct cut_manual *manual = cut_arena_new(&l->rb->arena, struct cut_manual);
	struct manual_draft draft;

	step->manual = manual;
	manual->role = CUT_NONE;
	if (load_object(l, T_MANUAL, node, &draft) < 0)
		return;
	manual->instructions = draft.instructions;
	manual->evidence = draft.evidence;
	manual->evidence_len = draft.evidence_len;
	if (draft.role)
		manual->role = load_role(l, load_find(l, node, "role"), draft.role);
}

/* Effects and class of work by a person are what the step says; unsaid, it changes something that
 * only a person can undo. */
static void set_manual(struct load *l, struct step_draft *draft, struct cut_step *step)
{
	static const struct cut_catalog_action person = {
		.name = "manual", .class = CUT_OPAQUE, .effects = CUT_WRITE | CUT_KEYS_BODY};
	static const char *const effects[] = {"read", "write", "traffic", "destroy"};
	static const char *const classes[] = {"declarative", "probe", "opaque"};
	static const enum cut_class class_of[] = {CUT_DECLARATIVE, CUT_PROBE, CUT_OPAQUE};

	step->body.effects = l->reading_only ? CUT_READ : person.effects & ~(uint32_t)CUT_KEYS_BODY;
	step->body.class = person.class;
	for (size_t i = 0; draft->body.effects && i < CUT_ARRAY_LEN(effects); i++)
		if (strcmp(draft->body.effects, effects[i]) == 0)
			step->body.effects = CUT_READ << i;
	for (size_t i = 0; draft->body.class && i < CUT_ARRAY_LEN(classes); i++)
		if (strcmp(draft->body.class, classes[i]) == 0)
			step->body.class = class_of[i];
}

/* Keys that mean something beside an action only. */
static void refuse_timing(struct load *l, uint32_t node, const struct step_draft *draft,
			  const char *what)
{
	static const char *const keys[] = {"timeout", "deadline",    "poll",   "verify", "with",
					   "env",     "observe",     "plan",   "stdin",	 "cwd",
					   "shell",   "expect_exit", "outputs"};
	static const char *const told[] = {"effects", "class"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(keys); i++) {
		uint32_t at = load_find(l, node, keys[i]);

		if (at)
			load_fault_key(l, at, NULL, "'%s' is not for %s", keys[i], what);
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(told) && strcmp(what, "manual") != 0; i++)
		if (i == 0 ? draft->body.effects : draft->body.class)
			load_fault_key(l, load_find(l, node, told[i]), NULL, "'%s' is not for %s",
				       told[i], what);
}

static int load_one_body(struct load *l, uint32_t node, struct step_draft *draft,
			 struct cut_step *step)
{
	struct cut_body *body = &step->body;
	int r = 0;

	if (draft->body.uses || draft->body.run) {
		r = load_body(l, node, &draft->body, body);
		step->kind = r == 0 && strcmp(body->uses, "check") == 0 ? CUT_STEP_CHECK
									: CUT_STEP_ACTION;
		return r;
	}
	body->timeout = CUT_NEVER;
	body->effects = CUT_READ;
	body->class = CUT_DECLARATIVE;
	body->retry = load_retry(l, 0);
	if (draft->wait) {
		step->kind = CUT_STEP_WAIT;
		body->uses = "wait";
		load_wait(l, draft->wait, step);
	} else if (draft->approve) {
		step->kind = CUT_STEP_APPROVE;
		body->uses = "approve";
		load_approve(l, draft->approve, step);
	} else {
		step->kind = CUT_STEP_MANUAL;
		body->uses = "manual";
		load_manual(l, draft->manual, step);
		set_manual(l, draft, step);
	}
	refuse_timing(l, node, draft, body->uses);
	return 0;
}

static struct cut_body *load_extra(struct load *l, uint32_t node, bool reads)
{
	struct cut_body *body = cut_arena_new(&l->rb->arena, struct cut_body);
	bool before = l->reading_only;

	l->reading_only = reads;
	load_action(l, node, body);
	l->reading_only = before;
	return body;
}

static bool may_undo(const struct cut_step *step)
{
	return cut_step_writes(step) && !(step->body.effects & CUT_NO_UNDO);
}

static const char *apart(enum cut_phase_role role)
{
	return role == CUT_PHASE_FINALLY ? "steps of finally" : "a test or check";
}

/* Written where a body with `run` is due. */
static bool is_command(const struct load *l, uint32_t node)
{
	return cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST ||
	       strpbrk(cut_doc_str(l->doc, node), " /");
}

/* What the step says about its undo, and what its effects imply where it says nothing. */
static void load_undo(struct load *l, uint32_t node, const struct step_draft *draft,
		      enum cut_phase_role role, struct cut_step *step)
{
	static const enum cut_undo words[] = {CUT_UNDO_AUTO, CUT_UNDO_NOT_NEEDED,
					      CUT_UNDO_IMPOSSIBLE};
	uint32_t at = draft->rollback;
	unsigned word = 0;

	step->undo = CUT_UNDO_AUTO;
	if (at && role != CUT_PHASE_FORWARD) {
		load_fault_key(l, at, "it is never undone: take the key away",
			       "'rollback' is not for %s", apart(role));
		at = 0;
	}
	if (at && cut_doc_at(l->doc, at)->kind == CUT_NODE_MAP) {
		step->undo = CUT_UNDO_BODY;
		step->undo_body = load_extra(l, at, false);
	} else if (at && is_command(l, at)) {
		load_fault(l, at, "rollback: {run: [program, arg]}",
			   "an undo is one body, or auto, not_needed or impossible");
	} else if (at && load_word(l, at, "auto|not_needed|impossible", &word) == 0) {
		step->undo = words[word];
	}
	if (at && (step->undo == CUT_UNDO_BODY || step->undo == CUT_UNDO_IMPOSSIBLE) &&
	    step->body.uses && !cut_step_writes(step))
		load_fault_key(l, at, "take 'rollback' away, or say with 'effects' what it changes",
			       "this step only reads, so there is nothing to undo");
	if (step->undo == CUT_UNDO_IMPOSSIBLE && !draft->rollback_reason)
		load_fault(l, at, "rollback_reason: why, for those who decide at night",
			   "rollback: impossible needs 'rollback_reason'");
	if (draft->rollback_reason && step->undo != CUT_UNDO_IMPOSSIBLE)
		load_fault_key(l, load_find(l, node, "rollback_reason"), NULL,
			       "'rollback_reason' goes with rollback: impossible");
	if (role != CUT_PHASE_FORWARD || (step->undo == CUT_UNDO_AUTO && !may_undo(step)))
		step->undo = CUT_UNDO_NOT_NEEDED;
}

static void load_temporary(struct load *l, const struct step_draft *draft, enum cut_phase_role role,
			   struct cut_step *step)
{
	struct temporary_draft t = {.backstop = CUT_NEVER};
	uint32_t at = draft->temporary;
	unsigned word = 0;

	if (!at)
		return;
	if (role != CUT_PHASE_FORWARD) {
		load_fault_key(l, at, "only steps of phases are undone",
			       "'temporary' is not for %s", apart(role));
		return;
	}
	if (cut_doc_at(l->doc, at)->kind == CUT_NODE_MAP) {
		if (load_object(l, T_TEMPORARY, at, &t) < 0)
			return;
		if (t.until)
			later(&l->untils, load_find(l, at, "until"), l->step, t.until);
	} else {
		if (load_word(l, at, "true|false", &word) < 0)
			return;
		load_as(l, at, LOAD_AS_BOOL);
		if (word == 1)
			return;
	}
	step->temporary = cut_arena_new(&l->rb->arena, struct cut_temporary);
	*step->temporary = (struct cut_temporary){
		.until = {.index = CUT_NONE}, .until_phase = CUT_NONE, .backstop = t.backstop};
	if (step->body.uses &&
	    (step->undo == CUT_UNDO_NOT_NEEDED || step->undo == CUT_UNDO_IMPOSSIBLE))
		load_fault_key(
			l, at, "give it a rollback, which is what ends it",
			"a temporary step is undone when the run ends, and this one cannot be");
}

static void load_planned(struct load *l, uint32_t node, struct cut_step *step)
{
	json_t *seconds;

	/* a wait says itself how long it is, where that is known */
	step->planned = step->kind == CUT_STEP_WAIT && step->wait && !step->wait->for_text
				? step->wait->length
				: CUT_NEVER;
	if (!node || !load_is(l, node, CUT_NODE_SCALAR, "planned"))
		return;
	if (strcmp(cut_doc_str(l->doc, node), "history") == 0) {
		load_unsupported(l, node, "planned: history");
		return;
	}
	seconds = load_value(l, node, CUT_T_DURATION, 0, NULL, NULL);
	step->planned = cut_json_ms(seconds, CUT_NEVER);
	json_decref(seconds);
}

static void load_poll(struct load *l, uint32_t node, struct cut_step *step)
{
	if (!node || load_object(l, T_POLL, node, &step->poll) < 0)
		return;
	if (step->poll.limit && step->poll.stable > step->poll.limit)
		load_fault(l, node, "raise limit, or lower stable",
			   "%u successes in a row cannot come of %u tries", step->poll.stable,
			   step->poll.limit);
	if (step->body.uses && cut_step_writes(step))
		load_fault_key(l, node,
			       "retry repeats what failed; a poll of its own can follow as a step",
			       "'poll' is for steps that only read");
}

static const struct cut_prose *load_prose(struct load *l, const struct step_draft *draft)
{
	static const struct cut_prose none;
	struct cut_prose *prose;

	if (!draft->title && !draft->description && !draft->owner && !draft->if_fails &&
	    !draft->rollback_reason)
		return &none;
	prose = cut_arena_new(&l->rb->arena, struct cut_prose);
	*prose = (struct cut_prose){.title = draft->title,
				    .description = draft->description,
				    .owner = draft->owner,
				    .if_fails = draft->if_fails,
				    .undo_reason = draft->rollback_reason};
	return prose;
}

static void check_emergency(struct load *l, uint32_t node)
{
	unsigned word;

	if (cut_doc_at(l->doc, node)->kind == CUT_NODE_MAP)
		json_decref(load_noted(l, T_EMERGENCY, node));
	else
		load_word(l, node, "skip", &word);
}

/* Few steps have any: they are not worth a place in each. */
static void keep_links(struct load *l, const struct cut_step *step, json_t *links)
{
	if (!links)
		return;
	if (!l->rb->step_links)
		l->rb->step_links = json_object();
	json_object_set_new(l->rb->step_links, step->address, links);
}

/* People are asked while a run goes forward: outside of phases nobody could answer. */
static void refuse_people(struct load *l, uint32_t node, const struct step_draft *draft,
			  enum cut_phase_role role)
{
	const char *what = draft->approve ? "approve" : "manual";

	if (role == CUT_PHASE_FORWARD || !(draft->approve || draft->manual))
		return;
	if (draft->manual && role == CUT_PHASE_TESTS)
		return; /* done before the run is accepted */
	load_fault_key(l, load_find(l, node, what),
		       role == CUT_PHASE_TESTS ? "acceptance asks people by its sign_off"
					       : "make it a step of a phase",
		       "'%s' is for steps of a phase", what);
}

/* True when the step has exactly one body. */
static bool one_body(struct load *l, uint32_t node, const struct step_draft *draft, bool usable)
{
	const struct {
		const char *name;
		bool given;
	} bodies[] = {{"uses", draft->body.uses}, {"run", draft->body.run},
		      {"wait", draft->wait},	  {"approve", draft->approve},
		      {"manual", draft->manual},  {"steps", draft->steps}};
	unsigned given = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(bodies); i++)
		if (bodies[i].given && ++given == 2)
			load_fault_key(
				l, load_find(l, node, bodies[i].name), "make two steps of it",
				"a step has one body, and '%s' is the second", bodies[i].name);
	if (given == 0 && usable)
		load_fault(l, node, "it may be uses, run, wait, approve, manual or steps",
			   "a step needs a body");
	return given == 1;
}

void load_step(struct load *l, uint32_t node, struct step_draft *draft, enum cut_phase_role role,
	       struct cut_step *step)
{
	size_t errors = l->faults->errors;
	bool usable = !l->tainted.items[l->step];

	step->scope = l->scope;
	step->prose = load_prose(l, draft);
	step->cond = draft->cond;
	step->deadline = draft->deadline;
	step->on_failure = draft->on_failure;
	step->interrupt_waits = draft->on_interrupt == 1;
	step->not_before = draft->not_before;
	step->environment = draft->environment;
	step->locks = draft->locks;
	step->locks_len = draft->locks_len;
	step->point_of_no_return = draft->point_of_no_return;
	if (draft->order || draft->max_parallel)
		load_fault_key(l, load_find(l, node, draft->order ? "order" : "max_parallel"), NULL,
			       "'%s' is for groups", draft->order ? "order" : "max_parallel");
	refuse_people(l, node, draft, role);
	if (one_body(l, node, draft, usable) && load_one_body(l, node, draft, step) == 0 &&
	    l->faults->errors == errors) {
		load_undo(l, node, draft, role, step);
		load_temporary(l, draft, role, step);
		load_poll(l, draft->poll, step);
	} else {
		step->undo = CUT_UNDO_NOT_NEEDED; /* what it does is not known: no second fault */
	}
	load_planned(l, draft->planned, step);
	if (draft->emergency)
		check_emergency(l, draft->emergency);
	if (draft->locks)
		load_locks(l, load_find(l, node, "locks"), draft->locks, draft->locks_len);
	if (draft->verify)
		step->verify_body = load_extra(l, draft->verify, true);
	if (draft->links)
		keep_links(l, step, load_text_map(l, draft->links));
	if (l->faults->errors > errors)
		l->tainted.items[l->step] |= CUT_TAINT_BODY;
}
