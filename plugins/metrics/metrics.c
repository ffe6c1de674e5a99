/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `metrics`: numbers to watch, from Prometheus, from own requests, from commands. Loaded
 * by cutover-host. */
#include "metrics/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

void sample_value(struct cut_call *call, double value, double n, const char *at)
{
	json_t *data;

	if (!isfinite(value)) {
		sample_missing(call, "the value is %s", isnan(value) ? "NaN" : "infinite");
		return;
	}
	data = json_pack("{s:f}", "value", value);
	if (n >= 0 && isfinite(n))
		json_object_set_new(data, "n", json_real(n));
	if (at)
		json_object_set_new(data, "at", json_string(at));
	call->api->done(call, CUT_OK, NULL, data);
}

__attribute__((format(printf, 4, 0))) static void end(struct cut_call *call, enum cut_status status,
						      json_t *data, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	call->api->done(call, status, text, data);
}

void sample_missing(struct cut_call *call, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(call, CUT_OK, json_pack("{s:n}", "value"), fmt, args);
	va_end(args);
}

void sample_error(struct cut_call *call, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(call, CUT_FAIL, NULL, fmt, args);
	va_end(args);
}

static int init(const struct cut_host_api *api, struct uv_loop_s *loop, void **self)
{
	*self = kit_new(struct metrics);
	return 0;
}

static void fini(void *self)
{
	probers_free(self);
	free(self);
}

static const struct cut_provider providers[] = {
	{"prometheus", "Prometheus, or what answers its query API", metrics_prometheus_params},
	{0},
};

static const struct cut_meter *const meters[] = {
	&metrics_command,
	&metrics_http_probe,
	&metrics_query,
	NULL,
};

static const struct cut_plugin plugin = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "metrics",
	.version = "1.0",
	.license = "Apache-2.0",
	.help = "numbers to watch: queries, probes, commands",
	.providers = providers,
	.meters = meters,
	.init = init,
	.fini = fini,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &plugin;
}
