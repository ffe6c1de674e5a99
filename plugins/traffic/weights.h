/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of a backend's servers at all its sockets, as JSON {socket: {server: weight}}: compared
 * with what the proxies show, judged by the three-way rule, turned into commands. Backup servers
 * and, in a rollback, lost sockets are left out. Used by shift.c. */
#pragma once

#include "traffic/balancer.h"

json_t *weights_now(const struct balancer *b); /* new reference */
bool weights_are(const struct balancer *b, const json_t *weights);
/* 0: they are; else the first that is not. */
int weights_differ(const struct balancer *b, const json_t *weights, struct kit_why *why);

/* The three-way rule: each weight must be as before or as wanted. */
int weights_conflict(const struct balancer *b, const json_t *before, const json_t *after,
		     struct kit_why *why);
int weights_refuse_down(const struct balancer *b, const json_t *goal, struct kit_why *why);
/* No server gains traffic that a reload would silently take from it: its configured weight is 0. */
int weights_refuse_unconfigured(const struct balancer *b, const json_t *goal, struct kit_why *why);

/* Adds the commands for those weights that grow, or for those that shrink. */
void weights_change(struct balancer *b, const json_t *goal, bool raise);
/* [{"what", "before", "after"}] of a plan; new reference. */
json_t *weights_shown(const struct balancer *b, const json_t *before, const json_t *after);
