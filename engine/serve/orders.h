/* SPDX-License-Identifier: Apache-2.0 */
/* From the JSON of an order or a vote to the event that the run is fed. Used by the control socket.
 *
 *	{"order": "approve", "target": "go_live", "comment": "looks good"}
 *	{"order": "rollback", "target": "canary", "accept_loss": true} */
#pragma once

#include "engine/runtime/driver.h"

struct cut_person {
	int64_t uid;	  /* -1: not known */
	const char *name; /* "alice"; the run's */
};

/* Named by what was looked up when the run was armed: the machine's directory of users may be dead
 * by now, and is never waited for. */
struct cut_person cut_person_of(struct cut_driver *driver, int64_t uid);

/* *ret_seq: the record to wait for before answering, also where the order was refused. reply gets
 * what the order tells beside that: {"releases": [steps]} of a skip. Errors as cut_run_feed;
 * -EPERM: it is neither for an operator of the run nor for a role that this person is in. Refusals
 * are journaled. */
int cut_order_give(struct cut_driver *driver, const struct cut_person *who, const json_t *request,
		   uint64_t *ret_seq, json_t *reply, struct cut_err *err);
/* On a full disk: must it be refused (then err says so)? A rollback need not, it has room of its
 * own. */
bool cut_order_needs_room(const json_t *request, struct cut_err *err);
/* What is told of an order that was taken and has waited too long for its record to be on disk. */
int cut_order_unsafe(bool full, struct cut_err *err);
/* May this person look at the run at all: operators and members of its roles. */
bool cut_person_may_look(struct cut_driver *driver, int64_t uid);
