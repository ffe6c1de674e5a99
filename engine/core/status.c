/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/status.h"

#include <math.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *holds_json(const struct cut_run *run)
{
	json_t *list = json_array();
	size_t len;
	const struct cut_hold *holds = cut_run_holds(run, &len);

	for (size_t i = 0; i < len; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:s, s:o}", "kind",
					cut_hold_kind_name(holds[i].kind), "id", holds[i].id,
					"since", cut_json_rfc3339(holds[i].since), "what",
					holds[i].what, "remedy", text_or_null(holds[i].remedy)));
	return list;
}

static json_t *downtimes_json(const struct cut_run *run, const struct cut_runbook *rb, cut_time t)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < rb->downtimes_len; i++) {
		bool running = false;
		cut_time elapsed = 0;

		cut_run_downtime(run, i, t, &running, &elapsed);
		json_object_set_new(all, rb->downtimes[i].id,
				    json_pack("{s:b, s:o, s:o}", "running", running, "elapsed_s",
					      cut_json_seconds(elapsed), "limit_s",
					      cut_json_seconds(rb->downtimes[i].limit)));
	}
	return all;
}

/* The addresses of the steps of which has is true. */
static json_t *steps_that(const struct cut_run *run, const struct cut_runbook *rb,
			  bool (*has)(const struct cut_run *run, uint32_t step))
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < rb->steps_len; i++)
		if (has(run, i))
			json_array_append_new(list, json_string(rb->steps[i].address));
	return list;
}

static json_t *phases_json(const struct cut_runbook *rb)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < rb->phases_len; i++)
		json_array_append_new(list, json_string(rb->phases[i].id));
	return list;
}

void cut_status_step(const struct cut_runbook *rb, const struct cut_run *run, uint32_t index,
		     struct cut_jw *w)
{
	const struct cut_step *step = &rb->steps[index];
	struct cut_step_view view;

	cut_run_step_view(run, index, &view);
	cut_jw_open(w, step->address, '{');
	cut_jw_str(w, "phase", rb->phases[step->phase].id);
	cut_jw_str(w, "state", cut_step_state_name(view.state));
	cut_jw_int(w, "attempt", view.attempt);
	cut_jw_rfc3339(w, "started", view.started_wall);
	cut_jw_rfc3339(w, "ended", view.ended_wall);
	cut_jw_rfc3339(w, "due", view.due_wall);
	cut_jw_seconds(w, "planned_s", step->planned);
	cut_jw_json(w, "outputs", view.outputs);
	cut_jw_str(w, "reason", view.reason);
	cut_jw_close(w);
}

static json_t *steps_json(const struct cut_run *run, const struct cut_runbook *rb)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_jw w = {.out = &text};
	json_t *all;

	cut_jw_open(&w, NULL, '{');
	for (uint32_t i = 0; i < rb->steps_len; i++)
		cut_status_step(rb, run, i, &w);
	cut_jw_close(&w);
	all = json_loadb(cut_buf_str(&text), text.len, JSON_ALLOW_NUL, NULL);
	return all;
}

/* A group shows the first of these that one of its steps is in; but one that is partly done and
 * partly to do is running. */
static enum cut_step_state fold(uint32_t states)
{
	static const enum cut_step_state order[] = {
		CUT_STEP_UNKNOWN,
		CUT_STEP_ROLLBACK_FAILED,
		CUT_STEP_ROLLING_BACK,
		CUT_STEP_ROLLBACK_PENDING,
		CUT_STEP_ROLLBACK_IMPOSSIBLE,
		CUT_STEP_ROLLED_BACK,
		CUT_STEP_FAILED,
		CUT_STEP_RUNNING,
		CUT_STEP_VERIFYING,
	};
	uint32_t done = states & (1u << CUT_STEP_SUCCEEDED | 1u << CUT_STEP_SKIPPED);
	uint32_t open = states & (1u << CUT_STEP_PENDING | 1u << CUT_STEP_READY);

	for (size_t i = 0; i < CUT_ARRAY_LEN(order); i++)
		if (states & 1u << order[i])
			return order[i];
	if (done && open)
		return CUT_STEP_RUNNING;
	if (open)
		return open & 1u << CUT_STEP_READY ? CUT_STEP_READY : CUT_STEP_PENDING;
	return done == 1u << CUT_STEP_SKIPPED ? CUT_STEP_SKIPPED : CUT_STEP_SUCCEEDED;
}

static json_t *groups_json(const struct cut_run *run, const struct cut_runbook *rb)
{
	json_t *all = json_object();
	uint32_t *states = cut_new_array(uint32_t, rb->groups_len + 1);

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		struct cut_step_view view;

		cut_run_step_view(run, i, &view);
		for (uint32_t g = rb->steps[i].group; g != CUT_NONE; g = rb->groups[g].parent)
			states[g] |= 1u << view.state;
	}
	for (uint32_t g = 0; g < rb->groups_len; g++)
		json_object_set_new(
			all, rb->groups[g].address,
			json_pack("{s:s}", "state", cut_step_state_name(fold(states[g]))));
	free(states);
	return all;
}

static json_t *triggers_json(const struct cut_watch *watch, const struct cut_runbook *rb,
			     cut_time t)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < rb->triggers_len; i++) {
		cut_auto(cut_buf) struct cut_buf text = {0};
		struct cut_trigger_view view;

		cut_watch_trigger(watch, i, &view);
		cut_watch_trigger_text(watch, i, t, &text);
		json_object_set_new(all, rb->triggers[i].id,
				    json_pack("{s:s, s:o, s:o, s:s}", "state",
					      cut_trigger_shown(&rb->triggers[i], view.state),
					      "value", real_or_null(view.value), "since",
					      cut_json_rfc3339(view.since), "text",
					      cut_buf_str(&text)));
	}
	return all;
}

static json_t *acceptance_json(const struct cut_watch *watch, const struct cut_runbook *rb)
{
	struct cut_acceptance_view view;

	cut_watch_acceptance(watch, &view);
	if (view.phase == CUT_NONE)
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "phase", rb->phases[view.phase].id, "state",
			 cut_acceptance_name(view.state), "clean_s", cut_json_seconds(view.clean),
			 "needed_s", cut_json_seconds(view.needed), "coverage",
			 real_or_null(view.coverage));
}

static json_t *role_names(const struct cut_runbook *rb, const uint32_t *roles, uint32_t len)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < len; i++)
		if (roles[i] != CUT_NONE)
			json_array_append_new(list, json_string(rb->roles[roles[i]].name));
	return list;
}

static json_t *evidence_names(const struct cut_manual *manual)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < manual->evidence_len; i++)
		json_array_append_new(list, json_string(manual->evidence[i]));
	return list;
}

/* How many persons it takes. */
static json_t *quorum_of(const struct cut_runbook *rb, const uint32_t *roles, uint32_t len)
{
	json_int_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += rb->roles[roles[i]].quorum;
	return json_integer(sum);
}

static json_t *waiting_json(const struct cut_runbook *rb, const struct cut_waiting *waiting)
{
	static const char *const ends[] = {
		[CUT_GATE_PAUSE] = "pause",
		[CUT_GATE_ROLLBACK] = "rollback",
		[CUT_GATE_ABORT] = "abort",
	};
	const char *kind = NULL, *id = NULL, *on_decline = NULL;
	json_t *roles = NULL, *wants = json_null(), *quorum = json_null();

	switch (waiting->kind) {
	case CUT_WAITING_APPROVAL: {
		const struct cut_approve *approve = rb->steps[waiting->step].approve;

		kind = "approval";
		id = rb->steps[waiting->step].address;
		roles = role_names(rb, approve->roles, approve->roles_len);
		quorum = quorum_of(rb, approve->roles, approve->roles_len);
		on_decline = ends[approve->on_decline];
		break;
	}
	case CUT_WAITING_MANUAL:
		kind = "manual";
		id = rb->steps[waiting->step].address;
		roles = role_names(rb, &rb->steps[waiting->step].manual->role, 1);
		wants = evidence_names(rb->steps[waiting->step].manual);
		break;
	case CUT_WAITING_SIGN_OFF: {
		const struct cut_acceptance *acceptance = &rb->phases[waiting->phase].acceptance;

		kind = "sign_off";
		on_decline = ends[CUT_GATE_PAUSE];
		id = rb->phases[waiting->phase].id;
		roles = role_names(rb, acceptance->sign_off, acceptance->sign_off_len);
		quorum = quorum_of(rb, acceptance->sign_off, acceptance->sign_off_len);
		break;
	}
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:O?, s:o, s:o, s:O?, s:s?, s:s?, s:o, s:O?, s:s?}",
			 "kind", kind, "id", id, "roles", roles, "quorum", quorum, "approved",
			 waiting->approved, "since", cut_json_rfc3339(waiting->since), "expires",
			 cut_json_rfc3339(waiting->expires), "evidence", waiting->evidence,
			 "evidence_sha256", waiting->evidence ? waiting->digest : NULL, "asks",
			 waiting->asks, "wants", wants, "links",
			 json_object_get(rb->step_links, id), "on_decline", on_decline);
}

static json_t *waiting_for_json(const struct cut_run *run, const struct cut_runbook *rb)
{
	json_t *list = json_array();
	size_t len;
	const struct cut_waiting *waiting = cut_run_waiting(run, &len);

	for (size_t i = 0; i < len; i++)
		json_array_append_new(list, waiting_json(rb, &waiting[i]));
	return list;
}

/* The gate that a run which goes on reaches next. */
static json_t *next_gate(const struct cut_run *run, const struct cut_runbook *rb)
{
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];
		struct cut_step_view view;

		if (step->kind != CUT_STEP_APPROVE)
			continue;
		cut_run_step_view(run, i, &view);
		if (view.state < CUT_STEP_SUCCEEDED)
			return json_string(step->address);
	}
	return json_null();
}

/* The time for which it is armed; null where a person's word is waited for, or it has begun. */
static json_t *starts_json(const struct cut_run *run)
{
	const char *start = cut_json_str(cut_run_armed(run), "start", "");
	cut_time at;

	if (cut_run_state(run) != CUT_RUN_ARMED || cut_rfc3339_parse(start, strlen(start), &at) < 0)
		return json_null();
	return cut_json_rfc3339(at);
}

json_t *cut_status_head(const struct cut_runbook *rb, const struct cut_run *run,
			const struct cut_watch *watch, cut_time t, cut_time wall)
{
	uint32_t phase = cut_run_phase(run);
	cut_time closes = rb->window.closes;
	json_t *status = json_object();

	json_object_set_new(status, "run",
			    text_or_null(cut_json_str(cut_run_armed(run), "run", NULL)));
	json_object_set_new(status, "runbook", text_or_null(rb->name));
	json_object_set_new(status, "seq", json_null());
	json_object_set_new(status, "at", cut_json_rfc3339(wall));
	json_object_set_new(status, "engine", json_null());
	json_object_set_new(status, "state", json_string(cut_run_state_name(cut_run_state(run))));
	json_object_set_new(status, "starts", starts_json(run));
	json_object_set_new(status, "holds", holds_json(run));
	json_object_set_new(status, "phase",
			    text_or_null(phase == CUT_NONE ? NULL : rb->phases[phase].id));
	json_object_set_new(status, "plan_sha256",
			    text_or_null(cut_json_str(cut_run_armed(run), "plan_sha256", NULL)));
	json_object_set_new(status, "in_command", text_or_null(cut_run_in_command(run)));
	json_object_set_new(status, "fault", json_null());
	json_object_set_new(status, "socket", json_null());
	json_object_set_new(status, "loop_max_ms", json_null());
	json_object_set_new(status, "loop_max_wall_ms", json_null());
	json_object_set_new(status, "rank", json_null());
	json_object_set_new(status, "elapsed_s", cut_json_seconds(t));
	json_object_set_new(status, "late_s", json_null());
	json_object_set_new(status, "eta", json_null());
	json_object_set_new(status, "downtime", downtimes_json(run, rb, t));
	json_object_set_new(status, "temporary_open", steps_that(run, rb, cut_run_temporary_open));
	json_object_set_new(status, "unclosed", steps_that(run, rb, cut_run_unclosed));
	json_object_set_new(status, "phases", phases_json(rb));
	json_object_set_new(status, "groups", groups_json(run, rb));
	json_object_set_new(status, "triggers", triggers_json(watch, rb, t));
	json_object_set_new(status, "acceptance", acceptance_json(watch, rb));
	json_object_set_new(status, "window",
			    json_pack("{s:o, s:n, s:n, s:n, s:n}", "closes",
				      cut_json_rfc3339(closes), "margin_s", "forward_s", "back_s",
				      "latest_safe_rollback"));
	json_object_set_new(status, "waiting_for", waiting_for_json(run, rb));
	json_object_set_new(status, "continue",
			    json_pack("{s:n, s:n, s:o}", "time_s", "downtime_s", "next_gate",
				      next_gate(run, rb)));
	json_object_set_new(status, "rollback", cut_run_rollback_cost(run));
	json_object_set_new(status, "exit_code", json_integer(cut_run_exit_code(run)));
	return status;
}

json_t *cut_status_json(const struct cut_runbook *rb, const struct cut_run *run,
			const struct cut_watch *watch, cut_time t, cut_time wall)
{
	json_t *status = cut_status_head(rb, run, watch, t, wall);

	json_object_set_new(status, "steps", steps_json(run, rb));
	return status;
}
