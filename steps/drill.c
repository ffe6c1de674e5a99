/* SPDX-License-Identifier: Apache-2.0 */
/* The action `drill`: does nothing but what it is told, misbehaving included, so that a runbook, a
 * team and the engine itself can be tried out.
 *
 * Order within an operation: wait `after`, then the effect (the mark), then `do`. So a crash, a
 * hang and an unknown lose the answer of an effect that did happen; only a fail changes nothing. */
#include "steps/steps.h"

#include "engine/base/json.h"
#include "engine/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MARKS_MAX_BYTES = 16 << 20 };

static const struct cut_param params[] = {
	{"on", CUT_T_CHOICE, 0, "apply", "apply|verify|observe|rollback", "the operation to upset"},
	{"do", CUT_T_CHOICE, 0, "ok", "ok|fail|hang|crash|unknown",
	 "what becomes of it; crash, hang and unknown lose the answer of an effect that did "
	 "happen"},
	{"times", CUT_T_INT, 0, NULL, "1..", "only the first so many times, then ok; else always"},
	{"after", CUT_T_DURATION, 0, "0s", NULL, "how long that operation takes"},
	{"outputs", CUT_T_MAP, 0, NULL, NULL, "values that it gives"},
	{"mark", CUT_T_STRING, CUT_P_PATH, NULL, NULL,
	 "file that gets a line `operation step attempt key` for each real effect"},
	{0},
};

static const struct cut_param outputs[] = {{0}};

/* How often each step's upset operation was asked for in this process. */
struct drill_count {
	struct drill_count *next;
	unsigned n;
	char step[];
};

static unsigned count_call(struct cut_call *call)
{
	static struct drill_count *counts;
	struct drill_count *c = counts;

	while (c && strcmp(c->step, call->step))
		c = c->next;
	if (!c) {
		c = cut_calloc(1, sizeof(*c) + strlen(call->step) + 1);
		memcpy(c->step, call->step, strlen(call->step));
		c->next = counts;
		counts = c;
	}
	return c->n++;
}

static bool is_upset(const struct cut_call *call)
{
	return !strcmp(cut_json_str(call->params, "on", "apply"), call->op);
}

/* What this call shall do. Earlier attempts count too: a crash forgets, the attempt does not. */
static const char *find_fate(struct cut_call *call)
{
	int64_t times = cut_json_int(call->params, "times", INT64_MAX);
	unsigned before;

	if (!is_upset(call))
		return "ok";
	before = count_call(call);
	if (call->attempt && call->attempt - 1 > before)
		before = call->attempt - 1;
	return before < times ? cut_json_str(call->params, "do", "ok") : "ok";
}

/* The line is in one write, so that lines of steps side by side never mix. */
static int write_mark(struct cut_call *call, const char *path)
{
	cut_auto(cut_str) char *line =
		cut_printf("%s %s %u %s\n", call->op, call->step, call->attempt, call->key);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	n = write(fd, line, strlen(line));
	r = n < 0 ? -errno : n < (ssize_t)strlen(line) ? -EIO : 0;
	close(fd);
	return r;
}

/* 1: a line with this key is there, 0: none, negative: cannot tell. */
static int find_mark(struct cut_call *call, const char *path)
{
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = MARKS_MAX_BYTES};
	cut_auto(cut_str) char *end = cut_printf(" %s\n", call->key);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (n > 0) {
		char *room = cut_buf_reserve(&text, 4096);

		n = room ? read(fd, room, 4096) : -1;
		if (n > 0)
			text.len += (size_t)n;
	}
	close(fd);
	return n < 0 ? -EIO : text.len && memmem(text.data, text.len, end, strlen(end)) != NULL;
}

static json_t *given_outputs(struct cut_call *call)
{
	return json_incref(json_object_get(call->params, "outputs"));
}

static void end_observe(struct cut_call *call, const char *mark)
{
	int r = mark ? find_mark(call, mark) : -ENOENT;

	if (r > 0)
		call->api->done(call, CUT_OK, "its mark is there", given_outputs(call));
	else if (r == 0)
		call->api->done(call, CUT_RETRY, "its mark is not there", NULL);
	else
		call->api->done(call, CUT_UNKNOWN, mark ? strerror(-r) : "a drill without mark",
				NULL);
}

static void end_ok(struct cut_call *call)
{
	call->api->done(call, CUT_OK, NULL, given_outputs(call));
}

static void end_unknown(struct cut_call *call)
{
	call->api->done(call, CUT_UNKNOWN, "drill: the answer is lost", NULL);
}

static void hang(struct cut_call *call)
{
	/* until it is canceled, or its time is up and the host killed */
}

static void crash(struct cut_call *call)
{
	abort();
}

static void drill_now(struct cut_call *call)
{
	static const struct {
		const char *name;
		cut_op_fn *fn;
	} fates[] = {{"ok", end_ok}, {"hang", hang}, {"crash", crash}, {"unknown", end_unknown}};
	bool changes = !strcmp(call->op, "apply") || !strcmp(call->op, "rollback");
	const char *mark = cut_json_str(call->params, "mark", NULL), *fate = find_fate(call);
	int r = 0;

	if (!strcmp(fate, "fail")) {
		call->api->done(call, CUT_FAIL, "drill: told to fail", NULL);
		return;
	}
	if (changes && mark)
		r = write_mark(call, mark);
	if (r < 0) {
		call->api->done(call, CUT_FAIL, strerror(-r), NULL);
		return;
	}
	if (!strcmp(call->op, "observe") && !strcmp(fate, "ok")) {
		end_observe(call, mark);
		return;
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(fates); i++) {
		if (!strcmp(fates[i].name, fate)) {
			fates[i].fn(call);
			return;
		}
	}
}

static void drill(struct cut_call *call)
{
	cut_time after = cut_json_ms(json_object_get(call->params, "after"), 0);

	if (after > 0 && is_upset(call))
		call->api->after(call, after, drill_now);
	else
		drill_now(call);
}

static void drill_plan(struct cut_call *call)
{
	call->api->done(call, CUT_OK, "a drill: no effect but its mark", NULL);
}

static void drill_cancel(struct cut_call *call)
{
	call->api->done(call, CUT_CANCELED, "drill: canceled", NULL);
}

const struct cut_action step_drill = {
	.name = "drill",
	.help = "does what it is told, misbehaving included: to try a runbook and its rollback",
	.params = params,
	.outputs = outputs,
	.class = CUT_PROBE,
	.effects = CUT_WRITE | CUT_KEYS_BODY,
	.plan = drill_plan,
	.apply = drill,
	.verify = drill,
	.observe = drill,
	.rollback = drill,
	.cancel = drill_cancel,
};
