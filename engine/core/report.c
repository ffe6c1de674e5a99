/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/report.h"

#include <math.h>
#include <string.h>

/* --- decisions: who or what moved the run, and on which evidence --- */

static char *run_what(const json_t *r)
{
	return cut_printf("run %s", cut_json_str(r, "state", ""));
}

static char *trigger_what(const json_t *r)
{
	return cut_printf("trigger %s %s", cut_json_str(r, "trigger", ""),
			  cut_json_str(r, "shown", ""));
}

static char *acceptance_what(const json_t *r)
{
	return cut_printf("acceptance of %s %s", cut_json_str(r, "phase", ""),
			  cut_json_str(r, "state", ""));
}

static char *approval_what(const json_t *r)
{
	return cut_printf("%s: %s", cut_json_str(r, "gate", ""), cut_json_str(r, "vote", ""));
}

void cut_order_say_options(const json_t *args, struct cut_buf *out)
{
	static const struct {
		const char *member, *yes, *no;
	} options[] = {
		{"applied", " --applied", " --not-applied"},
		{"accept_loss", " --accept-loss", ""},
		{"keep_temporary", " --keep-temporary", ""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(options); i++) {
		const json_t *given = json_object_get(args, options[i].member);

		if (json_is_boolean(given))
			cut_buf_add_str(out, json_is_true(given) ? options[i].yes : options[i].no);
	}
}

static char *order_what(const json_t *r)
{
	const char *target = cut_json_str(r, "target", NULL);
	struct cut_buf what = {0};

	cut_buf_printf(&what, "order %s%s%s", cut_json_str(r, "order", ""), target ? " " : "",
		       target ? target : "");
	cut_order_say_options(json_object_get(r, "args"), &what);
	return cut_buf_take(&what);
}

static char *note_what(const json_t *r)
{
	return cut_printf("note: %s", cut_json_str(r, "text", ""));
}

static char *resumed_what(const json_t *r)
{
	return cut_printf("engine taken up again, epoch %lld",
			  (long long)cut_json_int(r, "epoch", 0));
}

static char *clock_what(const json_t *r)
{
	return cut_printf("wall clock jumped by %lld ms", (long long)cut_json_int(r, "jump_ms", 0));
}

static const struct decision {
	const char *type;
	char *(*what)(const json_t *record);
	const char *why, *evidence; /* members of the record; NULL: what its args say, none */
} decisions[] = {
	{"run", run_what, "cause", "details"},
	{"trigger", trigger_what, "text", "value"},
	{"acceptance", acceptance_what, "text", "evidence"},
	{"approval", approval_what, "comment", "values"},
	{"order", order_what, NULL, "args"},
	{"note", note_what, NULL, NULL},
	{"resumed", resumed_what, NULL, NULL},
	{"clock", clock_what, NULL, NULL},
};

static const struct decision *decision_of(const json_t *record)
{
	const char *type = cut_json_str(record, "type", "");

	for (size_t i = 0; i < CUT_ARRAY_LEN(decisions); i++) {
		if (strcmp(decisions[i].type, type) == 0)
			return &decisions[i];
	}
	return NULL;
}

bool cut_report_wants(const json_t *record)
{
	return decision_of(record) != NULL;
}

/* The words that a person gave along with an order, or NULL. */
static const char *order_why(const json_t *args)
{
	static const char *const names[] = {"reason", "comment", "note"};
	const char *why = NULL;

	for (size_t i = 0; !why && i < CUT_ARRAY_LEN(names); i++)
		why = cut_json_str(args, names[i], NULL);
	return why;
}

/* A trigger or acceptance that only wrote its memory again decided nothing. */
static bool repeats(const json_t *record, json_t *states, const char *what)
{
	const char *type = cut_json_str(record, "type", "");
	const char *id = cut_json_str(record, "trigger", cut_json_str(record, "phase", ""));
	cut_auto(cut_str) char *key = cut_printf("%s/%s", type, id);
	bool same;

	if (strcmp(type, "trigger") != 0 && strcmp(type, "acceptance") != 0)
		return false;
	same = strcmp(cut_json_str(states, key, ""), what) == 0;
	json_object_set_new(states, key, json_string(what));
	return same;
}

/* What a vote has beside: with which key it was signed, on which evidence. */
static const char *const of_votes[] = {"key", "evidence_sha256"};

static json_t *decisions_json(const json_t *records)
{
	json_t *list = json_array();
	cut_auto(cut_json) json_t *states = json_object();

	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *r = json_array_get(records, i);
		const struct decision *d = decision_of(r);
		cut_auto(cut_str) char *what = NULL;
		const char *why, *refused = cut_json_str(r, "refused", NULL);
		json_t *row;

		if (!d)
			continue;
		what = d->what(r);
		if (repeats(r, states, what))
			continue;
		why = refused  ? refused
		      : d->why ? cut_json_str(r, d->why, NULL)
			       : order_why(json_object_get(r, "args"));
		if (why && strcmp(why, cut_json_str(r, "state", "")) == 0)
			why = NULL; /* "run accepted: accepted" */
		row = json_pack("{s:O?, s:O?, s:s, s:s, s:s, s:s?, s:O?}", "seq",
				json_object_get(r, "seq"), "at", json_object_get(r, "at"), "type",
				d->type, "who", cut_json_str(r, "actor", ""), "what", what, "why",
				why, "evidence",
				d->evidence ? json_object_get(r, d->evidence) : NULL);
		for (size_t k = 0; k < CUT_ARRAY_LEN(of_votes); k++)
			if (json_object_get(r, of_votes[k]))
				json_object_set(row, of_votes[k], json_object_get(r, of_votes[k]));
		if (refused)
			json_object_set_new(row, "refused", json_true());
		json_array_append_new(list, row);
	}
	return list;
}

/* --- timeline --- */

struct turn {
	cut_time at;
	uint32_t step;
};

static int by_time(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
			      : (x->step > y->step) - (x->step < y->step);
}

/* The steps as they began; one that never did keeps its place behind the one before it. */
static struct turn *turns_new(const struct cut_runbook *rb, const struct cut_run *run)
{
	struct turn *turns = cut_new_array(struct turn, rb->steps_len);
	cut_time at = 0;

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		struct cut_step_view v;

		cut_run_step_view(run, i, &v);
		if (v.started != CUT_NEVER)
			at = v.started;
		turns[i] = (struct turn){at, i};
	}
	if (rb->steps_len)
		qsort(turns, rb->steps_len, sizeof(*turns), by_time);
	return turns;
}

static json_t *timeline_json(const struct cut_runbook *rb, const struct cut_run *run)
{
	struct turn *turns = turns_new(rb, run);
	json_t *list = json_array();

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *step = &rb->steps[turns[i].step];
		struct cut_step_view v;
		bool timed;

		cut_run_step_view(run, turns[i].step, &v);
		if (v.state <= CUT_STEP_READY && v.started == CUT_NEVER)
			continue;
		timed = v.started != CUT_NEVER && v.ended != CUT_NEVER;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:s?}", "step",
					step->address, "phase", rb->phases[step->phase].id, "state",
					cut_step_state_name(v.state), "attempts", v.attempt,
					"started", cut_json_rfc3339(v.started_wall), "ended",
					cut_json_rfc3339(v.ended_wall), "duration_s",
					timed ? cut_json_seconds(v.ended - v.started) : json_null(),
					"planned_s", cut_json_seconds(step->planned), "reason",
					v.reason));
	}
	free(turns);
	return list;
}

/* --- objectives --- */

static json_t *downtime_json(const struct cut_runbook *rb, const struct cut_run *run, cut_time t,
			     cut_time *ret_longest)
{
	json_t *all = json_object();

	*ret_longest = CUT_NEVER;
	for (uint32_t i = 0; i < rb->downtimes_len; i++) {
		const struct cut_downtime *d = &rb->downtimes[i];
		cut_time elapsed = 0;
		bool running;

		if (!cut_run_downtime(run, i, t, &running, &elapsed))
			continue;
		if (*ret_longest == CUT_NEVER || elapsed > *ret_longest)
			*ret_longest = elapsed;
		json_object_set_new(all, d->id,
				    json_pack("{s:o, s:o, s:b}", "elapsed_s",
					      cut_json_seconds(elapsed), "limit_s",
					      cut_json_seconds(d->limit), "within",
					      elapsed <= d->limit));
	}
	return all;
}

/* How long it took from the decision to go back until the run had closed: CUT_NEVER when it did
 * not. */
static cut_time time_to_recover(const json_t *records)
{
	cut_time from = CUT_NEVER, to = CUT_NEVER;

	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *r = json_array_get(records, i);
		const char *state = cut_json_str(r, "state", "");

		if (strcmp(cut_json_str(r, "type", ""), "run") != 0)
			continue;
		if (strcmp(state, "rolling_back") == 0 && from == CUT_NEVER)
			from = cut_json_int(r, "t", 0);
		if (strcmp(state, "closing") == 0 && from != CUT_NEVER)
			to = cut_json_int(r, "t", 0);
	}
	return to == CUT_NEVER ? CUT_NEVER : to - from;
}

/* The last lag that a sync action told: how much could have been lost. */
static cut_time last_lag(const struct cut_runbook *rb, const struct cut_run *run)
{
	cut_time lag = CUT_NEVER, at = -1;

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		struct cut_step_view v;
		const json_t *seconds;

		cut_run_step_view(run, i, &v);
		seconds = json_object_get(v.outputs, "lag_s");
		if (json_is_number(seconds) && v.ended != CUT_NEVER && v.ended > at) {
			at = v.ended;
			lag = cut_json_ms(seconds, CUT_NEVER);
		}
	}
	return lag;
}

static void objective(json_t *all, const struct cut_runbook *rb, const char *name,
		      cut_time achieved)
{
	const json_t *wanted = json_object_get(rb->objectives, name);

	if (!json_is_number(wanted))
		return;
	json_object_set_new(all, name,
			    json_pack("{s:O, s:o, s:o}", "wanted_s", wanted, "achieved_s",
				      cut_json_seconds(achieved), "met",
				      achieved == CUT_NEVER
					      ? json_null()
					      : json_boolean(achieved <= cut_json_ms(wanted, 0))));
}

static json_t *unclosed_json(const struct cut_runbook *rb, const struct cut_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		if (cut_run_unclosed(run, i))
			json_array_append_new(list, json_string(rb->steps[i].address));
	}
	return list;
}

/* What an ended run leaves to people: undos that failed or never came, temporaries that are still
 * there, a `finally` that failed. */
static json_t *left_json(const struct cut_runbook *rb, struct cut_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; cut_run_state(run) >= CUT_RUN_ACCEPTED && i < rb->steps_len; i++) {
		bool open = cut_run_temporary_open(run, i), undo;
		cut_auto(cut_str) char *by_hand = NULL;
		struct cut_step_view v;

		cut_run_step_view(run, i, &v);
		undo = open || v.state == CUT_STEP_ROLLBACK_PENDING ||
		       v.state == CUT_STEP_ROLLBACK_FAILED;
		if (!undo && !cut_run_unclosed(run, i) && v.state != CUT_STEP_ROLLBACK_IMPOSSIBLE)
			continue;
		if (undo)
			by_hand = cut_undo_by_hand(run, i);
		json_array_append_new(
			list, json_pack("{s:s, s:s?, s:s?}", "step", rb->steps[i].address, "reason",
					v.state == CUT_STEP_ROLLBACK_PENDING ? "not undone"
					: v.state < CUT_STEP_ROLLBACK_PENDING && open
						? "temporary, and kept"
						: v.reason,
					"by_hand", by_hand));
	}
	return list;
}

/* Failed steps without which the run went on, as their on_failure says. */
static json_t *continued_json(const struct cut_runbook *rb, const struct cut_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];
		struct cut_step_view v;

		cut_run_step_view(run, i, &v);
		if (v.state == CUT_STEP_FAILED && step->on_failure == CUT_FAIL_CONTINUE)
			json_array_append_new(list, json_pack("{s:s, s:s?}", "step", step->address,
							      "reason", v.reason));
	}
	return list;
}

static json_t *end_time(const json_t *records, enum cut_run_state state)
{
	size_t n = json_array_size(records);

	if (state < CUT_RUN_ACCEPTED)
		return json_null();
	while (n > 0) {
		const json_t *r = json_array_get(records, --n);

		if (strcmp(cut_json_str(r, "type", ""), "run") == 0)
			return json_incref(json_object_get(r, "at"));
	}
	return json_null();
}

json_t *cut_report_json(const struct cut_runbook *rb, struct cut_run *run, const json_t *records,
			cut_time t)
{
	const json_t *armed = cut_run_armed(run);
	json_t *objectives = json_object();
	cut_time longest;
	json_t *downtime = downtime_json(rb, run, t, &longest);

	objective(objectives, rb, "downtime", longest);
	objective(objectives, rb, "rto", time_to_recover(records));
	objective(objectives, rb, "rpo", last_lag(rb, run));
	return json_pack(
		"{s:s?, s:s, s:s?, s:s?, s:s?, s:s, s:i, s:O?, s:o, s:o, s:s?, s:s?, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o}",
		"run", cut_json_str(armed, "run", NULL), "runbook", rb->name, "title", rb->title,
		"ticket", rb->ticket, "starter", cut_json_str(armed, "starter_name", NULL), "state",
		cut_run_state_name(cut_run_state(run)), "exit_code", cut_run_exit_code(run),
		"started", json_object_get(json_array_get(records, 0), "at"), "ended",
		end_time(records, cut_run_state(run)), "elapsed_s", cut_json_seconds(t),
		"runbook_sha256", cut_json_str(armed, "runbook_sha256", NULL), "plan_sha256",
		cut_json_str(armed, "plan_sha256", NULL), "timeline", timeline_json(rb, run),
		"decisions", decisions_json(records), "downtime", downtime, "objectives",
		objectives, "continued", continued_json(rb, run), "unclosed",
		unclosed_json(rb, run), "left", left_json(rb, run));
}
