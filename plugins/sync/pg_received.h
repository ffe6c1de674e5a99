/* SPDX-License-Identifier: Apache-2.0 */
/* How much a server has sent; used by pg.c. */
#pragma once

#include <stdint.h>

/* Since it was connected; 0 where that is not over TCP, and so on this machine. */
uint64_t pg_received_bytes(int fd);
