/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/replay.h"

#include "engine/base/vec.h"

#include <errno.h>

struct replaying {
	const struct cut_runbook *rb;
	struct cut_run *run;
	struct cut_watch *watch;
	struct cut_replay *ret;
	struct cut_effects fx;
	size_t next; /* of ret->missing: outputs already found in the journal */
	struct cut_err *err;
};

static int differs(struct replaying *r, uint64_t seq, const char *journal, const char *machine)
{
	r->ret->seq = seq;
	return cut_err_set(r->err, -EPROTO, machine,
			   "it was written by another version or edited; `cutover audit verify`",
			   "record %llu differs: the journal has %s, a replay makes",
			   (unsigned long long)seq, journal);
}

static void outputs_clear(struct cut_outputs *outputs)
{
	for (size_t i = 0; i < outputs->len; i++)
		free(outputs->items[i]);
	outputs->len = 0;
}

static void drop_first(struct cut_outputs *outputs, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		free(outputs->items[i]);
	outputs->len -= n;
	memmove(outputs->items, outputs->items + n, outputs->len * sizeof(char *));
}

/* An output record must be the next one that the machine made. */
static int match_output(struct replaying *r, uint64_t seq, const json_t *record)
{
	cut_auto(cut_json) json_t *own = NULL, *made = NULL;
	cut_auto(cut_str) char *text = NULL;

	if (json_object_get(record, "refused") ||
	    strcmp(cut_json_str(record, "type", ""), "sealed") == 0)
		return 0;
	own = json_copy((json_t *)record);
	json_object_del(own, "epoch");
	json_object_del(own, "synced");
	text = cut_json_text(own, 0);
	if (r->next == r->ret->missing.len)
		return differs(r, seq, text, "nothing more");
	if (cut_json_parse(r->ret->missing.items[r->next], strlen(r->ret->missing.items[r->next]),
			   "replay", &made, r->err) < 0)
		return -EPROTO;
	if (!json_equal(own, made))
		return differs(r, seq, text, r->ret->missing.items[r->next]);
	r->next++;
	return 0;
}

static int feed_input(struct replaying *r, uint64_t seq, const struct cut_event *ev)
{
	int n;

	if (r->next < r->ret->missing.len)
		return differs(r, seq, cut_event_name(ev->type), r->ret->missing.items[r->next]);
	outputs_clear(&r->ret->missing);
	r->next = 0;
	if (ev->type == CUT_EV_TRIGGER || ev->type == CUT_EV_ACCEPTANCE ||
	    ev->type == CUT_EV_RESUMED) {
		n = cut_watch_restore(r->watch, ev, r->err);
		if (n < 0)
			return n;
	}
	n = cut_run_feed(r->run, ev, &r->fx, r->err);
	if (n < 0) {
		r->ret->seq = seq;
		return cut_err_prefix(r->err, "record %llu is refused by a replay",
				      (unsigned long long)seq);
	}
	for (size_t i = 0; i < r->fx.len; i++) {
		cut_auto(cut_buf) struct cut_buf text = {0};

		if (!cut_effect_is_record(&r->fx.items[i]))
			continue;
		cut_effect_encode(&r->fx.items[i], ev, r->rb, &text);
		cut_vec_push(&r->ret->missing, cut_buf_take(&text));
	}
	cut_effects_clear(&r->fx);
	return 0;
}

static int on_record(void *data, uint64_t seq, const json_t *record)
{
	struct replaying *r = data;
	struct cut_event ev = {0};
	int n;

	if (!r->ret->armed)
		r->ret->armed = json_incref((json_t *)record);
	if (json_object_get(record, "boot_id")) {
		json_decref(r->ret->boot);
		r->ret->boot = json_incref((json_t *)record);
	}
	n = cut_event_decode(record, r->rb, &ev, r->err);
	if (n < 0) {
		r->ret->seq = seq;
		return cut_err_prefix(r->err, "record %llu", (unsigned long long)seq);
	}
	if (n == 0)
		return match_output(r, seq, record);
	r->ret->t = ev.t;
	r->ret->wall = ev.wall;
	return feed_input(r, seq, &ev);
}

int cut_replay(const char *dir, const struct cut_journal_io *disk, const struct cut_runbook *rb,
	       struct cut_run *run, struct cut_watch *watch, struct cut_replay *ret,
	       struct cut_err *err)
{
	struct replaying r = {.rb = rb, .run = run, .watch = watch, .ret = ret, .err = err};
	int n = disk ? cut_journal_read_disk(dir, disk, on_record, &r, &ret->scan, err)
		     : cut_journal_read(dir, on_record, &r, &ret->scan, err);

	cut_effects_done(&r.fx);
	if (n < 0)
		return n;
	if (ret->scan.fault == CUT_JOURNAL_CORRUPT)
		return cut_err_set(err, -EBADMSG, ret->scan.bad_why,
				   "nothing was changed; `cutover audit verify` tells more",
				   "the journal is corrupt at record %llu, offset %llu of file %u",
				   (unsigned long long)ret->scan.bad_seq,
				   (unsigned long long)ret->scan.bad_offset, ret->scan.bad_file);
	if (!ret->armed)
		return cut_err_set(err, -ENODATA, "the journal holds no record", NULL,
				   "this run was never armed");
	drop_first(&ret->missing, r.next);
	return 0;
}

static int take_first(void *data, uint64_t seq, const json_t *record)
{
	*(json_t **)data = json_incref((json_t *)record);
	return 1;
}

int cut_replay_armed(const char *dir, json_t **ret, struct cut_err *err)
{
	struct cut_journal_scan scan = {0};
	json_t *first = NULL;
	int r = cut_journal_read(dir, take_first, &first, &scan, err);

	if (r < 0)
		return r;
	if (!first)
		return cut_err_set(err, -ENODATA, "its journal holds no whole record", NULL,
				   "the run in %s was never armed", dir);
	*ret = first;
	return 0;
}

void cut_replay_done(struct cut_replay *replay)
{
	outputs_clear(&replay->missing);
	cut_vec_done(&replay->missing);
	json_decref(replay->armed);
	json_decref(replay->boot);
	*replay = (struct cut_replay){0};
}
