/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover audit verify`: is a journal what was written, and by whom? Changes nothing. `cutover
 * audit key`: the public key with which somebody elsewhere can tell. */
#include "engine/cli/commands.h"

#include "engine/cli/find.h"
#include "engine/runtime/audit.h"

/* --key, else those of the state directory. */
static int trusted_keys(const struct cut_args *args, const char *state, struct cut_sealkeys *ret,
			struct cut_err *err)
{
	const char *file = cut_args_value(args, "key");

	return file ? cut_sealkeys_read(file, ret, err) : cut_sealkeys_of_state(state, ret, err);
}

int cut_cmd_audit_verify(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	cut_auto(cut_sealkeys) struct cut_sealkeys keys = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_audit audit = {0};
	int r = cut_find(args, 0, CUT_PICK_NEWEST, &found, &err);

	if (r == 0)
		r = cut_found_check_own(&found, &err);
	if (r == 0)
		r = trusted_keys(args, found.places.state_dir, &keys, &err);
	if (r == 0) {
		struct cut_audit_options options = {
			.dir = found.entry.dir,
			.run = found.entry.id,
			.trusted = &keys,
			.live = found.entry.live,
		};

		r = cut_journal_audit(&options, &audit, &err);
	}
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (args->json) {
		cut_auto(cut_json) json_t *json = cut_audit_json(&audit);

		cut_cli_print_json(json);
	} else {
		cut_audit_text(&audit, &text);
		printf("%s: %s", found.entry.id, cut_buf_str(&text));
	}
	return audit.fault == CUT_AUDIT_WHOLE ? CUT_EXIT_OK : CUT_EXIT_AUDIT;
}

int cut_cmd_audit_key(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_signkey) struct cut_signkey *key = NULL;
	cut_auto(cut_buf) struct cut_buf line = {0};
	struct cut_places places = {0};
	int r = cut_places_of_runs(args, &places, &err);

	if (r == 0)
		r = cut_state_make(places.state_dir, &err);
	if (r == 0)
		r = cut_sealkey_open(places.state_dir, &key, &err);
	cut_places_done(&places);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	cut_signkey_public(key, &line);
	if (args->json) {
		cut_auto(cut_json) json_t *json = json_pack("{s:s}", "key", cut_buf_str(&line));

		cut_cli_print_json(json);
	} else {
		puts(cut_buf_str(&line));
	}
	return CUT_EXIT_OK;
}
