/* SPDX-License-Identifier: Apache-2.0 */
/* What `recover RUN` and `recover --all` share. */
#pragma once

#include "engine/cli/find.h"

/* Is there anything to go on with? */
bool cut_recover_is_due(const struct cut_run_entry *entry);
/* Starts a supervisor and an engine for a run that has none. 0 once the engine goes on with it;
 * else the exit code, told why. */
int cut_recover_run(const struct cut_args *args, struct cut_found *found);
/* Takes up every unfinished run and stays until they have ended: the service cutover-recover, which
 * tells the service manager how it goes. Returns the exit code. */
int cut_recover_all(const struct cut_args *args);
