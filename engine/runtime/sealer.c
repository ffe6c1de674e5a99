/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/sealer.h"

#include "engine/runtime/seal.h"

#include <string.h>

#define CHECKPOINT_RECORDS 100
#define CHECKPOINT_EVERY   CUT_MINUTE

struct cut_sealer {
	struct cut_driver *driver; /* borrowed */
	struct cut_signkey *key;   /* owned */
	char fingerprint[CUT_FINGERPRINT_LEN + 1];
	uint64_t last;		 /* newest record when it was sealed last: the seal itself */
	bool is_final;		 /* that one */
	struct cut_bell *minute; /* owned */
};

static void seal(struct cut_sealer *s, bool final)
{
	const struct cut_driver_options *o = cut_driver_options(s->driver);
	cut_auto(cut_buf) struct cut_buf body = {0};
	struct cut_seal what = {
		.run = o->run_id,
		.records = cut_journal_seq(o->journal),
		.head = cut_journal_head(o->journal),
		.final = final,
	};

	cut_seal_encode(&what, s->key, s->fingerprint, cut_world_wall(o->world),
			cut_driver_now(s->driver), &body);
	s->last = cut_driver_append(s->driver, "sealed", &body);
	s->is_final = final;
}

static void on_minute(void *data)
{
	struct cut_sealer *s = data;
	const struct cut_driver_options *o = cut_driver_options(s->driver);

	if (cut_journal_seq(o->journal) > s->last)
		seal(s, false);
	cut_bell_set(s->minute, cut_world_boot(o->world) + CHECKPOINT_EVERY);
}

void cut_sealer_synced(struct cut_sealer *s, uint64_t seq)
{
	if (s && seq >= s->last + CHECKPOINT_RECORDS)
		seal(s, false);
}

void cut_sealer_end(struct cut_sealer *s)
{
	if (s &&
	    (!s->is_final || cut_journal_seq(cut_driver_options(s->driver)->journal) > s->last))
		seal(s, true);
}

struct cut_sealer *cut_sealer_new(struct cut_driver *driver, struct cut_signkey *key)
{
	struct cut_sealer *s = cut_new(struct cut_sealer);
	cut_auto(cut_buf) struct cut_buf line = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *public = NULL;
	const struct cut_driver_options *o = cut_driver_options(driver);

	s->driver = driver;
	s->key = key;
	s->last = cut_journal_seq(o->journal);
	cut_signkey_public(key, &line);
	if (cut_sshkey_parse(line.data, line.len, &public, NULL) < 0)
		abort(); /* it was made by us */
	memcpy(s->fingerprint, cut_sshkey_fingerprint(public), sizeof(s->fingerprint));
	s->minute = cut_bell_new(o->world, on_minute, s);
	s->minute->idle = true;
	cut_bell_set(s->minute, cut_world_boot(o->world) + CHECKPOINT_EVERY);
	return s;
}

void cut_sealer_free(struct cut_sealer *s)
{
	if (!s)
		return;
	cut_bell_free(s->minute);
	cut_signkey_free(s->key);
	free(s);
}
