/* SPDX-License-Identifier: Apache-2.0 */
/* A connection {plugin: dns, provider: rfc2136}: one zone, the server that takes its updates, the
 * servers that answer for it and the key. Opened at the start of every operation. */
#pragma once

#include "dns/ask.h"
#include "dns/tsig.h"

extern const struct cut_param dns_connection_params[];

struct dns_zone {
	ldns_rdf *name; /* owned */
	char name_text[DNS_NAME_TEXT];
	struct dns_server primary;
	struct dns_server *servers; /* owned; the primary first, then every other one */
	size_t n_servers;
	bool listed; /* they are all: the NS records are not asked */
	char key_name[DNS_NAME_TEXT];
	struct tsig_key key; /* where key_name is not empty */
	double max_lag_s;
};

/* What the connection says; without `servers` the primary alone, until dns_find_start has asked it
 * for the others. Undone by dns_zone_close, also after an error. */
int dns_zone_open(struct cut_call *call, const char *connection, struct dns_zone *ret,
		  struct kit_why *why);
void dns_zone_close(struct dns_zone *zone);
/* Adds a server unless it is there. */
void dns_zone_add(struct dns_zone *zone, const struct dns_server *server);
/* "127.0.0.1:5300", "[::1]:53"; the port may be left out. */
int dns_server_parse(const char *text, struct dns_server *ret, struct kit_why *why);
