/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever HAProxy, or what listens in its place, says: three replies, parted by a zero octet. */
#include "traffic/shares.h"
#include "traffic/state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *part(const uint8_t **data, size_t *size)
{
	size_t len = strnlen((const char *)*data, *size);
	char *text = kit_calloc(len + 1, 1);

	memcpy(text, *data, len);
	*data += len;
	*size -= len;
	if (*size) {
		++*data;
		--*size;
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *servers = part(&data, &size), *stat = part(&data, &size), *sess = part(&data, &size);
	json_t *to = json_pack("{s:f}", "green", 0.25);
	struct state state = {0};
	struct kit_why why;

	if (state_read_servers(&state, "shop", servers, &why) == 0 &&
	    state_read_stat(&state, "shop", stat, &why) == 0) {
		double *wanted = kit_new_array(double, state.n);
		unsigned *weights = kit_new_array(unsigned, state.n);

		json_decref(state_shares(&state));
		if (shares_wanted(to, &state, wanted, &why) == 0 && state.n < 8)
			shares_weights(wanted, state.n, weights);
		free(wanted);
		free(weights);
	}
	state_oldest_session(sess, "shop", "blue");
	state_done(&state);
	json_decref(to);
	free(servers);
	free(stat);
	free(sess);
	return 0;
}
