/* SPDX-License-Identifier: Apache-2.0 */
/* People: approval gates, sign-offs of an acceptance, manual work. Who is waited for, whose vote
 * counts, and what a decline or an expiry leads to. */
#include "engine/core/run_internal.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

/* --- who is waited for --- */

/* Votes are bound to this digest, and so to this opening of the gate: the old ones of a gate that
 * is opened again are for another one. */
static void show(struct cut_waiting *waiting, json_t *evidence)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	waiting->evidence = evidence;
	cut_json_canonical(evidence, &text);
	cut_sha256_hex(text.data, text.len, waiting->digest);
}

static void wait_for(struct cut_run *run, struct cut_waiting waiting)
{
	if (waiting.step != CUT_NONE)
		run->steps[waiting.step].waiting = (uint32_t)run->waiting.len;
	cut_vec_push(&run->waiting, waiting);
}

void cut_waiting_done(struct cut_waiting *waiting)
{
	free(waiting->asks);
	json_decref(waiting->approved);
	json_decref(waiting->evidence);
}

static void wait_no_more(struct cut_run *run, uint32_t row)
{
	struct cut_waiting *last = &cut_vec_last(&run->waiting);

	cut_waiting_done(&run->waiting.items[row]);
	if (last->step != CUT_NONE)
		run->steps[last->step].waiting = row;
	run->waiting.items[row] = *last;
	run->waiting.len--;
}

const struct cut_waiting *cut_run_waiting(const struct cut_run *run, size_t *ret_len)
{
	*ret_len = run->waiting.len;
	return run->waiting.items;
}

static const struct cut_waiting *sign_off_of(const struct cut_run *run, uint32_t phase)
{
	cut_vec_foreach (&run->waiting, waiting)
		if (waiting->kind == CUT_WAITING_SIGN_OFF && waiting->phase == phase)
			return waiting;
	return NULL;
}

static void gate_void(struct cut_run *run, uint32_t step, uint32_t phase)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->votes.len; i++) {
		struct cut_vote *vote = &run->votes.items[i];

		if (vote->step != step || vote->phase != phase)
			run->votes.items[kept++] = *vote;
	}
	run->votes.len = kept;
}

/* The question as a person reads it, or NULL; the caller frees it. */
static char *question(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	const char *text = model->kind == CUT_STEP_MANUAL ? model->manual->instructions
							  : model->approve->message;

	if (model->kind == CUT_STEP_APPROVE && model->approve->message_text)
		return cut_env_text(run, step, model->approve->message_text);
	return text ? cut_strdup(text) : NULL;
}

static void say_what_for(struct cut_run *run, uint32_t step, const char *text)
{
	if (run->rb->steps[step].kind == CUT_STEP_MANUAL)
		cut_step_say(run, step, "manual");
	else
		cut_step_say(run, step, "approval%s%s", text ? ": " : "", text ? text : "");
}

void cut_gate_open(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];
	bool approve = model->kind == CUT_STEP_APPROVE;
	struct cut_waiting waiting = {
		.kind = approve ? CUT_WAITING_APPROVAL : CUT_WAITING_MANUAL,
		.step = step,
		.phase = CUT_NONE,
		.since = run->wall,
		.expires = CUT_NEVER,
		.asks = question(run, step),
	};

	gate_void(run, step, CUT_NONE);
	cut_step_doing(run, step, CUT_DOING_PEOPLE);
	s->attempt++;
	say_what_for(run, step, waiting.asks);
	if (approve) {
		waiting.expires = run->wall + model->approve->expires;
		cut_timer_step(run, step, run->t + model->approve->expires, false);
		show(&waiting, json_pack("{s:s, s:i, s:o, s:s?}", "gate", model->address, "opening",
					 (int)s->attempt, "opened", cut_json_rfc3339(run->wall),
					 "message", s->reason));
	}
	wait_for(run, waiting);
	if (!approve && cut_step_writes(model)) /* the person may begin at once */
		cut_call_intent(run, step);
	cut_step_record(run, step, false);
	if (approve && model->approve->checks_len)
		cut_call_gate(run, step);
}

void cut_gate_close(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	if (s->waiting == CUT_NONE)
		return;
	wait_no_more(run, s->waiting);
	s->waiting = CUT_NONE;
}

/* The checks as they were when the gate opened: shown, the gate stays open. */
void cut_gate_checked(struct cut_run *run, const struct cut_event *ev)
{
	struct cut_run_step *s = &run->steps[ev->outcome.step];

	s->checking = false;
	if (s->waiting == CUT_NONE)
		return;
	if (ev->outcome.data) { /* the voters are shown what the checks saw */
		struct cut_waiting *waiting = &run->waiting.items[s->waiting];

		json_object_set(waiting->evidence, "checks", ev->outcome.data);
		show(waiting, waiting->evidence);
	}
	if (ev->outcome.status != CUT_OK)
		cut_step_say(run, ev->outcome.step, "approval; %s",
			     cut_step_short(ev->outcome.text, "a check is not true"));
}

static void wait_for_sign_off(struct cut_run *run, uint32_t phase)
{
	struct cut_waiting waiting = {CUT_WAITING_SIGN_OFF, CUT_NONE, phase, run->wall, CUT_NEVER};
	json_t *evidence = run->evidence ? json_copy(run->evidence) : json_object();

	json_object_set_new(evidence, "opened", cut_json_rfc3339(run->wall));
	show(&waiting, evidence);
	wait_for(run, waiting);
}

void cut_gate_sign_off(struct cut_run *run, uint32_t phase, bool open)
{
	const struct cut_waiting *waiting = sign_off_of(run, phase);

	if (open && !waiting)
		wait_for_sign_off(run, phase);
	if (!open && waiting)
		wait_no_more(run, (uint32_t)(waiting - run->waiting.items));
	if (!open)
		gate_void(run, CUT_NONE, phase);
}

/* --- whose vote counts --- */

/* Would the gate be satisfied, with one more vote where there is one? */
static bool gate_satisfied(const struct cut_run *run, uint32_t step, uint32_t phase,
			   const struct cut_voter *more)
{
	const uint32_t *roles = step != CUT_NONE ? run->rb->steps[step].approve->roles
						 : run->rb->phases[phase].acceptance.sign_off;
	uint32_t roles_len = step != CUT_NONE ? run->rb->steps[step].approve->roles_len
					      : run->rb->phases[phase].acceptance.sign_off_len;
	struct cut_voter *voters = cut_new_array(struct cut_voter, run->votes.len + 1);
	uint32_t len = 0;
	bool yes;

	cut_vec_foreach (&run->votes, vote)
		if (vote->step == step && vote->phase == phase)
			voters[len++] = vote->voter;
	if (more)
		voters[len++] = *more;
	yes = cut_vote_quorum(run, roles, roles_len, voters, len);
	free(voters);
	return yes;
}

bool cut_run_signed(const struct cut_run *run, uint32_t phase)
{
	if (!run->rb->phases[phase].acceptance.sign_off_len)
		return true;
	return gate_satisfied(run, CUT_NONE, phase, NULL);
}

/* --- votes --- */

static bool find_gate(const struct cut_run *run, const char *name, uint32_t *ret_step,
		      uint32_t *ret_phase)
{
	uint32_t step = cut_runbook_address(run->rb, name);
	uint32_t phase = cut_runbook_phase(run->rb, name);

	*ret_step = *ret_phase = CUT_NONE;
	if (step != CUT_NONE && run->rb->steps[step].kind == CUT_STEP_APPROVE)
		*ret_step = step;
	else if (phase != CUT_NONE && run->rb->phases[phase].acceptance.sign_off_len)
		*ret_phase = phase;
	else
		return false;
	return true;
}

static bool values_true(const json_t *values)
{
	json_t *value;
	size_t i;

	json_array_foreach (json_object_get(values, "values"), i, value)
		if (!cut_json_bool(value, "is", false))
			return false;
	return true;
}

static int not_a_member(const struct cut_event *ev, bool starter, struct cut_err *err)
{
	const char *why = starter	     ? "the one who started the run may not approve it"
			  : ev->approval.key ? "the key is not of a role that is asked"
					     : "not a member of a role that is asked";

	return cut_err_set(err, -EPERM, why, "cutover status tells who is waited for",
			   "%s may not decide %s", cut_step_short(ev->approval.name, "this user"),
			   ev->approval.gate);
}

static int may_count(const struct cut_run *run, const struct cut_event *ev, uint32_t step,
		     uint32_t phase, struct cut_err *err)
{
	const uint32_t *roles = step != CUT_NONE ? run->rb->steps[step].approve->roles
						 : run->rb->phases[phase].acceptance.sign_off;
	uint32_t roles_len = step != CUT_NONE ? run->rb->steps[step].approve->roles_len
					      : run->rb->phases[phase].acceptance.sign_off_len;
	struct cut_voter voter = cut_voter_of(run, ev);
	bool member = false, starter = false;

	for (uint32_t i = 0; i < roles_len; i++) {
		const struct cut_role *role = &run->rb->roles[roles[i]];

		member = member || cut_voter_counts(run, role, voter);
		starter =
			starter || (role->not_starter && cut_voter_member(run, role->name, voter));
	}
	if (!member)
		return not_a_member(ev, starter, err);
	cut_vec_foreach (&run->votes, vote)
		if (vote->step == step && vote->phase == phase &&
		    cut_voter_same(vote->voter, voter) && !ev->approval.decline)
			return cut_err_set(err, -EALREADY, "a person counts once", NULL,
					   "%s has approved %s before",
					   cut_step_short(ev->approval.name, "this user"),
					   ev->approval.gate);
	return 0;
}

/* A vote is for what its voter was shown. */
static int may_use(const struct cut_event *ev, const struct cut_waiting *waiting,
		   struct cut_err *err)
{
	const char *gate = ev->approval.gate;

	if (ev->approval.evidence && strcmp(ev->approval.evidence, waiting->digest) != 0)
		return cut_err_set(err, -ESTALE, "what it is about has changed since it was shown",
				   "look at it again, and vote again",
				   "this vote is not for %s now", gate);
	return 0;
}

static int may_use_nonce(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	cut_vec_foreach (&run->nonces, nonce)
		if (ev->approval.nonce && strcmp(*nonce, ev->approval.nonce) == 0)
			return cut_err_set(err, -EALREADY, "a signed statement counts once",
					   "make and sign a new one",
					   "this statement on %s was used before: replayed",
					   ev->approval.gate);
	return 0;
}

static int not_open(const struct cut_run *run, const char *gate, uint32_t step, struct cut_err *err)
{
	bool failed = step != CUT_NONE && run->steps[step].state == CUT_STEP_FAILED;
	bool over = failed || (step != CUT_NONE && run->steps[step].state == CUT_STEP_SUCCEEDED);
	const struct cut_hold *declined =
		step == CUT_NONE ? cut_hold_find(run, CUT_HOLD_ACCEPTANCE, gate) : NULL;
	cut_auto(cut_str) char *again = cut_printf("cutover retry %s opens it again", gate);

	if (declined && !declined->decision) /* its deadline has passed */
		declined = NULL;
	return cut_err_set(err, -EALREADY,
			   over	      ? run->steps[step].reason
			   : declined ? declined->what
				      : "it is not open",
			   failed || declined ? again : "cutover status tells who is waited for",
			   "%s takes no votes now", gate);
}

int cut_gate_may_vote(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	const char *gate = ev->approval.gate;
	struct cut_voter voter = cut_voter_of(run, ev);
	uint32_t step, phase;
	int r;

	if (!find_gate(run, gate, &step, &phase))
		return cut_err_set(err, -EINVAL, NULL, "cutover status lists what waits for people",
				   "there is no gate %s", gate);
	r = may_use_nonce(run, ev, err);
	if (r < 0)
		return r;
	if (!cut_run_forward(run))
		return cut_err_set(err, -EALREADY, NULL, NULL,
				   "the run is %s and waits for no approval",
				   cut_run_state_name(run->state));
	if (step != CUT_NONE ? run->steps[step].waiting == CUT_NONE : !sign_off_of(run, phase))
		return not_open(run, gate, step, err);
	if (step != CUT_NONE && ev->t >= run->steps[step].due)
		return cut_err_set(err, -EALREADY, "it has expired", NULL, "%s takes no votes now",
				   gate);
	r = may_count(run, ev, step, phase, err);
	if (r == 0)
		r = may_use(ev,
			    step != CUT_NONE ? &run->waiting.items[run->steps[step].waiting]
					     : sign_off_of(run, phase),
			    err);
	if (r < 0 || ev->approval.decline)
		return r;
	if (step != CUT_NONE && gate_satisfied(run, step, phase, &voter) &&
	    !values_true(ev->approval.values))
		return cut_err_set(err, -EBUSY,
				   "one of its checks is not true at the last approval",
				   "cutover status shows the checks; approve again once they hold",
				   "%s cannot be approved now", gate);
	return 0;
}

/* Declined, or nobody came in time. */
static void end_gate(struct cut_run *run, uint32_t step, enum cut_gate_end end)
{
	const char *address = run->rb->steps[step].address;
	const char *reason = run->steps[step].reason;

	if (end == CUT_GATE_ROLLBACK) {
		cut_run_cause(run, cut_cause("gate", address, reason));
		return;
	}
	if (end == CUT_GATE_ABORT) {
		cut_auto(cut_str) char *why = cut_printf("%s: %s", address, reason);

		cut_run_abort(run, CUT_RUN_FAILED, why);
		return;
	}
	cut_hold_add(
		run, CUT_HOLD_GATE, address, true, true,
		cut_printf("cutover retry %s opens it again with the old votes void; or cutover "
			   "rollback, or cutover abort",
			   address),
		"%s: %s", address, reason);
}

static void fail_gate(struct cut_run *run, uint32_t step, enum cut_gate_end end)
{
	struct cut_run_step *s = &run->steps[step];

	cut_gate_close(run, step);
	cut_step_rest(run, step);
	cut_step_move(run, step, CUT_STEP_FAILED);
	s->ended = run->t;
	s->ended_wall = run->wall;
	cut_step_record(run, step, true);
	end_gate(run, step, end);
}

void cut_gate_expire(struct cut_run *run, uint32_t step)
{
	cut_auto(cut_buf) struct cut_buf after = {0};

	cut_duration_human(run->rb->steps[step].approve->expires, &after);
	cut_step_say(run, step, "it has expired: not approved within %s", cut_buf_str(&after));
	fail_gate(run, step, run->rb->steps[step].approve->on_expiry);
}

static void decline_sign_off(struct cut_run *run, uint32_t phase, const char *who)
{
	const char *id = run->rb->phases[phase].id;

	cut_gate_sign_off(run, phase, false);
	cut_hold_drop(run, CUT_HOLD_ACCEPTANCE, id); /* of its deadline: this one is a decision */
	cut_hold_add(
		run, CUT_HOLD_ACCEPTANCE, id, true, true,
		cut_printf("cutover retry %s asks for the sign-off again, or cutover rollback", id),
		"%s declined to accept %s", who, id);
}

static void note_approved(struct cut_run *run, uint32_t step, uint32_t phase, const char *who)
{
	cut_vec_foreach (&run->waiting, waiting) {
		if (waiting->step != step || waiting->phase != phase)
			continue;
		if (!waiting->approved)
			waiting->approved = json_array();
		json_array_append_new(waiting->approved, json_string(who));
	}
}

void cut_gate_vote(struct cut_run *run, const struct cut_event *ev)
{
	const char *who = cut_step_short(ev->approval.name, "somebody");
	const char *comment = ev->approval.comment;
	uint32_t step = CUT_NONE, phase = CUT_NONE;

	find_gate(run, ev->approval.gate, &step, &phase);
	if (ev->approval.nonce)
		cut_vec_push(&run->nonces, cut_strdup(ev->approval.nonce));
	if (ev->approval.decline && phase != CUT_NONE) {
		decline_sign_off(run, phase, who);
		return;
	}
	if (ev->approval.decline) {
		cut_step_say(run, step, "%s declined it%s%s", who, comment ? ": " : "",
			     comment ? comment : "");
		fail_gate(run, step, run->rb->steps[step].approve->on_decline);
		return;
	}
	cut_vec_push(&run->votes, (struct cut_vote){step, phase, cut_voter_of(run, ev)});
	note_approved(run, step, phase, who);
	if (step != CUT_NONE && gate_satisfied(run, step, CUT_NONE, NULL)) {
		cut_step_say(run, step, "approved, last by %s", who);
		cut_step_succeed(run, step);
	} else if (phase != CUT_NONE && gate_satisfied(run, CUT_NONE, phase, NULL)) {
		wait_no_more(run, (uint32_t)(sign_off_of(run, phase) - run->waiting.items));
	}
}
