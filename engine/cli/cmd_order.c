/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that are one order to a live run: attest, ack, pause, resume,
 * freeze, retry, skip, note, command. */
#include "engine/cli/commands.h"

#include "engine/cli/find.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

static void print_done(const json_t *order, const json_t *answer, const char *run)
{
	const json_t *releases = json_object_get(answer, "releases");

	printf("%s: done (record %lld of %s)\n", cut_json_str(order, "order", ""),
	       (long long)cut_json_int(answer, "seq", 0), run);
	for (size_t i = 0; i < json_array_size(releases); i++)
		printf("  releases %s\n", json_string_value(json_array_get(releases, i)));
}

/* Sends an order to the run named by the argument after the order's own, or the live one. */
static int give(const struct cut_args *args, json_t *order, size_t run_at)
{
	cut_auto(cut_json) json_t *owned = order, *answer = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	int r = cut_find(args, run_at, CUT_PICK_LIVE, &found, &err);

	if (r == 0)
		r = cut_found_request(&found, "/v1/orders", owned, &answer, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json)
		cut_cli_print_json(answer);
	else
		print_done(owned, answer, found.entry.id);
	return CUT_EXIT_OK;
}

static void set_text(json_t *order, const char *key, const char *value)
{
	if (value)
		json_object_set_new(order, key, json_string(value));
}

/* {"order": command's name, "target": first argument} */
static json_t *order_new(const struct cut_args *args, bool target)
{
	json_t *order = json_object();

	set_text(order, "order", args->command->name);
	if (target)
		set_text(order, "target", args->positional[0]);
	set_text(order, "comment", cut_args_value(args, "comment"));
	set_text(order, "reason", cut_args_value(args, "reason"));
	return order;
}

int cut_cmd_targeted(const struct cut_args *args) /* ack, retry, skip */
{
	return give(args, order_new(args, true), 1);
}

int cut_cmd_untargeted(const struct cut_args *args) /* pause, resume */
{
	return give(args, order_new(args, false), 0);
}

int cut_cmd_skip(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};

	if (cut_args_has(args, "reason"))
		return cut_cmd_targeted(args);
	cut_err_set(&err, -EINVAL, "a skipped step is asked about later", "add --reason TEXT",
		    "skip wants a reason");
	return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
}

int cut_cmd_freeze(const struct cut_args *args)
{
	json_t *order = order_new(args, false);
	const char *text = cut_args_value(args, "for");
	cut_auto(cut_err) struct cut_err err = {0};
	cut_time length;

	if (!text || cut_duration_parse(text, strlen(text), &length) < 0) {
		json_decref(order);
		cut_err_set(&err, -EINVAL, "a freeze ends by itself", "add --for 10m, say",
			    "freeze wants a duration with a unit");
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	json_object_set_new(order, "for", cut_json_seconds(length));
	return give(args, order, 0);
}

/* --evidence k=v … → {"k": "v"} */
static json_t *evidence(const struct cut_args *args)
{
	json_t *all = json_object();

	for (size_t i = 0; i < args->given_len; i++) {
		const char *value = args->given[i].value, *equals = strchr(value, '=');
		cut_auto(cut_str) char *key = NULL;

		if (strcmp(args->given[i].name, "evidence") != 0 || !equals)
			continue;
		key = cut_strndup(value, (size_t)(equals - value));
		set_text(all, key, equals + 1);
	}
	return all;
}

int cut_cmd_attest(const struct cut_args *args)
{
	json_t *order = order_new(args, true);

	if (cut_args_has(args, "applied"))
		json_object_set_new(order, "applied", json_true());
	else if (cut_args_has(args, "not-applied"))
		json_object_set_new(order, "applied", json_false());
	json_object_set_new(order, "evidence", evidence(args));
	return give(args, order, 1);
}

int cut_cmd_note(const struct cut_args *args)
{
	json_t *order = order_new(args, false);

	set_text(order, "text", args->positional[0]);
	return give(args, order, 1);
}

/* "command take" names who asks; "command give PERSON" somebody else. */
int cut_cmd_command(const struct cut_args *args)
{
	json_t *order = json_object();
	bool hand_over = strcmp(args->command->name, "command give") == 0;
	const struct passwd *pw = getpwuid(getuid());

	set_text(order, "order", "command");
	set_text(order, "target", hand_over ? args->positional[0] : pw ? pw->pw_name : "unknown");
	set_text(order, "note", cut_args_value(args, "note"));
	return give(args, order, hand_over ? 1 : 0);
}
