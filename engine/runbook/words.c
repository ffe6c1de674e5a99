/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a command into words as a POSIX shell splits them (XCU 2.2 and 2.6.5), or made safe
 * for a real shell. Both happen before values are put in, so that a value never adds a word and
 * never is code. Called where a body has `run`. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

struct scan {
	const char *at;
	char quote;   /* ' or " when inside, else 0 */
	bool in_word; /* also an empty "" makes a word */
};

/* A `${{ … }}` at the cursor: its length, or 0. What is in it is no business of the shell's. */
static size_t template_len(const char *at)
{
	const char *end = strncmp(at, "${{", 3) == 0 ? load_template_end(at + 3) : NULL;

	return end ? (size_t)(end - at) + 2 : 0;
}

static void end_word(struct scan *s, struct cut_buf *words, size_t *len)
{
	if (!s->in_word)
		return;
	cut_buf_add_char(words, 0);
	(*len)++;
	s->in_word = false;
}

/* Takes one escaped or quoted piece; false when the cursor stands on a plain character. */
static bool take_special(struct scan *s, struct cut_buf *words)
{
	size_t n = template_len(s->at);
	char c = *s->at;

	if (n) {
		cut_buf_add(words, s->at, n);
		s->at += n;
	} else if (s->quote != '\'' && c == '\\' && s->at[1]) {
		if (s->quote == '"' && !strchr("$`\"\\\n", s->at[1]))
			cut_buf_add_char(words, c);
		if (s->at[1] != '\n')
			cut_buf_add_char(words, s->at[1]);
		s->at += 2;
	} else if (s->quote ? c == s->quote : c == '\'' || c == '"') {
		s->quote = s->quote ? 0 : c;
		s->at++;
	} else {
		return false;
	}
	s->in_word = true;
	return true;
}

int load_split(struct load *l, uint32_t node, struct cut_buf *words, size_t *ret_len)
{
	const char *text = cut_doc_str(l->doc, node);
	struct scan s = {.at = text};
	size_t len = 0, quote_at = 0;
	bool shell_like = false;

	while (*s.at) {
		char quote = s.quote;

		if (take_special(&s, words)) {
			if (s.quote && !quote)
				quote_at = (size_t)(s.at - text) - 1;
			continue;
		}
		if (!s.quote && strchr(" \t\n", *s.at)) {
			if (*s.at == '\n' && s.at[1 + strspn(s.at + 1, " \t\n")] && !shell_like) {
				shell_like = true;
				load_warn(l, node, "add shell: true for several, or write > for |",
					  "these lines are one command: no shell runs this text");
			}
			end_word(&s, words, &len);
		} else {
			if (!s.quote && !shell_like && strchr("|&;<>`", *s.at)) {
				shell_like = true;
				load_warn(
					l, node,
					"add shell: true, or quote it if it is meant as it stands",
					"'%c' has no meaning here: no shell runs this text", *s.at);
			}
			cut_buf_add_char(words, *s.at);
			s.in_word = true;
		}
		s.at++;
	}
	if (s.quote) {
		load_fault_at(l, node, quote_at, 1, "close it, or put a backslash before it",
			      "a quote is not closed in this command");
		return -EINVAL;
	}
	end_word(&s, words, &len);
	if (len == 0) {
		load_fault(l, node, NULL, "this command is empty");
		return -EINVAL;
	}
	*ret_len = len;
	return 0;
}

int load_shell(struct load *l, uint32_t node, struct cut_buf *script, struct cut_buf *values,
	       size_t *ret_len)
{
	const char *text = cut_doc_str(l->doc, node);
	struct scan s = {.at = text};
	size_t len = 0;

	while (*s.at) {
		size_t n = template_len(s.at);

		if (n && s.quote == '\'') {
			load_fault_at(
				l, node, (size_t)(s.at - text), (unsigned)n,
				"use \"…\" quotes: the value arrives as a variable of the shell",
				"a value cannot be put between '…' quotes of a shell text");
			return -EINVAL;
		}
		if (n) {
			const char *quote = s.quote ? "" : "\"";

			cut_buf_printf(script, "%s${CUTOVER_VALUE_%zu}%s", quote, ++len, quote);
			cut_buf_add(values, s.at, n);
			cut_buf_add_char(values, 0);
			s.at += n;
			continue;
		}
		if (s.quote != '\'' && *s.at == '\\' && s.at[1])
			cut_buf_add_char(script, *s.at++);
		else if (s.quote ? *s.at == s.quote : *s.at == '\'' || *s.at == '"')
			s.quote = s.quote ? 0 : *s.at;
		cut_buf_add_char(script, *s.at++);
	}
	*ret_len = len;
	return 0;
}
