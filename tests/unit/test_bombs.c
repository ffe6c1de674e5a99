/* SPDX-License-Identifier: Apache-2.0 */
/* Small or large texts that would like to be expensive: each reader refuses them at once, in little
 * memory. Measured in a process of its own, in time of the processor. Files are not read beyond
 * their limit at all: tests/e2e/test_cli.py. */
#include "tests/unit/load_kit.h"

#include "engine/base/frame.h"
#include "engine/core/expr.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each takes a tenth of that at most; what grows faster than its text would take minutes. */
enum { TIME_MAX_MS = 1000, MEMORY_MAX_KIB = 64 * 1024 };

/* Instrumented builds are several times slower and fatter; what is refused is refused there, too.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_MEASURED = 0 };
#else
enum { IS_MEASURED = 1 };
#endif

/* head, then what `of` times, then tail. */
static struct cut_buf repeat(const char *head, const char *what, unsigned of, const char *tail)
{
	struct cut_buf out = {0};

	cut_buf_add_str(&out, head);
	for (unsigned i = 0; i < of; i++)
		cut_buf_add_str(&out, what);
	cut_buf_add_str(&out, tail);
	return out;
}

#define HEAD "cutover: v1\nname: b\n"

static bool runbook_refuses(const char *text, size_t len)
{
	struct cut_load_options options = {.catalog = &catalog};
	cut_auto(cut_buf) struct cut_buf told = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_faults faults = {0};
	struct cut_runbook *rb = NULL;
	int r = cut_runbook_load_text(text, len, "b.yaml", "/", &options, &faults, &rb, &err);

	cut_faults_print(&faults, false, &told);
	return r < 0 && (faults.errors > 0 || err.what);
}

static bool expression_refuses(const char *text, size_t len)
{
	const struct cut_expr_env env = {0};
	struct cut_expr *expr = NULL;
	struct cut_arena arena = {0};
	struct cut_val value;

	return cut_expr_parse(text, len, &expr, NULL, NULL) < 0 ||
	       cut_expr_eval(expr, &env, &arena, &value, NULL) < 0;
}

static bool json_refuses(const char *text, size_t len)
{
	json_t *json = NULL;

	return cut_json_parse(text, len, "it", &json, NULL) < 0;
}

static bool frame_refuses(const char *text, size_t len)
{
	struct cut_buf in = {0};
	json_t *json = NULL;

	for (int shift = 24; shift >= 0; shift -= 8)
		cut_buf_add_char(&in, (char)(len >> shift));
	cut_buf_add(&in, text, len);
	return cut_frame_read(&in, &json, NULL) < 0;
}

static const struct bomb {
	const char *name;
	bool (*refuses)(const char *text, size_t len);
	const char *head, *what;
	unsigned of;
	const char *tail;
} bombs[] = {
	{"flow lists in each other", runbook_refuses, HEAD "x: ", "[", 1000000, ""},
	{"flow maps in each other", runbook_refuses, HEAD "x: ", "{a: ", 1000000, ""},
	{"block lists in each other", runbook_refuses, HEAD "x:\n  ", "- ", 1000000, "a\n"},
	{"JSON in JSON", runbook_refuses, "{\"x\": ", "[", 1000000, "]}"},
	{"5 MiB of ints", runbook_refuses, HEAD "x: [", "1,", 2600000, "1]\n"},
	{"5 MiB of one word", runbook_refuses, HEAD "x: ", "aaaaaaaaaaaaaaaaaaaa", 260000, "\n"},
	{"many documents", runbook_refuses, HEAD, "---\na: 1\n", 400000, ""},
	{"an alias bomb", runbook_refuses,
	 HEAD "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: ", "[*c,*c,*c,*c],",
	 100000, "\n"},
	{"one key over and over", runbook_refuses, HEAD, "steps: []\n", 100000, ""},
	{"unknown keys", runbook_refuses, HEAD "x: {", "y: 1, ", 100000, "}\n"},
	{"merge keys", runbook_refuses, HEAD, "<<: {a: 1}\n", 100000, ""},
	{"tags", runbook_refuses, HEAD "x: [", "!!int 1, ", 100000, "]\n"},
	{"steps multiplied", runbook_refuses, HEAD "steps:\n  - id: a\n    foreach: {items: [",
	 "0,", 50000, "1]}\n    wait: 1s\n"},
	{"names that cannot be", runbook_refuses,
	 HEAD "steps:\n  - id: a\n    wait: 1s\n    foreach:\n      items:\n",
	 "        \"a b\": 1\n", 50000, ""},
	{"brackets in each other", expression_refuses, "", "(", 100000, ""},
	{"conditions in each other", expression_refuses, "", "true ? 1 : ", 100000, "1"},
	{"macros in each other", expression_refuses, "[0,1,2,3,4,5,6,7,8,9]",
	 ".map(x,[0,1,2,3,4,5,6,7,8,9].map(y,[0,1,2,3,4,5,6,7,8,9]", 12, ""},
	{"an order in an order", json_refuses, "", "{\"order\":", 7000, "1"},
	{"a key twice", json_refuses, "{\"a\":1,", "\"a\":1,", 10000, "\"a\":1}"},
	{"a frame in a frame", frame_refuses, "", "[", 1000000, ""},
	{"a frame of 5 MiB", frame_refuses, "[", "1,", 2600000, "1]"},
};

/* In a process of its own: what it took counts from here. */
static void defuse(const struct bomb *b)
{
	struct cut_buf text = repeat(b->head, b->what, b->of, b->tail);
	struct rusage before, after;
	long ms, kib;
	bool refused;

	getrusage(RUSAGE_SELF, &before);
	refused = b->refuses(text.data, text.len);
	getrusage(RUSAGE_SELF, &after);
	ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
	     (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000 +
	     (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
	     (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000;
	kib = after.ru_maxrss - before.ru_maxrss;
	print_message("%-26s %8zu KiB: %s, %ld ms, %ld KiB\n", b->name, text.len / 1024,
		      refused ? "refused" : "TAKEN", ms, kib);
	if (!refused)
		_exit(1);
	_exit(IS_MEASURED && (ms >= TIME_MAX_MS || kib >= MEMORY_MAX_KIB) ? 2 : 0);
}

static void test_bombs_are_refused_at_once_and_in_little_memory(void **state)
{
	int bad = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(bombs); i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			defuse(&bombs[i]);
		waitpid(pid, &status, 0);
		bad += status != 0;
		if (status)
			print_error("%s: %s\n", bombs[i].name,
				    WIFSIGNALED(status)	      ? "it died"
				    : WEXITSTATUS(status) > 1 ? "too expensive"
							      : "taken");
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bombs_are_refused_at_once_and_in_little_memory),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
