/* SPDX-License-Identifier: Apache-2.0 */
/* The commands' side of a run's control socket: one request, or a stream of its records. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"

/* One request with a deadline of 30 s. socket NULL: there is none. body NULL: GET. *ret (may be
 * NULL) is the answer's JSON. A refusal of the engine comes back in err with its own code (-EPERM
 * …); -ENOTCONN: nobody listens. */
int cut_client_request(const char *socket, const char *path, const json_t *body, json_t **ret,
		       struct cut_err *err);
/* Calls each with every record's JSON text after after_seq, as they come, until the stream ends
 * (0), each returns non-zero (returned), the engine's journal fails (-ESHUTDOWN), or the connection
 * breaks (-EPIPE). idle is called about four times a second meanwhile, with the same meaning of
 * what it returns. */
typedef int cut_client_record_fn(void *data, uint64_t seq, const char *json, size_t len);
typedef int cut_client_idle_fn(void *data);
int cut_client_stream(const char *socket, uint64_t after_seq, cut_client_record_fn *each,
		      cut_client_idle_fn *idle, void *data, struct cut_err *err);
