/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed journal, and everything that somebody may do to it afterwards, at each of its records:
 * with the chain broken, and with a chain that was made anew by somebody who knows the format. */
#include "engine/runtime/audit.h"

#include "engine/runtime/record.h"
#include "engine/runtime/seal.h"
#include "tests/unit/journal_kit.h"

enum { RECORDS = 12, EVERY = 4 }; /* every fourth one is a seal, the last one is final */

#define RUN "20261123T020000Z-shop-0001"

struct line {
	char text[1024];
	size_t len;
};

struct world {
	struct kit *kit;
	struct cut_signkey *key, *other_key;
	struct cut_sealkeys trusted;
	struct line lines[RECORDS]; /* as the engine wrote them */
};

static struct cut_sshkey *public_of(const struct cut_signkey *key)
{
	cut_auto(cut_buf) struct cut_buf line = {0};
	struct cut_sshkey *public = NULL;

	cut_signkey_public(key, &line);
	assert_int_equal(cut_sshkey_parse(line.data, line.len, &public, NULL), 0);
	return public;
}

static void seal_body(const struct cut_signkey *key, const char *run, uint64_t records,
		      const char *head, bool final, struct cut_buf *out)
{
	struct cut_seal seal = {run, records, head, final};
	cut_auto(cut_sshkey) struct cut_sshkey *public = public_of(key);

	cut_seal_encode(&seal, key, cut_sshkey_fingerprint(public), 1700000000000, 5, out);
}

/* All records of a run, by whoever has the key; those of `edited` say something else. */
static void write_run(struct line *lines, const struct cut_signkey *key, const char *run,
		      int edited)
{
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	for (int i = 0; i < RECORDS; i++) {
		cut_auto(cut_buf) struct cut_buf body = {0}, out = {0};

		if ((i + 1) % EVERY == 0)
			seal_body(key, run, (uint64_t)i, chain.head, i == RECORDS - 1, &body);
		else
			cut_buf_printf(&body, "{\"type\":\"note\",\"text\":\"%s %d\"}",
				       i == edited ? "lies" : run, i);
		cut_record_add(&out, &chain, (uint64_t)i + 1, body.data, body.len, 1, (uint64_t)i);
		lines[i].len = out.len;
		assert_true(out.len < sizeof(lines[i].text));
		memcpy(lines[i].text, out.data, out.len);
	}
	cut_chain_done(&chain);
}

/* The body of a line as cut_record_add takes it: without epoch and synced. */
static void body_of(const struct line *line, struct cut_buf *out)
{
	const char *json = line->text + CUT_RECORD_HEAD_BYTES;
	const char *tail = memmem(json, line->len - CUT_RECORD_HEAD_BYTES, ",\"epoch\":", 9);

	cut_buf_add(out, json, (size_t)(tail - json));
	cut_buf_add_char(out, '}');
}

/* Numbers, checksums and links made anew: what a forger can do without the key. */
static void rechain(const struct line *lines, size_t len, struct line *ret)
{
	struct cut_chain chain;

	cut_chain_init(&chain, NULL);
	for (size_t i = 0; i < len; i++) {
		cut_auto(cut_buf) struct cut_buf body = {0}, out = {0};

		body_of(&lines[i], &body);
		cut_record_add(&out, &chain, i + 1, body.data, body.len, 1, i);
		ret[i].len = out.len;
		memcpy(ret[i].text, out.data, out.len);
	}
	cut_chain_done(&chain);
}

static void store(struct world *w, const struct line *lines, size_t len)
{
	int fd = open(kit_path(w->kit, "journal.jsonl"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, lines[i].text, lines[i].len), lines[i].len);
	close(fd);
}

static struct cut_audit audit(struct world *w, bool live)
{
	struct cut_audit_options options = {w->kit->dir, RUN, &w->trusted, live};
	struct cut_audit found = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};

	assert_int_equal(cut_journal_audit(&options, &found, NULL), 0);
	cut_audit_text(&found, &text);
	for (const char *at = cut_buf_str(&text); *at; at += strcspn(at, "\n") + 1)
		assert_true(strcspn(at, "\n") <= 80);
	return found;
}

/* The first bad record is the one named. */
static void expect(struct world *w, enum cut_audit_fault fault, uint64_t seq, const char *why)
{
	struct cut_audit found = audit(w, false);

	assert_int_equal(found.bad_seq, seq);
	assert_int_equal(found.fault, fault);
	assert_string_equal(found.bad_why, why);
}

/* The seal that covers record i (from 0), as a sequence number. */
static uint64_t seal_after(int i)
{
	return (uint64_t)(i / EVERY + 1) * EVERY;
}

static int setup(void **state)
{
	struct world *w = cut_new(struct world);
	void *kit = NULL;

	kit_setup(&kit);
	w->kit = kit;
	w->key = cut_signkey_new();
	w->other_key = cut_signkey_new();
	cut_vec_push(&w->trusted, public_of(w->key));
	write_run(w->lines, w->key, RUN, -1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *kit = w->kit;

	kit_teardown(&kit);
	cut_signkey_free(w->key);
	cut_signkey_free(w->other_key);
	cut_sealkeys_done(&w->trusted);
	free(w);
	return 0;
}

static void test_an_untouched_journal_is_sealed(void **state)
{
	struct world *w = *state;
	struct cut_audit found;

	store(w, w->lines, RECORDS);
	found = audit(w, false);
	assert_int_equal(found.fault, CUT_AUDIT_WHOLE);
	assert_int_equal(found.seal.seq, RECORDS);
	assert_true(found.seal.final);
}

static void test_an_edited_record_is_named_by_its_checksum(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS; i++) {
		struct line lines[RECORDS];

		memcpy(lines, w->lines, sizeof(lines));
		lines[i].text[CUT_RECORD_HEAD_BYTES + 12] ^= 1;
		store(w, lines, RECORDS);
		expect(w, i < RECORDS - 1 ? CUT_AUDIT_CORRUPT : CUT_AUDIT_TORN, (uint64_t)i + 1,
		       "checksum");
	}
}

static void test_a_deleted_record_is_named(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS; i++) {
		struct line lines[RECORDS];

		memcpy(lines, w->lines, sizeof(lines));
		memmove(lines + i, lines + i + 1, (size_t)(RECORDS - i - 1) * sizeof(*lines));
		store(w, lines, RECORDS - 1);
		if (i < RECORDS - 1)
			expect(w, CUT_AUDIT_CORRUPT, (uint64_t)i + 1, "sequence");
		else
			expect(w, CUT_AUDIT_UNSEALED, RECORDS, "unsealed");
	}
}

static void test_a_repeated_record_is_named(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS - 1; i++) {
		struct line lines[RECORDS + 1];

		memcpy(lines, w->lines, sizeof(w->lines));
		memmove(lines + i + 1, lines + i, (size_t)(RECORDS - i) * sizeof(*lines));
		store(w, lines, RECORDS + 1);
		expect(w, i < RECORDS - 2 ? CUT_AUDIT_CORRUPT : CUT_AUDIT_TORN, (uint64_t)i + 2,
		       "sequence");
	}
}

static void test_two_records_in_the_wrong_order_are_named(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS - 1; i++) {
		struct line lines[RECORDS];

		memcpy(lines, w->lines, sizeof(lines));
		lines[i] = w->lines[i + 1];
		lines[i + 1] = w->lines[i];
		store(w, lines, RECORDS);
		expect(w, CUT_AUDIT_CORRUPT, (uint64_t)i + 1, "sequence");
	}
}

static void test_an_end_cut_off_at_a_whole_record_is_told_by_the_missing_seal(void **state)
{
	struct world *w = *state;

	for (int len = 1; len < RECORDS; len++) {
		store(w, w->lines, (size_t)len);
		expect(w, CUT_AUDIT_UNSEALED, (uint64_t)len + 1, "unsealed");
		assert_int_equal(audit(w, true).fault, CUT_AUDIT_WHOLE); /* beside its engine */
	}
}

static void test_an_end_cut_off_anywhere_else_is_told(void **state)
{
	struct world *w = *state;
	off_t size = 0;

	for (int i = 0; i < RECORDS; i++)
		size += (off_t)w->lines[i].len;
	for (off_t at = 1; at < size; at += 7) {
		store(w, w->lines, RECORDS);
		assert_int_equal(truncate(kit_path(w->kit, "journal.jsonl"), at), 0);
		assert_int_not_equal(audit(w, false).fault, CUT_AUDIT_WHOLE);
	}
}

static void test_the_end_of_another_run_of_this_key_is_named(void **state)
{
	struct world *w = *state;
	struct line other[RECORDS];

	write_run(other, w->key, "20261123T020000Z-shop-0002", -1);
	for (int i = 1; i < RECORDS; i++) {
		struct line lines[RECORDS], made[RECORDS];

		memcpy(lines, w->lines, sizeof(lines));
		memcpy(lines + i, other + i, (size_t)(RECORDS - i) * sizeof(*lines));
		store(w, lines, RECORDS);
		expect(w, i < RECORDS - 1 ? CUT_AUDIT_CORRUPT : CUT_AUDIT_TORN, (uint64_t)i + 1,
		       "chain");
		rechain(lines, RECORDS, made);
		store(w, made, RECORDS);
		expect(w, CUT_AUDIT_FORGED, seal_after(i), "run");
	}
	store(w, other, RECORDS); /* all of it */
	expect(w, CUT_AUDIT_FORGED, EVERY, "run");
}

static void test_an_edit_with_a_chain_made_anew_is_told_by_the_next_seal(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS; i++) {
		struct line lines[RECORDS], made[RECORDS];

		if ((i + 1) % EVERY == 0)
			continue;
		memcpy(lines, w->lines, sizeof(lines));
		lines[i].text[CUT_RECORD_HEAD_BYTES + 25] ^= 1;
		rechain(lines, RECORDS, made);
		store(w, made, RECORDS);
		expect(w, CUT_AUDIT_FORGED, seal_after(i), "seal");
	}
}

static void test_a_deletion_with_a_chain_made_anew_is_told_by_the_next_seal(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < RECORDS - 1; i++) {
		struct line lines[RECORDS], made[RECORDS];
		uint64_t seal = seal_after((i + 1) % EVERY == 0 ? i + 1 : i) - 1;

		memcpy(lines, w->lines, sizeof(lines));
		memmove(lines + i, lines + i + 1, (size_t)(RECORDS - i - 1) * sizeof(*lines));
		rechain(lines, RECORDS - 1, made);
		store(w, made, RECORDS - 1);
		expect(w, CUT_AUDIT_FORGED, seal, "seal");
	}
}

static void test_a_journal_written_anew_without_the_key_is_told(void **state)
{
	struct world *w = *state;
	struct line made[RECORDS], kept[RECORDS], bare[RECORDS];
	size_t len = 0;

	write_run(made, w->other_key, RUN, 2);
	store(w, made, RECORDS);
	expect(w, CUT_AUDIT_UNTRUSTED, EVERY, "key");
	/* its seals stripped */
	for (int i = 0; i < RECORDS; i++)
		if ((i + 1) % EVERY)
			kept[len++] = w->lines[i];
	rechain(kept, len, bare);
	store(w, bare, len);
	expect(w, CUT_AUDIT_UNSEALED, len + 1, "unsealed");
}

static void test_a_checkpoint_is_no_final_seal(void **state)
{
	struct world *w = *state;
	struct line lines[RECORDS], made[RECORDS];
	char *flag;

	memcpy(lines, w->lines, sizeof(lines));
	flag = memmem(lines[3].text, lines[3].len, "\"final\":false", 13);
	assert_non_null(flag);
	memcpy(flag, "\"final\":true ", 13); /* as if the run had ended there */
	rechain(lines, EVERY, made);
	store(w, made, EVERY);
	expect(w, CUT_AUDIT_FORGED, EVERY, "seal");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_an_untouched_journal_is_sealed),
		TEST(test_an_edited_record_is_named_by_its_checksum),
		TEST(test_a_deleted_record_is_named),
		TEST(test_a_repeated_record_is_named),
		TEST(test_two_records_in_the_wrong_order_are_named),
		TEST(test_an_end_cut_off_at_a_whole_record_is_told_by_the_missing_seal),
		TEST(test_an_end_cut_off_anywhere_else_is_told),
		TEST(test_the_end_of_another_run_of_this_key_is_named),
		TEST(test_an_edit_with_a_chain_made_anew_is_told_by_the_next_seal),
		TEST(test_a_deletion_with_a_chain_made_anew_is_told_by_the_next_seal),
		TEST(test_a_journal_written_anew_without_the_key_is_told),
		TEST(test_a_checkpoint_is_no_final_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
