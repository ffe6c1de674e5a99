/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/service.h"

#include "engine/base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Another process of the service may be the one that is watched. */
static cut_time watchdog_of(const char *usec, const char *pid)
{
	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) / 1000;
}

void cut_service_open(struct cut_service *service)
{
	static const char *const ours[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	const char *socket = getenv(ours[0]);

	*service = (struct cut_service){0};
	if (socket && (socket[0] == '/' || socket[0] == '@')) {
		service->socket = cut_strdup(socket);
		service->watchdog = watchdog_of(getenv(ours[1]), getenv(ours[2]));
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(ours); i++)
		unsetenv(ours[i]);
}

void cut_service_done(struct cut_service *service)
{
	free(service->socket);
	*service = (struct cut_service){0};
}

void cut_service_tell(const struct cut_service *service, const char *fmt, ...)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cut_auto(cut_buf) struct cut_buf text = {0};
	size_t len = service->socket ? strlen(service->socket) : 0;
	va_list ap;
	int fd;

	if (len == 0 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, service->socket, len);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract one, that is in no folder */
	va_start(ap, fmt);
	cut_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}
