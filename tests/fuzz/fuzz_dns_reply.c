/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a name server sends: the walk to its TSIG record, and the records of an answer, which
 * are compared, saved and read back as an action would. */
#include "dns/ask.h"
#include "dns/tsig.h"
#include "dns/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ldns 1.8 keeps one TSIG record a packet and loses any before it: some octets of a host that lives
 * for one run. It has no frame pointers to be known by. */
#define FOR_SANITIZERS __attribute__((visibility("default")))
FOR_SANITIZERS const char *__asan_default_options(void);
FOR_SANITIZERS const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:ldns_wire2pkt";
}

static void save_and_load(const struct dns_rrset *set)
{
	json_t *json = dns_rrset_to_json(set);
	struct dns_rrset *back = NULL;
	struct kit_why why;
	char *text = dns_rrset_text(set);

	if (json && dns_rrset_from_json(json, set->owner, set->type, &back, &why) == 0)
		dns_rrset_same_values(set, back);
	dns_rrset_same_values(set, set);
	free(text);
	json_decref(json);
	dns_rrset_free(back);
}

/* The first octet picks the type asked for; the rest is the reply. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ldns_rr_type types[] = {
		LDNS_RR_TYPE_A,	  LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_CNAME, LDNS_RR_TYPE_TXT,
		LDNS_RR_TYPE_SRV, LDNS_RR_TYPE_CAA,  LDNS_RR_TYPE_NS,	 LDNS_RR_TYPE_NAPTR};
	struct tsig_mac request = {.len = 32};
	struct dns_message query = {0};
	struct dns_answer answer = {0};
	struct dns_question question;
	struct tsig_reply said;
	struct tsig_key key;
	struct kit_why why;
	ldns_rdf *name;
	uint8_t *reply;

	if (size < 13)
		return 0;
	name = ldns_dname_new_frm_str("www.shop.test.");
	question = (struct dns_question){name, types[data[0] % KIT_ARRAY_LEN(types)]};
	size--;
	reply = kit_calloc(size, 1);
	memcpy(reply, data + 1, size);
	if (tsig_key_init(&key, "cutover", "hmac-sha256",
			  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", &why) < 0)
		abort();
	if (tsig_verify(&key, 1700000000, reply, size, &request, &said) == TSIG_GOOD)
		abort(); /* a MAC does not come by chance */
	if (dns_query_make(name, question.type, false, true, &query) < 0)
		abort();
	dns_reply_belongs(&query, reply, size);
	dns_answer_read(&answer, &question, false, reply, size);
	if (answer.rrset)
		save_and_load(answer.rrset);
	dns_rrset_free(answer.rrset);
	dns_message_done(&query);
	ldns_rdf_deep_free(name);
	free(reply);
	return 0;
}
