/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager how it goes, where this process is a service of type notify. The
 * protocol is that of sd_notify(3) and sd_watchdog_enabled(3): a datagram of lines to
 * $NOTIFY_SOCKET. Written out here, as it is all that would be used of libsystemd. Called by
 * `recover --all`. */
#pragma once

#include "engine/base/time.h"

struct cut_service {
	char *socket;	   /* owned; NULL: nobody wants to know */
	cut_time watchdog; /* longest time between two pings; 0: none are wanted of this process */
};

/* Takes what the environment says, and takes it away: no process that we start is this service. */
void cut_service_open(struct cut_service *service);
void cut_service_done(struct cut_service *service);
/* "READY=1\nSTATUS=2 runs go on". What nobody hears is nobody's fault: there is no error. */
void cut_service_tell(const struct cut_service *service, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
