/* SPDX-License-Identifier: Apache-2.0 */
/* How long the loop's callbacks hold it: the longest turn so far, sleep to sleep without the sleep
 * itself, an upper bound of the longest callback. Shown as `loop_max_ms`, what a turn computed or
 * was blocked for, and as `loop_max_wall_ms`, with the time in which others had its processor:
 * programs, interrupts, other virtual machines. */
#pragma once

struct uv_loop_s;

/* From the next turn on: arming has syncs of its own that nobody waits behind. Takes loop->data. */
void cut_loop_measure(struct uv_loop_s *loop);
void cut_loop_measure_end(struct uv_loop_s *loop); /* also of a loop that was never measured */
double cut_loop_max_ms(struct uv_loop_s *loop);
double cut_loop_max_wall_ms(struct uv_loop_s *loop);
