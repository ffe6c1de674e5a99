/* SPDX-License-Identifier: Apache-2.0 */
/* One signed UPDATE to the primary server and what came of it, in words an operator can act on.
 * Used by write.c. */
#pragma once

#include "dns/wire.h"
#include "dns/zone.h"

enum dns_update_outcome {
	DNS_UPDATE_DONE,     /* the server says so; only reading back proves it */
	DNS_UPDATE_CONFLICT, /* a prerequisite did not hold: nothing was changed, by this one */
	DNS_UPDATE_REFUSED,  /* nothing was changed, and asking again will not help */
	DNS_UPDATE_BUSY,     /* nothing was changed; later it may work */
	DNS_UPDATE_SILENT,   /* no answer to be believed: it may or may not have happened */
};

struct dns_update {
	uv_loop_t *loop;
	const struct dns_zone *zone; /* borrowed */
	void (*done)(void *data);    /* never from within start */
	void *data;
	enum dns_update_outcome outcome;
	struct kit_why why;
	/* private */
	struct dns_exchange *exchange;
	struct dns_message message;
	struct tsig_mac mac;
	unsigned rejected;	   /* replies that were not believed */
	enum tsig_verdict verdict; /* why the last of them was not */
};

/* -E2BIG: the items do not fit in one UPDATE, which could not be atomic in two; why tells. */
int dns_update_start(struct dns_update *update, const struct dns_item *items, size_t n, bool dry);
void dns_update_done(struct dns_update *update);
