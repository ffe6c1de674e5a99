/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the person at the terminal, before something that cannot simply be taken back. */
#pragma once

#include <stdbool.h>

/* Shows what and asks "question? [y/N]". False also where there is no terminal. */
bool cut_ask_yes(const char *what, const char *question);
/* Asks for a word to be typed, such as the runbook's name. False also where there is no terminal. */
bool cut_ask_word(const char *what, const char *word);
bool cut_ask_possible(void); /* is there somebody to ask? */
