/* SPDX-License-Identifier: Apache-2.0 */
/* The action `notify`: tells people, through a webhook or a command. Saying so must not break what
 * it is about: unless `required`, it succeeds even where nothing could be delivered. */
#include "steps/steps.h"

#include "engine/base/json.h"
#include "steps/command.h"

#include <errno.h>
#include <string.h>

static const struct cut_param params[] = {
	{"webhook", CUT_T_URL, 0, NULL, NULL, "where the message is posted"},
	{"argv", CUT_T_ARGV, 0, NULL, NULL, "command that gets the text on standard input"},
	{"text", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL, "the message"},
	{"format", CUT_T_CHOICE, 0, "json", "json|slack|teams", "what the webhook understands"},
	{"required", CUT_T_BOOL, 0, "false", NULL, "fail where it was not delivered"},
	{0},
};

static const struct cut_param outputs[] = {
	{"delivered", CUT_T_BOOL, 0, NULL, NULL, "whether the other side took it"},
	{0},
};

/* why NULL: delivered. */
static void end(struct cut_call *call, const char *why)
{
	bool required = cut_json_bool(call->params, "required", false);
	cut_auto(cut_str) char *text = why ? cut_printf("not delivered: %s", why) : NULL;

	call->api->done(call, why && required ? CUT_RETRY : CUT_OK, text,
			json_pack("{s:b}", "delivered", why == NULL));
}

static void on_reply(struct cut_call *call, const struct cut_http_reply *reply)
{
	cut_auto(cut_str) char *why = NULL;

	if (reply->error)
		why = cut_strdup(reply->text);
	else if (reply->status < 200 || reply->status > 299)
		why = cut_printf("the webhook answered %ld", reply->status);
	end(call, why);
}

static void on_command(struct cut_call *call, const struct cut_child_result *result)
{
	const json_t *argv = json_object_get(call->params, "argv");
	cut_auto(cut_buf) struct cut_buf why = {0};

	if (result->error || result->killed || result->status)
		command_end_text(result, json_string_value(json_array_get(argv, 0)), false, &why);
	end(call, why.len ? cut_buf_str(&why) : NULL);
}

static json_t *json_message(const struct cut_call *call, const char *text)
{
	return json_pack("{s:s, s:s, s:s}", "text", text, "run", call->run, "step", call->step);
}

static json_t *slack_message(const struct cut_call *call, const char *text)
{
	return json_pack("{s:s}", "text", text);
}

static json_t *teams_message(const struct cut_call *call, const char *text)
{
	return json_pack("{s:s, s:[{s:s, s:{s:s, s:s, s:[{s:s, s:s, s:b}]}}]}", "type", "message",
			 "attachments", "contentType", "application/vnd.microsoft.card.adaptive",
			 "content", "type", "AdaptiveCard", "version", "1.2", "body", "type",
			 "TextBlock", "text", text, "wrap", 1);
}

static char *make_message(const struct cut_call *call)
{
	static const struct {
		const char *format;
		json_t *(*make)(const struct cut_call *, const char *);
	} formats[] = {{"json", json_message}, {"slack", slack_message}, {"teams", teams_message}};
	const char *format = cut_json_str(call->params, "format", "json");
	const char *text = cut_json_str(call->params, "text", "");
	cut_auto(cut_json) json_t *message = NULL;

	for (size_t i = 0; i < CUT_ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].format, format))
			message = formats[i].make(call, text);
	return cut_json_text(message, 0);
}

static int post(struct cut_call *call, const char *webhook)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	cut_auto(cut_str) char *body = make_message(call);

	if (!body)
		return -EINVAL;
	return call->api->http(call,
			       &(struct cut_http_request){.method = "POST",
							  .url = webhook,
							  .headers = headers,
							  .body = body,
							  .body_len = strlen(body)},
			       on_reply);
}

static int run(struct cut_call *call, const json_t *argv)
{
	const char *text = cut_json_str(call->params, "text", ""), *missing;
	struct command_list args = {0}, env = {0};
	int r;

	command_argv(argv, false, &args);
	command_env(call, NULL, &env, &missing);
	r = call->api->spawn(call,
			     &(struct cut_child){.argv = args.items,
						 .env = env.items,
						 .input = text,
						 .input_len = strlen(text)},
			     on_command);
	command_list_done(&args);
	command_list_done(&env);
	return r;
}

static void notify_apply(struct cut_call *call)
{
	const char *webhook = cut_json_str(call->params, "webhook", NULL);
	const json_t *argv = json_object_get(call->params, "argv");
	int r = webhook ? post(call, webhook) : run(call, argv);

	if (r < 0)
		end(call, strerror(-r));
}

static void notify_plan(struct cut_call *call)
{
	call->api->done(call, CUT_OK, "would notify", NULL);
}

static int notify_check(const json_t *p, char *why, size_t len)
{
	if (!json_object_get(p, "webhook") == !json_object_get(p, "argv")) {
		snprintf(why, len, "give one of webhook and argv");
		return -EINVAL;
	}
	return 0;
}

const struct cut_action step_notify = {
	.name = "notify",
	.help = "tells people; never fails the run unless required",
	.params = params,
	.outputs = outputs,
	.class = CUT_DEDUP,
	.effects = CUT_WRITE | CUT_NO_UNDO,
	.check = notify_check,
	.plan = notify_plan,
	.apply = notify_apply,
};
