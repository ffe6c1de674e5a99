/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, strictly: no overlong forms, no surrogates, nothing past U+10FFFF. Used where text comes
 * from outside and by the expressions, whose strings are counted in code points. */
#pragma once

#include "engine/base/buf.h"

#include <stdbool.h>

/* Bytes of the valid sequence that starts at s (left > 0 bytes may be read), 0: invalid. */
size_t cut_utf8_step(const char *s, size_t left);
bool cut_utf8_valid(const char *s, size_t len);
size_t cut_utf8_count(const char *s, size_t len); /* code points of valid text */
/* Appends a code point; -EINVAL for a surrogate or past U+10FFFF. */
int cut_utf8_add(struct cut_buf *out, uint32_t code);
/* Appends the text with U+FFFD for NUL and for each byte that is not part of valid UTF-8: what
 * programs print, made fit for JSON. */
void cut_utf8_add_clean(struct cut_buf *out, const char *s, size_t len);
