/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a journal: header, checksum, link to the line before, JSON. Used by the journal's
 * writer and reader; the format is told in docs/journal.md. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/hash.h"

#include <stdbool.h>

/* "v1 " seq:16 " " length:8 " " crc:8 " " sha256:64 " ", then the JSON and a newline. */
#define CUT_RECORD_HEAD_BYTES 103
#define CUT_RECORD_JSON_BYTES (16u << 20) /* a longer one is a bad record */

struct cut_record {
	uint64_t seq;
	uint32_t crc;
	const char *prev; /* 64 digits, not terminated: digest of the line before */
	const char *json; /* not terminated */
	size_t json_len;
	size_t line_len; /* newline included */
};

/* The digest of the last line, as the next line quotes it. init, then one step a line; done. */
struct cut_chain {
	char head[CUT_SHA256_HEX + 1];
	struct cut_hasher *hasher; /* owned */
};

void cut_chain_init(struct cut_chain *chain, const char *head); /* NULL: before the first line */
void cut_chain_step(struct cut_chain *chain, const char *line, size_t len);
void cut_chain_done(struct cut_chain *chain);

/* Appends the line of body ("{…}", with epoch and synced added at its end) and moves the chain. */
void cut_record_add(struct cut_buf *out, struct cut_chain *chain, uint64_t seq, const char *body,
		    size_t body_len, unsigned epoch, uint64_t synced);
/* Reads the header at line; false when it is not one. json and line_len are then where they would
 * be: the caller makes sure that these bytes are there before it looks at them. */
bool cut_record_head(const char *line, size_t len, struct cut_record *ret);
/* Of a whole line: NULL, or what is wrong: "format", "checksum". */
const char *cut_record_check(const char *line, const struct cut_record *record);
/* Reads what the writer puts at the end of every record; false: it is not there in that form. */
bool cut_record_tail(const struct cut_record *record, uint64_t *ret_epoch, uint64_t *ret_synced);
