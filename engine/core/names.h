/* SPDX-License-Identifier: Apache-2.0 */
/* The names that an expression may use and whose values never change during a run: parameters,
 * environments, loop variables. Used by the loader and by the run's own environment. */
#pragma once

#include "engine/core/model.h"

/* As members of struct cut_expr_env: 0, or -ENOENT where the name, or the object, is none of these.
 */
int cut_names_ident(const struct cut_runbook *rb, const struct cut_scope *scope, const char *name,
		    struct cut_arena *arena, struct cut_val *ret);
int cut_names_member(const struct cut_runbook *rb, const struct cut_val *object, const char *key,
		     struct cut_arena *arena, struct cut_val *ret);
