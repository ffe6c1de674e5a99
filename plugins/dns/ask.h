/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to servers: what RRset has this server at this name? One question to one server, or a
 * survey of many questions to many servers. Used by every action of this plugin. */
#pragma once

#include "dns/rrset.h"
#include "dns/transport.h"

#define DNS_SERVER_TEXT 64

struct dns_server {
	union dns_address address;
	char text[DNS_SERVER_TEXT]; /* "127.0.0.1:53", "[::1]:53" */
};

struct dns_question {
	const ldns_rdf *name; /* borrowed */
	ldns_rr_type type;
};

/* error 0: rrset is what the server has, empty where it has nothing of that kind. */
struct dns_answer {
	int error;
	char why[DNS_NAME_TEXT]; /* "no answer in 10 s", "answers REFUSED" */
	struct dns_rrset *rrset; /* owned; NULL with an error */
	uint32_t negative_ttl;	 /* of an empty one: how long resolvers keep that (RFC 2308) */
	int64_t at;		 /* wall clock, ms */
};

/* From a reply that belongs to the question and is not truncated. */
void dns_answer_read(struct dns_answer *ret, const struct dns_question *question, bool recursive,
		     const uint8_t *reply, size_t len);

/* All of it borrowed, but the answers: those are the survey's. */
struct dns_survey {
	const struct dns_server *servers;
	const struct dns_question *questions;
	size_t n_servers, n_questions;
	bool recursive;		    /* ask resolvers: RD=1, AA not required */
	struct dns_answer *answers; /* one a server and question */
	uv_loop_t *loop;
	void (*done)(void *data); /* never from within start */
	void *data;
	struct dns_asking *asking; /* owned */
	size_t next, pending;
};

void dns_survey_start(struct dns_survey *survey);
/* Cancels what is under way; done is not called any more. */
void dns_survey_done(struct dns_survey *survey);
static inline struct dns_answer *dns_survey_answer(const struct dns_survey *survey, size_t server,
						   size_t question)
{
	return &survey->answers[server * survey->n_questions + question];
}
