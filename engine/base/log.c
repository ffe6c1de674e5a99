/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink and the secrets that it hides. The only state of the process in this folder. */
#include "engine/base/log.h"

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/base/vec.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SHORTEST_SECRET_BYTES = 4, LINE_MAX_BYTES = 16384 };

struct secret_form {
	char *text; /* owned */
	size_t len;
};

static struct {
	int fd;
	enum cut_log_level lowest;
	char *name; /* owned */
	struct {
		CUT_VEC(struct secret_form);
	} forms; /* longest first */
} sink = {.fd = -1};

void cut_log_open(int fd, enum cut_log_level lowest, const char *name)
{
	char *copy = cut_strdup(name);

	free(sink.name);
	sink.fd = fd;
	sink.lowest = lowest;
	sink.name = copy;
}

static void hide_form(const char *text, size_t len)
{
	size_t at = 0;

	if (len < SHORTEST_SECRET_BYTES)
		return;
	while (at < sink.forms.len && sink.forms.items[at].len > len)
		at++;
	for (size_t i = at; i < sink.forms.len && sink.forms.items[i].len == len; i++)
		if (memcmp(sink.forms.items[i].text, text, len) == 0)
			return;
	cut_vec_push(&sink.forms, (struct secret_form){0});
	memmove(&sink.forms.items[at + 1], &sink.forms.items[at],
		(sink.forms.len - 1 - at) * sizeof(sink.forms.items[0]));
	sink.forms.items[at] = (struct secret_form){cut_strndup(text, len), len};
}

/* The base64 letters that a value decides alone when `before` bytes (0 to 2) precede it in the
 * text that was encoded. */
static void hide_base64(const char *value, size_t len, unsigned before, const char *last_two)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	cut_auto(cut_buf) struct cut_buf out = {0};
	unsigned bits = 0, held = 8 * before, shared = before ? before + 1 : 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | (unsigned char)value[i];
		for (held += 8; held >= 6; held -= 6) {
			unsigned v = bits >> (held - 6) & 63;

			cut_buf_add_char(&out, v < 62 ? letters[v] : last_two[v - 62]);
		}
	}
	hide_form(out.data + shared, out.len - shared);
}

static void hide_url(const char *value, size_t len, const char *hex, char space)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	cut_auto(cut_buf) struct cut_buf out = {0};

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		char escaped[] = {'%', hex[c >> 4], hex[c & 15]};

		if (c == ' ' && space)
			cut_buf_add_char(&out, space);
		else if (c && strchr(plain, c))
			cut_buf_add_char(&out, (char)c);
		else
			cut_buf_add(&out, escaped, sizeof(escaped));
	}
	hide_form(out.data, out.len);
}

static void hide_hex(const char *value, size_t len, const char *hex)
{
	cut_auto(cut_buf) struct cut_buf out = {0};

	for (size_t i = 0; i < len; i++) {
		cut_buf_add_char(&out, hex[(unsigned char)value[i] >> 4]);
		cut_buf_add_char(&out, hex[value[i] & 15]);
	}
	hide_form(out.data, out.len);
}

static void hide_json(const char *value)
{
	cut_auto(cut_buf) struct cut_buf out = {0};
	struct cut_jw w = {.out = &out};

	cut_jw_str(&w, NULL, value);
	hide_form(out.data + 1, out.len - 2);
}

void cut_log_secret(const char *value, size_t len)
{
	static const char *const hexes[] = {"0123456789ABCDEF", "0123456789abcdef"};
	cut_auto(cut_str) char *text = NULL;

	if (len < SHORTEST_SECRET_BYTES)
		return;
	text = cut_strndup(value, len);
	hide_form(value, len);
	hide_json(text);
	for (unsigned before = 0; before < 3; before++) {
		hide_base64(value, len, before, "+/");
		hide_base64(value, len, before, "-_");
	}
	for (unsigned i = 0; i < 4; i++)
		hide_url(value, len, hexes[i & 1], i & 2 ? '+' : 0);
	for (unsigned i = 0; i < 2; i++)
		hide_hex(value, len, hexes[i]);
}

void cut_log_redact(char *text)
{
	size_t left = strlen(text);

	cut_vec_foreach (&sink.forms, form) {
		char *at = text;

		while ((at = memmem(at, left - (size_t)(at - text), form->text, form->len))) {
			size_t rest = left - (size_t)(at - text) - form->len;

			memcpy(at, "***", 3);
			memmove(at + 3, at + form->len, rest + 1);
			left -= form->len - 3;
			at += 3;
		}
	}
}

/* One event is one line, whatever is in it. */
static void flatten(struct cut_buf *line)
{
	for (size_t i = 0; i < line->len; i++)
		if ((unsigned char)line->data[i] < 0x20 || line->data[i] == 0x7f)
			line->data[i] = ' ';
	if (line->len > LINE_MAX_BYTES) {
		line->len = LINE_MAX_BYTES;
		cut_buf_add_str(line, " …");
	}
	cut_buf_add_char(line, '\n');
}

static void write_line(const struct cut_buf *line)
{
	ssize_t n;

	do
		n = write(sink.fd, line->data, line->len);
	while (n < 0 && errno == EINTR);
}

void cut_log(enum cut_log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	cut_auto(cut_buf) struct cut_buf line = {0};
	struct timespec now;
	va_list ap;

	if (sink.fd < 0 || level < sink.lowest)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	cut_rfc3339_format(now.tv_sec * CUT_SECOND + now.tv_nsec / 1000000, &line);
	cut_buf_printf(&line, " %s %s %s ", names[level], sink.name, event);
	va_start(ap, fmt);
	cut_buf_vprintf(&line, fmt, ap);
	va_end(ap);
	cut_log_redact(line.data);
	line.len = strlen(line.data);
	flatten(&line);
	write_line(&line);
}
