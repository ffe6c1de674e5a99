/* SPDX-License-Identifier: Apache-2.0 */
/* Kills every process below this one and waits until none is left. Used by the supervisor, which
 * adopts orphans (PR_SET_CHILD_SUBREAPER). */
#pragma once

#include "engine/base/time.h"

/* Of the boot clock; -ETIMEDOUT: some cannot be killed, as they hang in the kernel. */
int cut_reap_below(cut_time deadline);
