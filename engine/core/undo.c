/* SPDX-License-Identifier: Apache-2.0 */
/* The undo of one step, in a rollback or because it was temporary: its attempts and its end. It
 * never observes and never asks. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"
#include "engine/base/shell.h"

#include <string.h>

#define LOST_MAX 3 /* repeats that cost no retry: an undo is safe to repeat */

static const struct cut_retry *retry_of(const struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];

	return model->undo_body ? model->undo_body->retry : model->body.retry;
}

void cut_undo_call(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	s->undo_attempt++;
	if (s->state != CUT_STEP_ROLLING_BACK)
		cut_step_move(run, step, CUT_STEP_ROLLING_BACK);
	cut_call_start(run, step, CUT_PART_UNDO, CUT_OP_ROLLBACK,
		       run->rb->steps[step].undo_body ? CUT_OP_APPLY : CUT_OP_ROLLBACK);
}

void cut_undo_start(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	s->part = CUT_PART_UNDO;
	s->active = true;
	s->undo_tries = s->lost = 0;
	run->lanes[CUT_LANE_UNDO].active++;
	if (s->state != CUT_STEP_ROLLBACK_PENDING && s->state != CUT_STEP_ROLLBACK_FAILED)
		cut_step_move(run, step, CUT_STEP_ROLLBACK_PENDING);
	cut_undo_call(run, step);
}

/* How long a step took is how long its own work did; people read when all was over. */
static void ended(struct cut_run *run, struct cut_run_step *s)
{
	if (s->ended == CUT_NEVER)
		s->ended = run->t;
	s->ended_wall = run->wall;
}

static void done(struct cut_run *run, uint32_t step)
{
	struct cut_run_step *s = &run->steps[step];

	cut_step_rest(run, step);
	cut_step_move(run, step, CUT_STEP_ROLLED_BACK);
	ended(run, s);
	s->unclosed = false;
	cut_step_record(run, step, true);
	cut_downtime_stop(run, step, true);
	cut_rollback_ended(run, step);
}

void cut_undo_fail(struct cut_run *run, uint32_t step, const char *text)
{
	const struct cut_step *model = &run->rb->steps[step];
	struct cut_run_step *s = &run->steps[step];

	cut_step_say(run, step, "could not be undone: %s", text);
	cut_step_rest(run, step);
	cut_step_move(run, step, CUT_STEP_ROLLBACK_FAILED);
	ended(run, s);
	cut_step_record(run, step, true);
	if (model->temporary) {
		cut_auto(cut_str) char *how = cut_undo_by_hand(run, step);

		s->unclosed = true;
		cut_run_page(run, "step", "%s was temporary and is still there: %s; %s",
			     model->address, text, how);
	} else {
		run->undo_failed++;
	}
}

/* A person has undone it by hand. */
void cut_undo_attested(struct cut_run *run, uint32_t step)
{
	if (!run->rb->steps[step].temporary)
		run->undo_failed--;
	cut_step_say(run, step, "undone by hand");
	done(run, step);
}

/* How long old answers may live: as the undo tells, else as long as after the step itself. */
static void note_tail(struct cut_run *run, const struct cut_run_step *s, const json_t *data)
{
	cut_time tail = cut_json_ms(json_object_get(data, "tail"),
				    cut_json_ms(json_object_get(s->outputs, "tail"), 0));

	if (run->state == CUT_RUN_ROLLING_BACK && run->t + tail > run->undo_tail)
		run->undo_tail = run->t + tail;
}

void cut_undo_outcome(struct cut_run *run, const struct cut_event *ev)
{
	uint32_t step = ev->outcome.step;
	struct cut_run_step *s = &run->steps[step];
	const struct cut_retry *retry = retry_of(run, step);
	const char *text = cut_step_short(ev->outcome.text, "no reason was given");

	if (ev->outcome.status == CUT_OK) {
		note_tail(run, s, ev->outcome.data);
		cut_step_say(run, step, NULL);
		done(run, step);
		return;
	}
	if (ev->outcome.status == CUT_UNKNOWN && s->lost < LOST_MAX) {
		s->lost++;
		cut_call_resend(run, step, CUT_OP_ROLLBACK, (enum cut_op)s->entry);
		return;
	}
	if (s->undo_tries >= retry->limit) {
		cut_undo_fail(run, step, text);
		return;
	}
	s->undo_tries++;
	cut_step_say(run, step, "undo, try %u of %u follows: %s", s->undo_tries + 1u,
		     retry->limit + 1, text);
	cut_step_doing(run, step, CUT_DOING_DELAY);
	cut_timer_step(run, step,
		       run->t + cut_call_delay(run, ev, retry, s->undo_attempt, s->undo_tries),
		       false);
}

/* As it is typed into a shell; what nobody may know here, or not yet, is "?". */
static void add_command(const struct cut_run *run, const json_t *params, struct cut_buf *out)
{
	const char *folder = cut_json_str(params, "cwd", run->rb->folder), *name;
	json_t *value;
	size_t i;

	cut_buf_add_str(out, "cd ");
	cut_shell_word(folder ? folder : "/", out);
	cut_buf_add_str(out, " &&");
	json_object_foreach (json_object_get(params, "env"), name, value) {
		cut_buf_printf(out, " %s=", name);
		cut_shell_word(json_string_value(value), out);
	}
	if (cut_json_bool(params, "shell", false))
		cut_buf_add_str(out, " sh -c");
	json_array_foreach (json_object_get(params, "argv"), i, value) {
		cut_buf_add_char(out, ' ');
		cut_shell_word(json_string_value(value), out);
	}
}

/* The command, or the values, that a person would restore. */
char *cut_undo_by_hand(struct cut_run *run, uint32_t step)
{
	const struct cut_step *model = &run->rb->steps[step];
	cut_auto(cut_json) json_t *params = NULL;
	cut_auto(cut_err) struct cut_err ignored = {0};
	cut_auto(cut_buf) struct cut_buf out = {0};

	if (model->undo_body && cut_env_params(run, step, model->undo_body, &params, &ignored) < 0)
		params = json_incref(model->undo_body->params);
	if (run->steps[step].saved) {
		cut_buf_add_str(&out, "restore by hand: ");
		cut_json_canonical(run->steps[step].saved, &out);
	} else if (json_object_get(params, "argv")) {
		cut_buf_add_str(&out, "run by hand: ");
		add_command(run, params, &out);
	} else {
		cut_buf_printf(&out, "undo by hand what %s of %s did",
			       model->undo_body ? model->undo_body->uses : model->body.uses,
			       model->address);
	}
	return cut_buf_take(&out);
}
