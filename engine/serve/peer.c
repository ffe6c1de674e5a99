/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/peer.h"

#include <poll.h>
#include <sys/socket.h>

int64_t cut_peer_uid(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid == (uid_t)-1)
		return -1;
	return (int64_t)peer.uid;
}

bool cut_peer_hung_up(int fd)
{
	struct pollfd end = {.fd = fd};

	return poll(&end, 1, 0) > 0;
}
