/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a file as people and programs read them: file:line:column, what, hint, the line itself
 * with a caret under the place. Called by the loader (add) and by the commands (print). */
#include "engine/runbook/runbook.h"
#include "engine/base/utf8.h"
#include "engine/base/vec.h"

#include <stdarg.h>
#include <string.h>

enum { SHOWN_COLUMNS = 76 }; /* of a source line: with its indent it stays within 80 */

static struct cut_fault *add(struct cut_faults *faults, enum cut_severity severity)
{
	if (severity == CUT_SEV_ERROR)
		faults->errors++;
	if (faults->len >= CUT_FAULTS_MAX) {
		faults->left_out++;
		return NULL;
	}
	cut_vec_push(faults, (struct cut_fault){.severity = severity, .width = 1});
	return &cut_vec_last(faults);
}

void cut_faults_add(struct cut_faults *faults, const char *file, struct cut_mark mark,
		    enum cut_severity severity, const char *hint, const char *fmt, ...)
{
	struct cut_fault *fault = add(faults, severity);
	struct cut_buf what = {.max_bytes = 4096};
	va_list ap;

	if (!fault)
		return;
	va_start(ap, fmt);
	cut_buf_vprintf(&what, fmt, ap);
	va_end(ap);
	fault->file = cut_strdup(file);
	fault->mark = mark;
	fault->what = cut_buf_take(&what);
	fault->hint = cut_strdup(hint);
	cut_buf_done(&what);
}

/* The wanted line of the source without its line end, or NULL. */
static const char *find_line(const struct cut_faults *faults, uint32_t line, size_t *ret_len)
{
	const char *at = faults->source, *end = at ? at + faults->source_len : NULL, *stop;

	if (!at || line == 0)
		return NULL;
	for (; line > 1; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return NULL;
		at++;
	}
	stop = memchr(at, '\n', (size_t)(end - at));
	if (!stop)
		stop = end;
	if (stop > at && stop[-1] == '\r')
		stop--;
	*ret_len = (size_t)(stop - at);
	return at;
}

static size_t char_len(const char *s, const char *end)
{
	size_t len = 1;

	while (s + len < end && ((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* Bytes that a terminal might obey, or that are no text, show as '?'. */
static void add_shown(struct cut_buf *out, const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (c == '\t')
		cut_buf_add_char(out, ' ');
	else if (c < 0x20 || c == 0x7f || cut_utf8_step(s, len) != len)
		cut_buf_add_char(out, '?');
	else
		cut_buf_add(out, s, len);
}

static void print_place(const struct cut_faults *faults, const struct cut_fault *fault, bool color,
			struct cut_buf *out)
{
	size_t len = 0, column = fault->mark.column ? fault->mark.column - 1u : 0, skip = 0,
	       shown = 0;
	const char *line = find_line(faults, fault->mark.line, &len), *end;
	size_t width = fault->width ? fault->width : 1;

	if (!line || len == 0)
		return;
	end = line + len;
	/* a long line is shown from a little before the place */
	if (column + (width < SHOWN_COLUMNS / 4 ? width : SHOWN_COLUMNS / 4) > SHOWN_COLUMNS)
		skip = column - SHOWN_COLUMNS / 2;
	for (size_t i = 0; i < skip && line < end; i++)
		line += char_len(line, end);
	cut_buf_add_str(out, skip ? "  … " : "    ");
	while (line < end && shown < SHOWN_COLUMNS) {
		size_t n = char_len(line, end);

		add_shown(out, line, n);
		line += n;
		shown++;
	}
	cut_buf_add_str(out, "\n    ");
	for (size_t i = skip; i < column; i++)
		cut_buf_add_char(out, ' ');
	if (color)
		cut_buf_add_str(out, "\x1b[1;32m");
	cut_buf_add_char(out, '^');
	for (size_t i = 1; i < width && column - skip + i < shown; i++)
		cut_buf_add_char(out, '~');
	cut_buf_add_str(out, color ? "\x1b[0m\n" : "\n");
}

static void print_one(const struct cut_faults *faults, const struct cut_fault *fault, bool color,
		      struct cut_buf *out)
{
	bool error = fault->severity == CUT_SEV_ERROR;

	if (color)
		cut_buf_add_str(out, "\x1b[1m");
	cut_buf_add_str(out, fault->file);
	if (fault->mark.line)
		cut_buf_printf(out, ":%u:%u", fault->mark.line, fault->mark.column);
	cut_buf_printf(out, ": %s%s:%s ", color ? (error ? "\x1b[31m" : "\x1b[35m") : "",
		       error ? "error" : "warning", color ? "\x1b[0m" : "");
	cut_buf_add_str(out, fault->what);
	if (fault->hint)
		cut_buf_printf(out, "; %s", fault->hint);
	cut_buf_add_char(out, '\n');
	print_place(faults, fault, color, out);
}

void cut_faults_print(const struct cut_faults *faults, bool color, struct cut_buf *out)
{
	for (size_t i = 0; i < faults->len; i++)
		print_one(faults, &faults->items[i], color, out);
	if (faults->left_out)
		cut_buf_printf(out, "%zu more faults are not shown; mend these first\n",
			       faults->left_out);
}

json_t *cut_faults_json(const struct cut_faults *faults)
{
	json_t *list = json_array();

	for (size_t i = 0; i < faults->len; i++) {
		const struct cut_fault *f = &faults->items[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o, s:s, s:s, s:s?}", "file", f->file, "line",
				  f->mark.line ? json_integer(f->mark.line) : json_null(), "column",
				  f->mark.line ? json_integer(f->mark.column) : json_null(),
				  "severity", f->severity == CUT_SEV_ERROR ? "error" : "warning",
				  "what", f->what, "hint", f->hint));
	}
	return list;
}

void cut_faults_done(struct cut_faults *faults)
{
	cut_vec_foreach (faults, fault) {
		free(fault->file);
		free(fault->what);
		free(fault->hint);
	}
	free(faults->items);
	free(faults->source);
	*faults = (struct cut_faults){0};
}
