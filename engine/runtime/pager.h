/* SPDX-License-Identifier: Apache-2.0 */
/* Tells people: the `notify` entries of a runbook, called by the run's records, at times, and for
 * every page. Never blocks the run: what cannot be delivered is logged. */
#pragma once

#include "engine/runtime/calls.h"

struct cut_pager;

struct cut_pager *cut_pager_new(struct cut_world *world, const struct cut_runbook *rb,
				struct cut_calls *calls);
void cut_pager_free(struct cut_pager *pager);
/* A record was journaled: type is its name, json its text. */
void cut_pager_event(struct cut_pager *pager, const char *type, const char *json);
/* A hold, a rollback, a limit: goes to every entry, after the entry's own text. */
void cut_pager_page(struct cut_pager *pager, const char *event, const char *text);
/* From here on only pages go out: its times are those of a run that goes on. */
void cut_pager_stop(struct cut_pager *pager);
/* The times of the entries are wall times. */
void cut_pager_clock_jumped(struct cut_pager *pager);
