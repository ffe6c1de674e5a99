/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of an acceptance machine as JSON, the evidence it puts forward for sign-off, and what
 * it says to people. */
#include "engine/core/acceptance.h"

#include <errno.h>
#include <math.h>

static const struct {
	const char *key;
	size_t offset;
} times[] =
	{
		{"done", offsetof(struct cut_acceptance_machine, done_at)},
		{"settled", offsetof(struct cut_acceptance_machine, settled_at)},
		{"clock", offsetof(struct cut_acceptance_machine, clock_at)},
		{"now", offsetof(struct cut_acceptance_machine, now)},
		{"clean", offsetof(struct cut_acceptance_machine, clean)},
		{"needed", offsetof(struct cut_acceptance_machine, needed)},
		{"journaled", offsetof(struct cut_acceptance_machine, journaled_at)},
		{"tests", offsetof(struct cut_acceptance_machine, tests_at)},
		{"good", offsetof(struct cut_acceptance_machine, good_at)},
},
  flags[] = {
	  {"overdue", offsetof(struct cut_acceptance_machine, overdue)},
	  {"testing", offsetof(struct cut_acceptance_machine, testing)},
	  {"tests_final", offsetof(struct cut_acceptance_machine, tests_final)},
	  {"passed", offsetof(struct cut_acceptance_machine, passed)},
};

json_t *cut_acceptance_save(const struct cut_acceptance_machine *a)
{
	json_t *memory = json_object(), *triggers = json_object();

	for (size_t i = 0; i < CUT_ARRAY_LEN(times); i++) {
		cut_time at = *(const cut_time *)((const char *)a + times[i].offset);

		if (at != CUT_NEVER)
			json_object_set_new(memory, times[i].key, json_integer(at));
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(flags); i++) {
		bool flag = *(const bool *)((const char *)a + flags[i].offset);

		json_object_set_new(memory, flags[i].key, json_boolean(flag));
	}
	json_object_set_new(memory, "state", json_string(cut_acceptance_moves[a->state].name));
	json_object_set_new(memory, "bad", json_integer(a->bad));
	for (uint32_t i = 0; i < a->rb->triggers_len; i++) {
		const struct cut_coverage *c = &a->triggers[i];

		if (c->last_at == CUT_NEVER && !c->watched)
			continue;
		json_object_set_new(
			triggers, a->rb->triggers[i].id,
			json_pack("{s:o*,s:I,s:I,s:b,s:b}", "last",
				  c->last_at == CUT_NEVER ? NULL : json_integer(c->last_at),
				  "slots", (json_int_t)c->slots, "slot", (json_int_t)c->slot,
				  "hole", c->hole, "watched", c->watched));
	}
	json_object_set_new(memory, "triggers", triggers);
	return memory;
}

int cut_acceptance_restore(struct cut_acceptance_machine *a, const json_t *memory,
			   struct cut_err *err)
{
	const json_t *triggers = json_object_get(memory, "triggers");
	int state = cut_state_named(cut_acceptance_moves, CUT_ACC_STATES,
				    cut_json_str(memory, "state", ""));

	if (state < 0 || !json_is_object(triggers) ||
	    !json_is_integer(json_object_get(memory, "now")))
		return cut_err_set(err, -EPROTO, "its memory is incomplete",
				   "see `cutover audit verify`",
				   "the acceptance of %s cannot go on", a->rb->phases[a->phase].id);

	for (size_t i = 0; i < CUT_ARRAY_LEN(times); i++)
		*(cut_time *)((char *)a + times[i].offset) =
			cut_json_int(memory, times[i].key, CUT_NEVER);
	for (size_t i = 0; i < CUT_ARRAY_LEN(flags); i++)
		*(bool *)((char *)a + flags[i].offset) = cut_json_bool(memory, flags[i].key, false);
	a->state = (unsigned)state;
	a->bad = (unsigned)cut_json_int(memory, "bad", 0);
	for (uint32_t i = 0; i < a->rb->triggers_len; i++) {
		const json_t *c = json_object_get(triggers, a->rb->triggers[i].id);

		a->triggers[i].last_at = cut_json_int(c, "last", CUT_NEVER);
		a->triggers[i].slots = cut_json_int(c, "slots", 0);
		a->triggers[i].slot = cut_json_int(c, "slot", -1);
		a->triggers[i].hole = cut_json_bool(c, "hole", false);
		a->triggers[i].watched = cut_json_bool(c, "watched", false);
	}
	return 0;
}

json_t *cut_acceptance_evidence(const struct cut_acceptance_machine *a)
{
	double coverage = cut_acceptance_coverage(a);

	return json_pack("{s:s, s:o, s:o, s:o, s:i, s:b}", "phase", a->rb->phases[a->phase].id,
			 "clean_s", cut_json_seconds(a->clean), "needed_s",
			 cut_json_seconds(a->needed), "coverage",
			 isnan(coverage) ? json_null() : json_real(coverage), "bad", (int)a->bad,
			 "tests_passed", a->passed);
}

void cut_acceptance_text(const struct cut_acceptance_machine *a, struct cut_buf *out)
{
	double coverage = cut_acceptance_coverage(a);

	switch (cut_acceptance_shown(a)) {
	case CUT_ACC_SETTLING:
		cut_buf_add_str(out, "the clock starts in ");
		cut_duration_human(a->settled_at - a->now, out);
		return;
	case CUT_ACC_OVERDUE:
		cut_buf_add_str(out, "not accepted ");
		cut_duration_human(a->now - a->done_at, out);
		cut_buf_add_str(out, " after the last step; ");
		break;
	case CUT_ACC_FAILED:
		cut_buf_add_str(out, a->overdue			      ? "the deadline has passed; "
				     : cut_acceptance_tests_failed(a) ? "tests failed; "
								      : "a bad sample; ");
		break;
	default: break;
	}
	cut_buf_add_str(out, "clean for ");
	cut_duration_human(a->clean, out);
	cut_buf_add_str(out, " of ");
	cut_duration_human(a->needed, out);
	if (!isnan(coverage))
		cut_buf_printf(out, ", coverage %.3g %%", coverage * 100);
}
