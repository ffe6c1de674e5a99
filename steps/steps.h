/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in actions, one file each, gathered into the plugin `core` by core.c. */
#pragma once

#include "cutover/plugin.h"

extern const struct cut_action step_drill, step_exec, step_http, step_notify, step_tcp;
