/* SPDX-License-Identifier: Apache-2.0 */
/* The line to whoever started the engine and waits for its word: one JSON object a line goes out
 * (see engine.h), the word "start" may come back. Used by engine.c. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"

struct uv_loop_s;
struct cut_starter;

struct cut_starter_events {
	void (*start)(void *data); /* the word has come */
	void (*gone)(void *data);  /* it hung up; close it */
	void *data;
};

struct cut_starter *cut_starter_new(struct uv_loop_s *loop, int fd,
				    const struct cut_starter_events *events);
/* Both NULL-safe: then nobody listens. message is stolen. */
void cut_starter_tell(struct cut_starter *starter, json_t *message);
void cut_starter_refuse(struct cut_starter *starter, const struct cut_err *err);
/* Hangs up once everything is sent, at the latest 2 s from now; no event comes any more. NULL-safe.
 */
void cut_starter_close(struct cut_starter *starter);
