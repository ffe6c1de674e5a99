/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover trigger test FILE`: tries triggers on recorded samples. */
#include "engine/cli/commands.h"

#include "engine/runbook/trigger_test.h"

#include <errno.h>

int cut_cmd_trigger_test(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_json) json_t *result = NULL;
	cut_auto(cut_json) json_t *file = NULL;
	json_error_t where;

	file = json_load_file(args->positional[0], JSON_REJECT_DUPLICATES, &where);
	if (!file) {
		cut_auto(cut_str) char *why = cut_printf("%s (line %d)", where.text, where.line);

		cut_err_set(&err, -EINVAL, why, NULL, "cannot read %s", args->positional[0]);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	if (cut_trigger_test(file, &result, &text, &err) < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json)
		cut_cli_print_json(result);
	else
		fputs(cut_buf_str(&text), stdout);
	return CUT_EXIT_OK;
}
