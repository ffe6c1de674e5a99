/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629, table of section 4). */
#include "engine/base/utf8.h"

#include <errno.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t cut_utf8_step(const char *s, size_t left)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (left < len)
		return 0;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (!is_tail(u[i]))
			return 0;
	return len;
}

bool cut_utf8_valid(const char *s, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t step = cut_utf8_step(s + at, len - at);

		if (!step)
			return false;
		at += step;
	}
	return true;
}

size_t cut_utf8_count(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !is_tail((unsigned char)s[i]);
	return n;
}

int cut_utf8_add(struct cut_buf *out, uint32_t code)
{
	char c[4];
	size_t len;

	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -EINVAL;
	if (code < 0x80)
		return cut_buf_add_char(out, (char)code);
	len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		c[i] = (char)(0x80 | (code & 0x3f));
	c[0] = (char)((0xf00u >> len & 0xf0) | code);
	return cut_buf_add(out, c, len);
}

void cut_utf8_add_clean(struct cut_buf *out, const char *s, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t from = at, step = 0;

		while (at < len && s[at] && (step = cut_utf8_step(s + at, len - at)))
			at += step;
		cut_buf_add(out, s + from, at - from);
		if (at < len) {
			cut_buf_add_str(out, "\xef\xbf\xbd");
			at++;
		}
	}
}
