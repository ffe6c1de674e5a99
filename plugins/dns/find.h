/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers for a zone: the addresses of its NS records, for connections that do not list their
 * servers. Used at the start of every operation that has no saved list. */
#pragma once

#include "dns/zone.h"

struct dns_find {
	uv_loop_t *loop;
	struct dns_zone *zone;		     /* borrowed: its servers grow */
	void (*done)(void *data, int error); /* may come from within start */
	void *data;
	struct kit_why why; /* with an error */
	/* private */
	struct dns_survey survey;
	struct dns_question *questions;
	struct dns_rrset *ns;
	struct dns_lookup *lookups;
	size_t pending;
};

void dns_find_start(struct dns_find *find);
void dns_find_done(struct dns_find *find);
