/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/seal.h"

#include "engine/base/base64.h"
#include "engine/base/hash.h"

#include <string.h>

/* The first line names format and purpose, so that the key's other signatures are none of these. */
static void message(const struct cut_seal *seal, const char *at, struct cut_buf *out)
{
	cut_buf_printf(out, "cutover-seal@v1\nrun %s\nrecords %llu\nhead %s\nat %s\n%s\n",
		       seal->run, (unsigned long long)seal->records, seal->head, at,
		       seal->final ? "final" : "checkpoint");
}

void cut_seal_encode(const struct cut_seal *seal, const struct cut_signkey *key,
		     const char *fingerprint, cut_time wall, cut_time t, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf at = {0}, text = {0}, base64 = {0};
	uint8_t signature[CUT_SIGNATURE_BYTES];
	struct cut_jw w = {.out = out};

	cut_rfc3339_format(wall, &at);
	message(seal, cut_buf_str(&at), &text);
	cut_signkey_sign(key, text.data, text.len, signature);
	cut_base64(signature, sizeof(signature), &base64);

	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "type", "sealed");
	cut_jw_str(&w, "at", cut_buf_str(&at));
	cut_jw_int(&w, "t", t);
	cut_jw_str(&w, "actor", "engine");
	cut_jw_str(&w, "run", seal->run);
	cut_jw_int(&w, "records", (int64_t)seal->records);
	cut_jw_str(&w, "head", seal->head);
	cut_jw_bool(&w, "final", seal->final);
	cut_jw_str(&w, "key", fingerprint);
	cut_jw_str(&w, "signature", cut_buf_str(&base64));
	cut_jw_close(&w);
}

const char *cut_seal_check(const json_t *record, uint64_t seq, const char *run, const char *head,
			   const struct cut_sealkeys *trusted)
{
	const struct cut_sshkey *key = cut_sealkeys_find(trusted, cut_json_str(record, "key", ""));
	const char *base64 = cut_json_str(record, "signature", "");
	const struct cut_seal seal = {
		.run = run,
		.records = seq - 1,
		.head = head,
		.final = cut_json_bool(record, "final", false),
	};
	cut_auto(cut_buf) struct cut_buf text = {0}, signature = {0};

	if (!key)
		return "key";
	if (strcmp(cut_json_str(record, "run", ""), run) != 0)
		return "run";
	message(&seal, cut_json_str(record, "at", ""), &text);
	if (cut_base64_decode(base64, strlen(base64), &signature) < 0 ||
	    !cut_sshkey_signed_raw(
		    key, (struct cut_wire){(const uint8_t *)signature.data, signature.len},
		    text.data, text.len))
		return "seal";
	return NULL;
}
