/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for servers; see settle.h. */
#include "dns/settle.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PAUSE_MS 100
#define LAST_PAUSE_MS  1000
/* A primary shows its own change at once; caches within it may not. */
#define PRIMARY_GRACE_MS 5000

static void ask_all(struct dns_settle *s);

void dns_settle_expect(struct dns_settle *settle, struct dns_rrset *want, unsigned owns)
{
	settle->expect = kit_realloc(settle->expect, settle->n_expect + 1, sizeof(*settle->expect));
	settle->expect[settle->n_expect++] = (struct dns_expect){want, owns};
}

static bool shows(const struct dns_settle *s, const struct dns_answer *answer,
		  const struct dns_expect *expect)
{
	const struct dns_rrset *got = answer->rrset, *want = expect->want;

	if (!got)
		return false;
	if (s->recursive && expect->owns & DNS_OWNS_TTL && got->ttl > want->ttl)
		return false;
	return dns_rrset_matches(got, want,
				 s->recursive ? expect->owns & ~DNS_OWNS_TTL : expect->owns);
}

static void describe(struct dns_settle *s, size_t server, const struct dns_expect *expect,
		     const struct dns_answer *answer)
{
	size_t used = strlen(s->why);
	char name[DNS_NAME_TEXT];
	char *text;

	if (answer->error) {
		snprintf(s->why + used, sizeof(s->why) - used, "%s%s %s", used ? "; " : "",
			 s->servers[server].text, answer->why);
		return;
	}
	text = dns_rrset_text(answer->rrset);
	snprintf(s->why + used, sizeof(s->why) - used, "%s%s has %s %s %s", used ? "; " : "",
		 s->servers[server].text, dns_name_text(expect->want->owner, name),
		 dns_type_text(expect->want->type), text);
	free(text);
}

/* Whether this server shows all of it; else the first thing that is not right goes into why. */
static bool judge(struct dns_settle *s, size_t server, bool *ret_down)
{
	int64_t at = 0;

	for (size_t i = 0; i < s->n_expect; i++) {
		const struct dns_answer *answer = dns_survey_answer(&s->survey, server, i);

		if (!shows(s, answer, &s->expect[i])) {
			describe(s, server, &s->expect[i], answer);
			*ret_down = answer->error != 0;
			s->first_seen[server] = 0;
			return false;
		}
		if (answer->at > at)
			at = answer->at;
	}
	if (!s->first_seen[server])
		s->first_seen[server] = at;
	return true;
}

static void evaluate(struct dns_settle *s)
{
	s->result = DNS_SETTLED;
	s->why[0] = '\0';
	s->primary_stale = false;
	for (size_t i = 0; i < s->n_servers; i++) {
		bool down = false;

		if (judge(s, i, &down))
			continue;
		if (!down)
			s->result = DNS_LAGGING;
		else if (s->result == DNS_SETTLED)
			s->result = DNS_DOWN;
		if (i == 0 && !s->recursive && !down)
			s->primary_stale = true;
	}
}

static void finish(struct dns_settle *s)
{
	if (s->over)
		return;
	s->over = true;
	dns_survey_done(&s->survey);
	s->done(s);
}

static void on_pause(struct cut_call *call)
{
	struct dns_settle *s = call->data;

	if (!s->over)
		ask_all(s);
}

static void on_survey(void *data)
{
	struct dns_settle *s = data;
	int64_t now = s->call->api->now(s->call), pause = FIRST_PAUSE_MS << s->rounds;

	evaluate(s);
	dns_survey_done(&s->survey);
	s->good = s->result == DNS_SETTLED ? s->good + 1 : 0;
	if (pause > LAST_PAUSE_MS || s->good)
		pause = LAST_PAUSE_MS;
	else
		s->rounds++;
	if (s->good >= (s->stable ? s->stable : 1) || now + pause >= s->give_up ||
	    (s->primary_stale && now - s->started > PRIMARY_GRACE_MS)) {
		if (s->result == DNS_SETTLED && s->good < s->stable) {
			s->result = DNS_LAGGING;
			snprintf(s->why, sizeof(s->why), "the time was too short to see it twice");
		}
		finish(s);
		return;
	}
	s->call->api->after(s->call, pause, on_pause);
}

static void ask_all(struct dns_settle *s)
{
	s->survey = (struct dns_survey){
		.servers = s->servers,
		.n_servers = s->n_servers,
		.questions = s->questions,
		.n_questions = s->n_expect,
		.recursive = s->recursive,
		.loop = s->call->api->loop(s->call),
		.done = on_survey,
		.data = s,
	};
	dns_survey_start(&s->survey);
}

void dns_settle_start(struct dns_settle *settle)
{
	settle->first_seen = kit_new_array(int64_t, settle->n_servers);
	settle->questions = kit_new_array(struct dns_question, settle->n_expect);
	for (size_t i = 0; i < settle->n_expect; i++)
		settle->questions[i] = (struct dns_question){settle->expect[i].want->owner,
							     settle->expect[i].want->type};
	settle->started = settle->call->api->now(settle->call);
	settle->result = DNS_DOWN;
	snprintf(settle->why, sizeof(settle->why), "no server has answered yet");
	if (settle->n_expect && settle->n_servers) {
		ask_all(settle);
		return;
	}
	settle->result = DNS_SETTLED;
	finish(settle);
}

void dns_settle_give_up(struct dns_settle *settle)
{
	finish(settle);
}

void dns_settle_again(struct dns_settle *settle)
{
	dns_survey_done(&settle->survey);
	free(settle->questions);
	free(settle->first_seen);
	settle->questions = NULL;
	settle->first_seen = NULL;
	settle->rounds = settle->good = 0;
	settle->over = false;
}

void dns_settle_done(struct dns_settle *settle)
{
	dns_settle_again(settle);
	settle->over = true;
	for (size_t i = 0; i < settle->n_expect; i++)
		dns_rrset_free(settle->expect[i].want);
	free(settle->expect);
}

int64_t dns_settle_last_seen(const struct dns_settle *settle)
{
	int64_t last = 0;

	for (size_t i = 0; settle->first_seen && i < settle->n_servers; i++)
		if (settle->first_seen[i] > last)
			last = settle->first_seen[i];
	return last ? last : kit_wall_ms();
}
