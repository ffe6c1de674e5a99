/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the person at the terminal, before something that cannot simply be taken back. */
#pragma once

#include "engine/cli/cli.h"

bool cut_ask_possible(void); /* is there somebody to ask? The others count on it. */
/* Says that there is not, and to add --yes; the exit code. */
int cut_ask_fail(const struct cut_args *args);
/* Shows what and asks "question? [y/N]". */
bool cut_ask_yes(const char *what, const char *question);
/* Shows what and asks for a word to be typed, such as the runbook's name. */
bool cut_ask_word(const char *what, const char *word);
