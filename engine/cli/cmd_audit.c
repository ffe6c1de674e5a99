/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover audit verify`: is a journal what was written? Changes nothing. */
#include "engine/cli/commands.h"

#include "engine/cli/find.h"
#include "engine/runtime/audit.h"

int cut_cmd_audit_verify(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_journal_scan scan = {0};
	int r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);

	if (r == 0)
		r = cut_journal_audit(found.entry.dir, &scan, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json) {
		cut_auto(cut_json) json_t *json = cut_audit_json(&scan);

		cut_cli_print_json(json);
	} else {
		cut_audit_text(&scan, &text);
		printf("%s: %s", found.entry.id, cut_buf_str(&text));
	}
	return scan.fault == CUT_JOURNAL_WHOLE ? CUT_EXIT_OK : CUT_EXIT_AUDIT;
}
