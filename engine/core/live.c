/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/core/live.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a lazy value stands for; a member of the two roots carries its index above TAG_BASE. */
enum { TAG_METRICS, TAG_TRIGGERS, TAG_METRIC, TAG_TRIGGER, TAGS };

static struct cut_val lazy(const struct cut_live *live, unsigned tag, uint32_t index)
{
	return (struct cut_val){
		.kind = CUT_VAL_LAZY,
		.lazy = {.object = live, .tag = (uintptr_t)index * TAGS + tag},
	};
}

static int live_ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		      struct cut_val *ret)
{
	if (strcmp(name, "metrics") == 0)
		*ret = lazy(env->data, TAG_METRICS, 0);
	else if (strcmp(name, "triggers") == 0)
		*ret = lazy(env->data, TAG_TRIGGERS, 0);
	else
		return -ENOENT;
	return 0;
}

static int metric_named(const struct cut_live *live, const char *id, struct cut_val *ret)
{
	for (uint32_t i = 0; i < live->rb->metrics_len; i++) {
		if (strcmp(live->rb->metrics[i].id, id) == 0) {
			*ret = lazy(live, TAG_METRIC, i);
			return 0;
		}
	}
	return -ENOENT;
}

static int trigger_named(const struct cut_live *live, const char *id, struct cut_val *ret)
{
	for (uint32_t i = 0; i < live->rb->triggers_len; i++) {
		if (strcmp(live->rb->triggers[i].id, id) == 0) {
			*ret = lazy(live, TAG_TRIGGER, i);
			return 0;
		}
	}
	return -ENOENT;
}

static int metric_member(const struct cut_live *live, uint32_t metric, const char *key,
			 struct cut_val *ret)
{
	double value = NAN;
	cut_time at = CUT_NEVER;

	cut_watch_metric(live->watch, metric, &value, &at);
	if (isnan(value))
		return -ENOENT;
	if (strcmp(key, "value") == 0)
		*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = value};
	else if (strcmp(key, "age") == 0)
		*ret = (struct cut_val){.kind = CUT_VAL_DURATION, .i = live->now - at};
	else
		return -ENOENT;
	return 0;
}

static int trigger_member(const struct cut_live *live, uint32_t trigger, const char *key,
			  struct cut_val *ret)
{
	struct cut_trigger_view view;
	const char *name;

	if (strcmp(key, "state") != 0)
		return -ENOENT;
	cut_watch_trigger(live->watch, trigger, &view);
	name = cut_trigger_shown(&live->rb->triggers[trigger], view.state);
	*ret = (struct cut_val){.kind = CUT_VAL_STRING, .str = {.s = name, .len = strlen(name)}};
	return 0;
}

static int live_member(const struct cut_expr_env *env, const struct cut_val *object,
		       const char *key, struct cut_arena *arena, struct cut_val *ret)
{
	const struct cut_live *live = env->data;
	uint32_t index = (uint32_t)(object->lazy.tag / TAGS);

	switch (object->lazy.tag % TAGS) {
	case TAG_METRICS: return metric_named(live, key, ret);
	case TAG_TRIGGERS: return trigger_named(live, key, ret);
	case TAG_METRIC: return metric_member(live, index, key, ret);
	case TAG_TRIGGER: return trigger_member(live, index, key, ret);
	}
	return -ENOENT;
}

struct cut_expr_env cut_live_env(struct cut_live *live)
{
	return (struct cut_expr_env){.ident = live_ident, .member = live_member, .data = live};
}
