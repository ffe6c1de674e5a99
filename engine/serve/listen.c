/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

int cut_listen_at(const char *path, struct cut_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return cut_err_set(err, -ENAMETOOLONG, "a socket's path has at most 107 characters",
				   "set CUTOVER_SOCKET_DIR", "cannot listen at %s", path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot make a socket");
	unlink(path); /* of a dead engine of this run: only one holds its lock */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int r = -errno;

		close(fd);
		return cut_err_sys(err, r, "set CUTOVER_SOCKET_DIR to a folder of yours",
				   "cannot listen at %s", path);
	}
	return fd;
}
