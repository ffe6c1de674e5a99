/* SPDX-License-Identifier: Apache-2.0 */
/* The action `exec`, which `run:` is short for: runs a command and judges it by its exit code; its
 * `observe` and `plan` are commands too. */
#include "steps/steps.h"

#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/base/utf8.h"
#include "steps/command.h"

#include <errno.h>
#include <string.h>

static const struct cut_param params[] = {
	{"argv", CUT_T_ARGV, CUT_P_REQUIRED, NULL, NULL,
	 "program and arguments; no shell, so a value never becomes two words"},
	{"shell", CUT_T_BOOL, 0, "false", NULL,
	 "hand the text to /bin/sh -c; values arrive as environment variables only"},
	{"stdin", CUT_T_STRING, 0, NULL, NULL, "standard input; without it there is none"},
	{"env", CUT_T_MAP, 0, NULL, NULL, "more environment: NAME: text, or NAME: {secret: name}"},
	{"cwd", CUT_T_STRING, CUT_P_PATH, NULL, NULL, "working folder, else the runbook's"},
	{"expect_exit", CUT_T_INT, CUT_P_LIST, "0", "0..255", "exit codes that mean success"},
	{"observe", CUT_T_ARGV, 0, NULL, NULL,
	 "command that tells after a crash: exit 0 applied, 1 not applied, else unknown"},
	{"plan", CUT_T_ARGV, 0, NULL, NULL,
	 "command that prints what would change, a line `what: before -> after` each; must not "
	 "write"},
	{"outputs", CUT_T_MAP, 0, NULL, NULL,
	 "name: type of each member of the JSON object that it prints on standard output"},
	{0},
};

static const struct cut_param outputs[] = {
	{"stdout", CUT_T_STRING, 0, NULL, NULL, "last 64 KiB, where no outputs are declared"},
	{"exit_code", CUT_T_INT, 0, NULL, NULL, "where no outputs are declared"},
	{0},
};

static const char *program_of(const json_t *argv)
{
	const char *name = json_string_value(json_array_get(argv, 0));

	return name ? name : "the command";
}

static void end(struct cut_call *call, enum cut_status status, const char *text, json_t *data)
{
	call->api->done(call, status, text, data);
}

static void start(struct cut_call *call, const json_t *argv, bool shell, cut_child_fn *fn)
{
	const json_t *p = call->params;
	const char *input = cut_json_str(p, "stdin", NULL), *missing = NULL;
	struct command_list args = {0}, env = {0};
	int r;

	command_argv(argv, shell, &args);
	r = command_env(call, json_object_get(p, "env"), &env, &missing);
	if (r == 0)
		r = call->api->spawn(call,
				     &(struct cut_child){
					     .argv = args.items,
					     .env = env.items,
					     .cwd = cut_json_str(p, "cwd", NULL),
					     .input = input,
					     .input_len = input ? strlen(input) : 0,
				     },
				     fn);
	command_list_done(&args);
	command_list_done(&env);
	if (r < 0) {
		cut_auto(cut_str) char *text =
			missing ? cut_printf("there is no secret %s", missing)
				: cut_printf("cannot run it: %s", strerror(-r));

		end(call, CUT_FAIL, text, NULL);
	}
}

static void end_with(struct cut_call *call, enum cut_status status,
		     const struct cut_child_result *result, const json_t *argv)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	command_end_text(result, program_of(argv), status == CUT_CANCELED, &text);
	end(call, status, cut_buf_str(&text), NULL);
}

/* How a declared output may be written: as JSON of its kind, or as a runbook would write it. */
static json_t *output_value(const char *type, const json_t *v)
{
	const char *text = json_string_value(v);
	cut_time ms;

	if (!strcmp(type, "duration") && text)
		return cut_duration_parse(text, strlen(text), &ms) < 0 ? NULL
								       : cut_json_seconds(ms);
	if (!strcmp(type, "percent") && text) {
		char *rest;
		double share = strtod(text, &rest);

		return rest != text && !strcmp(rest, "%") ? json_real(share / 100) : NULL;
	}
	if ((!strcmp(type, "int") || !strcmp(type, "size")) && !json_is_integer(v))
		return NULL;
	if ((!strcmp(type, "number") || !strcmp(type, "duration") || !strcmp(type, "percent")) &&
	    !json_is_number(v))
		return NULL;
	if ((!strcmp(type, "bool") && !json_is_boolean(v)) ||
	    (!strcmp(type, "list") && !json_is_array(v)) ||
	    (!strcmp(type, "map") && !json_is_object(v)))
		return NULL;
	if ((!strcmp(type, "string") || !strcmp(type, "time") || !strcmp(type, "url") ||
	     !strcmp(type, "fqdn") || !strcmp(type, "ip") || !strcmp(type, "choice")) &&
	    !text)
		return NULL;
	return json_incref((json_t *)v);
}

/* The declared outputs out of what was printed. 0; or -EINVAL with *ret_why owned by the caller. */
static int read_outputs(const json_t *declared, const struct cut_child_result *result, json_t **ret,
			char **ret_why)
{
	cut_auto(cut_json) json_t *printed = NULL;
	cut_auto(cut_json) json_t *data = json_object();
	cut_auto(cut_err) struct cut_err err = {0};
	const char *name;
	json_t *type;

	if (cut_json_parse(result->out, result->out_len, "its standard output", &printed, &err) <
	    0) {
		*ret_why = cut_err_text(&err);
		return -EINVAL;
	}
	json_object_foreach ((json_t *)declared, name, type) {
		const json_t *v = json_object_get(printed, name);
		const char *kind = json_string_value(type);
		json_t *value = v ? output_value(kind ? kind : "json", v) : NULL;

		if (!value) {
			*ret_why = cut_printf("its standard output has no %s %s",
					      kind ? kind : "value", name);
			return -EINVAL;
		}
		json_object_set_new(data, name, value);
	}
	*ret = cut_take(data);
	return 0;
}

static json_t *plain_outputs(const struct cut_child_result *result)
{
	cut_auto(cut_buf) struct cut_buf out = {0};

	cut_utf8_add_clean(&out, result->out, result->out_len);
	return json_pack("{s:s, s:i}", "stdout", cut_buf_str(&out), "exit_code", result->status);
}

static bool is_expected(const json_t *codes, int status)
{
	const json_t *code;
	size_t i;

	if (!json_is_array(codes))
		return status == json_integer_value(codes); /* absent: 0 */
	json_array_foreach (codes, i, code)
		if (json_integer_value(code) == status)
			return true;
	return false;
}

static void on_applied(struct cut_call *call, const struct cut_child_result *result)
{
	const json_t *argv = json_object_get(call->params, "argv");
	const json_t *declared = json_object_get(call->params, "outputs");
	cut_auto(cut_str) char *why = NULL;
	json_t *data = NULL;

	if (call->data && result->killed) {
		end_with(call, CUT_CANCELED, result, argv);
	} else if (result->error || result->killed ||
		   !is_expected(json_object_get(call->params, "expect_exit"), result->status)) {
		end_with(call, CUT_FAIL, result, argv);
	} else if (!json_object_size(declared)) {
		end(call, CUT_OK, NULL, plain_outputs(result));
	} else if (read_outputs(declared, result, &data, &why) < 0) {
		end(call, CUT_FAIL, why, NULL);
	} else {
		end(call, CUT_OK, NULL, data);
	}
}

static void exec_apply(struct cut_call *call)
{
	start(call, json_object_get(call->params, "argv"),
	      cut_json_bool(call->params, "shell", false), on_applied);
}

static void on_observed(struct cut_call *call, const struct cut_child_result *result)
{
	const json_t *declared = json_object_get(call->params, "outputs");
	bool told = !result->error && !result->killed;
	cut_auto(cut_str) char *why = NULL;
	json_t *data = NULL;

	if (told && result->status == 0) {
		if (json_object_size(declared) && read_outputs(declared, result, &data, &why) < 0)
			end(call, CUT_UNKNOWN, why, NULL);
		else
			end(call, CUT_OK, "applied", data);
		return;
	}
	end_with(call, told && result->status == 1 ? CUT_RETRY : CUT_UNKNOWN, result,
		 json_object_get(call->params, "observe"));
}

static void exec_observe(struct cut_call *call)
{
	const json_t *argv = json_object_get(call->params, "observe");

	if (!argv)
		end(call, CUT_UNKNOWN, "the step has no observe command", NULL);
	else
		start(call, argv, false, on_observed);
}

/* "what: before -> after", each part optional but the first. */
static json_t *read_change(const char *line, size_t len)
{
	static const char *const arrows[] = {" -> ", " → "};
	const char *colon, *arrow = NULL;
	size_t arrow_len = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(arrows) && !arrow; i++) {
		arrow_len = strlen(arrows[i]);
		arrow = memmem(line, len, arrows[i], arrow_len);
	}
	colon = memmem(line, arrow ? (size_t)(arrow - line) : len, ": ", 2);
	if (!arrow || !colon)
		return json_pack("{s:s%, s:n, s:n}", "what", line, len, "before", "after");
	return json_pack("{s:s%, s:s%, s:s%}", "what", line, (size_t)(colon - line), "before",
			 colon + 2, (size_t)(arrow - colon - 2), "after", arrow + arrow_len,
			 len - (size_t)(arrow + arrow_len - line));
}

static json_t *read_changes(const char *text)
{
	json_t *changes = json_array();

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			json_array_append_new(changes, read_change(text, len));
		text += len + (text[len] == '\n');
	}
	return json_pack("{s:o}", "changes", changes);
}

static void on_planned(struct cut_call *call, const struct cut_child_result *result)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (result->error || result->killed || result->status != 0) {
		end_with(call, CUT_FAIL, result, json_object_get(call->params, "plan"));
		return;
	}
	cut_utf8_add_clean(&text, result->out, result->out_len);
	end(call, CUT_OK, NULL, read_changes(cut_buf_str(&text)));
}

static void exec_plan(struct cut_call *call)
{
	const json_t *argv = json_object_get(call->params, "plan");

	if (!argv)
		end(call, CUT_OK, "would run, effect not known", NULL);
	else
		start(call, argv, false, on_planned);
}

/* The host has sent SIGTERM to the process group; its end says the rest. */
static void exec_cancel(struct cut_call *call)
{
	static char canceled;

	call->data = &canceled;
}

const struct cut_action step_exec = {
	.name = "exec",
	.help = "runs a command; success is its exit code",
	.params = params,
	.outputs = outputs,
	.class = CUT_OPAQUE,
	.effects = CUT_WRITE | CUT_KEYS_BODY,
	.plan = exec_plan,
	.apply = exec_apply,
	.observe = exec_observe,
	.cancel = exec_cancel,
};
