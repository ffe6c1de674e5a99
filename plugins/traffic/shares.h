/* SPDX-License-Identifier: Apache-2.0 */
/* From wanted shares to the integer weights of a proxy. Pure; used by shift.c. */
#pragma once

#include "traffic/state.h"

#define SHARES_WEIGHT_MAX 256 /* HAProxy's */

/* The share that each server of the state is to get, in its order: what `to` names, the rest to the
 * others, by their configured weights where there are several. Backups get none. */
int shares_wanted(const json_t *to, const struct state *state, double *ret, struct kit_why *why);
/* Weights up to SHARES_WEIGHT_MAX whose ratio comes closest; readable ones (of 100) where they do.
 * A share above zero never becomes weight 0. Returns the largest deviation of a share. */
double shares_weights(const double *wanted, size_t n, unsigned *ret);
