/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes of the link, without a loop. */
#include "engine/base/frameio.h"

#include <errno.h>
#include <sys/socket.h>

enum { FILL_BYTES = 64 * 1024 };

int cut_frame_fill(int fd, struct cut_buf *in)
{
	char *room = cut_buf_reserve(in, FILL_BYTES);
	ssize_t n;

	if (!room)
		return -E2BIG;
	do
		n = recv(fd, room, FILL_BYTES, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	in->len += (size_t)n;
	in->data[in->len] = '\0';
	return 1;
}

int cut_frame_flush(int fd, struct cut_buf *out)
{
	size_t sent = 0;
	int r = 1;

	while (sent < out->len) {
		ssize_t n =
			send(fd, out->data + sent, out->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = errno == EAGAIN ? 0 : -errno;
			break;
		}
		sent += (size_t)n;
	}
	cut_buf_consume(out, sent);
	return r;
}
