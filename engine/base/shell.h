/* SPDX-License-Identifier: Apache-2.0 */
/* A word of a command as one types it into a shell. Used where people are told which command would
 * run, or is theirs to run. */
#pragma once

#include "engine/base/buf.h"

/* As it is where a POSIX shell reads it so, else within single quotes. NULL: "?", nobody knows. */
void cut_shell_word(const char *word, struct cut_buf *out);
