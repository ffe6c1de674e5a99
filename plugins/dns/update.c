/* SPDX-License-Identifier: Apache-2.0 */
/* A signed UPDATE and its outcome; see update.h. A reply is believed when its signature is right.
 * Unsigned ones are heard only where servers cannot or do not sign: when they refuse. */
#include "dns/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum dns_update_outcome tsig_error(struct dns_update *update, const struct tsig_reply *reply,
					  int64_t now)
{
	const char *server = update->zone->primary.text, *key = update->zone->key_name;
	int64_t skew;

	switch (reply->error) {
	case TSIG_BADKEY:
		kit_why(&update->why, 0,
			"%s does not know the TSIG key %s (BADKEY): give the key's name and "
			"algorithm as the server's configuration has them",
			server, key);
		break;
	case TSIG_BADSIG:
		kit_why(&update->why, 0,
			"%s finds the signature wrong (BADSIG): the secret of key %s is not the "
			"server's",
			server, key);
		break;
	case TSIG_BADTIME:
		skew = now - reply->server_time;
		kit_why(&update->why, 0,
			"%s refuses the time of the signature (BADTIME): this clock is %lld s %s "
			"the server's, %d s are allowed; set the clocks right",
			server, (long long)llabs(skew), skew < 0 ? "behind" : "ahead of",
			TSIG_FUDGE_S);
		break;
	default:
		kit_why(&update->why, 0, "%s refuses the signature with TSIG error %u", server,
			reply->error);
	}
	return DNS_UPDATE_REFUSED;
}

static enum dns_update_outcome from_rcode(struct dns_update *update, unsigned rcode)
{
	const char *server = update->zone->primary.text;

	switch (rcode) {
	case LDNS_RCODE_NOERROR: return DNS_UPDATE_DONE;
	case LDNS_RCODE_NXDOMAIN:
	case LDNS_RCODE_YXDOMAIN:
	case LDNS_RCODE_YXRRSET:
	case LDNS_RCODE_NXRRSET:
		kit_why(&update->why, 0,
			"%s answers %s: a record is not as it was read; is somebody changing it, "
			"or does a wildcard or DNAME answer for its name (then add the name's own "
			"record first)?",
			server, dns_rcode_text(rcode));
		return DNS_UPDATE_CONFLICT;
	case LDNS_RCODE_SERVFAIL:
		kit_why(&update->why, 0, "%s answers SERVFAIL to the update: see its log", server);
		return DNS_UPDATE_BUSY;
	case LDNS_RCODE_REFUSED:
		kit_why(&update->why, 0,
			"%s answers REFUSED: its update policy does not let key %s change these "
			"records of %s, or it does not know the key",
			server, update->zone->key_name, update->zone->name_text);
		break;
	case LDNS_RCODE_NOTAUTH:
		kit_why(&update->why, 0,
			"%s answers NOTAUTH: it is not a primary server of %s, or does not take "
			"key %s; name the primary in the connection",
			server, update->zone->name_text, update->zone->key_name);
		break;
	default:
		kit_why(&update->why, 0, "%s answers %s to the update", server,
			dns_rcode_text(rcode));
	}
	return DNS_UPDATE_REFUSED;
}

static bool heard_unsigned(unsigned rcode)
{
	return rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_SERVFAIL ||
	       rcode == LDNS_RCODE_NOTIMPL || rcode == LDNS_RCODE_REFUSED ||
	       rcode == LDNS_RCODE_NOTAUTH || rcode == LDNS_RCODE_NOTZONE;
}

static enum dns_judgement on_judge(void *data, const uint8_t *reply, size_t len)
{
	struct dns_update *update = data;
	int64_t now = kit_wall_ms() / 1000;
	struct tsig_reply tsig;
	enum tsig_verdict verdict;
	unsigned rcode;

	if (!dns_reply_belongs(&update->message, reply, len))
		return DNS_IGNORE;
	rcode = dns_reply_rcode(reply);
	verdict = tsig_verify(&update->zone->key, now, reply, len, &update->mac, &tsig);
	if (verdict == TSIG_GOOD) {
		update->outcome =
			tsig.error ? tsig_error(update, &tsig, now) : from_rcode(update, rcode);
		return DNS_TAKE;
	}
	if (rcode == LDNS_RCODE_NOTAUTH && tsig.error) {
		update->outcome = tsig_error(update, &tsig, now);
		return DNS_TAKE;
	}
	if (verdict == TSIG_ABSENT && heard_unsigned(rcode)) {
		update->outcome = from_rcode(update, rcode);
		return DNS_TAKE;
	}
	update->rejected++;
	update->verdict = verdict;
	return DNS_IGNORE;
}

static const char *disbelief(enum tsig_verdict verdict)
{
	return verdict == TSIG_ABSENT ? "without a signature"
	       : verdict == TSIG_LATE ? "with a signature of another time"
				      : "with a wrong signature";
}

static void on_done(void *data, int error)
{
	struct dns_update *update = data;
	const char *server = update->zone->primary.text;

	update->exchange = NULL;
	if (error) {
		update->outcome = DNS_UPDATE_SILENT;
		if (update->rejected)
			kit_why(&update->why, error,
				"%s answers the update, but %s: something between here and there "
				"changes messages, or key %s is not the server's",
				server, disbelief(update->verdict), update->zone->key_name);
		else
			kit_why(&update->why, error, "%s does not answer the update: %s", server,
				strerror(-error));
	}
	update->done(update->data);
}

int dns_update_start(struct dns_update *update, const struct dns_item *items, size_t n, bool dry)
{
	struct dns_request request = {
		.to = &update->zone->primary.address,
		.judge = on_judge,
		.done = on_done,
		.data = update,
	};
	int r = dns_update_make(update->zone->name, items, n, dry, &update->message);

	if (r == 0)
		r = tsig_sign(&update->zone->key, kit_wall_ms() / 1000, update->message.bytes,
			      &update->message.len, update->message.cap, &update->mac);
	if (r == -E2BIG)
		return kit_why(&update->why, r,
			       "the changes to %zu RRsets of %s do not fit in one UPDATE of 64 "
			       "KiB: spread them over several steps",
			       n, update->zone->name_text);
	if (r < 0)
		return kit_why(&update->why, r,
			       "the update cannot be signed: OpenSSL offers no "
			       "HMAC with the key's digest");
	request.bytes = update->message.bytes;
	request.len = update->message.len;
	update->rejected = 0;
	update->exchange = dns_exchange_start(update->loop, &request);
	return 0;
}

void dns_update_done(struct dns_update *update)
{
	dns_exchange_cancel(update->exchange);
	update->exchange = NULL;
	dns_message_done(&update->message);
}
