/* SPDX-License-Identifier: Apache-2.0 */
/* The small change that plugins share; see kit.h. */
#include "kit/kit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Its calls are unknown then, and looked into: as after a crash, but no fault to hunt for. */
static _Noreturn void out_of_memory(void)
{
	static const char text[] = "out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	_exit(EXIT_FAILURE);
}

void *kit_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *kit_realloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n ? n : 1, size);

	if (!q)
		out_of_memory();
	return q;
}

char *kit_strdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		out_of_memory();
	return copy;
}

char *kit_printf(const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return text;
}

int kit_why(struct kit_why *why, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return error;
}

enum kit_op kit_op(const struct cut_call *call)
{
	static const char *const names[] = {
		[KIT_PLAN] = "plan",	   [KIT_APPLY] = "apply",	[KIT_VERIFY] = "verify",
		[KIT_OBSERVE] = "observe", [KIT_ROLLBACK] = "rollback",
	};
	unsigned op = 0;

	while (op < KIT_ARRAY_LEN(names) && strcmp(call->op, names[op]) != 0)
		op++;
	if (op == KIT_ARRAY_LEN(names))
		out_of_memory();
	return op;
}

void kit_done(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	call->api->done(call, status, text, data);
	free(text);
}

bool kit_duration_parse(const char *text, double *ret_s)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	double sum = 0;

	if (!*text)
		return false;
	while (*text) {
		size_t digits = strspn(text, "0123456789.");
		size_t letters = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
		size_t i;
		char *end;
		double value = strtod(text, &end);

		if (!digits || end != text + digits)
			return false;
		for (i = 0; i < KIT_ARRAY_LEN(units); i++)
			if (strlen(units[i].name) == letters &&
			    memcmp(units[i].name, end, letters) == 0)
				break;
		if (i == KIT_ARRAY_LEN(units))
			return false;
		sum += value * units[i].seconds;
		text = end + letters;
	}
	if (!isfinite(sum))
		return false;
	*ret_s = sum;
	return true;
}

int64_t kit_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *kit_time_format(int64_t wall_ms, char *buf)
{
	time_t seconds = wall_ms / 1000;
	char date[24];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, KIT_TIME_LEN, "%s.%03dZ", date, (int)(wall_ms % 1000));
	return buf;
}
