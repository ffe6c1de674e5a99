/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a run to its end: a live view on a terminal, plain lines elsewhere. Used by run, watch
 * and recover. */
#pragma once

#include "engine/cli/find.h"

/* Exit code of how the run ended, or CUT_EXIT_DETACHED after Ctrl-C. engine: the line to an engine
 * that was just started, or -1; owned. Its run may end at once, but the engine stays until the
 * first record has come and this is closed. */
int cut_follow(const struct cut_args *args, struct cut_found *found, int engine);
