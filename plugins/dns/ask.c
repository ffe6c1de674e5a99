/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to servers; see ask.h. At most MAX_ASKING are under way; a server that does not answer
 * one question is not asked the others. */
#include "dns/ask.h"

#include "dns/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ASKING 32

struct dns_asking {
	struct dns_survey *survey;
	size_t cell; /* index of the answer; taken while exchange is set */
	struct dns_exchange *exchange;
	struct dns_message query;
	bool edns, again;
};

static void ask_on(struct dns_survey *survey);

static void refuse(struct dns_answer *answer, int error, const char *why)
{
	answer->error = error;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
}

static uint32_t negative_ttl(const ldns_pkt *pkt)
{
	const ldns_rr_list *authority = ldns_pkt_authority(pkt);

	for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);
		uint32_t minimum;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA || ldns_rr_rd_count(rr) != 7)
			continue;
		minimum = ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
		return minimum < ldns_rr_ttl(rr) ? minimum : ldns_rr_ttl(rr);
	}
	return 0;
}

/* Not for this server to answer: where a zone of its own begins, it names the servers of that. */
static void refuse_foreign(struct dns_answer *answer, const ldns_pkt *pkt)
{
	const ldns_rr_list *authority = ldns_pkt_authority(pkt);
	char name[DNS_NAME_TEXT], text[sizeof(answer->why)];

	for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(authority, i)) == LDNS_RR_TYPE_NS) {
			snprintf(text, sizeof(text),
				 "refers to the servers of %s: use a connection of that zone",
				 dns_name_text(ldns_rr_owner(ldns_rr_list_rr(authority, i)), name));
			refuse(answer, -EPROTO, text);
			return;
		}
	refuse(answer, -EPROTO, "is not authoritative for the zone");
}

void dns_answer_read(struct dns_answer *ret, const struct dns_question *question, bool recursive,
		     const uint8_t *reply, size_t len)
{
	unsigned rcode = dns_reply_rcode(reply);
	ldns_pkt *pkt = NULL;
	char text[96];

	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
		snprintf(text, sizeof(text), "answers %s%s", dns_rcode_text(rcode),
			 recursive			? ""
			 : rcode == LDNS_RCODE_SERVFAIL ? ": has it loaded the zone?"
			 : rcode == LDNS_RCODE_REFUSED	? ": is it a server of the zone?"
							: "");
		refuse(ret, -EPROTO, text);
		return;
	}
	if (ldns_wire2pkt(&pkt, reply, len) != LDNS_STATUS_OK) {
		refuse(ret, -EPROTO, "sends a broken answer");
		return;
	}
	if (ldns_pkt_edns_extended_rcode(pkt)) {
		refuse(ret, -EPROTO, "answers with an extended error");
	} else if (!recursive && !ldns_pkt_aa(pkt)) {
		refuse_foreign(ret, pkt);
	} else {
		ret->rrset = dns_rrset_new(question->name, question->type);
		dns_rrset_collect(ret->rrset, ldns_pkt_answer(pkt));
		ret->negative_ttl = negative_ttl(pkt);
	}
	ldns_pkt_free(pkt);
}

static const struct dns_question *question_of(const struct dns_asking *asking)
{
	return &asking->survey->questions[asking->cell % asking->survey->n_questions];
}

static enum dns_judgement on_judge(void *data, const uint8_t *reply, size_t len)
{
	struct dns_asking *asking = data;
	unsigned rcode;

	if (!dns_reply_belongs(&asking->query, reply, len))
		return DNS_IGNORE;
	if (dns_reply_truncated(reply))
		return DNS_OVER_TCP;
	rcode = dns_reply_rcode(reply);
	asking->again =
		asking->edns && (rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_NOTIMPL);
	if (!asking->again)
		dns_answer_read(&asking->survey->answers[asking->cell], question_of(asking),
				asking->survey->recursive, reply, len);
	return DNS_TAKE;
}

static void send_query(struct dns_asking *asking);

static void on_done(void *data, int error)
{
	struct dns_asking *asking = data;
	struct dns_survey *survey = asking->survey;
	struct dns_answer *answer = &survey->answers[asking->cell];
	char text[sizeof(answer->why)];

	asking->exchange = NULL;
	dns_message_done(&asking->query);
	if (!error && asking->again) {
		asking->edns = false;
		send_query(asking);
		return;
	}
	if (error == -ETIMEDOUT)
		refuse(answer, error, "gives no answer");
	else if (error) {
		snprintf(text, sizeof(text), "cannot be reached: %s", strerror(-error));
		refuse(answer, error, text);
	}
	answer->at = kit_wall_ms();
	survey->pending--;
	ask_on(survey);
}

static void send_query(struct dns_asking *asking)
{
	struct dns_survey *survey = asking->survey;
	const struct dns_question *question = question_of(asking);
	struct dns_request request = {
		.to = &survey->servers[asking->cell / survey->n_questions].address,
		.judge = on_judge,
		.done = on_done,
		.data = asking,
	};

	/* A name of at most 255 octets always makes a query. */
	if (dns_query_make(question->name, question->type, survey->recursive, asking->edns,
			   &asking->query) < 0)
		abort();
	request.bytes = asking->query.bytes;
	request.len = asking->query.len;
	asking->exchange = dns_exchange_start(survey->loop, &request);
}

/* The error that this server already answered with, if any. */
static const struct dns_answer *known_failure(const struct dns_survey *survey, size_t server)
{
	for (size_t i = 0; i < survey->n_questions; i++)
		if (dns_survey_answer(survey, server, i)->error)
			return dns_survey_answer(survey, server, i);
	return NULL;
}

static struct dns_asking *free_slot(struct dns_survey *survey)
{
	for (size_t i = 0; i < MAX_ASKING; i++)
		if (!survey->asking[i].exchange)
			return &survey->asking[i];
	return NULL;
}

/* Starts what may be started; calls done when nothing is left. */
static void ask_on(struct dns_survey *survey)
{
	size_t total = survey->n_servers * survey->n_questions;
	struct dns_asking *slot;

	while (survey->next < total) {
		size_t cell = survey->next;
		const struct dns_answer *failure =
			known_failure(survey, cell / survey->n_questions);

		if (failure) {
			refuse(&survey->answers[cell], failure->error, failure->why);
			survey->answers[cell].at = failure->at;
			survey->next++;
			continue;
		}
		slot = free_slot(survey);
		if (!slot)
			return;
		survey->next++;
		survey->pending++;
		*slot = (struct dns_asking){.survey = survey, .cell = cell, .edns = true};
		send_query(slot);
	}
	if (survey->pending == 0)
		survey->done(survey->data);
}

void dns_survey_start(struct dns_survey *survey)
{
	survey->answers = kit_new_array(struct dns_answer, survey->n_servers * survey->n_questions);
	survey->asking = kit_new_array(struct dns_asking, MAX_ASKING);
	survey->next = survey->pending = 0;
	ask_on(survey);
}

void dns_survey_done(struct dns_survey *survey)
{
	for (size_t i = 0; survey->asking && i < MAX_ASKING; i++) {
		dns_exchange_cancel(survey->asking[i].exchange);
		dns_message_done(&survey->asking[i].query);
	}
	for (size_t i = 0; survey->answers && i < survey->n_servers * survey->n_questions; i++)
		dns_rrset_free(survey->answers[i].rrset);
	free(survey->asking);
	free(survey->answers);
	survey->asking = NULL;
	survey->answers = NULL;
}
