/* SPDX-License-Identifier: Apache-2.0 */
/* A vote that was signed with an SSH key: is the signature good, whose is it, and is the statement
 * about this run and this gate? Used by orders; whether the vote then counts is the run's to say.
 *
 *	{"order": "approve", "target": "go_live",
 *	 "signed": {"statement": "{\"run\": …}", "signature": "-----BEGIN SSH SIGNATURE-----…"}}
 *
 * docs/approvals.md tells the members of a statement. */
#pragma once

#include "engine/runtime/driver.h"

#define CUT_BALLOT_NAMESPACE "cutover-approval@v1"

/* What a vote was read from; texts of the event point into it. */
struct cut_ballot {
	json_t *statement, *proof; /* owned */
	char *key, *actor;	   /* owned */
};

/* Fills in ev->approval, whose gate, decline and (the deliverer's) name are set. -EPERM: err says
 * what is wrong with it; ev then says what is known of the voter, to be journaled. */
int cut_ballot_read(struct cut_driver *driver, const json_t *request, cut_time wall,
		    struct cut_ballot *ballot, struct cut_event *ev, struct cut_err *err);
void cut_ballot_done(struct cut_ballot *ballot);

static inline void cut_ballot_cleanup(struct cut_ballot *ballot)
{
	cut_ballot_done(ballot);
}
