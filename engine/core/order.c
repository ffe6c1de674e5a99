/* SPDX-License-Identifier: Apache-2.0 */
/* What operators order: who may, when it makes sense, and what it does. A row each. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <errno.h>
#include <string.h>

typedef int may_fn(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err);
typedef void do_fn(struct cut_run *run, const struct cut_event *ev);

const char *cut_order_who(const struct cut_event *ev)
{
	return ev->actor ? ev->actor : "an operator";
}

/* Absent from `authority`: any operator of the state directory. */
int cut_order_authorised(const struct cut_run *run, const struct cut_event *ev, const char *right,
			 struct cut_err *err)
{
	const json_t *roles = json_object_get(run->rb->authority, right);
	cut_auto(cut_buf) struct cut_buf names = {0};
	json_t *role;
	size_t i;

	if (!json_array_size(roles))
		return 0;
	json_array_foreach ((json_t *)roles, i, role) {
		if (cut_run_member(run, json_string_value(role), ev->order.uid))
			return 0;
		cut_buf_printf(&names, "%s%s", i ? ", " : "", json_string_value(role));
	}
	return cut_err_set(err, -EPERM, cut_buf_str(&names), "ask one of that role",
			   "%s may not %s: it takes one of authority.%s", cut_order_who(ev),
			   cut_order_name(ev->order.order), right);
}

static int not_now(const struct cut_run *run, const struct cut_event *ev, const char *next,
		   struct cut_err *err)
{
	cut_auto(cut_str) char *why = cut_printf("the run is %s", cut_run_state_name(run->state));

	return cut_err_set(err, -EALREADY, why, next, "cannot %s now",
			   cut_order_name(ev->order.order));
}

int cut_order_need_forward(const struct cut_run *run, const struct cut_event *ev,
			   struct cut_err *err)
{
	return cut_run_forward(run) ? 0 : not_now(run, ev, "cutover status shows where it is", err);
}

/* --- start, pause, resume, freeze --- */

static int may_begin(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return run->state == CUT_RUN_ARMED ? 0 : not_now(run, ev, NULL, err);
}

static void begin(struct cut_run *run, const struct cut_event *ev)
{
	cut_run_move(run, CUT_RUN_RUNNING);
	cut_run_record(run, NULL, "started by %s", cut_order_who(ev));
	cut_run_begin(run);
}

static int may_pause(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	int r = cut_order_need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (cut_hold_find(run, CUT_HOLD_OPERATOR, "pause"))
		return cut_err_set(err, -EALREADY, NULL, "cutover resume goes on",
				   "the run is paused already");
	return 0;
}

static void do_pause(struct cut_run *run, const struct cut_event *ev)
{
	const char *why = cut_json_str(ev->order.args, "reason", "");

	cut_hold_add(run, CUT_HOLD_OPERATOR, "pause", false, true, cut_strdup("cutover resume"),
		     "%s paused the run%s%s", cut_order_who(ev), *why ? ": " : "", why);
}

static int may_resume(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf open = {0};
	int r = cut_order_need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (!run->holds.len)
		return cut_err_set(err, -EALREADY, NULL, "cutover status tells what it waits for",
				   "the run is not paused");
	cut_vec_foreach (&run->holds, hold)
		if (hold->decision)
			cut_buf_printf(&open, "%s%s %s (%s)", open.len ? "; " : "",
				       cut_hold_kind_name(hold->kind), hold->id, hold->remedy);
	if (open.len)
		return cut_err_set(err, -EBUSY, cut_buf_str(&open), "decide that first",
				   "the run cannot resume: a decision is open");
	if (cut_hold_find(run, CUT_HOLD_WINDOW, NULL))
		return cut_order_authorised(run, ev, "override_window", err);
	return 0;
}

static void do_resume(struct cut_run *run, const struct cut_event *ev)
{
	if (cut_hold_find(run, CUT_HOLD_WINDOW, NULL))
		run->window_override = true;
	if (run->frozen_until)
		cut_run_thaw(run);
	cut_hold_drop_all(run);
}

static int may_freeze(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	int r = cut_order_need_forward(run, ev, err);

	if (r < 0)
		return r;
	if (cut_json_real(ev->order.args, "for", 0) <= 0)
		return cut_err_set(err, -EINVAL, NULL, "cutover freeze --for 10m",
				   "a freeze needs a duration");
	return cut_order_authorised(run, ev, "freeze", err);
}

static void do_freeze(struct cut_run *run, const struct cut_event *ev)
{
	cut_time length = cut_json_ms(json_object_get(ev->order.args, "for"), 0);
	const char *why = cut_json_str(ev->order.args, "reason", "");
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_duration_human(length, &text);
	run->frozen_until = run->t + length;
	cut_timer_set(run, CUT_TIMER_FREEZE, 0, run->frozen_until);
	cut_hold_add(run, CUT_HOLD_OPERATOR, "freeze", false, true,
		     cut_strdup("it ends by itself; cutover resume ends it now"),
		     "%s froze the run for %s: nothing starts, nothing rolls back by itself%s%s",
		     cut_order_who(ev), cut_buf_str(&text), *why ? ": " : "", why);
}

/* --- rollback, abort --- */

static int may_rollback(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	bool loss = cut_json_bool(ev->order.args, "accept_loss", false);
	bool *scope;
	int r;

	if (run->state == CUT_RUN_ROLLING_BACK && run->traffic == CUT_TRAFFIC_HELD &&
	    !ev->order.target)
		return 0;
	r = cut_order_need_forward(run, ev, err);
	if (r < 0)
		return r;
	scope = cut_new_array(bool, run->rb->steps_len);
	r = cut_rollback_scope(run, ev->order.target, scope, err);
	free(scope);
	if (r < 0)
		return r;
	if (run->stage_first == run->rb->forward_len)
		return cut_err_set(err, -EALREADY, NULL, "cutover resume lets it end",
				   "everything is accepted, nothing is left to roll back");
	if (run->ponr != CUT_NONE && !loss)
		return cut_err_set(err, -EPERM, "what came before it may be lost",
				   "cutover rollback --accept-loss",
				   "%s was the point of no return",
				   run->rb->steps[run->ponr].address);
	return loss ? cut_order_authorised(run, ev, "accept_loss", err) : 0;
}

static void do_rollback(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *text = NULL;
	json_t *causes;

	if (run->state == CUT_RUN_ROLLING_BACK) {
		cut_rollback_confirm(run);
		return;
	}
	text = ev->order.target ? cut_printf("%s ordered it, back to %s", cut_order_who(ev),
					     ev->order.target)
				: cut_printf("%s ordered it", cut_order_who(ev));
	causes = json_array();
	json_array_append_new(causes, cut_cause("operator", NULL, text));
	cut_rollback_start(run, causes, ev->order.target);
}

static int may_abort(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	if (run->state == CUT_RUN_ARMED || cut_run_forward(run))
		return 0;
	if (run->state == CUT_RUN_ROLLING_BACK && cut_hold_find(run, CUT_HOLD_ROLLBACK, NULL))
		return 0;
	return not_now(run, ev, "an abort never stops a rollback", err);
}

static void do_abort(struct cut_run *run, const struct cut_event *ev)
{
	cut_auto(cut_str) char *why = cut_printf("aborted by %s", cut_order_who(ev));

	run->keep_temporary = cut_json_bool(ev->order.args, "keep_temporary", false);
	cut_run_abort(run, CUT_RUN_ABORTED, why);
}

/* --- ack, command --- */

static uint32_t client_of(const struct cut_run *run, const char *id)
{
	for (uint32_t i = 0; id && i < run->rb->clients_len; i++)
		if (strcmp(run->rb->clients[i].id, id) == 0)
			return i;
	return CUT_NONE;
}

static int may_ack(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	if (client_of(run, ev->order.target) == CUT_NONE)
		return cut_err_set(err, -EINVAL, NULL, "clients are listed in the runbook",
				   "there is no client %s",
				   ev->order.target ? ev->order.target : "");
	return 0;
}

static void do_ack(struct cut_run *run, const struct cut_event *ev)
{
	run->acked[client_of(run, ev->order.target)] = true;
}

static int may_command(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return 0;
}

static void do_command(struct cut_run *run, const struct cut_event *ev)
{
	free(run->in_command);
	run->in_command = cut_strdup(ev->order.target);
}

static const struct {
	may_fn *may;
	do_fn *act;
} orders[CUT_ORDERS] = {
	[CUT_ORDER_START] = {may_begin, begin},
	[CUT_ORDER_PAUSE] = {may_pause, do_pause},
	[CUT_ORDER_RESUME] = {may_resume, do_resume},
	[CUT_ORDER_FREEZE] = {may_freeze, do_freeze},
	[CUT_ORDER_RETRY] = {cut_order_may_retry, cut_order_retry},
	[CUT_ORDER_SKIP] = {cut_order_may_skip, cut_order_skip},
	[CUT_ORDER_ATTEST] = {cut_order_may_attest, cut_order_attest},
	[CUT_ORDER_ROLLBACK] = {may_rollback, do_rollback},
	[CUT_ORDER_ABORT] = {may_abort, do_abort},
	[CUT_ORDER_ACK] = {may_ack, do_ack},
	[CUT_ORDER_COMMAND] = {may_command, do_command},
};

int cut_order_may(const struct cut_run *run, const struct cut_event *ev, struct cut_err *err)
{
	return orders[ev->order.order].may(run, ev, err);
}

void cut_order_apply(struct cut_run *run, const struct cut_event *ev)
{
	orders[ev->order.order].act(run, ev);
}
