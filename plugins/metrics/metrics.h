/* SPDX-License-Identifier: Apache-2.0 */
/* What the meters of this plugin share: how a sample ends. Included by each of them. */
#pragma once

#include "kit/kit.h"

struct prober;

struct metrics {
	struct prober *probers; /* owned: they go on between samples (probe.c) */
};
void probers_free(struct metrics *metrics);

/* Ends a sample: with a number (n < 0: number of events not known; at NULL: now), without evidence
 * (missing), or with an error of the source. NaN and infinity are no evidence. */
void sample_value(struct cut_call *call, double value, double n, const char *at);
void sample_missing(struct cut_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void sample_error(struct cut_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

extern const struct cut_param metrics_prometheus_params[];
extern const struct cut_meter metrics_query, metrics_http_probe, metrics_command;
