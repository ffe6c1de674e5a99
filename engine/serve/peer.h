/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection, and is anybody still there. Used by the control socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* -1: not known. */
int64_t cut_peer_uid(int fd);
/* Both ways: one who only has nothing more to say is still there. */
bool cut_peer_hung_up(int fd);
