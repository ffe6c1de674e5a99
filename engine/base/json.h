/* SPDX-License-Identifier: Apache-2.0 */
/* What the project adds to jansson: canonical text, strict reading, typed getters, and a writer
 * that prints JSON straight into a buffer for records that are written often. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/time.h"

#include <jansson.h>
#include <stdbool.h>

CUT_CLEANUP(cut_json, json_t *, json_decref) /* cut_auto(cut_json) json_t *j = NULL; */

#define CUT_JSON_MAX_BYTES (1u << 20) /* of a frame, a request, a reply that we parse whole */
#define CUT_JSON_MAX_DEPTH 64

/* Lets jansson, too, end the process when memory is out: first thing in a program. */
void cut_json_use_alloc(void);
/* Rejects duplicate keys, trailing text, depth over 64, invalid UTF-8. what names the source. */
int cut_json_parse(const char *text, size_t len, const char *what, json_t **ret,
		   struct cut_err *err);
enum cut_json_style {
	CUT_JSON_SORTED = 1u << 0,   /* keys by byte, else in their order */
	CUT_JSON_INDENTED = 1u << 1, /* by two, a line a member, else compact */
};
/* UTF-8, a number in the fewest digits that read back as the same: 0.1 is "0.1". */
void cut_json_print(const json_t *j, unsigned style, struct cut_buf *out);
char *cut_json_text(const json_t *j, unsigned style); /* owned; NULL: NULL */
/* Sorted and compact: the bytes that digests are made of. */
void cut_json_canonical(const json_t *j, struct cut_buf *out);

/* Members of an object; the fallback when absent, null or of another type. */
const char *cut_json_str(const json_t *obj, const char *key, const char *fallback);
int64_t cut_json_int(const json_t *obj, const char *key, int64_t fallback);
double cut_json_real(const json_t *obj, const char *key, double fallback); /* integers too */
bool cut_json_bool(const json_t *obj, const char *key, bool fallback);
const json_t *cut_json_at(const json_t *j, const char *pointer); /* RFC 6901; NULL: not there */

/* The next member of an object's text, *at being behind its '{': for lines that we wrote ourselves
 * and that come by the hundred thousand. Compact text only; false at its end, or where it is none.
 */
struct cut_json_member {
	const char *key;  /* within the object's text, as the next */
	const char *text; /* of the value, a string with its quotes */
	size_t key_len, len;
};
bool cut_json_member(const char **at, const char *end, struct cut_json_member *ret);

/* Gives up an object of secrets: its texts are overwritten, whoever else refers to it. NULL-safe.
 */
void cut_json_wipe(json_t *obj);

/* Durations in JSON are seconds: integer where whole. */
json_t *cut_json_seconds(cut_time ms); /* CUT_NEVER: null */
cut_time cut_json_ms(const json_t *seconds, cut_time fallback);
json_t *cut_json_rfc3339(cut_time wall); /* CUT_NEVER: null */

/* The writer: commas are placed by it. `cut_jw_open(&w, NULL, '{'); cut_jw_str(&w, "type", "tick");
 * cut_jw_close(&w);` key NULL inside a list. */
struct cut_jw {
	struct cut_buf *out; /* borrowed */
	uint64_t comma;	     /* a bit a level: something was written there */
	uint64_t list;	     /* a bit a level: it is a list */
	unsigned depth;
};
void cut_jw_open(struct cut_jw *w, const char *key, char bracket); /* '{' or '[' */
void cut_jw_close(struct cut_jw *w);
void cut_jw_str(struct cut_jw *w, const char *key, const char *value); /* NULL: null */
void cut_jw_int(struct cut_jw *w, const char *key, int64_t value);
void cut_jw_real(struct cut_jw *w, const char *key, double value); /* not finite: null */
void cut_jw_bool(struct cut_jw *w, const char *key, bool value);
void cut_jw_seconds(struct cut_jw *w, const char *key, cut_time ms);
void cut_jw_rfc3339(struct cut_jw *w, const char *key, cut_time wall);
/* Canonical; NULL: null. */
void cut_jw_json(struct cut_jw *w, const char *key, const json_t *value);
/* {"what", "why", "next"}: an error for programs. */
json_t *cut_err_json(const struct cut_err *err);
