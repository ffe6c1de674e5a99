/* SPDX-License-Identifier: Apache-2.0 */
/* How long the loop's callbacks take: the longest turn so far, sleep to sleep without the sleep
 * itself. Shown as `loop_max_ms`, an upper bound of the longest callback, and as `loop_max_cpu_ms`:
 * what the first has beyond the second, it waited, mostly for a processor that others had. */
#pragma once

struct uv_loop_s;

/* From the next turn on: arming has syncs of its own that nobody waits behind. Takes loop->data. */
void cut_loop_measure(struct uv_loop_s *loop);
void cut_loop_measure_end(struct uv_loop_s *loop); /* also of a loop that was never measured */
double cut_loop_max_ms(struct uv_loop_s *loop);
double cut_loop_max_cpu_ms(struct uv_loop_s *loop);
