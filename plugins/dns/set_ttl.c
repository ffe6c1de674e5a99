/* SPDX-License-Identifier: Apache-2.0 */
/* dns.set_ttl: lowers TTLs before a switch or restores them after it, values untouched. All names
 * go in one UPDATE. */
#include "dns/actions.h"
#include "dns/write.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const struct cut_param params[] = {
	{"zone", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "dns", "connection of the zone"},
	{"names", CUT_T_LIST, CUT_P_REQUIRED, NULL, "string",
	 "names of the records; relative to the zone unless they end with it or with a dot"},
	{"types", CUT_T_LIST, 0, "[A, AAAA, CNAME]", "string",
	 "types; those that a name does not have are left out"},
	{"ttl", CUT_T_STRING, CUT_P_REQUIRED, NULL, NULL,
	 "a duration, or `original`: what it was before this run changed it"},
	{"originals", CUT_T_JSON, 0, NULL, NULL,
	 "for `original`: the output `changes` of the step that lowered the TTLs; needed where the "
	 "plugin's process may have been restarted in between"},
	{0},
};

static const struct cut_param outputs[] = {
	{"old_ttl_max", CUT_T_DURATION, 0, NULL, NULL, "the longest TTL that was in force before"},
	{"low_since", CUT_T_TIME, 0, NULL, NULL, "since when every server shows the new TTLs"},
	{"tail", CUT_T_DURATION, 0, NULL, NULL, "how long after that old answers may live"},
	{"changes", CUT_T_LIST, 0, NULL, "map", "what, before, after"},
	{0},
};

int dns_ttl_parse(const json_t *value, uint32_t *ret, struct kit_why *why)
{
	const char *text = json_string_value(value);
	double seconds = -1;

	if (json_is_number(value))
		seconds = json_number_value(value);
	else if (!text || !kit_duration_parse(text, &seconds))
		return kit_why(why, -EINVAL,
			       "%s is not a TTL: write a duration with a unit, such as 30s or 1h",
			       text ? text : "that");
	if (seconds < 1 || seconds > DNS_TTL_MAX || seconds != floor(seconds))
		return kit_why(why, -EINVAL, "a TTL is of whole seconds, from 1s to %d s, not %g s",
			       DNS_TTL_MAX, seconds);
	*ret = (uint32_t)seconds;
	return 0;
}

static bool is_original(const json_t *p)
{
	const char *text = json_string_value(json_object_get(p, "ttl"));

	return text && strcmp(text, "original") == 0;
}

static int check(const json_t *p, char *text, size_t len)
{
	struct kit_why why = {""};
	const json_t *type;
	ldns_rr_type rr_type;
	uint32_t ttl;
	size_t i;
	int r = is_original(p) ? 0 : dns_ttl_parse(json_object_get(p, "ttl"), &ttl, &why);

	if (r == 0 && json_array_size(json_object_get(p, "names")) == 0)
		r = kit_why(&why, -EINVAL, "names is empty: name at least one record");
	if (r == 0)
		json_array_foreach (json_object_get(p, "types"), i, type) {
			if (!json_is_string(type))
				continue;
			r = dns_type_parse(json_string_value(type), &rr_type, &why);
			if (r < 0)
				break;
		}
	snprintf(text, len, "%s", why.text);
	return r;
}

static int read_name(const char *text, const json_t *types, const struct dns_zone *zone,
		     struct dns_changes *ret, struct kit_why *why)
{
	const json_t *type;
	ldns_rr_type rr_type;
	ldns_rdf *name;
	size_t i;
	int r = dns_name_parse(text, zone->name, &name, why);

	if (r < 0)
		return r;
	json_array_foreach (types, i, type) {
		const char *type_text = json_string_value(type);

		r = dns_type_parse(type_text ? type_text : "", &rr_type, why);
		if (r == 0 && rr_type == LDNS_RR_TYPE_NS &&
		    ldns_dname_compare(name, zone->name) == 0)
			r = kit_why(why, -EINVAL,
				    "the NS records of %s itself are not for a cutover to change",
				    zone->name_text);
		if (r < 0)
			break;
		if (!dns_changes_find(ret, name, rr_type))
			dns_changes_add(ret, name, rr_type, DNS_OWNS_TTL);
	}
	ldns_rdf_deep_free(name);
	return r;
}

static int read_params(const json_t *p, const struct dns_zone *zone, struct dns_changes *ret,
		       struct kit_why *why)
{
	const json_t *name;
	size_t i;
	int r;

	json_array_foreach (json_object_get(p, "names"), i, name) {
		const char *text = json_string_value(name);

		r = read_name(text ? text : "", json_object_get(p, "types"), zone, ret, why);
		if (r < 0)
			return r;
	}
	return ret->n ? 0 : kit_why(why, -EINVAL, "names or types is empty: nothing to change");
}

static void original_key(const struct dns_change *change, char *buf, size_t len)
{
	char name[DNS_NAME_TEXT];

	snprintf(buf, len, "%s %s", dns_name_text(change->name, name), dns_type_text(change->type));
}

void dns_originals_learn(struct cut_call *call, const struct dns_changes *changes)
{
	struct dns_originals *known = call->plugin;
	char key[DNS_NAME_TEXT + 16];

	for (size_t i = 0; known && i < changes->n; i++) {
		const struct dns_change *c = &changes->list[i];

		if (!(c->owns & DNS_OWNS_TTL) || dns_rrset_empty(c->before) ||
		    c->before->ttl == c->after->ttl)
			continue;
		original_key(c, key, sizeof(key));
		if (!json_object_get(known->ttls, key))
			json_object_set_new(known->ttls, key, json_integer(c->before->ttl));
	}
}

/* "300s" under "www.shop.test. A TTL" in the outputs of an earlier step. */
static bool original_given(const json_t *given, const char *key, uint32_t *ret)
{
	const json_t *row;
	double seconds;
	size_t i;

	json_array_foreach (given, i, row) {
		const char *what = json_string_value(json_object_get(row, "what"));
		const char *before = json_string_value(json_object_get(row, "before"));
		size_t len = strlen(key);

		if (!what || strncmp(what, key, len) != 0 || strcmp(what + len, " TTL") != 0 ||
		    !before || !kit_duration_parse(before, &seconds) || seconds > DNS_TTL_MAX)
			continue;
		*ret = (uint32_t)seconds;
		return true;
	}
	return false;
}

static int original_of(struct cut_call *call, const struct dns_change *change, uint32_t *ret,
		       struct kit_why *why)
{
	const struct dns_originals *known = call->plugin;
	const json_t *learned;
	char key[DNS_NAME_TEXT + 16];

	original_key(change, key, sizeof(key));
	if (original_given(json_object_get(call->params, "originals"), key, ret))
		return 0;
	learned = known ? json_object_get(known->ttls, key) : NULL;
	if (!learned)
		return kit_why(why, -ENOENT,
			       "the original TTL of %s is not known: no step of this run has "
			       "changed it, or the plugin was restarted since; give it as ttl, or "
			       "originals: ${{ steps.STEP.outputs.changes }} of the step that did",
			       key);
	*ret = (uint32_t)json_integer_value(learned);
	return 0;
}

/* Every name must have at least one of the types. */
static int find_missing(const struct dns_changes *changes, struct kit_why *why)
{
	char name[DNS_NAME_TEXT];

	for (size_t i = 0; i < changes->n; i++) {
		bool found = false;

		for (size_t j = 0; j < changes->n && !found; j++)
			found = !dns_rrset_empty(changes->list[j].now) &&
				ldns_dname_compare(changes->list[i].name, changes->list[j].name) ==
					0;
		if (!found)
			return kit_why(
				why, -ENOENT,
				"%s has no record of the types asked for: is the name right?",
				dns_name_text(changes->list[i].name, name));
	}
	return 0;
}

static int target(struct cut_call *call, const struct dns_zone *zone, struct dns_changes *changes,
		  struct kit_why *why)
{
	uint32_t ttl = 0;
	int r = find_missing(changes, why);

	(void)zone;
	if (r == 0 && !is_original(call->params))
		r = dns_ttl_parse(json_object_get(call->params, "ttl"), &ttl, why);
	for (size_t i = changes->n; r == 0 && i-- > 0;) {
		struct dns_change *c = &changes->list[i];

		if (dns_rrset_empty(c->now)) {
			dns_changes_drop(changes, i);
			continue;
		}
		if (is_original(call->params))
			r = original_of(call, c, &ttl, why);
		c->after = dns_rrset_copy(c->now);
		dns_rrset_set_ttl(c->after, ttl);
	}
	return r;
}

static json_t *give(struct cut_call *call, const struct dns_zone *zone,
		    const struct dns_changes *changes, int64_t seen_ms)
{
	uint32_t longest = 0;
	char since[KIT_TIME_LEN];

	(void)zone;
	dns_originals_learn(call, changes);
	for (size_t i = 0; i < changes->n; i++)
		if (changes->list[i].before->ttl > longest)
			longest = changes->list[i].before->ttl;
	return json_pack("{s:I, s:s, s:I, s:o}", "old_ttl_max", (json_int_t)longest, "low_since",
			 kit_time_format(seen_ms, since), "tail", (json_int_t)longest, "changes",
			 dns_changes_shown(changes));
}

static const struct dns_kind kind = {
	.read = read_params,
	.target = target,
	.outputs = give,
	.done = "every server shows the wanted TTLs",
};

static void set_ttl(struct cut_call *call)
{
	dns_write(call, &kind);
}

const struct cut_action dns_set_ttl = {
	.name = "set_ttl",
	.help = "lowers or restores the TTL of records, values untouched",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_WRITE | CUT_SAVES,
	.check = check,
	.plan = set_ttl,
	.apply = set_ttl,
	.verify = set_ttl,
	.observe = set_ttl,
	.rollback = set_ttl,
	.cancel = dns_write_cancel,
};
