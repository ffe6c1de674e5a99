/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover approve` and `cutover decline`: a vote by who you are on this machine, or a statement
 * that is signed with an SSH key, wherever that is, and brought back. */
#include "engine/cli/commands.h"

#include "engine/base/hash.h"
#include "engine/cli/ask.h"
#include "engine/cli/find.h"
#include "engine/runtime/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define VALID_FOR	CUT_HOUR
#define STATEMENT_BYTES (48u << 10)

/* Who is waited for at that gate, or NULL. */
static json_t *waiting_at(const json_t *status, const char *gate)
{
	const json_t *list = json_object_get(status, "waiting_for");
	json_t *waiting;
	size_t i;

	json_array_foreach ((json_t *)list, i, waiting)
		if (strcmp(cut_json_str(waiting, "id", ""), gate) == 0 &&
		    json_is_object(json_object_get(waiting, "evidence")))
			return waiting;
	return NULL;
}

/* One line for each thing that the vote is about. */
static void show_evidence(const json_t *waiting, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(waiting, "evidence"), key, value) {
		cut_auto(cut_str) char *text = cut_json_text(value, CUT_JSON_SORTED);

		fprintf(out, "  %s: %s\n", key,
			json_is_string(value) ? json_string_value(value) : text);
	}
}

/* --- the statement --- */

static int valid_until(const struct cut_args *args, cut_time *ret, struct cut_err *err)
{
	const char *text = cut_args_value(args, "valid-for");
	cut_time length = VALID_FOR;

	if (text && (cut_duration_parse(text, strlen(text), &length) < 0 || length <= 0))
		return cut_err_set(err, -EINVAL, NULL, "write --valid-for 1h, say",
				   "--valid-for wants a duration with a unit");
	*ret = cut_clock_wall() + length;
	return 0;
}

static json_t *statement(const struct cut_args *args, const json_t *status, const json_t *waiting,
			 const char *decision, cut_time not_after)
{
	uint8_t random[16];
	char nonce[2 * sizeof(random) + 1];
	json_t *s;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	cut_hex(random, sizeof(random), nonce);
	s = json_pack("{s:O, s:O, s:O, s:s, s:O, s:O, s:o, s:s}", "run",
		      json_object_get(status, "run"), "gate", json_object_get(waiting, "id"),
		      "plan_sha256", json_object_get(status, "plan_sha256"), "decision", decision,
		      "evidence", json_object_get(waiting, "evidence"), "evidence_sha256",
		      json_object_get(waiting, "evidence_sha256"), "not_after",
		      cut_json_rfc3339(not_after), "nonce", nonce);
	if (cut_args_value(args, "comment"))
		json_object_set_new(s, "comment", json_string(cut_args_value(args, "comment")));
	return s;
}

static int print_statement(const struct cut_args *args, struct cut_found *found,
			   const char *decision, struct cut_err *err)
{
	cut_auto(cut_json) json_t *status = NULL, *made = NULL;
	const json_t *waiting;
	cut_time not_after;
	int r = valid_until(args, &not_after, err);

	if (r == 0)
		r = cut_found_request(found, "/v1/status", NULL, &status, err);
	if (r < 0)
		return r;
	waiting = waiting_at(status, args->positional[0]);
	if (!waiting)
		return cut_err_set(err, -EALREADY, "nobody is asked there now",
				   "cutover status lists what waits for people",
				   "there is nothing to state on %s", args->positional[0]);
	made = statement(args, status, waiting, decision, not_after);
	cut_cli_print_json(made);
	fprintf(stderr, "sign it: ssh-keygen -Y sign -n cutover-approval@v1 -f KEY FILE\n");
	return 0;
}

/* --- the vote --- */

static int read_text(const char *path, json_t *into, const char *key, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = STATEMENT_BYTES};
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	char part[4096];
	ssize_t n = 1;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read %s", path);
	while (r == 0 && n > 0) {
		n = read(fd, part, sizeof(part));
		if (n > 0)
			r = cut_buf_add(&text, part, (size_t)n);
	}
	if (n < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return cut_err_sys(err, r, NULL, "cannot read %s", path);
	if (json_object_set_new(into, key, json_stringn(cut_buf_str(&text), text.len)) < 0)
		return cut_err_set(err, -EINVAL, "it is not text", "name the statement's file",
				   "cannot use %s", path);
	return 0;
}

/* FILE, and FILE.sig as ssh-keygen names it. */
static int add_signed(json_t *order, const char *path, struct cut_err *err)
{
	cut_auto(cut_str) char *sig = cut_printf("%s.sig", path);
	json_t *given = json_object();
	int r;

	json_object_set_new(order, "signed", given);
	r = read_text(path, given, "statement", err);
	return r < 0 ? r : read_text(sig, given, "signature", err);
}

/* What is voted on is what was just shown. Where we may not look the engine says why. */
static int add_evidence(struct cut_found *found, json_t *order, FILE *out, struct cut_err *err)
{
	cut_auto(cut_json) json_t *status = NULL;
	const json_t *waiting = NULL;
	int r = cut_found_request(found, "/v1/status", NULL, &status, err);

	if (r == -EPERM)
		cut_err_done(err);
	else if (r < 0)
		return r;
	waiting = waiting_at(status, cut_json_str(order, "target", ""));
	if (!waiting)
		return 0;
	if (out)
		show_evidence(waiting, out);
	json_object_set(order, "evidence_sha256", json_object_get(waiting, "evidence_sha256"));
	return 0;
}

static int vote(const struct cut_args *args, struct cut_found *found, const char *decision,
		struct cut_err *err)
{
	const char *path = cut_args_value(args, "signed"),
		   *comment = cut_args_value(args, "comment");
	cut_auto(cut_json) json_t *answer = NULL;
	cut_auto(cut_json) json_t *order =
		json_pack("{s:s, s:s}", "order", decision, "target", args->positional[0]);
	int r = path ? add_signed(order, path, err)
		     : add_evidence(found, order, args->json ? NULL : stdout, err);

	if (comment)
		json_object_set_new(order, "comment", json_string(comment));
	if (r == 0)
		r = cut_found_request(found, "/v1/orders", order, &answer, err);
	if (r < 0)
		return r;
	if (args->json)
		cut_cli_print_json(answer);
	else
		printf("%s: done (record %lld of %s)\n", decision,
		       (long long)cut_json_int(answer, "seq", 0), found->entry.id);
	return 0;
}

static int give(const struct cut_args *args, struct cut_found *found, const char *decision)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int r = cut_args_has(args, "statement") ? print_statement(args, found, decision, &err)
						: vote(args, found, decision, &err);

	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : CUT_EXIT_OK;
}

int cut_cmd_approve(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	int r = cut_find(args, 1, CUT_PICK_LIVE, &found, &err);

	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : give(args, &found, "approve");
}

/* --- declining --- */

/* What a no does, by its name in the status. */
static const struct consequence {
	const char *on_decline, *text;
} consequences[] = {
	{"pause", "holds the run: nothing new starts until `cutover retry %s` asks again, or "
		  "somebody orders a rollback or an abort"},
	{"rollback", "rolls the run back at once (%s: on_decline: rollback)"},
	{"abort", "stops the run at once and undoes nothing (%s: on_decline: abort)"},
};

static void say_consequence(const json_t *status, const char *gate, struct cut_buf *out)
{
	const json_t *waiting = waiting_at(status, gate);
	const char *what = cut_json_str(waiting, "on_decline", "");
	long long steps = cut_json_int(json_object_get(status, "rollback"), "steps", 0);

	cut_buf_printf(out, "Declining %s ", gate);
	for (size_t i = 0; i < CUT_ARRAY_LEN(consequences); i++) {
		const char *text = consequences[i].text, *here = strstr(text, "%s");

		if (strcmp(consequences[i].on_decline, what) != 0)
			continue;
		cut_buf_printf(out, "%.*s%s%s.\n", (int)(here - text), text, gate, here + 2);
	}
	if (!*what)
		cut_buf_add_str(out, "has no effect now: nobody is asked there.\n");
	if (strcmp(what, "rollback") == 0)
		cut_buf_printf(out, "%lld step%s to undo; see `cutover rollback --show`.\n", steps,
			       steps == 1 ? "" : "s");
}

/* Says what will happen. False: the person would rather not. */
static bool ask(struct cut_found *found, const char *gate)
{
	cut_auto(cut_json) json_t *status = NULL;
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	if (cut_found_request(found, "/v1/status", NULL, &status, &err) == 0)
		say_consequence(status, gate, &text);
	else
		cut_buf_printf(&text, "What follows from declining %s cannot be told: %s.\n", gate,
			       err.why ? err.why : err.what);
	return cut_ask_yes(cut_buf_str(&text), "Decline");
}

int cut_cmd_decline(const struct cut_args *args)
{
	bool asks = !cut_args_has(args, "yes") && !cut_args_has(args, "statement");
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	int r = cut_find(args, 1, CUT_PICK_LIVE, &found, &err);

	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (asks && !cut_ask_possible())
		return cut_ask_fail(args);
	if (asks && !ask(&found, args->positional[0])) {
		fprintf(stderr, "cutover: not declined; the question stays open\n");
		return CUT_EXIT_REFUSED;
	}
	return give(args, &found, "decline");
}
