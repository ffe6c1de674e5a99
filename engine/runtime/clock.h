/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the clock is read: boot time (goes on through a suspend) for everything that
 * lasts, wall time for people and windows; an alarm, and a watch for jumps of the wall clock. Used
 * by the driver and what it drives. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/time.h"

#include <stdbool.h>

struct uv_loop_s;

#define CUT_WALL_JUMP (2 * CUT_SECOND) /* a smaller step of the wall clock is not told */

cut_time cut_clock_boot(void); /* ms since the machine came up, suspends included */
cut_time cut_clock_wall(void); /* ms since 1970 */
/* The kernel's id of this boot: boot times compare only where it is the same. */
int cut_clock_boot_id(char ret[37]);

/* One shot at a time, at a point of the boot clock; never early, about 0.1 ms late. */
struct cut_alarm;
typedef void cut_alarm_fn(void *data);
int cut_alarm_new(struct uv_loop_s *loop, cut_alarm_fn *ring, void *data, struct cut_alarm **ret,
		  struct cut_err *err);
/* Replaces what was set; CUT_NEVER: off. A point that has passed rings in the loop's next turn. */
void cut_alarm_set(struct cut_alarm *alarm, cut_time boot);
/* Whether the loop lives on for it; from the start it does. */
void cut_alarm_keep(struct cut_alarm *alarm, bool keep);
void cut_alarm_free(struct cut_alarm *alarm); /* NULL-safe; memory goes once the loop has run */

/* How far the wall clock has jumped against the boot clock since *base (wall - boot), or 0 where it
 * is not over CUT_WALL_JUMP; *base then follows. */
cut_time cut_wall_jump(cut_time wall, cut_time boot, cut_time *base);

/* Calls back, on the loop, once for each jump, as soon as the clock is set. */
struct cut_wallwatch;
typedef void cut_wallwatch_fn(void *data, cut_time jump);
int cut_wallwatch_new(struct uv_loop_s *loop, cut_wallwatch_fn *jumped, void *data,
		      struct cut_wallwatch **ret, struct cut_err *err);
void cut_wallwatch_free(struct cut_wallwatch *watch);
