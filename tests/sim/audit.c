/* SPDX-License-Identifier: Apache-2.0 */
/* The journal by itself, as somebody reads it afterwards: each attempt has one intent and one
 * resolution at most, and what might have landed was not repeated blindly. */
#include "sim.h"

#include "engine/base/json.h"

#include <string.h>

struct attempt { /* the last one of a step */
	unsigned number;
	bool resolved; /* the engine knows what became of it, or a person said so */
	bool ended;    /* its outcome was told */
	bool saved;
};

struct audit {
	struct sim *sim;
	struct attempt *attempts;
};

static void on_intent(struct audit *a, uint32_t step, const json_t *record)
{
	const struct cut_step *model = &a->sim->rb->steps[step];
	struct attempt *last = &a->attempts[step];
	unsigned number = (unsigned)cut_json_int(record, "attempt", 0);
	bool asks_first = model->body.class == CUT_PROBE || model->body.class == CUT_OPAQUE;

	if (strcmp(cut_json_str(record, "op", ""), "apply") != 0)
		return;
	if (number <= last->number)
		sim_fault(a->sim, "%s has two intents of attempt %u", model->address, number);
	if (last->number && asks_first && !last->resolved &&
	    !(model->body.effects & CUT_SAVES && !last->saved))
		sim_fault(a->sim, "%s was repeated blindly", model->address);
	last->number = number;
	last->resolved = last->ended = false;
}

static void on_outcome(struct audit *a, uint32_t step, const json_t *record)
{
	struct attempt *last = &a->attempts[step];
	const char *op = cut_json_str(record, "op", ""),
		   *status = cut_json_str(record, "status", "");
	bool unknown = strcmp(status, "unknown") == 0;
	bool retry = strcmp(status, "retry") == 0; /* of a repetition: it is still open */

	if (strcmp(op, "observe") == 0)
		last->resolved |= strcmp(status, "retry") == 0;
	if (strcmp(op, "apply") != 0 || !cut_step_writes(&a->sim->rb->steps[step]))
		return;
	if (last->ended)
		sim_fault(a->sim, "attempt %u of %s was resolved twice", last->number,
			  a->sim->rb->steps[step].address);
	last->ended = !unknown && !retry;
	last->resolved |= !unknown || cut_json_bool(record, "not_sent", false);
}

static int on_record(void *data, uint64_t seq, const json_t *record)
{
	struct audit *a = data;
	const char *type = cut_json_str(record, "type", "");
	const char *name = cut_json_str(record, "step", cut_json_str(record, "target", ""));
	uint32_t step = cut_runbook_address(a->sim->rb, name);

	if (step == CUT_NONE || json_object_get(record, "refused"))
		return 0;
	if (strcmp(type, "intent") == 0)
		on_intent(a, step, record);
	else if (strcmp(type, "outcome") == 0)
		on_outcome(a, step, record);
	else if (strcmp(type, "saved") == 0)
		a->attempts[step].saved = true;
	else if (strcmp(type, "order") == 0)
		a->attempts[step].resolved = true;
	return 0;
}

void sim_audit(struct sim *sim)
{
	struct audit audit = {.sim = sim};
	struct cut_journal_scan scan = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	if (sim_failed(sim))
		return;
	audit.attempts = cut_new_array(struct attempt, sim->rb->steps_len + 1);
	if (cut_journal_read_disk("/run", &sim_disk_io, on_record, &audit, &scan, &err) < 0)
		sim_fault(sim, "the journal cannot be read: %s", err.what);
	free(audit.attempts);
}
