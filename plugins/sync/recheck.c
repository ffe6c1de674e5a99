/* SPDX-License-Identifier: Apache-2.0 */
/* Looks again at chunks that did not match, because on a live table most of them were only written
 * to. Blue is read, then a heartbeat has to come over, so that green has all that blue had; then
 * green is read, and blue once more. Green as blue was before or after: equal. Blue the same both
 * times and green not: different. Else it was written to meanwhile: again, row by row. */
#include "sync/compare.h"

#include <stdio.h>
#include <string.h>

enum {
	MARK_MS = 60000, /* for a heartbeat to come over */
	QUIET_MS = 1000, /* instead of a heartbeat, where there is none */
	AGAIN_MS = 200,
};

enum { STEP_BEFORE, STEP_GREEN, STEP_AFTER, STEPS };

static void ask(struct compare *compare);
static void begin(void *owner);

static void end(struct compare *compare, const char *trouble)
{
	table_fn *fn = compare->recheck.fn;

	compare->recheck.fn = NULL;
	fn(compare, trouble);
}

static void next_suspect(struct compare *compare)
{
	struct recheck *re = &compare->recheck;

	for (size_t i = 0; i < STEPS; i++)
		rowset_done(&re->rows[i]);
	re->at++;
	re->times = 0;
	re->by_rows = false;
	begin(compare);
}

static void again(struct compare *compare)
{
	pair_later(&compare->pair, AGAIN_MS * compare->recheck.times, begin, compare);
}

static void report_busy(struct compare *compare, const char *what)
{
	char reason[256];

	snprintf(reason, sizeof(reason), "%s, also when looked at %d times", what, RECHECKS_MAX);
	report_unchecked(&compare->report, compare->plan.label, NULL, reason);
}

/* A table without a key, or only its rows' number: all of it or nothing. */
static void judge_whole(struct compare *compare, const struct digest *d)
{
	char what[96];

	if (digest_same(&d[STEP_BEFORE], &d[STEP_AFTER])) {
		if (d[STEP_BEFORE].rows == d[STEP_GREEN].rows)
			snprintf(what, sizeof(what),
				 "has other rows (it has no key to name them by)");
		else
			snprintf(what, sizeof(what), "has %lld row%s on blue, %lld on green",
				 (long long)d[STEP_BEFORE].rows,
				 d[STEP_BEFORE].rows == 1 ? "" : "s",
				 (long long)d[STEP_GREEN].rows);
		report_difference(&compare->report, compare->plan.label, NULL, what);
		next_suspect(compare);
	} else if (compare->recheck.times < RECHECKS_MAX) {
		again(compare);
	} else {
		report_busy(compare, "it was written to while it was compared");
		next_suspect(compare);
	}
}

static void judge_digests(struct compare *compare)
{
	struct recheck *re = &compare->recheck;
	const struct digest *d = re->digest;

	if (digest_same(&d[STEP_GREEN], &d[STEP_BEFORE]) ||
	    digest_same(&d[STEP_GREEN], &d[STEP_AFTER])) {
		next_suspect(compare);
	} else if (compare->plan.by != BY_KEY) {
		judge_whole(compare, d);
	} else {
		re->by_rows = true;
		begin(compare);
	}
}

static void judge_rows(struct compare *compare)
{
	struct recheck *re = &compare->recheck;
	bool last = re->times >= RECHECKS_MAX;
	const struct rowset *r = re->rows;
	size_t changing =
		rowset_judge(&compare->plan, &r[STEP_BEFORE], &r[STEP_GREEN], &r[STEP_AFTER], NULL);

	if (changing && !last) {
		again(compare);
		return;
	}
	rowset_judge(&compare->plan, &r[STEP_BEFORE], &r[STEP_GREEN], &r[STEP_AFTER],
		     &compare->report);
	if (changing) {
		char what[64];

		snprintf(what, sizeof(what), "%zu row%s written to on blue", changing,
			 changing == 1 ? " was" : "s were");
		report_busy(compare, what);
	}
	next_suspect(compare);
}

static void advance(struct compare *compare);

static void on_answer(void *owner, const struct pg_reply *reply)
{
	struct compare *compare = owner;
	struct recheck *re = &compare->recheck;

	if (compare_lost(compare, reply))
		return;
	if (reply->status != CUT_OK) {
		snprintf(re->trouble, sizeof(re->trouble), "%s", reply->text);
		end(compare, re->trouble);
	} else if (!re->by_rows) {
		chunk_read_digest(&re->digest[re->step], reply);
		advance(compare);
	} else if (rowset_read(&re->rows[re->step], &compare->plan, reply) < 0) {
		end(compare, "more rows came in between two keys than can be looked at one by one");
	} else {
		advance(compare);
	}
}

static void ask(struct compare *compare)
{
	struct recheck *re = &compare->recheck;
	enum side side = re->step == STEP_GREEN ? GREEN : BLUE;
	const struct chunk *chunk = &compare->suspects[re->at];

	(re->by_rows ? chunk_ask_rows : chunk_ask_digest)(
		compare_side(compare, side), &compare->plan, side, chunk, on_answer, compare);
}

static void next_step(void *owner)
{
	struct compare *compare = owner;

	compare->recheck.step++;
	ask(compare);
}

/* Goes on without heartbeats from now on, and says so if it matters. */
static void not_marked(struct compare *compare, const char *why)
{
	snprintf(compare->report.not_marked, sizeof(compare->report.not_marked), "%s", why);
	pair_later(&compare->pair, QUIET_MS, next_step, compare);
}

static void on_seen(struct beat *beat, const struct pg_reply *failed)
{
	struct compare *compare = beat->owner;

	if (failed && compare_lost(compare, failed))
		return;
	if (failed)
		not_marked(compare, failed->text);
	else if (!beat->seen)
		not_marked(compare, "the heartbeat has not come over");
	else
		next_step(compare);
}

static void on_marked(struct beat *beat, const struct pg_reply *failed)
{
	struct compare *compare = beat->owner;
	int64_t left_ms = call_left_ms(compare->pair.call) / 3;

	if (failed)
		on_seen(beat, failed);
	else
		beat_watch(beat, left_ms < MARK_MS ? left_ms : MARK_MS, on_seen);
}

static void advance(struct compare *compare)
{
	struct recheck *re = &compare->recheck;

	if (re->step == STEP_BEFORE) {
		if (compare->report.not_marked[0])
			pair_later(&compare->pair, QUIET_MS, next_step, compare);
		else
			beat_send(&compare->beat, on_marked);
	} else if (re->step == STEP_GREEN) {
		next_step(compare);
	} else if (re->by_rows) {
		judge_rows(compare);
	} else {
		judge_digests(compare);
	}
}

static void begin(void *owner)
{
	struct compare *compare = owner;
	struct recheck *re = &compare->recheck;

	if (re->at == compare->suspects_len || report_is_full(&compare->report)) {
		end(compare, NULL);
		return;
	}
	re->step = STEP_BEFORE;
	re->times++;
	ask(compare);
}

void recheck_start(struct compare *compare, table_fn *fn)
{
	compare->recheck.fn = fn;
	compare->recheck.at = 0;
	compare->recheck.times = 0;
	compare->recheck.by_rows = false;
	begin(compare);
}

void recheck_done(struct recheck *recheck)
{
	for (size_t i = 0; i < STEPS; i++)
		rowset_done(&recheck->rows[i]);
	*recheck = (struct recheck){0};
}
