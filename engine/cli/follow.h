/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a run to its end: a live view on a terminal, plain lines elsewhere. Used by run, watch and
 * recover. */
#pragma once

#include "engine/cli/find.h"

/* Exit code of how the run ended, or CUT_EXIT_DETACHED after Ctrl-C. after_seq: records up to it are
 * not shown. */
int cut_follow(const struct cut_args *args, struct cut_found *found, uint64_t after_seq);
