/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover trigger test`: triggers as written in a runbook, tried on recorded samples. A pure
 * function, called by the command. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

/* file: {"trigger": {…}, "metric": {"every", "max_age", "better"}, "samples": [[t_seconds,
 * value|null|"error"], …], "armed_at": 0}, or a list of such. *ret, a new reference: {"states",
 * "classes", "fires_at", "fired", "final"}, or a list of such; text gets a line a sample, `t value
 * class state`. -EINVAL: not such a file; -ENOTSUP: a trigger of a later version. */
int cut_trigger_test(const json_t *file, json_t **ret, struct cut_buf *text, struct cut_err *err);
