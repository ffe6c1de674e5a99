/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a cap, always NUL-terminated. Used wherever input decides the size:
 * records, frames, captured output, messages. */
#pragma once

#include "engine/base/alloc.h"

#include <stdarg.h>

/* {0} is a valid empty buffer without a cap. Once an append would pass max_bytes nothing is added
 * and `error` stays -E2BIG, so that a chain of appends needs one check at its end. */
struct cut_buf {
	char *data; /* owned; NULL while empty */
	size_t len, cap;
	size_t max_bytes; /* 0: no cap */
	int error;	  /* 0 or -E2BIG, sticky */
};

int cut_buf_add(struct cut_buf *buf, const void *data, size_t len);
int cut_buf_add_str(struct cut_buf *buf, const char *s);
int cut_buf_add_char(struct cut_buf *buf, char c);
int cut_buf_printf(struct cut_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cut_buf_vprintf(struct cut_buf *buf, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Makes room for len more bytes and returns where they go, or NULL past the cap; the caller adds
 * what it wrote to buf->len. */
char *cut_buf_reserve(struct cut_buf *buf, size_t len);
void cut_buf_consume(struct cut_buf *buf, size_t len); /* drops len bytes from the front */
const char *cut_buf_str(const struct cut_buf *buf);    /* "" when empty */
char *cut_buf_take(struct cut_buf *buf); /* the text, owned by the caller; "" when empty */
void cut_buf_reset(struct cut_buf *buf); /* empty, memory and cap kept */
void cut_buf_done(struct cut_buf *buf);

static inline void cut_buf_cleanup(struct cut_buf *buf)
{
	cut_buf_done(buf);
}
