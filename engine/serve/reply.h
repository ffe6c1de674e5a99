/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to requests at the control socket, as libmicrohttpd takes them. All return what its
 * handler is to return. An error is {"error": {"what", "why", "next"}, "errno"}. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"

#include <microhttpd.h>

enum MHD_Result cut_reply_text(struct MHD_Connection *connection, unsigned status,
			       const struct cut_buf *text);
enum MHD_Result cut_reply_json(struct MHD_Connection *connection, unsigned status,
			       const json_t *json);
enum MHD_Result cut_reply_error(struct MHD_Connection *connection, const struct cut_err *err);
enum MHD_Result cut_reply_refusal(struct MHD_Connection *connection, int code, const char *why,
				  const char *what);
/* What read() brings, piece by piece; free_data(data) at the end, if it is not NULL. */
enum MHD_Result cut_reply_pieces(struct MHD_Connection *connection, const char *type,
				 MHD_ContentReaderCallback read, void *data,
				 MHD_ContentReaderFreeCallback free_data);

json_t *cut_reply_error_json(const struct cut_err *err);
unsigned cut_reply_error_status(const struct cut_err *err);
