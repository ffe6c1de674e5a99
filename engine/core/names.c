/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters, environments and loop variables for expressions. */
#include "engine/core/names.h"
#include "engine/core/value.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int cut_names_ident(const struct cut_runbook *rb, const struct cut_scope *scope, const char *name,
		    struct cut_arena *arena, struct cut_val *ret)
{
	for (; scope; scope = scope->outer)
		if (strcmp(scope->name, name) == 0) {
			*ret = cut_val_from_json(scope->value, arena);
			return 0;
		}
	if (strcmp(name, "params") == 0) {
		/* looked into one by one, because the type is declared apart from the value */
		*ret = (struct cut_val){.kind = CUT_VAL_LAZY, .lazy.object = rb->parameters};
		return 0;
	}
	if (strcmp(name, "environments") == 0 && rb->environments) {
		*ret = cut_val_from_json(rb->environments, arena);
		return 0;
	}
	return -ENOENT;
}

int cut_names_member(const struct cut_runbook *rb, const struct cut_val *object, const char *key,
		     struct cut_arena *arena, struct cut_val *ret)
{
	const json_t *value;
	uint32_t i = 0;

	if (object->lazy.object != rb->parameters)
		return -ENOENT;
	value = json_object_get(rb->parameters, key);
	if (!value)
		return -ENOENT;
	while (strcmp(rb->declared[i].name, key) != 0) {
		i++;
		assert(i < rb->declared_len);
	}
	*ret = cut_value_typed(rb->declared[i].type, value, arena);
	return 0;
}
