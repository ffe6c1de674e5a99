/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a plugin's tables can be relied on; see catalog_check.c. Used by catalog.c. */
#pragma once

#include "engine/core/catalog.h"

/* 0, or -EPERM with the row and what is wrong with it. */
int cut_catalog_check_rows(const struct cut_param *rows, const char *owner, struct cut_err *err);
int cut_catalog_check_action(const struct cut_catalog_action *action, struct cut_err *err);
