/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INDENT_MORE 4
#define INDENT_MAX  40
#define COLUMNS_MIN 16 /* below, indentations are no longer worth it */

static bool starts_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Bytes of the line that fit into columns, up to a space where there is one behind its indentation.
 */
static size_t fitting(const char *line, size_t len, size_t indent, size_t columns)
{
	size_t at = 0, space = 0, used = 0;

	for (; at < len; at++) {
		if (line[at] == '\033') { /* a colour */
			at += strcspn(line + at, "m");
			continue;
		}
		if (starts_char(line[at]) && ++used > columns)
			break;
		if (line[at] == ' ' && at > indent)
			space = at;
	}
	return at == len || !space ? at : space;
}

static void fold_line(const char *line, size_t len, size_t columns, struct cut_buf *out)
{
	size_t indent = strspn(line, " "), first = indent;
	size_t n = fitting(line, len, first, columns), most = columns / 2;

	most = most < INDENT_MAX ? most : INDENT_MAX;
	indent = indent + INDENT_MORE < most ? indent + INDENT_MORE : most;
	for (;;) {
		cut_buf_printf(out, "%.*s\n", (int)n, line);
		line += n;
		len -= n;
		for (; len && *line == ' '; len--)
			line++;
		if (!len)
			return;
		cut_buf_printf(out, "%*s", (int)indent, "");
		n = fitting(line, len, 0, columns - indent);
	}
}

void cut_fold_text(const char *text, size_t columns, struct cut_buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fold_line(text, len, columns, out);
		text += len + (text[len] == '\n');
	}
}

void cut_clip_line(struct cut_buf *text, size_t start, size_t columns)
{
	size_t used = 0, last = start;

	for (size_t i = start; i < text->len; i++) {
		if (text->data[i] == '\033') {
			i += strcspn(text->data + i, "m");
			continue;
		}
		if (!starts_char(text->data[i]))
			continue;
		if (++used > columns) {
			text->len = last;
			cut_buf_add_str(text, "…");
			return;
		}
		last = i;
	}
}

size_t cut_count_lines(const char *text)
{
	size_t n = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		n++;
	return n;
}

void cut_drop_lines(struct cut_buf *text, size_t drop)
{
	size_t lines = cut_count_lines(cut_buf_str(text));
	const char *end = cut_buf_str(text);

	if (lines == 0)
		return;
	for (size_t keep = lines > drop ? lines - drop - 1 : 0; keep > 0; keep--)
		end = strchr(end, '\n') + 1;
	text->len = (size_t)(end - text->data);
	cut_buf_add_str(text, lines > drop ? "    …\n" : "");
}

bool cut_is_screen(FILE *out)
{
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && !(term && strcmp(term, "dumb") == 0);
}

void cut_screen_size(FILE *out, size_t *ret_lines, size_t *ret_columns)
{
	struct winsize size = {0};

	ioctl(fileno(out), TIOCGWINSZ, &size);
	*ret_lines = size.ws_row ? size.ws_row : 24;
	*ret_columns = size.ws_col && size.ws_col < CUT_WIDTH ? size.ws_col : CUT_WIDTH;
	if (*ret_columns < COLUMNS_MIN)
		*ret_columns = COLUMNS_MIN;
}

void cut_print_text(const char *text, FILE *out)
{
	cut_auto(cut_buf) struct cut_buf folded = {0};
	size_t lines, columns;

	if (!isatty(fileno(out))) {
		fputs(text, out);
		return;
	}
	cut_screen_size(out, &lines, &columns);
	cut_fold_text(text, columns, &folded);
	fputs(cut_buf_str(&folded), out);
}

void cut_print_json(const json_t *json, FILE *out)
{
	cut_auto(cut_str) char *text = cut_json_text(json, 0);

	fprintf(out, "%s\n", text);
}

void cut_print_record(const char *json, size_t len, uint64_t seq)
{
	if (!len)
		return;
	fwrite(json, 1, len - 1, stdout);
	printf(",\"seq\":%" PRIu64 "}\n", seq);
}
