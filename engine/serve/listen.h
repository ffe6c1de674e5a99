/* SPDX-License-Identifier: Apache-2.0 */
/* The unix socket at which a run is heard. Used by the control socket. */
#pragma once

#include "engine/base/err.h"

/* A descriptor that listens at path, open to everybody (0666): who may what is asked of each
 * request. */
int cut_listen_at(const char *path, struct cut_err *err);
