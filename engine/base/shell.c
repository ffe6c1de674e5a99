/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/shell.h"

#include <string.h>

void cut_shell_word(const char *word, struct cut_buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	if (!word) {
		cut_buf_add_char(out, '?');
		return;
	}
	if (*word && word[strspn(word, plain)] == '\0') {
		cut_buf_add_str(out, word);
		return;
	}
	cut_buf_add_char(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			cut_buf_add_str(out, "'\\''");
		else
			cut_buf_add_char(out, *word);
	}
	cut_buf_add_char(out, '\'');
}
