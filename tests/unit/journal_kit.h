/* SPDX-License-Identifier: Apache-2.0 */
/* A folder, a loop and a journal for one test; what is read back is kept as text. Included by the
 * tests of the journal. */
#pragma once

#include "engine/runtime/world.h"
#include "engine/runtime/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct kit {
	uv_loop_t loop;
	struct cut_world *world;
	char dir[64];
	char path[128];
	const struct cut_journal_io *io; /* NULL: the system's */
	struct cut_journal *journal;
	struct cut_journal_scan scan;
	struct cut_buf seen; /* a line a record */
	uint64_t told_seq;
	unsigned synced_calls, moved_calls, failed_calls, low_calls, room_calls;
};

#define KIT_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

static inline const char *kit_path(struct kit *k, const char *name)
{
	snprintf(k->path, sizeof(k->path), "%s/%s", k->dir, name);
	return k->path;
}

static inline void kit_on_synced(void *data, uint64_t seq)
{
	struct kit *k = data;

	k->told_seq = seq;
	k->synced_calls++;
}

static inline void kit_on_moved(void *data, const struct cut_err *err)
{
	((struct kit *)data)->moved_calls++;
}

static inline void kit_on_failed(void *data, const struct cut_err *err)
{
	((struct kit *)data)->failed_calls++;
}

static inline void kit_on_low(void *data, const struct cut_err *err)
{
	((struct kit *)data)->low_calls++;
}

static inline void kit_on_room(void *data)
{
	((struct kit *)data)->room_calls++;
}

static inline void kit_listen(struct kit *k)
{
	cut_journal_listen(k->journal, &(struct cut_journal_events){
					       .synced = kit_on_synced,
					       .moved = kit_on_moved,
					       .failed = kit_on_failed,
					       .low = kit_on_low,
					       .room = kit_on_room,
					       .data = k,
				       });
}

/* The world with the kit's disk in it. */
static inline struct cut_world *kit_world(struct kit *k)
{
	k->world->files = k->io ? k->io : &cut_journal_io_system;
	return k->world;
}

static inline void kit_create(struct kit *k, unsigned epoch)
{
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(cut_journal_create(kit_world(k), k->dir, epoch, &k->journal, &err), 0);
	kit_listen(k);
}

static inline int kit_on_record(void *data, uint64_t seq, const json_t *record)
{
	struct kit *k = data;

	return cut_buf_printf(&k->seen, "%d %s %d epoch %d synced %d\n", (int)seq,
			      cut_json_str(record, "type", "?"), (int)cut_json_int(record, "n", -1),
			      (int)cut_json_int(record, "epoch", -1),
			      (int)cut_json_int(record, "synced", -1));
}

static inline struct cut_journal_scan kit_read(struct kit *k)
{
	struct cut_journal_scan scan = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	cut_buf_reset(&k->seen);
	assert_int_equal(cut_journal_read(k->dir, kit_on_record, k, &scan, &err), 0);
	return scan;
}

static inline void kit_reopen(struct kit *k, unsigned epoch)
{
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(cut_journal_read_disk(k->dir, k->io, NULL, NULL, &k->scan, &err), 0);
	assert_int_equal(cut_journal_open(kit_world(k), k->dir, &k->scan, epoch, &k->journal, &err),
			 0);
	kit_listen(k);
}

static inline uint64_t kit_append(struct kit *k, const char *body)
{
	return cut_journal_append(k->journal, body, strlen(body));
}

static inline uint64_t kit_append_n(struct kit *k, int n)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"type\":\"tick\",\"n\":%d}", n);
	return kit_append(k, body);
}

static inline void kit_run_until_synced(struct kit *k, uint64_t seq)
{
	uint64_t until = uv_hrtime() + 10 * 1000000000ull;

	while (k->told_seq < seq && uv_hrtime() < until)
		uv_run(&k->loop, UV_RUN_ONCE);
	assert_true(k->told_seq >= seq);
}

static inline void kit_close(struct kit *k)
{
	cut_journal_close(k->journal);
	k->journal = NULL;
	uv_run(&k->loop, UV_RUN_DEFAULT);
}

static inline int kit_setup_in(void **state, const char *parent)
{
	struct kit *k = cut_new(struct kit);

	snprintf(k->dir, sizeof(k->dir), "%s/cut-test-journal-XXXXXX", parent);
	assert_non_null(mkdtemp(k->dir));
	uv_loop_init(&k->loop);
	assert_int_equal(cut_world_open(&k->loop, &k->world, NULL), 0);
	*state = k;
	return 0;
}

static inline int kit_setup(void **state)
{
	return kit_setup_in(state, "/tmp");
}

static inline void kit_remove_files(struct kit *k)
{
	char name[32];

	unlink(kit_path(k, "journal.jsonl"));
	for (int i = 2; i < 100; i++) {
		snprintf(name, sizeof(name), "journal.%d.jsonl", i);
		unlink(kit_path(k, name));
	}
}

static inline int kit_teardown(void **state)
{
	struct kit *k = *state;

	kit_close(k);
	cut_world_close(k->world);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&k->loop), 0);
	kit_remove_files(k);
	rmdir(k->dir);
	cut_buf_done(&k->seen);
	free(k);
	return 0;
}
