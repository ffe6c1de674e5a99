/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text. */
#include "engine/base/num.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NUMBER_BYTES = 400 }; /* more than DBL_MAX written out */

/* A plugin may call setlocale(): the numbers of the process stay as they are. */
static locale_t plain_locale(void)
{
	static locale_t plain;

	if (!plain)
		plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return plain;
}

static size_t span_digits(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

int cut_int_parse(const char *text, size_t len, int64_t *ret)
{
	bool minus = len && text[0] == '-';
	int64_t v = 0;

	if (len == minus || span_digits(text + minus, len - minus) != len - minus)
		return -EINVAL;
	for (size_t i = minus; i < len; i++) {
		int digit = text[i] - '0';

		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, minus ? -digit : digit, &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

static bool is_real(const char *text, size_t len)
{
	size_t at = len && text[0] == '-', digits = span_digits(text + at, len - at);

	at += digits;
	if (!digits)
		return false;
	if (at < len && text[at] == '.') {
		digits = span_digits(text + at + 1, len - at - 1);
		at += 1 + digits;
		if (!digits)
			return false;
	}
	if (at < len && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < len && (text[at] == '+' || text[at] == '-');
		digits = span_digits(text + at, len - at);
		at += digits;
		if (!digits)
			return false;
	}
	return at == len;
}

int cut_real_parse(const char *text, size_t len, double *ret)
{
	char copy[LONGEST_NUMBER_BYTES + 1];
	double v;

	if (len > LONGEST_NUMBER_BYTES || !is_real(text, len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	v = strtod_l(copy, NULL, plain_locale());
	if (!isfinite(v))
		return -ERANGE;
	*ret = v;
	return 0;
}

void cut_int_format(int64_t value, struct cut_buf *out)
{
	char text[24], *at = text + sizeof(text);
	uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	if (value < 0)
		*--at = '-';
	cut_buf_add(out, at, (size_t)(text + sizeof(text) - at));
}

/* Most reals have up to 6 decimals: the same digits as printf's, without asking it. */
static bool add_short_real(double value, struct cut_buf *out)
{
	double millionths = value * 1e6;
	char text[] = ".000000";
	size_t len = sizeof(text) - 1;
	int64_t whole, rest;

	/* Outside, printf would write an exponent, or more digits than 15 could be needed. */
	if (!(fabs(value) >= 1e-4 && fabs(value) < 1e8))
		return false;
	whole = (int64_t)(millionths < 0 ? millionths - 0.5 : millionths + 0.5);
	if ((double)whole / 1e6 != value)
		return false;
	if (whole < 0)
		cut_buf_add_char(out, '-');
	whole = llabs(whole);
	cut_int_format(whole / 1000000, out);
	rest = whole % 1000000;
	for (size_t at = len - 1; at > 0; at--, rest /= 10)
		text[at] = (char)('0' + rest % 10);
	while (text[len - 1] == '0')
		len--;
	if (len > 1)
		cut_buf_add(out, text, len);
	return true;
}

void cut_real_format(double value, struct cut_buf *out)
{
	char text[40];
	locale_t before;

	if (!isfinite(value)) {
		cut_buf_add_str(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (add_short_real(value, out))
		return;
	before = uselocale(plain_locale());
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	uselocale(before);
	cut_buf_add_str(out, text);
}
