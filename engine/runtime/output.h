/* SPDX-License-Identifier: Apache-2.0 */
/* The output of a short command, waited for: secrets from a command, before any loop runs. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

/* Runs argv (a list of texts) in folder without a shell and appends its standard output. -ETIMEDOUT
 * when it did not end in time (it is killed), -EIO when it failed. Its standard error is dropped:
 * it may hold what must not be shown. */
int cut_command_output(const json_t *argv, const char *folder, cut_time timeout,
		       struct cut_buf *out, struct cut_err *err);
