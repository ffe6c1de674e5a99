/* SPDX-License-Identifier: Apache-2.0 */
/* A time of the wall clock that is waited for, however long the machine sleeps and whoever sets the
 * clock; engine.c starts runs with it that were given `--at`. */
#pragma once

#include "engine/runtime/clock.h"

struct cut_later;
typedef void cut_later_fn(void *data);

/* due is called once, from the loop, never before that time. */
int cut_later_new(struct uv_loop_s *loop, cut_time wall, cut_later_fn *due, void *data,
		  struct cut_later **ret, struct cut_err *err);
void cut_later_free(struct cut_later *later); /* NULL-safe; due is not called any more */
