/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over a live run's values, for `cutover eval`. Used by the control socket. */
#pragma once

#include "engine/runtime/driver.h"

/* request {"expr": text}; *ret {"value": JSON}. -EBADMSG: it does not parse; -EDOM: CEL's error. */
int cut_evaluate_live(struct cut_driver *driver, const json_t *request, json_t **ret,
		      struct cut_err *err);
