/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, environment and end of commands. */
#include "steps/command.h"

#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "engine/base/vec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { TOLD_BYTES = 400, SIGNAL_BASE = 128 };

void command_list_add(struct command_list *list, char *text)
{
	if (!list->cap)
		cut_vec_push(list, NULL);
	list->items[list->len - 1] = text;
	cut_vec_push(list, NULL);
}

void command_list_done(struct command_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free((char *)list->items[i]);
	cut_vec_done(list);
}

void command_argv(const json_t *argv, bool shell, struct command_list *ret)
{
	const json_t *item;
	size_t i;

	if (shell) {
		command_list_add(ret, cut_strdup("/bin/sh"));
		command_list_add(ret, cut_strdup("-c"));
	}
	json_array_foreach (argv, i, item) {
		command_list_add(ret, cut_strdup(json_string_value(item)));
		if (shell && i == 0)
			command_list_add(ret, cut_strdup("sh")); /* $0 */
	}
}

static void add_own(const struct cut_call *call, struct command_list *ret)
{
	command_list_add(ret, cut_printf("CUTOVER_RUN=%s", call->run));
	command_list_add(ret, cut_printf("CUTOVER_STEP=%s", call->step));
	command_list_add(ret, cut_printf("CUTOVER_ATTEMPT=%u", call->attempt));
	command_list_add(ret, cut_printf("CUTOVER_KEY=%s", call->key));
	command_list_add(ret, cut_printf("CUTOVER_OP=%s", call->op));
}

static bool is_given(const json_t *env, const char *entry)
{
	const char *end = strchr(entry, '=');

	return end && json_object_getn(env, entry, (size_t)(end - entry));
}

int command_env(struct cut_call *call, const json_t *env, struct command_list *ret,
		const char **ret_name)
{
	const char *name;
	json_t *value;

	for (char **e = environ; *e; e++)
		if (!is_given(env, *e))
			command_list_add(ret, cut_strdup(*e));
	add_own(call, ret);
	json_object_foreach ((json_t *)env, name, value) {
		const char *text = json_string_value(value);

		if (!text) {
			*ret_name = cut_json_str(value, "secret", "");
			text = call->api->secret(call, *ret_name);
		}
		if (!text)
			return -ENOENT;
		command_list_add(ret, cut_printf("%s=%s", name, text));
	}
	return 0;
}

/* The end of what it said, on one line. */
static void add_last_words(const struct cut_child_result *result, struct cut_buf *out)
{
	const char *text = result->err_len ? result->err : result->out;
	size_t len = result->err_len ? result->err_len : result->out_len;
	size_t from = 0, at;

	while (len && strchr("\n\r \t", text[len - 1]))
		len--;
	if (!len)
		return;
	if (len > TOLD_BYTES)
		from = len - TOLD_BYTES;
	while (from && ((unsigned char)text[from] & 0xc0) == 0x80)
		from++; /* not from the middle of a character */
	cut_buf_add_str(out, from ? ": …" : ": ");
	at = out->len;
	cut_utf8_add_clean(out, text + from, len - from);
	for (; at < out->len; at++)
		if (strchr("\n\r\t", out->data[at]))
			out->data[at] = ' ';
}

void command_end_text(const struct cut_child_result *result, const char *program, bool canceled,
		      struct cut_buf *out)
{
	if (result->error) {
		cut_buf_printf(out, "%s could not be started: %s", program,
			       strerror(-result->error));
		return;
	}
	if (result->killed)
		cut_buf_printf(out, "%s was %s; its process group was killed", program,
			       canceled ? "canceled" : "not done in time");
	else if (result->status > SIGNAL_BASE && sigabbrev_np(result->status - SIGNAL_BASE))
		cut_buf_printf(out, "%s ended with %d (SIG%s)", program, result->status,
			       sigabbrev_np(result->status - SIGNAL_BASE));
	else
		cut_buf_printf(out, "%s exited with %d", program, result->status);
	add_last_words(result, out);
}
