/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/ask.h"

#include "engine/cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cut_ask_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int cut_ask_fail(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};

	cut_err_set(&err, -EINVAL, "there is no terminal to ask on", "add --yes to go on unasked",
		    "nothing was ordered");
	return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
}

static bool read_answer(char *line, int size)
{
	if (!fgets(line, size, stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

bool cut_ask_yes(const char *what, const char *question)
{
	char line[16];

	cut_print_text(what, stderr);
	fprintf(stderr, "\n%s? [y/N] ", question);
	fflush(stderr);
	return read_answer(line, sizeof(line)) &&
	       (strcmp(line, "y") == 0 || strcmp(line, "yes") == 0);
}

bool cut_ask_word(const char *what, const char *word)
{
	char line[128];

	cut_print_text(what, stderr);
	fprintf(stderr, "\nType %s to go on: ", word);
	fflush(stderr);
	return read_answer(line, sizeof(line)) && strcmp(line, word) == 0;
}
