/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/listen.h"

#include "engine/runtime/world.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define BACKLOG	   64
#define LOOK_EVERY 250 /* ms: for room, which nobody tells of */

struct cut_listener {
	int fd;
	char *path; /* owned */
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	struct cut_bell *later; /* owned: set while there is no room */
};

static int listen_at(const char *path, struct cut_err *err)
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

static int take_client(struct cut_listener *l)
{
	struct sockaddr_un from = {0};
	socklen_t len = sizeof(from);
	int fd;

	if (MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >=
	    CUT_CLIENTS_MAX)
		return -EMFILE;
	fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -errno;
	MHD_add_connection(l->daemon, fd, (struct sockaddr *)&from, len); /* or it closes it */
	return 0;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct cut_listener *l = cut_container(poll, struct cut_listener, poll);
	int r = take_client(l);

	(void)status;
	(void)events;
	if (r == 0 || r == -EAGAIN)
		return;
	uv_poll_stop(&l->poll);
	cut_bell_set(l->later, cut_world_boot(l->later->world) + LOOK_EVERY);
}

static void on_later(void *data)
{
	struct cut_listener *l = data;

	uv_poll_start(&l->poll, UV_READABLE, on_client);
}

int cut_listener_new(struct cut_world *world, const char *path, struct cut_listener **ret,
		     struct cut_err *err)
{
	int fd = listen_at(path, err);
	struct cut_listener *l;

	if (fd < 0)
		return fd;
	l = cut_new(struct cut_listener);
	l->fd = fd;
	l->path = cut_strdup(path);
	l->later = cut_bell_new(world, on_later, l);
	l->later->idle = true;
	uv_poll_init(world->loop, &l->poll, fd);
	*ret = l;
	return 0;
}

void cut_listener_start(struct cut_listener *listener, struct MHD_Daemon *daemon)
{
	listener->daemon = daemon;
	uv_poll_start(&listener->poll, UV_READABLE, on_client);
}

static void on_closed(uv_handle_t *handle)
{
	struct cut_listener *l = cut_container(handle, struct cut_listener, poll);

	free(l->path);
	free(l);
}

void cut_listener_free(struct cut_listener *listener)
{
	unlink(listener->path);
	cut_bell_free(listener->later);
	uv_poll_stop(&listener->poll);
	close(listener->fd);
	uv_close((uv_handle_t *)&listener->poll, on_closed);
}
