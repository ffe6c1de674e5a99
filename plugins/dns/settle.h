/* SPDX-License-Identifier: Apache-2.0 */
/* Waits until every server shows what it should, and tells which do not. Used by write.c to prove
 * a change and by wait.c; call->data points to the struct dns_settle within the operation's own. */
#pragma once

#include "dns/ask.h"
#include "dns/change.h"

struct dns_expect {
	struct dns_rrset *want; /* owned */
	unsigned owns;		/* what of it is compared */
};

enum dns_settled {
	DNS_SETTLED,
	DNS_LAGGING, /* some server answers, and something else */
	DNS_DOWN,    /* those that answer are right, but not all answer */
};

struct dns_settle {
	struct cut_call *call;
	const struct dns_server *servers; /* borrowed; [0] is the primary unless recursive */
	size_t n_servers;
	bool recursive;		   /* resolvers: any TTL up to the wanted one will do */
	struct dns_expect *expect; /* owned */
	size_t n_expect;
	unsigned stable; /* so many times in a row, at least 1 s apart; 0 is 1 */
	int64_t give_up; /* on the call's clock */
	void (*done)(struct dns_settle *settle); /* may come from within start */
	/* what came out */
	enum dns_settled result;
	bool primary_stale;  /* the primary took the change and does not show it */
	char why[768];	     /* which servers, and what they show */
	int64_t *first_seen; /* owned; a server: wall ms since when it shows all of it, or 0 */
	/* private */
	struct dns_survey survey;
	struct dns_question *questions;
	int64_t started;
	unsigned rounds, good;
	bool over;
};

void dns_settle_expect(struct dns_settle *settle, struct dns_rrset *want, unsigned owns);
void dns_settle_start(struct dns_settle *settle);
/* The deadline is here: ends with what is known. */
void dns_settle_give_up(struct dns_settle *settle);
/* After done: ready to start with other servers and the same expectations. */
void dns_settle_again(struct dns_settle *settle);
void dns_settle_done(struct dns_settle *settle);
/* When the last server came round, wall ms. */
int64_t dns_settle_last_seen(const struct dns_settle *settle);
