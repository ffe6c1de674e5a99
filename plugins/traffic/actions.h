/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of this plugin. Used by traffic.c. */
#pragma once

#include "cutover/plugin.h"

extern const struct cut_action traffic_drain, traffic_shift;
