/* SPDX-License-Identifier: Apache-2.0 */
/* The wire form of SSH's data (RFC 4251 §5), read with bounds and written. Used for public keys and
 * signatures.
 *
 *	struct cut_wire w = {data, len}, name;
 *	if (!cut_wire_string(&w, &name) || w.len > 0)
 *		return -EBADMSG; */
#pragma once

#include "engine/base/buf.h"

#include <stdbool.h>

/* What is left to be read; borrowed. */
struct cut_wire {
	const uint8_t *data;
	size_t len;
};

/* Each takes its part off the front; false: there is not enough, and nothing was taken. */
bool cut_wire_u32(struct cut_wire *from, uint32_t *ret);
bool cut_wire_bytes(struct cut_wire *from, size_t len, struct cut_wire *ret);
bool cut_wire_string(struct cut_wire *from, struct cut_wire *ret);
bool cut_wire_is(struct cut_wire wire, const char *text);

void cut_wire_put_u32(struct cut_buf *out, uint32_t value);
void cut_wire_put_string(struct cut_buf *out, const void *data, size_t len);
