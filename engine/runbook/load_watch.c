/* SPDX-License-Identifier: Apache-2.0 */
/* What is watched and judged: metrics, triggers, acceptance, downtime clocks, windows. Called once
 * the steps they name are known, acceptance and windows with their phase. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

void load_window(struct load *l, uint32_t node, struct cut_window *ret)
{
	struct window_draft draft;
	bool usable = load_object(l, T_WINDOW, node, &draft) == 0;

	/* what counts from a faulty window is no second mistake */
	*ret = usable ? (struct cut_window){.closes = CUT_NEVER}
		      : (struct cut_window){.opens = 1, .closes = CUT_NEVER - 1};
	if (draft.opens.base > CUT_WHEN_AT || draft.closes.base > CUT_WHEN_AT)
		load_fault(l, node, "write them as 2026-11-22T02:00:00+01:00",
			   "a window's own times cannot be relative to it");
	ret->on_overrun = draft.on_overrun;
	if (draft.opens.base == CUT_WHEN_AT)
		ret->opens = draft.opens.at;
	if (draft.closes.base == CUT_WHEN_AT)
		ret->closes = draft.closes.at;
	if (usable && ret->closes <= ret->opens)
		load_fault(l, load_find(l, node, "closes"), NULL,
			   "the window closes before it opens");
	if (draft.reserve_rollback &&
	    load_is(l, draft.reserve_rollback, CUT_NODE_SCALAR, "reserve_rollback") &&
	    strcmp(cut_doc_str(l->doc, draft.reserve_rollback), "auto") != 0) {
		json_decref(load_value(l, draft.reserve_rollback, CUT_T_DURATION, 0, NULL, NULL));
		load_unsupported(l, draft.reserve_rollback, "reserve_rollback");
	}
}

void load_acceptance(struct load *l, uint32_t node, struct cut_acceptance *ret)
{
	struct acceptance_draft draft;

	*ret = (struct cut_acceptance){.given = true, .tests = CUT_NONE, .settle = CUT_NEVER};
	load_object(l, T_ACCEPTANCE, node, &draft); /* a fault leaves that key at its default */
	if (draft.tests && cut_doc_at(l->doc, draft.tests)->kind == CUT_NODE_LIST &&
	    !cut_doc_at(l->doc, draft.tests)->child)
		draft.tests = 0;
	ret->clean_for = draft.clean_for;
	ret->settle = draft.settle;
	ret->tests = draft.tests ? draft.tests : CUT_NONE; /* a node until its steps are read */
	ret->tests_every = draft.tests_every;
	ret->max_bad = draft.max_bad;
	ret->coverage = draft.coverage;
	ret->on_bad = draft.on_bad;
	ret->deadline = draft.deadline;
	ret->on_deadline = draft.on_deadline;
	if (draft.deadline <= draft.clean_for + (draft.settle == CUT_NEVER ? 0 : draft.settle))
		load_fault_key(l, load_find(l, node, "deadline"),
			       "it counts from the stage's last step, as settle and clean_for do",
			       "the deadline passes before clean_for can");
	ret->sign_off = load_role_list(l, load_find(l, node, "sign_off"), draft.sign_off,
				       draft.sign_off_len, &ret->sign_off_len);
}

/* --- metrics --- */

static void load_meter(struct load *l, uint32_t node, const struct metric_draft *draft,
		       struct cut_metric *metric)
{
	struct load_values values = {.constant = true};

	metric->meter = cut_catalog_meter(l->catalog, draft->uses);
	if (!metric->meter) {
		struct cut_near near = {.word = draft->uses};

		for (size_t i = 0; i < l->catalog->meters.len; i++)
			cut_near_try(&near, l->catalog->meters.items[i].name);
		load_fault(l, load_find(l, node, "uses"),
			   near.best ? load_did_you_mean(l, &near) : "see `cutover plugins`",
			   "there is no metric '%s'", draft->uses);
		return;
	}
	metric->params = load_params(l, draft->with, node, draft->uses, metric->meter->params, NULL,
				     &values);
	cut_buf_done(&values.pointer);
}

static void add_metric(struct load *l, uint32_t node, const char *id)
{
	struct cut_metric metric = {.id = id, .mark = load_mark(l, node)};
	struct metric_draft draft;

	if (load_object(l, T_METRIC, node, &draft) == 0) {
		load_meter(l, node, &draft, &metric);
		metric.every = draft.every;
		metric.timeout = draft.timeout;
		metric.max_age = draft.max_age == CUT_NEVER ? 2 * draft.every : draft.max_age;
		metric.min_events = draft.min_events;
		metric.unit = draft.unit ? draft.unit : metric.meter ? metric.meter->unit : NULL;
		metric.environment = draft.environment;
	} else {
		metric.every = 15 * CUT_SECOND;
		metric.max_age = 2 * metric.every;
	}
	cut_map_put(&l->metric_index, id, strlen(id), (uint32_t)l->metrics.len, NULL);
	cut_vec_push(&l->metrics, metric);
}

struct repeated_item {
	uint32_t node;
	const char *id;
};

static void on_metric_item(struct load *l, void *data, const char *item)
{
	struct repeated_item *r = data;

	add_metric(l, r->node, cut_arena_printf(&l->rb->arena, "%s/%s", r->id, item));
}

void load_metrics(struct load *l)
{
	uint32_t node = l->top.metrics;
	unsigned parallel;

	if (!node || !load_is(l, node, CUT_NODE_MAP, "metrics"))
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct repeated_item r = {.node = at, .id = cut_doc_key(l->doc, at)};
		uint32_t foreach = load_find(l, at, "foreach");

		load_id_valid(l, at, r.id);
		if (foreach)
			load_foreach(l, foreach, &parallel, on_metric_item, &r);
		else
			add_metric(l, at, r.id);
	}
}

/* --- triggers --- */

static bool load_number(struct load *l, uint32_t node, double *ret)
{
	struct load_values values = {.constant = true};
	const char *text =
		cut_doc_at(l->doc, node)->kind == CUT_NODE_SCALAR ? cut_doc_str(l->doc, node) : "";
	/* a share, a time or a plain number: what the metric's unit is */
	enum cut_type type = strchr(text, '%') ? CUT_T_PERCENT : CUT_T_NUMBER;
	json_t *json;

	if (load_has_template(text))
		type = CUT_T_JSON;
	else if (type == CUT_T_NUMBER && strchr("0123456789.", text[0]) && text[0] &&
		 strchr("smhd", text[strlen(text) - 1]))
		type = CUT_T_DURATION;
	json = load_value(l, node, type, 0, NULL, &values);
	cut_buf_done(&values.pointer);
	if (json && !json_is_number(json)) {
		load_fault(l, node, "such as 0.05, 5% or 250ms", "a number is wanted here");
		json_decref(json);
		return false;
	}
	*ret = json ? json_number_value(json) : 0;
	json_decref(json);
	return json != NULL;
}

static bool load_pair(struct load *l, uint32_t node, double *ret_a, double *ret_b)
{
	uint32_t first;

	if (!load_is(l, node, CUT_NODE_LIST, NULL))
		return false;
	if (cut_doc_count(l->doc, node) != 2) {
		load_fault(l, node, NULL, "two numbers are wanted here: [a, b]");
		return false;
	}
	first = cut_doc_at(l->doc, node)->child;
	return load_number(l, first, ret_a) &&
	       load_number(l, cut_doc_at(l->doc, first)->next, ret_b);
}

/* What a later version will compare with: read and checked, refused by a run. */
static void check_later_bound(struct load *l, const struct bound_draft *draft)
{
	struct load_values values = {.constant = true};
	unsigned word;
	double ignored;

	if (draft->worse_than)
		load_word(l, draft->worse_than, "recorded|blue", &word);
	if (draft->judge)
		load_word(l, draft->judge, "mann_whitney|count_share", &word);
	if (draft->by)
		json_decref(load_value(l, draft->by, CUT_T_PERCENT, 0, NULL, &values));
	if (draft->floor)
		load_number(l, draft->floor, &ignored);
	if ((draft->by || draft->floor) && !draft->worse_than)
		load_fault_key(l, draft->by ? draft->by : draft->floor, NULL,
			       "'%s' goes with worse_than", draft->by ? "by" : "floor");
	cut_buf_done(&values.pointer);
}

static void load_bound(struct load *l, uint32_t node, struct cut_bound *ret)
{
	struct bound_draft draft;
	int given;

	if (load_object(l, T_BOUND, node, &draft) < 0)
		return;
	given = !!draft.above + !!draft.below + !!draft.outside + !!draft.worse_than +
		!!draft.judge;
	if (given != 1) {
		load_fault(l, node, "one of above, below and outside",
			   "a bound needs exactly one rule");
		return;
	}
	check_later_bound(l, &draft);
	if (draft.above && load_number(l, draft.above, &ret->high))
		ret->kind = CUT_BOUND_ABOVE;
	if (draft.below && load_number(l, draft.below, &ret->low))
		ret->kind = CUT_BOUND_BELOW;
	if (draft.outside && load_pair(l, draft.outside, &ret->low, &ret->high)) {
		ret->kind = CUT_BOUND_OUTSIDE;
		if (ret->low > ret->high)
			load_fault(l, draft.outside, NULL,
				   "the first number must not be above the second");
	}
}

/* A value that is bad must not be good again at the same time. */
static void check_clear(struct load *l, uint32_t node, const struct cut_trigger *t)
{
	const struct cut_bound *bad = &t->bad, *clear = &t->clear;
	bool apart;

	if (bad->kind == CUT_BOUND_NONE || clear->kind == CUT_BOUND_NONE)
		return;
	if (bad->kind == clear->kind)
		apart = (bad->kind == CUT_BOUND_BELOW || clear->high <= bad->high) &&
			(bad->kind == CUT_BOUND_ABOVE || clear->low >= bad->low);
	else
		apart = bad->kind == CUT_BOUND_ABOVE && clear->kind == CUT_BOUND_BELOW
				? clear->low <= bad->high
			: bad->kind == CUT_BOUND_BELOW && clear->kind == CUT_BOUND_ABOVE
				? clear->high >= bad->low
				: false;
	if (!apart)
		load_fault(l, node, "such as bad: {above: 5%}, clear: {below: 3%}",
			   "some values would be bad and clear at once");
}

/* Exactly one rule of persistence, `for: 3m` where none is written. */
static void load_persistence(struct load *l, uint32_t node, const struct trigger_draft *draft,
			     struct cut_trigger *t)
{
	static const char *const rules[] = {"for", "consecutive", "m_of_n", "total", "burn_rate"};
	uint32_t first = 0;
	double m, n;

	for (size_t i = 0; i < CUT_ARRAY_LEN(rules); i++) {
		uint32_t at = load_find(l, node, rules[i]);

		if (at && first)
			load_fault_key(
				l, at, "keep one of for, consecutive, m_of_n and total",
				"a trigger has one rule of persistence, and '%s' is the second",
				rules[i]);
		first = first ? first : at;
	}
	t->persist = CUT_PERSIST_FOR;
	t->for_time = draft->for_time == CUT_NEVER ? 3 * CUT_MINUTE : draft->for_time;
	if (draft->consecutive || draft->total) {
		t->persist = draft->consecutive ? CUT_PERSIST_CONSECUTIVE : CUT_PERSIST_TOTAL;
		t->n = draft->consecutive ? draft->consecutive : draft->total;
	} else if (draft->m_of_n && load_pair(l, draft->m_of_n, &m, &n)) {
		t->persist = CUT_PERSIST_M_OF_N;
		if (!(m >= 1 && n >= m && n <= 1000) || m != (unsigned)m || n != (unsigned)n)
			load_fault(l, draft->m_of_n, "for example [3, 5]; n up to 1000",
				   "m_of_n: whole numbers with 1 <= m <= n are wanted");
		else
			t->m = (unsigned)m, t->n = (unsigned)n;
	}
}

static void load_missing(struct load *l, uint32_t node, struct cut_trigger *t)
{
	static const enum cut_then thens[] = {CUT_THEN_ROLLBACK, CUT_THEN_PAUSE, CUT_THEN_NOTIFY};
	struct missing_draft draft = *(struct missing_draft *)l->fallbacks[T_MISSING];

	if (node)
		load_object(l, T_MISSING, node, &draft);
	t->missing = draft.policy;
	t->max_gap = draft.max_gap == CUT_NEVER ? 2 * t->every : draft.max_gap;
	t->blind_after = draft.blind_after;
	t->on_blind = thens[draft.on_blind];
}

static void find_metric(struct load *l, uint32_t node, const char *name, struct cut_trigger *t)
{
	uint32_t i = cut_map_find(&l->metric_index, name);
	struct cut_near near = {.word = name};

	if (i != CUT_MAP_NONE) {
		const struct cut_metric *metric = &l->metrics.items[i];

		t->metric = i;
		t->every = metric->every;
		t->max_age = metric->max_age;
		t->min_events = metric->min_events;
		return;
	}
	if (load_seeks_near(l))
		for (i = 0; i < l->metrics.len; i++)
			cut_near_try(&near, l->metrics.items[i].id);
	load_fault(l, node, near.best ? load_did_you_mean(l, &near) : "declare it under `metrics`",
		   "there is no metric '%s'", name);
}

static void check_keep(struct load *l, uint32_t node, const struct cut_trigger *t)
{
	if (t->keep > 0 && t->then == CUT_THEN_ROLLBACK)
		load_fault_key(l, load_find(l, node, "keep"), "take it away",
			       "'keep' is for pause and notify: a rollback is never taken back");
}

static void add_trigger(struct load *l, uint32_t node, const char *id)
{
	struct cut_trigger t = {.id = id,
				.metric = CUT_NONE,
				.every = 15 * CUT_SECOND,
				.from = CUT_NONE,
				.until = CUT_NONE,
				.mark = load_mark(l, node)};
	struct trigger_draft draft;
	uint32_t other;

	if (load_object(l, T_TRIGGER, node, &draft) < 0) {
		cut_vec_push(&l->triggers, t); /* for those that name it */
		return;
	}
	find_metric(l, load_find(l, node, "metric"), draft.metric, &t);
	load_bound(l, draft.bad, &t.bad);
	if (draft.clear) {
		load_bound(l, draft.clear, &t.clear);
		check_clear(l, draft.clear, &t);
	}
	load_persistence(l, node, &draft, &t);
	load_missing(l, draft.missing, &t);
	t.keep = draft.keep;
	t.warmup = draft.warmup;
	t.shadow = draft.shadow;
	if (draft.mitigate)
		json_decref(load_noted(l, T_MITIGATE, draft.mitigate));
	if (draft.then == 3) /* mitigate: the nearest of today's, should anybody ask */
		load_unsupported(l, load_find(l, node, "then"), "then: mitigate");
	t.then = draft.then == 3 ? CUT_THEN_PAUSE : (enum cut_then)draft.then;
	check_keep(l, node, &t);
	if (draft.from)
		load_step_named(l, load_find(l, node, "from"), draft.from, &t.from, &other);
	if (draft.until)
		load_step_named(l, load_find(l, node, "until"), draft.until, &other, &t.until);
	if (draft.from && draft.until)
		load_span(l, (struct load_span){
				     .node = load_find(l, node, "until"),
				     .from = t.from,
				     .to = t.until,
				     .what = "the trigger would be disarmed before it is armed",
				     .hint = "it is armed from the start of `from` to the end of "
					     "`until`"});
	if (t.from == CUT_NONE && !draft.from)
		for (uint32_t i = 0; i < l->rb->steps_len && t.from == CUT_NONE; i++)
			if (l->rb->steps[i].body.effects & CUT_TRAFFIC &&
			    l->rb->phases[l->rb->steps[i].phase].role == CUT_PHASE_FORWARD)
				t.from = i;
	cut_vec_push(&l->triggers, t);
}

static void on_trigger_item(struct load *l, void *data, const char *item)
{
	struct repeated_item *r = data;

	add_trigger(l, r->node, cut_arena_printf(&l->rb->arena, "%s/%s", r->id, item));
}

void load_triggers(struct load *l)
{
	uint32_t node = l->top.triggers;
	struct cut_map ids = {0};
	unsigned parallel;

	if (!node || !load_is(l, node, CUT_NODE_LIST, "triggers"))
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		uint32_t foreach = load_find(l, at, "foreach"), id = load_find(l, at, "id");
		struct repeated_item r = {.node = at, .id = id ? load_text(l, id) : "?"};

		if (!r.id)
			continue;
		if (id && !cut_map_put(&ids, r.id, strlen(r.id), at, NULL))
			load_fault(l, id, "triggers have one name space",
				   "'%s' is the id of line %u already", r.id,
				   load_mark(l, cut_map_find(&ids, r.id)).line);
		if (foreach)
			load_foreach(l, foreach, &parallel, on_trigger_item, &r);
		else
			add_trigger(l, at, r.id);
	}
	cut_map_done(&ids);
}

/* --- downtime --- */

static void load_downtime(struct load *l, uint32_t node, struct cut_downtime *d)
{
	struct downtime_draft draft;
	uint32_t other;

	*d = (struct cut_downtime){.from = CUT_NONE, .to = CUT_NONE, .limit = CUT_NEVER};
	if (load_object(l, T_DOWNTIME, node, &draft) < 0)
		return;
	d->id = draft.id;
	d->outage = draft.kind == 1;
	d->limit = draft.limit;
	d->on_limit = draft.on_limit;
	if (load_step_named(l, load_find(l, node, "from"), draft.from, &d->from, &other) < 0 ||
	    load_step_named(l, load_find(l, node, "to"), draft.to, &other, &d->to) < 0)
		return;
	load_span(l, (struct load_span){
			     .node = load_find(l, node, "to"),
			     .from = d->from,
			     .to = d->to,
			     .apart = true,
			     .what = cut_arena_printf(&l->rb->arena,
						      "the clock would end before it starts: '%s' "
						      "does not come after '%s'",
						      draft.to, draft.from),
			     .hint = "`from` is the step that stops service, `to` the one that "
				     "restores it"});
	if (!cut_step_writes(&l->rb->steps[d->from]) && l->rb->steps[d->from].body.uses)
		load_fault(l, load_find(l, node, "from"), "name the step that stops service",
			   "'%s' changes nothing, so no clock can start with it", draft.from);
}

void load_downtimes(struct load *l)
{
	uint32_t node = l->top.downtime;
	struct cut_map ids = {0};

	if (!node || !load_is(l, node, CUT_NODE_LIST, "downtime"))
		return;
	l->rb->downtimes =
		cut_arena_array(&l->rb->arena, struct cut_downtime, cut_doc_count(l->doc, node));
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct cut_downtime *d = &l->rb->downtimes[l->rb->downtimes_len++];

		load_downtime(l, at, d);
		if (d->id && !cut_map_put(&ids, d->id, strlen(d->id), at, NULL))
			load_fault(l, load_find(l, at, "id"), "downtime clocks have one name space",
				   "'%s' is the id of line %u already", d->id,
				   load_mark(l, cut_map_find(&ids, d->id)).line);
	}
	cut_map_done(&ids);
}
