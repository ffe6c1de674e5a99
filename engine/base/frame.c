/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the link between engine and host. */
#include "engine/base/frame.h"

#include <errno.h>
#include <string.h>

enum { HEAD_BYTES = 4 };

size_t cut_frame_begin(struct cut_buf *out)
{
	size_t begin = out->len;

	out->max_bytes = begin + HEAD_BYTES + CUT_FRAME_MAX_BYTES;
	cut_buf_add(out, "\0\0\0\0", HEAD_BYTES);
	return begin;
}

int cut_frame_end(struct cut_buf *out, size_t begin)
{
	size_t len = out->len - begin - HEAD_BYTES;
	int r = out->error;

	out->max_bytes = 0;
	out->error = 0;
	if (r < 0) {
		out->len = begin;
		out->data[begin] = '\0';
		return r;
	}
	for (int i = HEAD_BYTES - 1; i >= 0; i--, len >>= 8)
		out->data[begin + (size_t)i] = (char)(len & 255);
	return 0;
}

int cut_frame_write(struct cut_buf *out, const json_t *message)
{
	size_t begin = cut_frame_begin(out);

	cut_json_canonical(message, out);
	return cut_frame_end(out, begin);
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
