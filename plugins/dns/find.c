/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers for a zone; see find.h. Names within the zone are asked of its primary, which knows
 * best; others of the system's resolver, in libuv's threads. */
#include "dns/find.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* Lives until its callback, which a cancel does not prevent. */
struct dns_lookup {
	uv_getaddrinfo_t request;
	struct dns_find *find; /* NULL: nobody waits any more */
	struct dns_lookup *next;
	char name[DNS_NAME_TEXT];
};

static void finish(struct dns_find *find, int error)
{
	dns_survey_done(&find->survey);
	find->done(find->data, error);
}

static void add_address(struct dns_zone *zone, const char *address)
{
	struct dns_server server;
	struct kit_why why;
	char *text = kit_printf(strchr(address, ':') ? "[%s]:53" : "%s:53", address);

	if (dns_server_parse(text, &server, &why) == 0)
		dns_zone_add(zone, &server);
	free(text);
}

static void add_records(struct dns_zone *zone, const struct dns_rrset *set)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(set->rrs); i++) {
		char *text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(set->rrs, i), 0));

		if (text)
			add_address(zone, text);
		free(text);
	}
}

static const ldns_rdf *target(const struct dns_find *find, size_t i)
{
	return ldns_rr_rdf(ldns_rr_list_rr(find->ns->rrs, i), 0);
}

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct dns_lookup *lookup = kit_container(request, struct dns_lookup, request);
	struct dns_find *find = lookup->find, *waiting = find;
	char text[INET6_ADDRSTRLEN];

	for (struct addrinfo *a = list; find && status == 0 && a; a = a->ai_next)
		if (uv_ip_name(a->ai_addr, text, sizeof(text)) == 0)
			add_address(find->zone, text);
	uv_freeaddrinfo(list);
	if (find) {
		struct dns_lookup **p = &find->lookups;

		while (*p != lookup)
			p = &(*p)->next;
		*p = lookup->next;
	}
	if (find && status != 0) {
		kit_why(&find->why, -EHOSTUNREACH,
			"the address of name server %s of %s cannot be found: %s; list the servers "
			"in the connection",
			lookup->name, find->zone->name_text, uv_strerror(status));
		finish(find, -EHOSTUNREACH);
		waiting = NULL;
	}
	free(lookup);
	if (waiting && --waiting->pending == 0)
		finish(waiting, 0);
}

/* Names outside the zone. */
static void look_up_others(struct dns_find *find)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};

	find->pending = 1;
	for (size_t i = 0; i < ldns_rr_list_rr_count(find->ns->rrs); i++) {
		struct dns_lookup *lookup;

		if (dns_name_within(target(find, i), find->zone->name))
			continue;
		lookup = kit_new(struct dns_lookup);
		dns_name_text(target(find, i), lookup->name);
		if (uv_getaddrinfo(find->loop, &lookup->request, on_lookup, lookup->name, NULL,
				   &hints) != 0) {
			kit_why(&find->why, -ENOMEM,
				"the address of name server %s cannot be "
				"looked up",
				lookup->name);
			free(lookup);
			finish(find, -ENOMEM);
			return;
		}
		lookup->find = find;
		lookup->next = find->lookups;
		find->lookups = lookup;
		find->pending++;
	}
	if (--find->pending == 0)
		finish(find, 0);
}

static bool read_failed(struct dns_find *find)
{
	for (size_t i = 0; i < find->survey.n_questions; i++) {
		const struct dns_answer *answer = dns_survey_answer(&find->survey, 0, i);

		if (!answer->error)
			continue;
		kit_why(&find->why, answer->error,
			"the name servers of %s cannot be read: primary %s %s",
			find->zone->name_text, find->zone->primary.text, answer->why);
		return true;
	}
	return false;
}

static void on_addresses(void *data)
{
	struct dns_find *find = data;

	if (read_failed(find)) {
		finish(find, -EHOSTUNREACH);
		return;
	}
	for (size_t i = 0; i < find->survey.n_questions; i++)
		add_records(find->zone, dns_survey_answer(&find->survey, 0, i)->rrset);
	look_up_others(find);
}

static void ask(struct dns_find *find, size_t n, void (*done)(void *))
{
	find->survey = (struct dns_survey){
		.servers = &find->zone->primary,
		.n_servers = 1,
		.questions = find->questions,
		.n_questions = n,
		.loop = find->loop,
		.done = done,
		.data = find,
	};
	dns_survey_start(&find->survey);
}

static void on_ns(void *data)
{
	struct dns_find *find = data;
	size_t n = 0, count;

	if (read_failed(find)) {
		finish(find, -EHOSTUNREACH);
		return;
	}
	find->ns = dns_survey_answer(&find->survey, 0, 0)->rrset;
	dns_survey_answer(&find->survey, 0, 0)->rrset = NULL;
	dns_survey_done(&find->survey);
	count = ldns_rr_list_rr_count(find->ns->rrs);
	free(find->questions);
	find->questions = kit_new_array(struct dns_question, 2 * count);
	for (size_t i = 0; i < count; i++) {
		if (!dns_name_within(target(find, i), find->zone->name))
			continue;
		find->questions[n++] = (struct dns_question){target(find, i), LDNS_RR_TYPE_A};
		find->questions[n++] = (struct dns_question){target(find, i), LDNS_RR_TYPE_AAAA};
	}
	if (n)
		ask(find, n, on_addresses);
	else
		look_up_others(find);
}

void dns_find_start(struct dns_find *find)
{
	if (find->zone->listed) {
		find->done(find->data, 0);
		return;
	}
	find->questions = kit_new_array(struct dns_question, 1);
	find->questions[0] = (struct dns_question){find->zone->name, LDNS_RR_TYPE_NS};
	ask(find, 1, on_ns);
}

void dns_find_done(struct dns_find *find)
{
	for (struct dns_lookup *l = find->lookups; l; l = l->next) {
		l->find = NULL;
		uv_cancel((uv_req_t *)&l->request);
	}
	find->lookups = NULL;
	dns_survey_done(&find->survey);
	free(find->questions);
	dns_rrset_free(find->ns);
	find->questions = NULL;
	find->ns = NULL;
}
