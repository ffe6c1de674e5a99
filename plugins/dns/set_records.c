/* SPDX-License-Identifier: Apache-2.0 */
/* dns.set_records: points names elsewhere. All records go in one UPDATE, a change between A or AAAA
 * and CNAME included, so that no resolver ever finds the name empty. */
#include "dns/actions.h"
#include "dns/write.h"

#include <errno.h>
#include <string.h>

static const struct cut_param params[] = {
	{"zone", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "dns", "connection of the zone"},
	{"records", CUT_T_LIST, CUT_P_REQUIRED, NULL, "map",
	 "each {name, type, values, ttl}; without ttl the present one stays; a name of one word is "
	 "in "
	 "the zone"},
	{"allow_apex", CUT_T_BOOL, 0, "false", NULL,
	 "records at the zone's own name may be changed"},
	{0},
};

static const struct cut_param outputs[] = {
	{"tail", CUT_T_DURATION, 0, NULL, NULL, "how long old answers may live"},
	{"changes", CUT_T_LIST, 0, NULL, "map", "what, before, after"},
	{0},
};

/* A misspelt ttl would leave the present one. */
static const char *strange_key(const json_t *record)
{
	static const char *const known[] = {"name", "type", "values", "ttl"};
	const char *key;
	const json_t *value;

	json_object_foreach ((json_t *)record, key, value) {
		size_t i = 0;

		while (i < KIT_ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == KIT_ARRAY_LEN(known))
			return key;
	}
	return NULL;
}

int dns_record_parse(const json_t *json, const ldns_rdf *zone, struct dns_record *ret,
		     struct kit_why *why)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *type_text = json_string_value(json_object_get(json, "type"));
	const json_t *values = json_object_get(json, "values"), *value;
	const char *strange = strange_key(json);
	const json_t *ttl_json = json_object_get(json, "ttl");
	ldns_rr_type type;
	ldns_rdf *owner;
	uint32_t ttl = 0;
	size_t i;
	int r;

	if (strange)
		return kit_why(why, -EINVAL,
			       "a record is {name, type, values, ttl} and has no '%s'", strange);
	if (!name || !type_text || json_array_size(values) == 0)
		return kit_why(why, -EINVAL,
			       "a record is {name, type, values: [at least one]} "
			       "and, where wanted, ttl");
	r = dns_type_parse(type_text, &type, why);
	if (r == 0 && ttl_json)
		r = dns_ttl_parse(ttl_json, &ttl, why);
	if (r == 0)
		r = dns_name_parse(name, zone, &owner, why);
	if (r < 0)
		return r;
	ret->set = dns_rrset_new(owner, type);
	ret->set->ttl = ttl;
	ret->ttl = ttl_json ? (int64_t)ttl : -1;
	ldns_rdf_deep_free(owner);
	json_array_foreach (values, i, value) {
		const char *text = json_string_value(value);

		r = dns_rrset_add(ret->set, text ? text : "", zone, why);
		if (r < 0) {
			dns_rrset_free(ret->set);
			return r;
		}
	}
	return 0;
}

/* What may not stand beside a CNAME (RFC 2181 10.1): servers ignore the CNAME without a word. A and
 * AAAA make way for it, the others are a reason to stop, now and in the update's guards. */
static const ldns_rr_type beside_cname[] = {
	LDNS_RR_TYPE_A,	    LDNS_RR_TYPE_AAAA,	LDNS_RR_TYPE_CAA, LDNS_RR_TYPE_DNAME,
	LDNS_RR_TYPE_MX,    LDNS_RR_TYPE_NAPTR, LDNS_RR_TYPE_NS,  LDNS_RR_TYPE_PTR,
	LDNS_RR_TYPE_SRV,   LDNS_RR_TYPE_SSHFP, LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_TLSA,
	LDNS_RR_TYPE_HTTPS, LDNS_RR_TYPE_SVCB,
};

static void imply(struct dns_changes *changes, const ldns_rdf *name, ldns_rr_type type)
{
	if (!dns_changes_find(changes, name, type))
		dns_changes_add(changes, name, type, DNS_OWNS_VALUES)->implied = true;
}

static int refuse_apex(const json_t *p, const struct dns_zone *zone, const struct dns_rrset *set,
		       struct kit_why *why)
{
	if (ldns_dname_compare(set->owner, zone->name) != 0)
		return 0;
	if (set->type == LDNS_RR_TYPE_CNAME)
		return kit_why(why, -EINVAL,
			       "%s is the zone itself and cannot be a CNAME (RFC 1034 3.6.2)",
			       zone->name_text);
	if (set->type == LDNS_RR_TYPE_NS)
		return kit_why(why, -EINVAL,
			       "the NS records of %s itself are not for a cutover to change",
			       zone->name_text);
	if (!json_is_true(json_object_get(p, "allow_apex")))
		return kit_why(why, -EINVAL,
			       "%s is the zone itself: give allow_apex: true if its %s record is "
			       "meant",
			       zone->name_text, dns_type_text(set->type));
	return 0;
}

/* after is set here already: it does not depend on what is read but for the TTL. */
static int read_record(const json_t *p, const json_t *json, const struct dns_zone *zone,
		       struct dns_changes *ret, struct kit_why *why)
{
	struct dns_record record;
	struct dns_change *change;
	char name[DNS_NAME_TEXT];
	int r = dns_record_parse(json, zone->name, &record, why);

	if (r < 0)
		return r;
	r = refuse_apex(p, zone, record.set, why);
	if (r == 0 && dns_changes_find(ret, record.set->owner, record.set->type))
		r = kit_why(why, -EINVAL, "%s %s is in records twice: give all its values in one",
			    dns_name_text(record.set->owner, name),
			    dns_type_text(record.set->type));
	if (r < 0) {
		dns_rrset_free(record.set);
		return r;
	}
	change = dns_changes_add(ret, record.set->owner, record.set->type,
				 DNS_OWNS_VALUES | (record.ttl >= 0 ? DNS_OWNS_TTL : 0));
	change->after = record.set;
	return 0;
}

static int read_params(const json_t *p, const struct dns_zone *zone, struct dns_changes *ret,
		       struct kit_why *why)
{
	const json_t *record;
	char name[DNS_NAME_TEXT];
	size_t i, j, n;
	int r;

	json_array_foreach (json_object_get(p, "records"), i, record) {
		r = read_record(p, record, zone, ret, why);
		if (r < 0)
			return r;
	}
	n = ret->n;
	if (n == 0)
		return kit_why(why, -EINVAL, "records is empty: nothing to change");
	for (i = 0; i < n; i++) {
		ldns_rdf *owner = ret->list[i].name;

		if (ret->list[i].type != LDNS_RR_TYPE_CNAME) {
			imply(ret, owner, LDNS_RR_TYPE_CNAME);
			continue;
		}
		for (j = 0; j < KIT_ARRAY_LEN(beside_cname); j++)
			imply(ret, owner, beside_cname[j]);
		for (j = 0; j < n; j++)
			if (j != i && ldns_dname_compare(ret->list[j].name, owner) == 0)
				return kit_why(why, -EINVAL,
					       "%s cannot have both a CNAME and %s records",
					       dns_name_text(owner, name),
					       dns_type_text(ret->list[j].type));
	}
	return 0;
}

/* The TTL for a record that had none: of what it takes the place of. */
static int new_ttl(const struct dns_changes *changes, struct dns_change *change,
		   struct kit_why *why)
{
	char name[DNS_NAME_TEXT];
	bool found = false;
	uint32_t ttl = 0;

	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *other = &changes->list[i];

		if (ldns_dname_compare(other->name, change->name) != 0 ||
		    dns_rrset_empty(other->now))
			continue;
		if (!found || other->now->ttl < ttl)
			ttl = other->now->ttl;
		found = true;
	}
	if (!found)
		return kit_why(why, -EINVAL, "%s %s does not exist yet: give its ttl",
			       dns_name_text(change->name, name), dns_type_text(change->type));
	dns_rrset_set_ttl(change->after, ttl);
	return 0;
}

static int target(struct cut_call *call, const struct dns_zone *zone, struct dns_changes *changes,
		  struct kit_why *why)
{
	char name[DNS_NAME_TEXT];
	int r = 0;

	(void)call;
	(void)zone;
	for (size_t i = 0; r == 0 && i < changes->n; i++) {
		struct dns_change *c = &changes->list[i];

		if (c->implied) {
			c->after = dns_rrset_new(c->name, c->type);
			if (!dns_rrset_empty(c->now) && c->type != LDNS_RR_TYPE_A &&
			    c->type != LDNS_RR_TYPE_AAAA && c->type != LDNS_RR_TYPE_CNAME)
				r = kit_why(why, -EINVAL,
					    "%s has %s records, and a CNAME cannot stand beside "
					    "them (RFC 2181 10.1): remove them first",
					    dns_name_text(c->name, name), dns_type_text(c->type));
		} else if (!(c->owns & DNS_OWNS_TTL)) {
			if (dns_rrset_empty(c->now))
				r = new_ttl(changes, c, why);
			else
				dns_rrset_set_ttl(c->after, c->now->ttl);
		}
	}
	return r;
}

static json_t *give(struct cut_call *call, const struct dns_zone *zone,
		    const struct dns_changes *changes, int64_t seen_ms)
{
	uint32_t tail = 0;

	(void)zone;
	(void)seen_ms;
	dns_originals_learn(call, changes);
	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *c = &changes->list[i];

		if (!dns_rrset_same_values(c->before, c->after) && c->tail_s > tail)
			tail = c->tail_s;
	}
	return json_pack("{s:I, s:o}", "tail", (json_int_t)tail, "changes",
			 dns_changes_shown(changes));
}

/* The zone is not known here, so names are only checked to be names. */
static int check(const json_t *p, char *text, size_t len)
{
	struct kit_why why = {""};
	const json_t *record;
	size_t i;
	int r = 0;

	if (json_array_size(json_object_get(p, "records")) == 0)
		r = kit_why(&why, -EINVAL, "records is empty: nothing to change");
	json_array_foreach (json_object_get(p, "records"), i, record) {
		static const uint8_t root_wire[] = {0};
		ldns_rdf *root = ldns_dname_new_frm_data(sizeof(root_wire), root_wire);
		struct dns_record parsed;

		if (r == 0)
			r = dns_record_parse(record, root, &parsed, &why);
		if (r == 0)
			dns_rrset_free(parsed.set);
		ldns_rdf_deep_free(root);
	}
	snprintf(text, len, "%s", why.text);
	return r;
}

static const struct dns_kind kind = {
	.read = read_params,
	.target = target,
	.outputs = give,
	.done = "every server shows the wanted records",
};

static void set_records(struct cut_call *call)
{
	dns_write(call, &kind);
}

const struct cut_action dns_set_records = {
	.name = "set_records",
	.help = "points names elsewhere, in one guarded update",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_TRAFFIC | CUT_SAVES,
	.check = check,
	.plan = set_records,
	.apply = set_records,
	.verify = set_records,
	.observe = set_records,
	.rollback = set_records,
	.cancel = dns_write_cancel,
};
