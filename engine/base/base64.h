/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648) in the strict form: padded, no white space. Used for keys and signatures. */
#pragma once

#include "engine/base/buf.h"

void cut_base64(const void *data, size_t len, struct cut_buf *out);
/* -EINVAL: it is no such text; out is unchanged then. */
int cut_base64_decode(const char *text, size_t len, struct cut_buf *out);
