/* SPDX-License-Identifier: Apache-2.0 */
/* A whole plugin to copy: one action, skeleton.file_text, that gives a file a certain text and can
 * take it back. docs/plugins.md walks through it.
 *
 * Every writing operation follows one rule, on the first run, after a crash and on the way back
 * alike: read what is there; equal to what it shall become: done; equal to what it was: change it;
 * anything else: somebody else was here, so stop, show all three, overwrite nothing. */
#include "cutover/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 64 * 1024 };

/* The engine checks what a runbook says against this table, fills in defaults and prints it in
 * `cutover plugins`; an operation only ever sees parameters that fit. */
static const struct cut_param params[] = {
	{"path", CUT_T_STRING, CUT_P_REQUIRED | CUT_P_PATH, NULL, NULL, "the file"},
	{"text", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL, "what it shall hold"},
	{0},
};

static const struct cut_param outputs[] = {
	{"changed", CUT_T_BOOL, 0, NULL, NULL, "whether this attempt had to write"},
	{0},
};

static const char *param(const struct cut_call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

static void done(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void done(struct cut_call *call, enum cut_status status, json_t *data, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call->api->done(call, status, text, data);
}

/* *ret is a JSON text, or null where there is no file. A short local read may be done on the loop;
 * anything that can wait belongs to api->http, api->spawn or a uv handle on api->loop. */
static int read_text(const char *path, json_t **ret)
{
	char buf[TEXT_MAX_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && errno == ENOENT) {
		*ret = json_null();
		return 0;
	}
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	if (n < 0)
		return -EIO;
	*ret = n <= TEXT_MAX_BYTES ? json_stringn(buf, (size_t)n) : NULL;
	return *ret ? 0 : -EINVAL; /* too long, or not UTF-8 */
}

/* Whole or not at all: a crash in the middle leaves the old text. */
static int write_text(const char *path, const json_t *text)
{
	char temporary[4096];
	size_t len = json_string_length(text);
	int fd, r = 0;

	if (json_is_null(text))
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, json_string_value(text), len) != (ssize_t)len || fsync(fd) < 0)
		r = -EIO;
	close(fd);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	return r;
}

enum place { AT_BEFORE, AT_AFTER, ELSEWHERE };

/* Where the file stands between what was saved before the first change and what is wanted. */
static enum place find_place(const struct cut_call *call, const json_t *current)
{
	const json_t *before = json_object_get(call->saved, "before");

	if (json_equal(current, json_object_get(call->params, "text")))
		return AT_AFTER;
	return json_equal(current, before) ? AT_BEFORE : ELSEWHERE;
}

static const char *shown(const json_t *text)
{
	return json_is_null(text) ? "(no file)" : json_string_value(text);
}

static void conflict(struct cut_call *call, const json_t *current)
{
	done(call, CUT_FAIL, NULL,
	     "%s was changed by somebody else and is left alone: before \"%.200s\", now "
	     "\"%.200s\", "
	     "wanted \"%.200s\"",
	     param(call, "path"), shown(json_object_get(call->saved, "before")), shown(current),
	     param(call, "text"));
}

/* Reads the file, or ends the call. The caller owns the result. */
static json_t *current_text(struct cut_call *call)
{
	json_t *current = NULL;
	int r = read_text(param(call, "path"), &current);

	if (r < 0)
		done(call, CUT_FAIL, NULL, "cannot read %s: %s", param(call, "path"), strerror(-r));
	return current;
}

static void skeleton_plan(struct cut_call *call)
{
	json_t *current = current_text(call);

	if (!current)
		return;
	if (find_place(call, current) == AT_AFTER)
		done(call, CUT_OK, json_pack("{s:[]}", "changes"), "it is so already");
	else
		done(call, CUT_OK,
		     json_pack("{s:[{s:s, s:O, s:s}]}", "changes", "what", param(call, "path"),
			       "before", current, "after", param(call, "text")),
		     "one file to write");
	json_decref(current);
}

/* The state before is on the engine's disk now, so that even a crash right here can be undone. */
static void change(struct cut_call *call)
{
	json_t *current = current_text(call);
	enum place place;
	int r;

	if (!current)
		return;
	place = find_place(call, current);
	if (place == ELSEWHERE) {
		conflict(call, current);
	} else if (place == AT_AFTER) {
		done(call, CUT_OK, json_pack("{s:b}", "changed", 0), "it is so already");
	} else {
		r = write_text(param(call, "path"), json_object_get(call->params, "text"));
		if (r < 0)
			done(call, CUT_FAIL, NULL, "cannot write %s: %s", param(call, "path"),
			     strerror(-r));
		else
			done(call, CUT_OK, json_pack("{s:b}", "changed", 1), "written");
	}
	json_decref(current);
}

static void skeleton_apply(struct cut_call *call)
{
	json_t *current = current_text(call);
	int r;

	if (!current)
		return;
	/* The first save of a step wins: on a later attempt change() finds the original again. */
	r = call->api->save(call, json_pack("{s:o}", "before", current), change);
	if (r < 0)
		done(call, CUT_FAIL, NULL, "cannot save the text of %s: %s", param(call, "path"),
		     strerror(-r));
}

/* Success codes prove nothing: read back. */
static void skeleton_verify(struct cut_call *call)
{
	json_t *current = current_text(call);

	if (!current)
		return;
	if (find_place(call, current) == AT_AFTER)
		done(call, CUT_OK, NULL, "read back");
	else
		done(call, CUT_FAIL, NULL, "%s holds \"%.200s\", wanted \"%.200s\"",
		     param(call, "path"), shown(current), param(call, "text"));
	json_decref(current);
}

/* After a crash: did the apply that was lost take place? */
static void skeleton_observe(struct cut_call *call)
{
	json_t *current = current_text(call);
	enum place place;

	if (!current)
		return;
	place = find_place(call, current);
	if (place == AT_AFTER)
		done(call, CUT_OK, json_pack("{s:b}", "changed", 1), "applied");
	else if (place == AT_BEFORE || !call->saved)
		done(call, CUT_RETRY, NULL, "not applied");
	else
		conflict(call, current);
	json_decref(current);
}

/* Safe to repeat, and after an apply that only got half-way. */
static void skeleton_rollback(struct cut_call *call)
{
	json_t *current;
	enum place place;
	int r = 0;

	if (!call->saved) {
		done(call, CUT_OK, NULL, "nothing was changed");
		return;
	}
	current = current_text(call);
	if (!current)
		return;
	place = find_place(call, current);
	if (place == AT_AFTER)
		r = write_text(param(call, "path"), json_object_get(call->saved, "before"));
	if (place == ELSEWHERE)
		conflict(call, current);
	else if (r < 0)
		done(call, CUT_FAIL, NULL, "cannot restore %s: %s", param(call, "path"),
		     strerror(-r));
	else
		done(call, CUT_OK, NULL, place == AT_AFTER ? "restored" : "it is so already");
	json_decref(current);
}

/* Pure, and called by `validate` where all parameters are known. */
static int skeleton_check(const json_t *p, char *why, size_t len)
{
	if (json_string_length(json_object_get(p, "text")) <= TEXT_MAX_BYTES)
		return 0;
	snprintf(why, len, "text is longer than 64 KiB");
	return -EINVAL;
}

static const struct cut_action file_text = {
	.name = "file_text",
	.help = "gives a file a certain text",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_WRITE | CUT_SAVES,
	.check = skeleton_check,
	.plan = skeleton_plan,
	.apply = skeleton_apply,
	.verify = skeleton_verify,
	.observe = skeleton_observe,
	.rollback = skeleton_rollback,
};

static const struct cut_action *const actions[] = {&file_text, NULL};

static const struct cut_plugin skeleton = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "skeleton",
	.version = "1.0",
	.license = "Apache-2.0",
	.help = "an example to copy",
	.actions = actions,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &skeleton;
}
