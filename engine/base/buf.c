/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte buffer. */
#include "engine/base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

char *cut_buf_reserve(struct cut_buf *buf, size_t len)
{
	if (buf->error)
		return NULL;
	if (len > SIZE_MAX / 4 - buf->len || (buf->max_bytes && buf->len + len > buf->max_bytes)) {
		buf->error = -E2BIG;
		return NULL;
	}
	if (buf->len + len + 1 > buf->cap) {
		size_t cap = buf->cap ? buf->cap * 2 : 64;

		while (cap < buf->len + len + 1)
			cap *= 2;
		buf->data = cut_realloc(buf->data, cap);
		buf->cap = cap;
		buf->data[buf->len] = '\0';
	}
	return buf->data + buf->len;
}

int cut_buf_add(struct cut_buf *buf, const void *data, size_t len)
{
	char *to = cut_buf_reserve(buf, len);

	if (!to)
		return buf->error;
	if (len)
		memcpy(to, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int cut_buf_add_str(struct cut_buf *buf, const char *s)
{
	return cut_buf_add(buf, s, strlen(s));
}

int cut_buf_add_char(struct cut_buf *buf, char c)
{
	return cut_buf_add(buf, &c, 1);
}

int cut_buf_printf(struct cut_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = cut_buf_vprintf(buf, fmt, ap);
	va_end(ap);
	return r;
}

int cut_buf_vprintf(struct cut_buf *buf, const char *fmt, va_list ap)
{
	size_t room = buf->data ? buf->cap - buf->len : 0;
	va_list again;
	char *to;
	int len;

	if (buf->error)
		return buf->error;
	va_copy(again, ap);
	len = vsnprintf(room ? buf->data + buf->len : NULL, room, fmt, again);
	va_end(again);
	assert(len >= 0);
	if (room)
		buf->data[buf->len] = '\0';
	to = cut_buf_reserve(buf, (size_t)len);
	if (!to)
		return buf->error;
	vsnprintf(to, (size_t)len + 1, fmt, ap);
	buf->len += (size_t)len;
	return 0;
}

void cut_buf_consume(struct cut_buf *buf, size_t len)
{
	assert(len <= buf->len);
	if (!len)
		return;
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len + 1);
}

const char *cut_buf_str(const struct cut_buf *buf)
{
	return buf->data ? buf->data : "";
}

char *cut_buf_take(struct cut_buf *buf)
{
	char *text = buf->data ? buf->data : cut_strndup("", 0);

	buf->data = NULL;
	cut_buf_done(buf);
	return text;
}

void cut_buf_reset(struct cut_buf *buf)
{
	buf->len = 0;
	buf->error = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void cut_buf_done(struct cut_buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = buf->cap = 0;
	buf->error = 0;
}
