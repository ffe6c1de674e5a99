/* SPDX-License-Identifier: Apache-2.0 */
/* The one log sink of a process: an event and key=value pairs a line, secrets redacted. Called by
 * runtime, host and cli only; code below them returns errors instead. */
#pragma once

#include <stddef.h>

enum cut_log_level { CUT_LOG_DEBUG, CUT_LOG_INFO, CUT_LOG_WARN, CUT_LOG_ERROR };

/* fd < 0: silence. The level below which lines are dropped; name goes into each line. */
void cut_log_open(int fd, enum cut_log_level lowest, const char *name);
/* fmt gives the pairs: cut_log(CUT_LOG_INFO, "host_started", "plugin=%s pid=%d", name, pid). */
void cut_log(enum cut_log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* From here on this value, and its base64, hexadecimal, URL-encoded and JSON-escaped forms,
 * show as *** in every line. Values under 4 bytes are not registered. */
void cut_log_secret(const char *value, size_t len);
/* Redacts in place the registered secrets in text (never longer than before). */
void cut_log_redact(char *text);
