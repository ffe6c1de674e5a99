/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an answer over HTTP is the expected one; used by the probe. */
#pragma once

#include "kit/kit.h"

/* expect: {status: [200], json: {pointer: value}, body_contains: text}, as the action `http` has
 * it; NULL: status 200. */
bool expect_holds(const json_t *expect, const struct cut_http_reply *reply);
/* The first key that means nothing, or NULL: what is not looked at would always hold. */
const char *expect_strange(const json_t *expect);
