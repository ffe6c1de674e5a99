/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, whatever the locale. Used by JSON, expressions and values of a runbook. */
#pragma once

#include "engine/base/buf.h"

/* "-12": a sign and digits, nothing else. -EINVAL: not so; -ERANGE: does not fit. */
int cut_int_parse(const char *text, size_t len, int64_t *ret);
/* "-1.5e3": a sign, digits, a fraction, an exponent. -EINVAL: not so; -ERANGE: too large. */
int cut_real_parse(const char *text, size_t len, double *ret);
void cut_int_format(int64_t value, struct cut_buf *out);
/* The fewest of 15, 16 or 17 digits that read back as the same number: "2", "0.1", "1e+20"; "NaN",
 * "+Inf" and "-Inf". */
void cut_real_format(double value, struct cut_buf *out);
