/* SPDX-License-Identifier: Apache-2.0 */
/* The text of GET /v1/status a piece at a time, so that telling of 100,000 steps keeps neither
 * samples nor people waiting. Used by the control socket. */
#pragma once

#include "engine/runtime/driver.h"

struct cut_status_feed;

/* What there is of a run but its steps is of now; each step is as it is when it is read: what the
 * status calls its `seq` is in it, and perhaps more. driver is borrowed. */
struct cut_status_feed *cut_status_feed_new(struct cut_driver *driver);
void cut_status_feed_free(void *feed);
/* The next at most max bytes; 0: that was all. */
size_t cut_status_feed_read(struct cut_status_feed *feed, char *buf, size_t max);
