/* SPDX-License-Identifier: Apache-2.0 */
/* What a host gives up before the first line of a plugin runs. Called by main.c only. */
#pragma once

#include <stdbool.h>

/* keep_out: the folder of runs, in which a plugin must not write; or NULL. What this kernel cannot
 * do is logged and gone without. */
void host_confine(bool is_plugin, const char *keep_out);

/* confine_files.c, confine_calls.c: 0 or negative errno. */
int confine_files(const char *keep_out);
int confine_calls(const char *keep_out);
