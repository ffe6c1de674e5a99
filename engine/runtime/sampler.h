/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the metrics of a run, each at its own pace, and hands the samples to the driver. Raw samples
 * also go to samples.jsonl, as evidence for plots. */
#pragma once

#include "engine/runtime/calls.h"

struct cut_sampler;
struct cut_driver;

/* dir: of the run. driver gets the samples. */
struct cut_sampler *cut_sampler_new(struct cut_world *world, const struct cut_runbook *rb,
				    struct cut_calls *calls, const char *dir,
				    struct cut_driver *driver);
void cut_sampler_start(struct cut_sampler *sampler);
void cut_sampler_stop(struct cut_sampler *sampler);
void cut_sampler_free(struct cut_sampler *sampler);

/* Asks one metric once: how arming looks at every trigger. done is called once. */
struct cut_sample;
typedef void cut_sample_fn(void *data, uint32_t metric, const struct cut_sample *sample);
void cut_sample_once(struct cut_world *world, struct cut_calls *calls, const struct cut_runbook *rb,
		     uint32_t metric, cut_sample_fn *done, void *data);
