/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a signed vote brings: a text as signature, and as public key. */
#include "engine/base/sshsig.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char text[] = "{\"decision\":\"approve\"}\n";
	cut_auto(cut_sshkey) struct cut_sshkey *signer = NULL, *key = NULL;
	struct cut_wire blob = {data, len};

	cut_sshsig_verify((const char *)data, len, "cutover-approval@v1", text, sizeof(text) - 1,
			  &signer, NULL);
	cut_sshkey_parse((const char *)data, len, &key, NULL);
	cut_sshkey_free(cut_sshkey_read(blob));
	if (signer)
		cut_sshkey_signed(signer, blob, text, sizeof(text) - 1);
	return 0;
}
