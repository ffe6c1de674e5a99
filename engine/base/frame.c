/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the link between engine and host. */
#include "engine/base/frame.h"

#include <errno.h>
#include <string.h>

enum { HEAD_BYTES = 4 };

int cut_frame_write(struct cut_buf *out, const json_t *message)
{
	cut_auto(cut_buf) struct cut_buf frame = {.max_bytes = HEAD_BYTES + CUT_FRAME_MAX_BYTES};
	size_t len;

	cut_buf_add(&frame, "\0\0\0\0", HEAD_BYTES);
	cut_json_canonical(message, &frame);
	if (frame.error)
		return frame.error;
	len = frame.len - HEAD_BYTES;
	for (int i = HEAD_BYTES - 1; i >= 0; i--, len >>= 8)
		frame.data[i] = (char)(len & 255);
	return cut_buf_add(out, frame.data, frame.len);
}

int cut_frame_read(struct cut_buf *in, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *message = NULL;
	size_t len = 0;
	int r;

	if (in->len < HEAD_BYTES)
		return 0;
	for (int i = 0; i < HEAD_BYTES; i++)
		len = len << 8 | (unsigned char)in->data[i];
	if (len > CUT_FRAME_MAX_BYTES)
		return cut_err_set(err, -E2BIG, "more than 1 MiB", NULL,
				   "a frame of %zu bytes came", len);
	if (in->len - HEAD_BYTES < len)
		return 0;
	r = cut_json_parse(in->data + HEAD_BYTES, len, "a frame", &message, err);
	if (r < 0)
		return -EPROTO;
	if (!json_is_object(message))
		return cut_err_set(err, -EPROTO, NULL, NULL,
				   "a frame came that is not a JSON object");
	cut_buf_consume(in, HEAD_BYTES + len);
	*ret = cut_take(message);
	return 1;
}
