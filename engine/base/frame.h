/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on the link between the engine and a plugin host: a 4-byte big-endian length, then that
 * many bytes of JSON (an object, at most 1 MiB, depth at most 64). Used by runtime/hostlink and
 * host/. The messages are listed in docs/plugins.md. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

#define CUT_FRAME_MAX_BYTES CUT_JSON_MAX_BYTES

/* A frame that is written piece by piece, with cut_jw: begin, the object, end. Until its end
 * nothing else may be appended to out, which has no cap of its own. -E2BIG: as below. */
size_t cut_frame_begin(struct cut_buf *out);
int cut_frame_end(struct cut_buf *out, size_t begin);
/* Appends one frame. -E2BIG: the message is too large, nothing was appended. */
int cut_frame_write(struct cut_buf *out, const json_t *message);
/* Takes the next whole frame off the front of in: 1 and *ret owned by the caller; 0: more bytes are
 * needed; negative: garbage (-EPROTO), too large (-E2BIG), and the link must be given up. */
int cut_frame_read(struct cut_buf *in, json_t **ret, struct cut_err *err);
