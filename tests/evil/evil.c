/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with one action that really does something (a file is there, or is not) and, once, in
 * the operation it is told, misbehaves after that. Loaded by tests/e2e/test_evil.py. */
#include "tests/evil/crimes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cut_param params[] = {
	{"how", CUT_T_CHOICE, CUT_P_REQUIRED, NULL, crime_names, "the misbehaviour"},
	{"on", CUT_T_CHOICE, CUT_P_REQUIRED, NULL, "apply|verify|rollback", "the operation"},
	{"file", CUT_T_STRING, CUT_P_REQUIRED | CUT_P_PATH, NULL, NULL, "there: applied"},
	{"run_folder", CUT_T_STRING, 0, NULL, NULL, "where the runs are"},
	{0},
};

static const char *file_of(const struct cut_call *call)
{
	return json_string_value(json_object_get(call->params, "file"));
}

void crime_tell(struct cut_call *call, const char *kind, const char *fmt, ...)
{
	char path[4096], line[512];
	va_list ap;
	int fd, len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[len++] = '\n';
	snprintf(path, sizeof(path), "%s.%s", file_of(call), kind);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		_exit(97); /* the judges would be blind */
	close(fd);
}

/* Only once: the file of the deed also survives the host. */
static crime_fn *crime_of(struct cut_call *call)
{
	const char *on = json_string_value(json_object_get(call->params, "on"));
	char path[4096];
	int fd;

	if (strcmp(on, call->op))
		return NULL;
	snprintf(path, sizeof(path), "%s.once", file_of(call));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return NULL;
	close(fd);
	return crime_named(json_string_value(json_object_get(call->params, "how")));
}

static void end(struct cut_call *call, enum cut_status status)
{
	crime_fn *crime = crime_of(call);

	if (crime)
		crime(call);
	else
		call->api->done(call, status, NULL, NULL);
}

static void apply(struct cut_call *call)
{
	int fd = open(file_of(call), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		call->api->done(call, CUT_FAIL, strerror(errno), NULL);
		return;
	}
	close(fd);
	crime_tell(call, "did", "apply");
	end(call, CUT_OK);
}

static bool is_there(struct cut_call *call)
{
	return access(file_of(call), F_OK) == 0;
}

static void verify(struct cut_call *call)
{
	end(call, is_there(call) ? CUT_OK : CUT_FAIL);
}

static void observe(struct cut_call *call)
{
	call->api->done(call, is_there(call) ? CUT_OK : CUT_RETRY, NULL, NULL);
}

static void rollback(struct cut_call *call)
{
	unlink(file_of(call));
	crime_tell(call, "did", "rollback");
	end(call, CUT_OK);
}

/* It hears and does nothing. */
static void cancel(struct cut_call *call)
{
}

static const struct cut_action deed = {
	.name = "deed",
	.help = "makes a file, and trouble",
	.params = params,
	.class = CUT_PROBE,
	.effects = CUT_WRITE,
	.apply = apply,
	.verify = verify,
	.observe = observe,
	.rollback = rollback,
	.cancel = cancel,
};

static const struct cut_action *const actions[] = {&deed, NULL};

static const struct cut_plugin evil = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "evil",
	.version = "1",
	.license = "Apache-2.0",
	.help = "misbehaves, for tests",
	.actions = actions,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &evil;
}
