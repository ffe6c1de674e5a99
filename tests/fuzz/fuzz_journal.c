/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in a run's journal. Raw, where it begins like a record: read, audited, replayed.
 * Else each line is the body of a record that an engine may have written: those that the machine
 * takes, with what it then puts out, become a journal, and that one must replay. */
#include "engine/core/report.h"
#include "engine/core/status.h"
#include "engine/runtime/audit.h"
#include "engine/runtime/record.h"
#include "engine/runtime/replay.h"
#include "tests/fuzz/book.h"
#include "tests/fuzz/need.h"
#include "tests/lib/world.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cut_catalog catalog;
static struct cut_runbook *rb;
static struct cut_graph *graph;
static char dir[] = "/dev/shm/cut-fuzz-XXXXXX", path[64];

static void remove_folder(void)
{
	unlink(path);
	rmdir(dir);
}

static void prepare(void)
{
	rb = world_load(book, &catalog);
	need(cut_graph_new(rb, &graph, NULL, NULL) == 0);
	need(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal.jsonl", dir);
	atexit(remove_folder);
}

static void write_journal(const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void look(struct cut_run *run, const struct cut_watch *watch,
		 const struct cut_replay *replay)
{
	cut_auto(cut_json) json_t *none = json_array();

	json_decref(cut_status_json(rb, run, watch, replay->t, replay->wall));
	json_decref(cut_report_json(rb, run, none, replay->t));
	json_decref(cut_run_rollback_preview(run, NULL, NULL));
	cut_run_wake(run);
}

/* As `recover` and `status` of a dead run read it. */
static int replay(void)
{
	struct cut_run *run = cut_run_new(rb, graph);
	struct cut_watch *watch = cut_watch_new(rb);
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_replay replay = {0};
	int r = cut_replay(dir, false, rb, run, watch, &replay, &err);

	need(r == 0 || err.what);
	if (r == 0)
		look(run, watch, &replay);
	cut_replay_done(&replay);
	cut_watch_free(watch);
	cut_run_free(run);
	return r;
}

static void audit(void)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	static const struct cut_sealkeys nobody;
	const struct cut_audit_options options = {dir, "a-run", &nobody, false};
	struct cut_audit found = {0};

	need(cut_journal_audit(&options, &found, NULL) == 0);
	json_decref(cut_audit_json(&found));
	json_decref(cut_audit_verdict(&found));
	cut_audit_text(&found, &text);
}

struct writer {
	struct cut_run *run;
	struct cut_watch *watch;
	struct cut_effects fx;
	struct cut_buf journal;
	struct cut_chain chain;
	uint64_t seq;
	cut_time t;
};

static void write_record(struct writer *w, const struct cut_buf *body)
{
	w->seq++;
	cut_record_add(&w->journal, &w->chain, w->seq, body->data, body->len, 1, w->seq - 1);
}

/* What the driver does with an event. */
static void feed(struct writer *w, struct cut_event *ev)
{
	cut_auto(cut_buf) struct cut_buf body = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	if (ev->t < w->t ||
	    ev->type == CUT_EV_RESUMED) /* its epoch would have to be the record's */
		return;
	if ((ev->type == CUT_EV_TRIGGER || ev->type == CUT_EV_ACCEPTANCE) &&
	    cut_watch_restore(w->watch, ev, &err) < 0)
		return;
	if (cut_run_feed(w->run, ev, &w->fx, &err) < 0) {
		need(err.what && w->fx.len == 0);
		return;
	}
	w->t = ev->t;
	cut_event_encode(ev, rb, &body);
	write_record(w, &body);
	for (size_t i = 0; i < w->fx.len; i++) {
		if (!cut_effect_is_record(&w->fx.items[i]))
			continue;
		cut_buf_reset(&body);
		cut_effect_encode(&w->fx.items[i], ev, rb, &body);
		write_record(w, &body);
	}
	cut_effects_clear(&w->fx);
}

static void take_line(struct writer *w, const char *line, size_t len)
{
	cut_auto(cut_json) json_t *record = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_event ev;
	int r;

	if (cut_json_parse(line, len, "a record", &record, &err) < 0 || !json_is_object(record))
		return;
	r = cut_event_decode(record, rb, &ev, &err);
	need(r >= 0 || err.what);
	if (r == 1)
		feed(w, &ev);
}

static void play(const char *at, const char *end)
{
	struct writer w = {.run = cut_run_new(rb, graph), .watch = cut_watch_new(rb)};

	cut_chain_init(&w.chain, NULL);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		take_line(&w, at, len);
		at += len + 1;
	}
	write_journal(cut_buf_str(&w.journal), w.journal.len);
	need(replay() == (w.seq ? 0 : -ENODATA));
	cut_chain_done(&w.chain);
	cut_buf_done(&w.journal);
	cut_effects_done(&w.fx);
	cut_watch_free(w.watch);
	cut_run_free(w.run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!rb)
		prepare();
	if (size >= 3 && !memcmp(data, "v1 ", 3)) {
		write_journal(data, size);
		audit();
		replay();
	} else {
		play((const char *)data, (const char *)data + size);
	}
	return 0;
}
