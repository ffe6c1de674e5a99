/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/print.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define INDENT_MORE 4
#define INDENT_MAX  40

static bool starts_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Bytes of the line that fit into columns, up to a space where there is one behind its indentation. */
static size_t fitting(const char *line, size_t len, size_t indent, size_t columns)
{
	size_t at = 0, space = 0, used = 0;

	for (; at < len; at++) {
		if (starts_char(line[at]) && ++used > columns)
			break;
		if (line[at] == ' ' && at > indent)
			space = at;
	}
	return at == len || !space ? at : space;
}

static void print_folded(const char *line, size_t len, FILE *out)
{
	size_t indent = strspn(line, " "), first = indent;
	size_t n = fitting(line, len, first, CUT_WIDTH);

	indent = indent + INDENT_MORE < INDENT_MAX ? indent + INDENT_MORE : INDENT_MAX;
	for (;;) {
		fprintf(out, "%.*s\n", (int)n, line);
		line += n;
		len -= n;
		for (; len && *line == ' '; len--)
			line++;
		if (!len)
			return;
		fprintf(out, "%*s", (int)indent, "");
		n = fitting(line, len, 0, CUT_WIDTH - indent);
	}
}

void cut_print_text(const char *text, FILE *out)
{
	if (!isatty(fileno(out))) {
		fputs(text, out);
		return;
	}
	while (*text) {
		size_t len = strcspn(text, "\n");

		print_folded(text, len, out);
		text += len + (text[len] == '\n');
	}
}

void cut_print_record(const char *json, size_t len, uint64_t seq)
{
	if (!len)
		return;
	fwrite(json, 1, len - 1, stdout);
	printf(",\"seq\":%" PRIu64 "}\n", seq);
}
