/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between a non-blocking socket and the buffers that frames are read from and written to.
 * Used by both ends of the link: runtime/hostlink and host/link. */
#pragma once

#include "engine/base/buf.h"

/* Appends what has arrived, at most 64 KiB. 1: something; 0: nothing now; -EPIPE: the other end is
 * closed; else a negative errno. */
int cut_frame_fill(int fd, struct cut_buf *in);
/* Sends from the front of out. 1: all of it; 0: the socket takes no more now; else negative errno.
 */
int cut_frame_flush(int fd, struct cut_buf *out);
