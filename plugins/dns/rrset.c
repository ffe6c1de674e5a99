/* SPDX-License-Identifier: Apache-2.0 */
/* Names and RRsets on top of ldns; see rrset.h. */
#include "dns/rrset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *dns_name_text(const ldns_rdf *name, char *buf)
{
	char *text = ldns_rdf2str(name);

	snprintf(buf, DNS_NAME_TEXT, "%s", text ? text : "?");
	free(text);
	return buf;
}

bool dns_name_within(const ldns_rdf *name, const ldns_rdf *zone)
{
	return ldns_dname_compare(name, zone) == 0 || ldns_dname_is_subdomain(name, zone);
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

/* Checks what ldns lets through: no empty text, blanks, control or other characters than ASCII. */
static ldns_rdf *name_from(const char *text)
{
	ldns_rdf *name = NULL;
	size_t i, len = strlen(text);

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
			return NULL;
	if (len && strstr(text, "..") == NULL && ldns_str2rdf_dname(&name, text) != LDNS_STATUS_OK)
		return NULL;
	return name;
}

static bool ends_with_dot(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] == '.';
}

static const char not_ascii_advice[] = "; write letters that are not ASCII in their form with xn--";

int dns_name_parse(const char *text, const ldns_rdf *zone, ldns_rdf **ret, struct kit_why *why)
{
	ldns_rdf *name;
	char zone_text[DNS_NAME_TEXT];

	if (strcmp(text, "@") == 0) {
		*ret = ldns_rdf_clone(zone);
		return 0;
	}
	name = name_from(text);
	if (name && !ends_with_dot(text) && !dns_name_within(name, zone)) {
		ldns_rdf *whole = ldns_dname_cat_clone(name, zone);

		ldns_rdf_deep_free(name);
		name = whole && ldns_rdf_size(whole) <= LDNS_MAX_DOMAINLEN ? whole : NULL;
		if (!name)
			ldns_rdf_deep_free(whole);
	}
	if (!name)
		return kit_why(why, -EINVAL, "%s is not a domain name%s",
			       *text ? text : "an empty text",
			       is_ascii(text) ? ": labels have 1 to 63 octets and no blanks, a "
						"name at most 255"
					      : not_ascii_advice);
	if (!dns_name_within(name, zone)) {
		ldns_rdf_deep_free(name);
		return kit_why(why, -EINVAL,
			       "%s is not in the zone %s: use a connection of its own zone", text,
			       dns_name_text(zone, zone_text));
	}
	ldns_dname2canonical(name);
	*ret = name;
	return 0;
}

static const struct {
	const char *name;
	ldns_rr_type type;
} types[] = {
	{"A", LDNS_RR_TYPE_A},	     {"AAAA", LDNS_RR_TYPE_AAAA},   {"CNAME", LDNS_RR_TYPE_CNAME},
	{"CAA", LDNS_RR_TYPE_CAA},   {"DNAME", LDNS_RR_TYPE_DNAME}, {"HTTPS", LDNS_RR_TYPE_HTTPS},
	{"MX", LDNS_RR_TYPE_MX},     {"NAPTR", LDNS_RR_TYPE_NAPTR}, {"NS", LDNS_RR_TYPE_NS},
	{"PTR", LDNS_RR_TYPE_PTR},   {"SRV", LDNS_RR_TYPE_SRV},	    {"SSHFP", LDNS_RR_TYPE_SSHFP},
	{"SVCB", LDNS_RR_TYPE_SVCB}, {"TLSA", LDNS_RR_TYPE_TLSA},   {"TXT", LDNS_RR_TYPE_TXT},
};

int dns_type_parse(const char *text, ldns_rr_type *ret, struct kit_why *why)
{
	for (size_t i = 0; i < KIT_ARRAY_LEN(types); i++)
		if (strcasecmp(types[i].name, text) == 0) {
			*ret = types[i].type;
			return 0;
		}
	return kit_why(why, -EINVAL,
		       "records of type %s are not for a cutover to change: A, AAAA, CNAME, CAA, "
		       "DNAME, HTTPS, MX, NAPTR, NS, PTR, SRV, SSHFP, SVCB, TLSA and TXT are",
		       text);
}

const char *dns_type_text(ldns_rr_type type)
{
	for (size_t i = 0; i < KIT_ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return type == LDNS_RR_TYPE_SOA ? "SOA" : "?";
}

struct dns_rrset *dns_rrset_new(const ldns_rdf *owner, ldns_rr_type type)
{
	struct dns_rrset *set = kit_new(struct dns_rrset);

	set->owner = ldns_rdf_clone(owner);
	set->type = type;
	set->rrs = ldns_rr_list_new();
	if (!set->owner || !set->rrs)
		abort();
	return set;
}

struct dns_rrset *dns_rrset_copy(const struct dns_rrset *set)
{
	struct dns_rrset *copy = dns_rrset_new(set->owner, set->type);

	copy->ttl = set->ttl;
	ldns_rr_list_free(copy->rrs);
	copy->rrs = ldns_rr_list_clone(set->rrs);
	if (!copy->rrs)
		abort();
	return copy;
}

void dns_rrset_free(struct dns_rrset *set)
{
	if (!set)
		return;
	ldns_rdf_deep_free(set->owner);
	ldns_rr_list_deep_free(set->rrs);
	free(set);
}

void dns_rrset_set_ttl(struct dns_rrset *set, uint32_t ttl)
{
	set->ttl = ttl;
	for (size_t i = 0; i < ldns_rr_list_rr_count(set->rrs); i++)
		ldns_rr_set_ttl(ldns_rr_list_rr(set->rrs, i), ttl);
}

static void push(struct dns_rrset *set, ldns_rr *rr)
{
	if (!ldns_rr_list_push_rr(set->rrs, rr))
		abort();
}

/* A value that is one name, made absolute: "green" is in the zone, "lb.example.com" is not. */
static char *whole_name(const char *value, const ldns_rdf *zone)
{
	char text[DNS_NAME_TEXT];

	if (ends_with_dot(value))
		return kit_strdup(value);
	if (!strchr(value, '.') && ldns_dname_label_count(zone))
		return kit_printf("%s.%s", value, dns_name_text(zone, text));
	return kit_printf("%s.", value);
}

/* Which word of a value is a name, from 1; 0: none. */
static unsigned name_word(ldns_rr_type type)
{
	switch ((int)type) {
	case LDNS_RR_TYPE_CNAME:
	case LDNS_RR_TYPE_DNAME:
	case LDNS_RR_TYPE_NS:
	case LDNS_RR_TYPE_PTR: return 1;
	case LDNS_RR_TYPE_HTTPS:
	case LDNS_RR_TYPE_MX:
	case LDNS_RR_TYPE_SVCB: return 2;
	case LDNS_RR_TYPE_SRV: return 4;
	default: return 0;
	}
}

/* "10 mail" as "10 mail.shop.test.": owned by the caller. */
static char *with_whole_name(ldns_rr_type type, const char *value, const ldns_rdf *zone)
{
	const char *word = value + strspn(value, " "), *end;
	char *name, *whole, *text;

	for (unsigned n = name_word(type); n > 1; n--) {
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	end = word + strcspn(word, " ");
	if (name_word(type) == 0 || end == word)
		return kit_strdup(value);
	name = kit_printf("%.*s", (int)(end - word), word);
	whole = whole_name(name, zone);
	text = kit_printf("%.*s%s%s", (int)(word - value), value, whole, end);
	free(name);
	free(whole);
	return text;
}

/* A zone file would read on past the value: a line end, a comment or a bracket is none. */
static bool is_one_line(const char *value)
{
	bool quoted = false;

	for (; *value; value++) {
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
		if (*value == '\\' && value[1])
			value++;
		else if (*value == '"')
			quoted = !quoted;
		else if (!quoted && strchr(";()", *value))
			return false;
	}
	return !quoted;
}

/* A zone file would make a text of each word, and who reads them together drops the blanks. */
static bool is_unquoted_text(ldns_rr_type type, const char *value)
{
	return type == LDNS_RR_TYPE_TXT && strchr(value, ' ') && !strchr(value, '"');
}

static ldns_rr *parse_value(const struct dns_rrset *set, const char *value, const ldns_rdf *zone)
{
	char *data = with_whole_name(set->type, value, zone), *line;
	char owner[DNS_NAME_TEXT];
	ldns_rr *rr = NULL;

	line = kit_printf("%s 0 IN %s %s", dns_name_text(set->owner, owner),
			  dns_type_text(set->type), data);
	if (is_one_line(data) && *data && !is_unquoted_text(set->type, data) &&
	    (name_word(set->type) == 0 || is_ascii(data)) &&
	    (name_word(set->type) != 1 || !strchr(data, ' ')) &&
	    (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK ||
	     ldns_rr_rd_count(rr) == 0)) {
		ldns_rr_free(rr);
		rr = NULL;
	}
	free(line);
	free(data);
	return rr;
}

static const char *value_advice(ldns_rr_type type, const char *value)
{
	if (type == LDNS_RR_TYPE_TXT)
		return is_unquoted_text(type, value)
			       ? "; a text with blanks stands in double quotes: '\"a b\"'"
			       : "; texts stand in double quotes and have at most 255 octets each, "
				 "longer ones are split: '\"…\" \"…\"'";
	if (type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA)
		return type == LDNS_RR_TYPE_A ? "; it holds an IPv4 address"
					      : "; it holds an IPv6 address";
	return is_ascii(value) || name_word(type) == 0 ? "" : not_ascii_advice;
}

int dns_rrset_add(struct dns_rrset *set, const char *value, const ldns_rdf *zone,
		  struct kit_why *why)
{
	enum { SHOWN = 80 };
	char owner[DNS_NAME_TEXT];
	ldns_rr *rr = parse_value(set, value, zone);

	dns_name_text(set->owner, owner);
	if (!rr)
		return kit_why(why, -EINVAL, "%s %s cannot have the value %.*s%s%s", owner,
			       dns_type_text(set->type), SHOWN, *value ? value : "\"\" (empty)",
			       strlen(value) > SHOWN ? "…" : "", value_advice(set->type, value));
	ldns_rr_set_ttl(rr, set->ttl);
	for (size_t i = 0; i < ldns_rr_list_rr_count(set->rrs); i++)
		if (ldns_rr_compare(rr, ldns_rr_list_rr(set->rrs, i)) == 0) {
			ldns_rr_free(rr);
			return kit_why(why, -EINVAL, "%s %s has the value %s twice", owner,
				       dns_type_text(set->type), value);
		}
	push(set, rr);
	if (set->type == LDNS_RR_TYPE_CNAME && ldns_rr_list_rr_count(set->rrs) > 1)
		return kit_why(why, -EINVAL, "%s can have only one CNAME", owner);
	return 0;
}

void dns_rrset_collect(struct dns_rrset *set, const ldns_rr_list *answer)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answer, i);

		if (ldns_rr_get_type(rr) != set->type ||
		    ldns_dname_compare(ldns_rr_owner(rr), set->owner) != 0)
			continue;
		set->ttl = ldns_rr_ttl(rr);
		push(set, ldns_rr_clone(rr));
	}
}

static ldns_rr_list *canonical(const struct dns_rrset *set)
{
	ldns_rr_list *list = ldns_rr_list_clone(set->rrs);

	if (!list)
		abort();
	ldns_rr_list2canonical(list);
	ldns_rr_list_sort(list);
	return list;
}

bool dns_rrset_same_values(const struct dns_rrset *a, const struct dns_rrset *b)
{
	size_t i, n = ldns_rr_list_rr_count(a->rrs);
	ldns_rr_list *x, *y;

	if (n != ldns_rr_list_rr_count(b->rrs))
		return false;
	x = canonical(a);
	y = canonical(b);
	for (i = 0; i < n; i++)
		if (ldns_rr_compare(ldns_rr_list_rr(x, i), ldns_rr_list_rr(y, i)) != 0)
			break;
	ldns_rr_list_deep_free(x);
	ldns_rr_list_deep_free(y);
	return i == n;
}

static char *value_text(const ldns_rr *rr)
{
	char *text = kit_strdup("");

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *field = ldns_rdf2str(ldns_rr_rdf(rr, i));
		char *longer = kit_printf("%s%s%s", text, i ? " " : "", field ? field : "?");

		free(text);
		free(field);
		text = longer;
	}
	return text;
}

json_t *dns_rrset_to_json(const struct dns_rrset *set)
{
	json_t *values = json_array();

	for (size_t i = 0; i < ldns_rr_list_rr_count(set->rrs); i++) {
		char *text = value_text(ldns_rr_list_rr(set->rrs, i));

		json_array_append_new(values, json_string(text));
		free(text);
	}
	return json_pack("{s:I, s:o}", "ttl", (json_int_t)set->ttl, "values", values);
}

int dns_rrset_from_json(const json_t *json, const ldns_rdf *owner, ldns_rr_type type,
			struct dns_rrset **ret, struct kit_why *why)
{
	const json_t *ttl = json_object_get(json, "ttl"), *values = json_object_get(json, "values");
	struct dns_rrset *set;
	size_t i;

	if (!json_is_integer(ttl) || !json_is_array(values))
		return kit_why(why, -EINVAL,
			       "the saved state is not of the form that this plugin "
			       "writes: it needs ttl and values");
	set = dns_rrset_new(owner, type);
	set->ttl = (uint32_t)json_integer_value(ttl);
	for (i = 0; i < json_array_size(values); i++) {
		const char *value = json_string_value(json_array_get(values, i));
		int r = dns_rrset_add(set, value ? value : "", owner, why);

		if (r < 0) {
			dns_rrset_free(set);
			return r;
		}
	}
	*ret = set;
	return 0;
}

/* Always in the same order: servers give the values of a set in any. */
char *dns_rrset_text(const struct dns_rrset *set)
{
	ldns_rr_list *sorted;
	char *text, *whole;

	if (dns_rrset_empty(set))
		return kit_strdup("none");
	sorted = ldns_rr_list_clone(set->rrs);
	if (!sorted)
		abort();
	ldns_rr_list_sort(sorted);
	text = kit_strdup("");
	for (size_t i = 0; i < ldns_rr_list_rr_count(sorted); i++) {
		char *value = value_text(ldns_rr_list_rr(sorted, i));
		char *longer = kit_printf("%s%s ", text, value);

		free(text);
		free(value);
		text = longer;
	}
	ldns_rr_list_deep_free(sorted);
	whole = kit_printf("%s(ttl %us)", text, set->ttl);
	free(text);
	return whole;
}
