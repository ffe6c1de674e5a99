/* SPDX-License-Identifier: Apache-2.0 */
/* The format of one journal line, written and read in one place. */
#include "engine/runtime/record.h"

#include <assert.h>
#include <string.h>

enum { AT_SEQ = 3, AT_LEN = 20, AT_CRC = 29, AT_PREV = 38, AT_JSON = CUT_RECORD_HEAD_BYTES };
/* ,"epoch":4294967295,"synced":18446744073709551615}\n */
enum { TAIL_BYTES = 9 + 10 + 10 + 20 + 2 };

void cut_chain_init(struct cut_chain *chain, const char *head)
{
	if (head)
		memcpy(chain->head, head, CUT_SHA256_HEX);
	else
		memset(chain->head, '0', CUT_SHA256_HEX);
	chain->head[CUT_SHA256_HEX] = '\0';
	chain->hasher = cut_hasher_new();
}

void cut_chain_step(struct cut_chain *chain, const char *line, size_t len)
{
	uint8_t digest[CUT_SHA256_BYTES];

	cut_hasher_sha256(chain->hasher, line, len, digest);
	cut_hex(digest, sizeof(digest), chain->head);
}

void cut_chain_done(struct cut_chain *chain)
{
	cut_hasher_free(chain->hasher);
	chain->hasher = NULL;
}

static void put_hex(char *to, uint64_t value, int digits)
{
	while (digits--) {
		to[digits] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

static char *put_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

static char *put_decimal(char *to, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return put_text(to, digits + sizeof(digits) - n, n);
}

static uint32_t line_crc(const char *line, size_t json_len)
{
	uint32_t crc = cut_crc32c(0, line, AT_CRC);

	return cut_crc32c(crc, line + AT_CRC + 8, AT_JSON - AT_CRC - 8 + json_len);
}

void cut_record_add(struct cut_buf *out, struct cut_chain *chain, uint64_t seq, const char *body,
		    size_t body_len, unsigned epoch, uint64_t synced)
{
	char *line, *p;
	size_t json_len;

	assert(body_len > 2 && body[0] == '{' && body[body_len - 1] == '}');
	assert(body_len + TAIL_BYTES <= CUT_RECORD_JSON_BYTES);
	line = cut_buf_reserve(out, AT_JSON + body_len + TAIL_BYTES);
	assert(line);
	p = put_text(line + AT_JSON, body, body_len - 1);
	p = put_text(p, ",\"epoch\":", 9);
	p = put_decimal(p, epoch);
	p = put_text(p, ",\"synced\":", 10);
	p = put_decimal(p, synced);
	*p++ = '}';
	json_len = (size_t)(p - line) - AT_JSON;
	memset(line, ' ', AT_JSON);
	line[0] = 'v';
	line[1] = '1';
	put_hex(line + AT_SEQ, seq, 16);
	put_hex(line + AT_LEN, json_len, 8);
	memcpy(line + AT_PREV, chain->head, CUT_SHA256_HEX);
	put_hex(line + AT_CRC, line_crc(line, json_len), 8);
	*p++ = '\n';
	*p = '\0';
	out->len += (size_t)(p - line);
	cut_chain_step(chain, line, (size_t)(p - line));
}

/* Lower-case digits only; false for anything else. */
static bool get_hex(const char *from, int digits, uint64_t *ret)
{
	uint64_t value = 0;

	for (int i = 0; i < digits; i++) {
		unsigned c = (unsigned char)from[i];

		if (c - '0' < 10u)
			value = value << 4 | (c - '0');
		else if (c - 'a' < 6u)
			value = value << 4 | (c - 'a' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

bool cut_record_head(const char *line, size_t len, struct cut_record *ret)
{
	uint64_t seq, json_len, crc, ignored;

	if (len < AT_JSON || memcmp(line, "v1 ", 3) != 0 || line[AT_LEN - 1] != ' ' ||
	    line[AT_CRC - 1] != ' ' || line[AT_PREV - 1] != ' ' || line[AT_JSON - 1] != ' ')
		return false;
	if (!get_hex(line + AT_SEQ, 16, &seq) || !get_hex(line + AT_LEN, 8, &json_len) ||
	    !get_hex(line + AT_CRC, 8, &crc) || !get_hex(line + AT_PREV, 64, &ignored))
		return false;
	if (json_len > CUT_RECORD_JSON_BYTES)
		return false;
	*ret = (struct cut_record){
		.seq = seq,
		.crc = (uint32_t)crc,
		.prev = line + AT_PREV,
		.json = line + AT_JSON,
		.json_len = json_len,
		.line_len = AT_JSON + json_len + 1,
	};
	return true;
}

const char *cut_record_check(const char *line, const struct cut_record *record)
{
	if (line[record->line_len - 1] != '\n')
		return "format";
	return line_crc(line, record->json_len) == record->crc ? NULL : "checksum";
}

/* Steps *end back over digits and then over text, or leaves it; false: it is not there. */
static bool step_back(const char *start, const char **end, const char *text, uint64_t *ret)
{
	size_t len = strlen(text);
	uint64_t value = 0, scale = 1;
	const char *p = *end;

	while (p > start && p[-1] >= '0' && p[-1] <= '9' && *end - p < 19) {
		value += (uint64_t)(*--p - '0') * scale;
		scale *= 10;
	}
	if (p == *end || (size_t)(p - start) < len || memcmp(p - len, text, len) != 0)
		return false;
	*end = p - len;
	*ret = value;
	return true;
}

bool cut_record_tail(const struct cut_record *record, uint64_t *ret_epoch, uint64_t *ret_synced)
{
	const char *end = record->json + record->json_len - 1;

	return record->json_len > 2 && *end == '}' &&
	       step_back(record->json, &end, ",\"synced\":", ret_synced) &&
	       step_back(record->json, &end, ",\"epoch\":", ret_epoch);
}
