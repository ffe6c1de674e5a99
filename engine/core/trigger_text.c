/* SPDX-License-Identifier: Apache-2.0 */
/* What a trigger says to people: the value beside its threshold, and how long. */
#include "engine/core/trigger.h"

#include <math.h>
#include <string.h>

const char *cut_sample_class_name(enum cut_sample_class c)
{
	static const char *const names[CUT_SAMPLE_CLASSES] = {
		[CUT_SAMPLE_GOOD] = "good",   [CUT_SAMPLE_BAD] = "bad",
		[CUT_SAMPLE_GREY] = "grey",   [CUT_SAMPLE_MISSING] = "missing",
		[CUT_SAMPLE_ERROR] = "error",
	};

	return names[c];
}

static void add_value(double value, const char *unit, struct cut_buf *out)
{
	if (unit && strcmp(unit, "ratio") == 0)
		cut_buf_printf(out, "%.4g %%", value * 100);
	else
		cut_buf_printf(out, "%.4g%s%s", value, unit && *unit ? " " : "", unit ? unit : "");
}

/* "7.2 % > 5 %", or "3 % <= 5 %" where it is not hit. */
static void add_comparison(const struct cut_bound *bound, double value, const char *unit,
			   struct cut_buf *out)
{
	bool below = bound->kind == CUT_BOUND_BELOW ||
		     (bound->kind == CUT_BOUND_OUTSIDE && value < bound->low);
	double limit = below ? bound->low : bound->high;
	const char *sign = value < limit ? "<" : value > limit ? ">" : "=";

	if (isnan(value)) {
		cut_buf_add_str(out, "no value");
		return;
	}
	add_value(value, unit, out);
	if (bound->kind == CUT_BOUND_OUTSIDE && value >= bound->low && value <= bound->high) {
		cut_buf_add_str(out, " within ");
		add_value(bound->low, NULL, out);
		cut_buf_add_str(out, " and ");
	} else {
		cut_buf_printf(out, " %s ", sign);
	}
	add_value(limit, unit, out);
}

static void add_persistence(const struct cut_trigger_machine *m, struct cut_buf *out)
{
	const struct cut_trigger *spec = m->spec;
	bool firing = m->state == CUT_TRIGGER_FIRING;

	switch (spec->persist) {
	case CUT_PERSIST_FOR:
		cut_buf_add_str(out, " for ");
		cut_duration_human(m->bad_time, out);
		if (!firing) {
			cut_buf_add_str(out, " of ");
			cut_duration_human(spec->for_time, out);
		}
		break;
	case CUT_PERSIST_CONSECUTIVE:
		cut_buf_printf(out, ", %u of %u in a row", m->count, spec->n);
		break;
	case CUT_PERSIST_TOTAL: cut_buf_printf(out, ", %u of %u in all", m->count, spec->n); break;
	case CUT_PERSIST_M_OF_N:
		cut_buf_printf(out, ", %u of the last %u samples are the limit", spec->m, spec->n);
		break;
	}
}

/* "fires at > 5 % for 3m00s" */
static void add_limit(const struct cut_trigger *spec, const char *unit, struct cut_buf *out)
{
	cut_buf_add_str(out, "fires at ");
	if (spec->bad.kind != CUT_BOUND_ABOVE) {
		cut_buf_add_str(out, "< ");
		add_value(spec->bad.low, unit, out);
	}
	if (spec->bad.kind == CUT_BOUND_OUTSIDE)
		cut_buf_add_str(out, " or ");
	if (spec->bad.kind != CUT_BOUND_BELOW) {
		cut_buf_add_str(out, "> ");
		add_value(spec->bad.high, unit, out);
	}
	switch (spec->persist) {
	case CUT_PERSIST_FOR:
		cut_buf_add_str(out, " for ");
		cut_duration_human(spec->for_time, out);
		break;
	case CUT_PERSIST_CONSECUTIVE: cut_buf_printf(out, ", %u in a row", spec->n); break;
	case CUT_PERSIST_TOTAL: cut_buf_printf(out, ", %u in all", spec->n); break;
	case CUT_PERSIST_M_OF_N:
		cut_buf_printf(out, ", %u of the last %u", spec->m, spec->n);
		break;
	}
}

void cut_trigger_text(const struct cut_trigger_machine *m, double value, const char *unit,
		      cut_time t, struct cut_buf *out)
{
	switch ((enum cut_trigger_state)m->state) {
	case CUT_TRIGGER_DISARMED:
		if (m->armed_at == CUT_NEVER)
			add_limit(m->spec, unit, out);
		else
			cut_buf_add_str(out, "no longer needed");
		break;
	case CUT_TRIGGER_WARMUP:
		cut_buf_add_str(out, "samples count in ");
		cut_duration_human(m->armed_at + m->spec->warmup - t, out);
		break;
	case CUT_TRIGGER_BLIND:
		cut_buf_add_str(out, "no evidence for ");
		cut_duration_human(t - m->evidence_at, out);
		break;
	case CUT_TRIGGER_CLEAR:
		if (isnan(value))
			cut_buf_add_str(out, "armed");
		else
			add_comparison(&m->spec->bad, value, unit, out);
		break;
	case CUT_TRIGGER_PENDING:
	case CUT_TRIGGER_FIRING:
		add_comparison(&m->spec->bad, value, unit, out);
		add_persistence(m, out);
		break;
	case CUT_TRIGGER_STATES: break;
	}
}
