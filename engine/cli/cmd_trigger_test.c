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

	if (cut_cli_load_json(args->positional[0], &file, &err) < 0)
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	if (cut_trigger_test(file, &result, &text, &err) < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json)
		cut_cli_print_json(result);
	else
		fputs(cut_buf_str(&text), stdout);
	return CUT_EXIT_OK;
}
