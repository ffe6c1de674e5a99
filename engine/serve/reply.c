/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/reply.h"

#include <errno.h>

#define PIECE_BYTES 16384

/* NULL: there was no memory for a response, and the connection is closed. */
static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
			     struct MHD_Response *response, const char *type)
{
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

enum MHD_Result cut_reply_pieces(struct MHD_Connection *connection, const char *type,
				 MHD_ContentReaderCallback read, void *data,
				 MHD_ContentReaderFreeCallback free_data)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, PIECE_BYTES, read, data, free_data);

	if (!response && free_data)
		free_data(data);
	return queue(connection, MHD_HTTP_OK, response, type);
}

enum MHD_Result cut_reply_text(struct MHD_Connection *connection, unsigned status,
			       const struct cut_buf *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		text->len, (void *)cut_buf_str(text), MHD_RESPMEM_MUST_COPY);

	return queue(connection, status, response, "application/json");
}

enum MHD_Result cut_reply_json(struct MHD_Connection *connection, unsigned status,
			       const json_t *json)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	cut_json_print(json, 0, &text); /* steps stay in their order */
	cut_buf_add_char(&text, '\n');
	return cut_reply_text(connection, status, &text);
}

json_t *cut_reply_error_json(const struct cut_err *err)
{
	return json_pack("{s:o, s:i}", "error", cut_err_json(err), "errno", -err->code);
}

unsigned cut_reply_error_status(const struct cut_err *err)
{
	switch (err->code) {
	case -EPERM: return MHD_HTTP_FORBIDDEN;
	case -ENOENT: return MHD_HTTP_NOT_FOUND;
	case -EINVAL:
	case -EBADMSG: return MHD_HTTP_BAD_REQUEST;
	case -ENOTSUP: return MHD_HTTP_NOT_IMPLEMENTED;
	case -ESHUTDOWN: return MHD_HTTP_GONE;
	default: return MHD_HTTP_CONFLICT;
	}
}

enum MHD_Result cut_reply_error(struct MHD_Connection *connection, const struct cut_err *err)
{
	cut_auto(cut_json) json_t *json = cut_reply_error_json(err);

	return cut_reply_json(connection, cut_reply_error_status(err), json);
}

enum MHD_Result cut_reply_refusal(struct MHD_Connection *connection, int code, const char *why,
				  const char *what)
{
	cut_auto(cut_err) struct cut_err err = {0};

	cut_err_set(&err, code, why, NULL, "%s", what);
	return cut_reply_error(connection, &err);
}
