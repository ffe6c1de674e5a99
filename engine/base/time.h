/* SPDX-License-Identifier: Apache-2.0 */
/* Time as milliseconds, and its text forms: durations with a unit and RFC 3339. Pure: the clock
 * itself is read in runtime only. */
#pragma once

#include "engine/base/buf.h"

typedef int64_t cut_time; /* ms: a duration, a point on the run's clock, or since 1970 (wall) */

#define CUT_NEVER  INT64_MAX
#define CUT_SECOND ((cut_time)1000)
#define CUT_MINUTE (60 * CUT_SECOND)
#define CUT_HOUR   (60 * CUT_MINUTE)
#define CUT_DAY	   (24 * CUT_HOUR)

/* "250ms" "30s" "1h30m" "2d" → ms. Units ms s m h d, each at most once, falling; a fraction is
 * allowed ("1.5h"). -EINVAL: not a duration; -ERANGE: too large. */
int cut_duration_parse(const char *text, size_t len, cut_time *ret);
/* Shortest exact form, "1h30m", "250ms", "0s"; negative with a leading '-'. */
void cut_duration_format(cut_time ms, struct cut_buf *out);
/* For people: "3m00s", "1h02m", "4.2s", "250ms". */
void cut_duration_human(cut_time ms, struct cut_buf *out);
/* RFC 3339 with an offset, "2026-11-22T02:00:00+01:00" or …Z, up to ms; → ms since 1970. */
int cut_rfc3339_parse(const char *text, size_t len, cut_time *ret);
/* UTC, "2026-11-22T01:00:00.000Z", 24 characters. */
void cut_rfc3339_format(cut_time wall, struct cut_buf *out);
