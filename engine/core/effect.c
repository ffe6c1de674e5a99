/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine asks for: its lifetime, and the records among it. */
#include "engine/core/effect.h"

#include "engine/base/json.h"
#include "engine/core/run.h"

static void effect_done(struct cut_effect *fx)
{
	switch (fx->type) {
	case CUT_FX_INTENT:
	case CUT_FX_CALL:
	case CUT_FX_CANCEL:
	case CUT_FX_EVAL: json_decref(fx->call.params); break;
	case CUT_FX_STEP: free(fx->step.reason); break;
	case CUT_FX_RUN:
		free(fx->run.cause);
		json_decref(fx->run.details);
		break;
	case CUT_FX_PAGE: free(fx->page.text); break;
	case CUT_FX_END: break;
	}
}

void cut_effects_clear(struct cut_effects *effects)
{
	for (size_t i = 0; i < effects->len; i++)
		effect_done(&effects->items[i]);
	effects->len = 0;
}

void cut_effects_done(struct cut_effects *effects)
{
	cut_effects_clear(effects);
	free(effects->items);
	*effects = (struct cut_effects){0};
}

bool cut_effect_is_record(const struct cut_effect *fx)
{
	return fx->type == CUT_FX_INTENT || fx->type == CUT_FX_STEP || fx->type == CUT_FX_RUN;
}

static void encode_intent(struct cut_jw *w, const struct cut_effect *fx,
			  const struct cut_runbook *rb)
{
	cut_jw_str(w, "step", rb->steps[fx->call.step].address);
	cut_jw_str(w, "op", cut_op_name(fx->call.op));
	cut_jw_int(w, "attempt", fx->call.attempt);
	cut_jw_str(w, "direction", fx->call.op == CUT_OP_ROLLBACK ? "rollback" : "apply");
	cut_jw_str(w, "key", fx->call.key);
}

static void encode_step(struct cut_jw *w, const struct cut_effect *fx, const struct cut_runbook *rb)
{
	cut_jw_str(w, "step", rb->steps[fx->step.step].address);
	cut_jw_str(w, "state", cut_step_state_name((enum cut_step_state)fx->step.state));
	if (fx->step.reason)
		cut_jw_str(w, "reason", fx->step.reason);
}

static void encode_run(struct cut_jw *w, const struct cut_effect *fx)
{
	cut_jw_str(w, "state", cut_run_state_name((enum cut_run_state)fx->run.state));
	cut_jw_str(w, "cause", fx->run.cause);
	if (fx->run.details)
		cut_jw_json(w, "details", fx->run.details);
}

const char *cut_effect_name(const struct cut_effect *fx)
{
	static const char *const names[] = {
		[CUT_FX_INTENT] = "intent",
		[CUT_FX_STEP] = "step",
		[CUT_FX_RUN] = "run",
	};

	return names[fx->type];
}

void cut_effect_encode(const struct cut_effect *fx, const struct cut_event *cause,
		       const struct cut_runbook *rb, struct cut_buf *out)
{
	struct cut_jw w = {.out = out};

	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "type", cut_effect_name(fx));
	cut_jw_rfc3339(&w, "at", cause->wall);
	cut_jw_int(&w, "t", cause->t);
	cut_jw_str(&w, "actor", "engine");
	if (fx->type == CUT_FX_INTENT)
		encode_intent(&w, fx, rb);
	else if (fx->type == CUT_FX_STEP)
		encode_step(&w, fx, rb);
	else
		encode_run(&w, fx);
	cut_jw_close(&w);
}
