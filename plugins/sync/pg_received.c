/* SPDX-License-Identifier: Apache-2.0 */
/* How much has come over a socket, which libpq does not tell; for pg.c, which bounds it. A file of
 * its own: the kernel's struct tcp_info cannot stand beside glibc's, which is too old. */
#include "sync/pg_received.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t pg_received_bytes(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? 0
								      : info.tcpi_bytes_received;
}
