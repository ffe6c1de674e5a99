/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of time. */
#include "engine/base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST_DURATION (3652500 * CUT_DAY) /* 10,000 years: sums of some never overflow */

static const struct unit {
	const char *name;
	cut_time ms;
} units[] = {{"d", CUT_DAY}, {"h", CUT_HOUR}, {"m", CUT_MINUTE}, {"s", CUT_SECOND}, {"ms", 1}};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A cursor over text that is not NUL-terminated. */
struct scan {
	const char *at, *end;
};

/* Digits into *ret; how many there were. Past 18 digits it saturates. */
static size_t scan_digits(struct scan *in, cut_time *ret)
{
	const char *start = in->at;
	cut_time v = 0;

	for (; in->at < in->end && is_digit(*in->at); in->at++)
		v = v > INT64_MAX / 10 - 1 ? INT64_MAX / 10 : v * 10 + (*in->at - '0');
	*ret = v;
	return (size_t)(in->at - start);
}

static const struct unit *scan_unit(struct scan *in)
{
	const char *start = in->at;

	while (in->at < in->end && *in->at >= 'a' && *in->at <= 'z')
		in->at++;
	for (size_t i = 0; i < CUT_ARRAY_LEN(units); i++)
		if (strlen(units[i].name) == (size_t)(in->at - start) &&
		    memcmp(units[i].name, start, (size_t)(in->at - start)) == 0)
			return &units[i];
	return NULL;
}

int cut_duration_parse(const char *text, size_t len, cut_time *ret)
{
	struct scan in = {text, text + len};
	const struct unit *last = NULL;
	cut_time total = 0;
	bool fractional = false;

	if (!len)
		return -EINVAL;
	while (in.at < in.end) {
		cut_time whole, fraction = 0, scale = 1;
		const struct unit *unit;
		size_t digits = 0;

		if (fractional || !scan_digits(&in, &whole))
			return -EINVAL;
		if (in.at < in.end && *in.at == '.') {
			in.at++;
			digits = scan_digits(&in, &fraction);
			if (!digits || digits > 9)
				return -EINVAL;
			fractional = true;
		}
		while (digits--)
			scale *= 10;
		unit = scan_unit(&in);
		if (!unit || (last && unit <= last) || fraction * unit->ms % scale)
			return -EINVAL;
		last = unit;
		if (whole > LONGEST_DURATION / unit->ms)
			return -ERANGE;
		total += whole * unit->ms + fraction * unit->ms / scale;
		if (total > LONGEST_DURATION)
			return -ERANGE;
	}
	*ret = total;
	return 0;
}

/* ".25" for 250 of a thousand; nothing for 0. */
static void add_millis(struct cut_buf *out, unsigned ms)
{
	char text[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
		       (char)('0' + ms % 10)};
	size_t len = sizeof(text);

	while (len > 1 && text[len - 1] == '0')
		len--;
	if (ms)
		cut_buf_add(out, text, len);
}

static uint64_t magnitude(cut_time ms, struct cut_buf *out)
{
	if (ms >= 0)
		return (uint64_t)ms;
	cut_buf_add_char(out, '-');
	return 0 - (uint64_t)ms;
}

void cut_duration_format(cut_time ms, struct cut_buf *out)
{
	uint64_t left = magnitude(ms, out);

	if (left && left < 1000) {
		cut_buf_printf(out, "%ums", (unsigned)left);
		return;
	}
	for (const struct unit *unit = units; unit->ms > CUT_SECOND; unit++) {
		uint64_t n = left / (uint64_t)unit->ms;

		left %= (uint64_t)unit->ms;
		if (n)
			cut_buf_printf(out, "%llu%s", (unsigned long long)n, unit->name);
	}
	if (left || !ms) {
		cut_buf_printf(out, "%u", (unsigned)(left / 1000));
		add_millis(out, (unsigned)(left % 1000));
		cut_buf_add_char(out, 's');
	}
}

void cut_duration_human(cut_time ms, struct cut_buf *out)
{
	unsigned long long left;

	if (ms == CUT_NEVER) {
		cut_buf_add_str(out, "never");
		return;
	}
	left = magnitude(ms, out);
	if (left < 1000 && left)
		cut_buf_printf(out, "%llums", left);
	else if (left < CUT_MINUTE && left % 1000 >= 100)
		cut_buf_printf(out, "%llu.%llus", left / 1000, left % 1000 / 100);
	else if (left < CUT_MINUTE)
		cut_buf_printf(out, "%llus", left / 1000);
	else if (left < CUT_HOUR)
		cut_buf_printf(out, "%llum%02llus", left / CUT_MINUTE, left / CUT_SECOND % 60);
	else if (left < CUT_DAY)
		cut_buf_printf(out, "%lluh%02llum", left / CUT_HOUR, left / CUT_MINUTE % 60);
	else
		cut_buf_printf(out, "%llud%02lluh", left / CUT_DAY, left / CUT_HOUR % 24);
}

/* Days since 1970-01-01 of the Gregorian calendar, and back (Hinnant, "chrono-compatible low-level
 * date algorithms": the year starts in March). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t days, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static bool month_has(int y, int m, int d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

/* Fields by a picture: "9999-99-99" takes digits where it has a 9, else the very character. */
static bool scan_picture(struct scan *in, const char *picture, int *fields)
{
	int *field = fields - 1;
	bool inside = false;

	for (; *picture; picture++, in->at++) {
		if (in->at == in->end)
			return false;
		if (*picture != '9') {
			if (*in->at != *picture)
				return false;
			inside = false;
			continue;
		}
		if (!is_digit(*in->at))
			return false;
		if (!inside)
			*++field = 0;
		inside = true;
		*field = *field * 10 + (*in->at - '0');
	}
	return true;
}

static bool scan_fraction(struct scan *in, int *ret_ms)
{
	int scale = 100, digits = 0;

	*ret_ms = 0;
	if (in->at == in->end || *in->at != '.')
		return true;
	for (in->at++; in->at < in->end && is_digit(*in->at); in->at++, digits++, scale /= 10)
		*ret_ms += (*in->at - '0') * scale;
	return digits >= 1 && digits <= 9;
}

static bool scan_offset(struct scan *in, int *ret_minutes)
{
	bool west;
	int f[2];

	if (in->at == in->end)
		return false;
	*ret_minutes = 0;
	if (*in->at == 'Z') {
		in->at++;
		return true;
	}
	west = *in->at == '-';
	if (!west && *in->at != '+')
		return false;
	in->at++;
	if (!scan_picture(in, "99:99", f) || f[0] > 23 || f[1] > 59)
		return false;
	*ret_minutes = (f[0] * 60 + f[1]) * (west ? -1 : 1);
	return true;
}

int cut_rfc3339_parse(const char *text, size_t len, cut_time *ret)
{
	struct scan in = {text, text + len};
	int f[6], ms, offset;

	if (!scan_picture(&in, "9999-99-99T99:99:99", f) || !scan_fraction(&in, &ms) ||
	    !scan_offset(&in, &offset) || in.at != in.end)
		return -EINVAL;
	if (!month_has(f[0], f[1], f[2]) || f[3] > 23 || f[4] > 59 || f[5] > 59)
		return -EINVAL;
	*ret = days_from_civil(f[0], f[1], f[2]) * CUT_DAY + f[3] * CUT_HOUR +
	       (f[4] - offset) * CUT_MINUTE + f[5] * CUT_SECOND + ms;
	return 0;
}

static void put_digits(char *to, int digits, int value)
{
	for (; digits--; value /= 10)
		to[digits] = (char)('0' + value % 10);
}

void cut_rfc3339_format(cut_time wall, struct cut_buf *out)
{
	const cut_time first = days_from_civil(0, 1, 1) * CUT_DAY;
	const cut_time last = days_from_civil(10000, 1, 1) * CUT_DAY - 1;
	static const struct {
		int at, digits;
	} fields[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {20, 3}};
	char text[] = "0000-00-00T00:00:00.000Z";
	int values[CUT_ARRAY_LEN(fields)];
	int64_t days;
	int ms;

	wall = wall < first ? first : wall > last ? last : wall;
	days = (wall - first) / CUT_DAY + first / CUT_DAY;
	ms = (int)(wall - days * CUT_DAY);
	civil_from_days(days, &values[0], &values[1], &values[2]);
	values[3] = ms / 3600000;
	values[4] = ms / 60000 % 60;
	values[5] = ms / 1000 % 60;
	values[6] = ms % 1000;
	for (size_t i = 0; i < CUT_ARRAY_LEN(fields); i++)
		put_digits(text + fields[i].at, fields[i].digits, values[i]);
	cut_buf_add(out, text, sizeof(text) - 1);
}
