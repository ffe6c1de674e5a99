/* SPDX-License-Identifier: Apache-2.0 */
/* What an action changes; see change.h. */
#include "dns/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dns_change *dns_changes_add(struct dns_changes *changes, const ldns_rdf *name,
				   ldns_rr_type type, unsigned owns)
{
	struct dns_change *change;

	changes->list = kit_realloc(changes->list, changes->n + 1, sizeof(*changes->list));
	change = &changes->list[changes->n++];
	*change = (struct dns_change){.name = ldns_rdf_clone(name), .type = type, .owns = owns};
	return change;
}

struct dns_change *dns_changes_find(const struct dns_changes *changes, const ldns_rdf *name,
				    ldns_rr_type type)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->list[i].type == type &&
		    ldns_dname_compare(changes->list[i].name, name) == 0)
			return &changes->list[i];
	return NULL;
}

static void change_done(struct dns_change *change)
{
	ldns_rdf_deep_free(change->name);
	dns_rrset_free(change->before);
	dns_rrset_free(change->now);
	dns_rrset_free(change->after);
}

void dns_changes_drop(struct dns_changes *changes, size_t index)
{
	change_done(&changes->list[index]);
	changes->n--;
	memmove(&changes->list[index], &changes->list[index + 1],
		(changes->n - index) * sizeof(*changes->list));
}

void dns_changes_done(struct dns_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		change_done(&changes->list[i]);
	free(changes->list);
	*changes = (struct dns_changes){0};
}

unsigned dns_change_owns(const struct dns_change *change, bool backward)
{
	return backward && change->owns & DNS_OWNS_VALUES ? DNS_OWNS_VALUES : change->owns;
}

bool dns_rrset_matches(const struct dns_rrset *a, const struct dns_rrset *b, unsigned owns)
{
	if (dns_rrset_empty(a) != dns_rrset_empty(b))
		return false;
	if (dns_rrset_empty(a))
		return true;
	if (owns & DNS_OWNS_VALUES && !dns_rrset_same_values(a, b))
		return false;
	return !(owns & DNS_OWNS_TTL) || a->ttl == b->ttl;
}

static const struct dns_rrset *wanted(const struct dns_change *change, bool backward)
{
	return backward ? change->before : change->after;
}

enum dns_standing dns_changes_standing(const struct dns_changes *changes, bool backward,
				       size_t *ret_index)
{
	enum dns_standing standing = DNS_ALL_THERE;

	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *change = &changes->list[i];
		unsigned owns = dns_change_owns(change, backward);

		if (dns_rrset_matches(change->now, wanted(change, backward), owns))
			continue;
		if (!dns_rrset_matches(change->now, wanted(change, !backward), owns)) {
			*ret_index = i;
			return DNS_CONFLICT;
		}
		standing = DNS_TO_DO;
	}
	return standing;
}

char *dns_change_conflict(const struct dns_change *change, bool backward)
{
	char name[DNS_NAME_TEXT];
	char *before = dns_rrset_text(change->before), *now = dns_rrset_text(change->now),
	     *after = dns_rrset_text(change->after), *text;

	text = kit_printf("somebody else changed %s %s: before %s, now %s, %s %s; nothing was "
			  "overwritten: find out who did, then set it to %s by hand and retry",
			  dns_name_text(change->name, name), dns_type_text(change->type), before,
			  now, backward ? "this run had set" : "wanted", after,
			  backward ? before : after);
	free(before);
	free(now);
	free(after);
	return text;
}

/* The lowest TTL that this name's records have now, for one that comes back. */
static uint32_t lowest_ttl(const struct dns_changes *changes, const struct dns_change *change,
			   uint32_t ttl)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *other = &changes->list[i];

		if (!dns_rrset_empty(other->now) && other->now->ttl < ttl &&
		    ldns_dname_compare(other->name, change->name) == 0)
			ttl = other->now->ttl;
	}
	return ttl;
}

struct dns_rrset *dns_change_want(const struct dns_changes *changes, size_t index, bool backward)
{
	const struct dns_change *change = &changes->list[index];
	const struct dns_rrset *target = wanted(change, backward), *now = change->now;
	struct dns_rrset *want;

	if (!(change->owns & DNS_OWNS_VALUES)) {
		want = dns_rrset_copy(now);
		dns_rrset_set_ttl(want, target->ttl);
	} else {
		want = dns_rrset_copy(target);
		if (backward)
			dns_rrset_set_ttl(want, lowest_ttl(changes, change, target->ttl));
		else if (!(change->owns & DNS_OWNS_TTL) && !dns_rrset_empty(now))
			dns_rrset_set_ttl(want, now->ttl);
	}
	return want;
}

json_t *dns_changes_to_json(const struct dns_changes *changes)
{
	json_t *list = json_array();
	char name[DNS_NAME_TEXT];

	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *c = &changes->list[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:I, s:o, s:o}", "name",
						      dns_name_text(c->name, name), "type",
						      dns_type_text(c->type), "owns_values",
						      (c->owns & DNS_OWNS_VALUES) != 0, "owns_ttl",
						      (c->owns & DNS_OWNS_TTL) != 0, "tail_s",
						      (json_int_t)c->tail_s, "before",
						      dns_rrset_to_json(c->before), "after",
						      dns_rrset_to_json(c->after)));
	}
	return list;
}

static int change_from_json(const json_t *json, struct dns_changes *changes, struct kit_why *why)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *type_text = json_string_value(json_object_get(json, "type"));
	struct dns_change *change;
	ldns_rr_type type;
	ldns_rdf *owner;
	int r;

	if (!name || !type_text || ldns_str2rdf_dname(&owner, name) != LDNS_STATUS_OK)
		return kit_why(why, -EINVAL,
			       "the saved state is not of the form that this plugin "
			       "writes: it needs name and type");
	r = dns_type_parse(type_text, &type, why);
	if (r == 0) {
		change = dns_changes_add(changes, owner, type, 0);
		if (json_is_true(json_object_get(json, "owns_values")))
			change->owns |= DNS_OWNS_VALUES;
		if (json_is_true(json_object_get(json, "owns_ttl")))
			change->owns |= DNS_OWNS_TTL;
		change->tail_s = (uint32_t)json_integer_value(json_object_get(json, "tail_s"));
		r = dns_rrset_from_json(json_object_get(json, "before"), owner, type,
					&change->before, why);
		if (r == 0)
			r = dns_rrset_from_json(json_object_get(json, "after"), owner, type,
						&change->after, why);
	}
	ldns_rdf_deep_free(owner);
	return r;
}

int dns_changes_from_json(const json_t *json, struct dns_changes *ret, struct kit_why *why)
{
	struct dns_changes changes = {0};
	size_t i;
	int r = 0;

	if (json_array_size(json) == 0)
		return kit_why(why, -EINVAL, "the saved state names no records");
	for (i = 0; r == 0 && i < json_array_size(json); i++)
		r = change_from_json(json_array_get(json, i), &changes, why);
	if (r < 0) {
		dns_changes_done(&changes);
		return r;
	}
	*ret = changes;
	return 0;
}

bool dns_changes_restorable(const struct dns_changes *changes, const json_t *saved)
{
	struct dns_changes back = {0};
	struct kit_why why;
	bool same = dns_changes_from_json(saved, &back, &why) == 0;

	for (size_t i = 0; same && i < changes->n; i++)
		same = dns_rrset_same_values(changes->list[i].before, back.list[i].before) &&
		       dns_rrset_same_values(changes->list[i].after, back.list[i].after);
	dns_changes_done(&back);
	return same;
}

json_t *dns_changes_shown(const struct dns_changes *changes)
{
	json_t *list = json_array();
	char name[DNS_NAME_TEXT];

	for (size_t i = 0; i < changes->n; i++) {
		const struct dns_change *c = &changes->list[i];
		bool values = c->owns & DNS_OWNS_VALUES;
		char *what, *before, *after;

		if (dns_rrset_matches(c->before, c->after, c->owns))
			continue;
		what = kit_printf("%s %s%s", dns_name_text(c->name, name), dns_type_text(c->type),
				  values ? "" : " TTL");
		before = values ? dns_rrset_text(c->before) : kit_printf("%us", c->before->ttl);
		after = values ? dns_rrset_text(c->after) : kit_printf("%us", c->after->ttl);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", what, "before",
						      before, "after", after));
		free(what);
		free(before);
		free(after);
	}
	return list;
}
