/* SPDX-License-Identifier: Apache-2.0 */
/* What exec and notify share: arguments and environment of a command from parameters, and how its
 * end is told to people. */
#pragma once

#include "engine/base/buf.h"
#include "cutover/plugin.h"

#include <stdbool.h>

/* A NULL-terminated list of texts, "NAME=value" or arguments. {0} is empty. */
struct command_list {
	const char **items; /* owned, as is each text of it */
	size_t len, cap;
};

void command_list_add(struct command_list *list, char *text); /* steals */
void command_list_done(struct command_list *list);

/* argv: list of texts; shell: its first is a script, the others $1, $2 … */
void command_argv(const json_t *argv, bool shell, struct command_list *ret);
/* The host's short environment, CUTOVER_* of the call, then env: name → text or {"secret": name}.
 * -ENOENT: *ret_name is a secret that there is not. */
int command_env(struct cut_call *call, const json_t *env, struct command_list *ret,
		const char **ret_name);
/* "exited with 3: last line of what it said", "ended by signal 9 (Killed)", "could not be started:
 * No such file or directory". canceled: it was not its own time that was up. */
void command_end_text(const struct cut_child_result *result, const char *program, bool canceled,
		      struct cut_buf *out);
