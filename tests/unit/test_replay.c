/* SPDX-License-Identifier: Apache-2.0 */
/* A journal is read back into a machine: the very run where it is the machine's own, and told with
 * both sides where it is not. */
#include "engine/runtime/replay.h"

#include "engine/base/json.h"
#include "engine/base/vec.h"
#include "tests/lib/world.h"
#include "tests/unit/journal_kit.h"

static const char *const runbook = "steps: [{id: a, uses: t.write}]\n";

/* The records of a run of one step that succeeds: inputs, each with what it brought about. */
struct tape {
	struct cut_catalog catalog;
	struct cut_runbook *rb;
	struct cut_graph *graph;
	struct {
		CUT_VEC(char *);
	} records;
};

static void feed(struct tape *tape, struct cut_run *run, struct cut_event ev)
{
	struct cut_effects fx = {0};
	struct cut_buf text = {0};

	ev.wall = 1800000000000 + ev.t;
	ev.actor = "alice";
	cut_event_encode(&ev, tape->rb, &text);
	cut_vec_push(&tape->records, cut_buf_take(&text));
	assert_true(cut_run_feed(run, &ev, &fx, NULL) >= 0);
	for (size_t i = 0; i < fx.len; i++) {
		if (!cut_effect_is_record(&fx.items[i]))
			continue;
		cut_effect_encode(&fx.items[i], &ev, tape->rb, &text);
		cut_vec_push(&tape->records, cut_buf_take(&text));
	}
	cut_effects_done(&fx);
}

static void record(struct tape *tape)
{
	cut_auto(cut_json) json_t *armed =
		json_pack("{s:s, s:i, s:s}", "run", "r", "starter", 1001, "starter_name", "alice");
	uint32_t where = 0;
	struct cut_run *run;

	*tape = (struct tape){.rb = NULL};
	tape->rb = world_load(runbook, &tape->catalog);
	assert_int_equal(cut_graph_new(tape->rb, &tape->graph, &where, NULL), 0);
	run = cut_run_new(tape->rb, tape->graph);
	feed(tape, run, (struct cut_event){.type = CUT_EV_ARMED, .armed = armed});
	feed(tape, run,
	     (struct cut_event){.type = CUT_EV_ORDER, .t = 5, .order = {.order = CUT_ORDER_START}});
	feed(tape, run,
	     (struct cut_event){.type = CUT_EV_OUTCOME,
				.t = 900,
				.outcome = {.op = CUT_OP_APPLY, .attempt = 1, .status = CUT_OK}});
	cut_run_free(run);
}

static void tape_done(struct tape *tape)
{
	cut_vec_foreach (&tape->records, text)
		free(*text);
	cut_vec_done(&tape->records);
	cut_graph_free(tape->graph);
	cut_runbook_free(tape->rb);
	cut_catalog_done(&tape->catalog);
}

static size_t find(const struct tape *tape, const char *part)
{
	for (size_t i = 0; i < tape->records.len; i++)
		if (strstr(tape->records.items[i], part))
			return i;
	fail_msg("no record has %s", part);
	return 0;
}

static void replace(struct tape *tape, const char *part, const char *by)
{
	size_t i = find(tape, part);
	char *old = tape->records.items[i], *at = strstr(old, part);

	tape->records.items[i] =
		cut_printf("%.*s%s%s", (int)(at - old), old, by, at + strlen(part));
	free(old);
}

static void drop(struct tape *tape, const char *part)
{
	size_t i = find(tape, part);

	free(tape->records.items[i]);
	cut_vec_remove(&tape->records, i);
}

static void insert(struct tape *tape, size_t at, const char *text)
{
	cut_vec_push(&tape->records, NULL);
	memmove(tape->records.items + at + 1, tape->records.items + at,
		(tape->records.len - 1 - at) * sizeof(char *));
	tape->records.items[at] = cut_strdup(text);
}

static void store(struct kit *k, const struct tape *tape)
{
	kit_create(k, 1);
	cut_vec_foreach (&tape->records, text)
		kit_append(k, *text);
	cut_journal_flush(k->journal, NULL);
	kit_close(k);
}

static int replay(struct kit *k, const struct tape *tape, struct cut_replay *ret,
		  enum cut_run_state *ret_state, struct cut_err *err)
{
	struct cut_run *run = cut_run_new(tape->rb, tape->graph);
	struct cut_watch *watch = cut_watch_new(tape->rb);
	int r = cut_replay(k->dir, NULL, tape->rb, run, watch, ret, err);

	*ret_state = cut_run_state(run);
	cut_watch_free(watch);
	cut_run_free(run);
	return r;
}

static void test_a_journal_brings_its_run_back(void **state)
{
	struct kit *k = *state;
	struct tape tape;
	struct cut_replay found = {0};
	enum cut_run_state reached;

	record(&tape);
	insert(&tape, 1, "{\"type\":\"sealed\",\"key\":\"k\"}");
	insert(&tape, 2, "{\"type\":\"order\",\"refused\":\"no\"}");
	store(k, &tape);
	assert_int_equal(replay(k, &tape, &found, &reached, NULL), 0);
	assert_int_equal(reached, CUT_RUN_DONE);
	assert_int_equal(found.t, 900);
	assert_int_equal(found.wall, 1800000000900);
	assert_int_equal(found.missing.len, 0);
	assert_string_equal(cut_json_str(found.armed, "run", ""), "r");
	cut_replay_done(&found);
	tape_done(&tape);
}

static void test_what_was_decided_but_not_written_any_more_is_handed_over(void **state)
{
	struct kit *k = *state;
	struct tape tape;
	size_t whole;
	enum cut_run_state reached;

	record(&tape);
	whole = tape.records.len;
	for (size_t left = whole - 1; left > find(&tape, "\"outcome\""); left--) {
		struct cut_replay found = {0};
		char *gone = cut_vec_pop(&tape.records);
		cut_auto(cut_json) json_t *want = json_loads(gone, 0, NULL), *got = NULL;

		store(k, &tape);
		assert_int_equal(replay(k, &tape, &found, &reached, NULL), 0);
		assert_int_equal(found.missing.len, whole - left);
		got = json_loads(found.missing.items[0], 0, NULL);
		assert_true(json_equal(want, got));
		cut_replay_done(&found);
		free(gone);
		kit_remove_files(k);
	}
	tape_done(&tape);
}

static void test_a_journal_that_the_machine_would_not_have_written_is_told(void **state)
{
	static const struct {
		const char *part, *by; /* by NULL: the record is dropped; part NULL: one too many */
		int result;
		const char *what, *why;
	} cases[] = {
		{"\"state\":\"succeeded\"", "\"state\":\"failed\"", -EPROTO,
		 "differs: the journal has {", "succeeded"},
		{"\"state\":\"succeeded\"", NULL, -EPROTO, "differs: the journal has {",
		 "succeeded"},
		{"\"type\":\"intent\"", NULL, -EPROTO, "differs: the journal has ", "intent"},
		{"\"t\":900", "\"t\":-1", -EPROTO, "has no usable 't'", NULL},
		{"\"order\":\"start\"", "\"order\":\"pause\"", -EALREADY,
		 "record 2 is refused by a replay", NULL},
		{"\"order\":\"start\"", "\"order\":\"ack\"", -EINVAL,
		 "record 2 is refused by a replay", NULL},
		{NULL, "{\"type\":\"run\",\"state\":\"done\"}", -EPROTO,
		 "differs: the journal has {\"type\":\"run\",\"state\":\"done\"}", "nothing more"},
		{NULL,
		 "{\"type\":\"trigger\",\"t\":901,\"at\":\"2027-01-15T08:00:00.901Z\",\"actor\":"
		 "\"engine\",\"trigger\":\"x\",\"state\":\"clear\"}",
		 -EPROTO, "has no usable 'trigger'", NULL},
	};
	struct kit *k = *state;

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		struct tape tape;
		struct cut_replay found = {0};
		enum cut_run_state reached;
		cut_auto(cut_err) struct cut_err err = {0};

		record(&tape);
		if (!cases[i].part)
			insert(&tape, tape.records.len, cases[i].by);
		else if (cases[i].by)
			replace(&tape, cases[i].part, cases[i].by);
		else
			drop(&tape, cases[i].part);
		store(k, &tape);
		assert_int_equal(replay(k, &tape, &found, &reached, &err), cases[i].result);
		if (!strstr(err.what, cases[i].what) ||
		    (cases[i].why && !strstr(err.why, cases[i].why)))
			fail_msg("want %s (%s), got %s (%s)", cases[i].what, cases[i].why, err.what,
				 err.why);
		assert_true(found.seq > 0);
		cut_replay_done(&found);
		tape_done(&tape);
		kit_remove_files(k);
	}
}

static void test_a_run_that_was_never_armed_is_told(void **state)
{
	struct kit *k = *state;
	struct tape tape;
	struct cut_replay found = {0};
	enum cut_run_state reached;
	cut_auto(cut_err) struct cut_err err = {0}, of_armed = {0}, missing = {0};
	json_t *armed = NULL;

	record(&tape);
	assert_int_equal(replay(k, &tape, &found, &reached, &missing), -ENOENT);
	assert_int_equal(cut_replay_armed(k->dir, &armed, NULL), -ENOENT);
	kit_create(k, 1);
	kit_close(k);
	assert_int_equal(replay(k, &tape, &found, &reached, &err), -ENODATA);
	assert_string_equal(err.what, "this run was never armed");
	assert_int_equal(cut_replay_armed(k->dir, &armed, &of_armed), -ENODATA);
	assert_null(armed);
	kit_remove_files(k);
	store(k, &tape);
	assert_int_equal(cut_replay_armed(k->dir, &armed, NULL), 0);
	assert_string_equal(cut_json_str(armed, "run", ""), "r");
	json_decref(armed);
	cut_replay_done(&found);
	tape_done(&tape);
}

static void test_a_corrupt_journal_is_not_gone_on_from(void **state)
{
	struct kit *k = *state;
	struct tape tape;
	struct cut_replay found = {0};
	enum cut_run_state reached;
	cut_auto(cut_err) struct cut_err err = {0};
	int fd;

	record(&tape);
	kit_create(k, 1);
	cut_vec_foreach (&tape.records, text) {
		kit_append(k, *text);
		cut_journal_flush(k->journal, NULL);
	}
	kit_close(k);
	fd = open(kit_path(k, "journal.jsonl"), O_WRONLY);
	assert_int_equal(pwrite(fd, "~", 1, 120), 1);
	close(fd);
	assert_int_equal(replay(k, &tape, &found, &reached, &err), -EBADMSG);
	assert_non_null(strstr(err.what, "the journal is corrupt at record 1, offset 0 of file 1"));
	assert_string_equal(err.why, "checksum");
	cut_replay_done(&found);
	tape_done(&tape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_a_journal_brings_its_run_back),
		KIT_TEST(test_what_was_decided_but_not_written_any_more_is_handed_over),
		KIT_TEST(test_a_journal_that_the_machine_would_not_have_written_is_told),
		KIT_TEST(test_a_run_that_was_never_armed_is_told),
		KIT_TEST(test_a_corrupt_journal_is_not_gone_on_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
