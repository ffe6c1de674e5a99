/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/sshwire.h"

#include <string.h>

bool cut_wire_bytes(struct cut_wire *from, size_t len, struct cut_wire *ret)
{
	if (len > from->len)
		return false;
	*ret = (struct cut_wire){from->data, len};
	from->data += len;
	from->len -= len;
	return true;
}

bool cut_wire_u32(struct cut_wire *from, uint32_t *ret)
{
	struct cut_wire part;

	if (!cut_wire_bytes(from, 4, &part))
		return false;
	*ret = (uint32_t)part.data[0] << 24 | (uint32_t)part.data[1] << 16 |
	       (uint32_t)part.data[2] << 8 | part.data[3];
	return true;
}

bool cut_wire_string(struct cut_wire *from, struct cut_wire *ret)
{
	struct cut_wire rest = *from;
	uint32_t len;

	if (!cut_wire_u32(&rest, &len) || !cut_wire_bytes(&rest, len, ret))
		return false;
	*from = rest;
	return true;
}

bool cut_wire_is(struct cut_wire wire, const char *text)
{
	return wire.len == strlen(text) && memcmp(wire.data, text, wire.len) == 0;
}

void cut_wire_put_u32(struct cut_buf *out, uint32_t value)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				 (uint8_t)(value >> 8), (uint8_t)value};

	cut_buf_add(out, bytes, sizeof(bytes));
}

void cut_wire_put_string(struct cut_buf *out, const void *data, size_t len)
{
	cut_wire_put_u32(out, (uint32_t)len);
	cut_buf_add(out, data, len);
}
