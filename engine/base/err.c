/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as an operator reads them. */
#include "engine/base/err.h"

#include "engine/base/buf.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* The texts may come from the error that is being replaced, so the old ones go last. */
__attribute__((format(printf, 5, 0))) static int replace(struct cut_err *err, int code,
							 const char *why, const char *next,
							 const char *what, va_list ap)
{
	struct cut_err fresh = {.code = code};
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (!err)
		return code;
	cut_buf_vprintf(&text, what, ap);
	fresh.what = cut_buf_take(&text);
	fresh.why = cut_strdup(why);
	fresh.next = cut_strdup(next);
	cut_err_done(err);
	*err = fresh;
	return code;
}

int cut_err_set(struct cut_err *err, int code, const char *why, const char *next, const char *what,
		...)
{
	va_list ap;

	va_start(ap, what);
	replace(err, code, why, next, what, ap);
	va_end(ap);
	return code;
}

int cut_err_sys(struct cut_err *err, int code, const char *next, const char *what, ...)
{
	const char *text = strerrordesc_np(-code);
	cut_auto(cut_str) char *why = cut_strdup(text ? text : "unknown error");
	va_list ap;

	/* "No such file" goes into the middle of a line, "RPC …" stays. */
	if (why[0] && islower((unsigned char)why[1]))
		why[0] = (char)tolower((unsigned char)why[0]);
	va_start(ap, what);
	replace(err, code, why, next, what, ap);
	va_end(ap);
	return code;
}

int cut_err_prefix(struct cut_err *err, const char *fmt, ...)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	va_list ap;

	if (!err)
		return 0;
	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (err->what)
		cut_buf_printf(&text, ": %s", err->what);
	free(err->what);
	err->what = cut_buf_take(&text);
	return err->code;
}

char *cut_err_text(const struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_buf_add_str(&text, err->what ? err->what : "");
	if (err->why)
		cut_buf_printf(&text, ": %s", err->why);
	if (err->next)
		cut_buf_printf(&text, "; %s", err->next);
	return cut_buf_take(&text);
}

void cut_err_done(struct cut_err *err)
{
	if (!err)
		return;
	free(err->what);
	free(err->why);
	free(err->next);
	*err = (struct cut_err){0};
}
