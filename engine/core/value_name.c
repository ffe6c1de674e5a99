/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms with a grammar of their own: names of hosts, addresses, URLs, choices, expressions. */
#include "engine/core/value_text.h"

#include "engine/base/near.h"
#include "engine/core/expr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* RFC 1123 and 2181: letters, digits, hyphens inside, and the underscore of service names. */
static bool is_label(const char *label, size_t len)
{
	if (len < 1 || len > 63 || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

/* No top-level domain is a number, so that an address is not taken for a name. */
static bool is_digits(const char *label, size_t len)
{
	while (len && label[len - 1] >= '0' && label[len - 1] <= '9')
		len--;
	return len == 0;
}

/* In lower case and without the dot at the end, so that one name has one text. */
int value_text_fqdn(const struct value_text *in, json_t **ret, char **ret_hint)
{
	char name[254];
	size_t len = in->len, start = 0;

	if (len > 1 && in->text[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(name))
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && in->text[i] != '.') {
			name[i] = lower(in->text[i]);
			continue;
		}
		if (!is_label(in->text + start, i - start) &&
		    !(start == 0 && i == 1 && in->text[0] == '*' && len > 1))
			return -EINVAL;
		if (i == len && is_digits(in->text + start, i - start))
			return -EINVAL;
		name[i] = '.';
		start = i + 1;
	}
	*ret = json_stringn(name, len);
	return 0;
}

int value_text_ip(const struct value_text *in, json_t **ret, char **ret_hint)
{
	cut_auto(cut_str) char *text = cut_strndup(in->text, in->len);
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	char address[sizeof(struct in6_addr)], canonical[INET6_ADDRSTRLEN];

	if (strlen(text) != in->len || inet_pton(family, text, address) != 1)
		return -EINVAL;
	inet_ntop(family, address, canonical, sizeof(canonical));
	*ret = json_string(canonical);
	return 0;
}

/* A scheme, "://", a host; visible ASCII only. */
int value_text_url(const struct value_text *in, json_t **ret, char **ret_hint)
{
	const char *end = in->text + in->len, *host = memmem(in->text, in->len, "://", 3), *at;

	if (!host || host == in->text)
		return -EINVAL;
	for (at = in->text; at < host; at++)
		if (!is_alnum(*at) && (at == in->text || !strchr("+-.", *at)))
			return -EINVAL;
	for (at = in->text; at < end; at++)
		if (*at <= ' ' || *at > '~')
			return -EINVAL;
	host += 3;
	for (at = host; at < end && !strchr("/?#", *at); at++)
		;
	if (at == host || *host == ':')
		return -EINVAL;
	if (memchr(host, '@', (size_t)(at - host))) {
		*ret_hint = cut_strdup("credentials do not belong into a URL: use a secret");
		return -EINVAL;
	}
	*ret = json_stringn(in->text, in->len);
	return 0;
}

int value_text_choice(const struct value_text *in, json_t **ret, char **ret_hint)
{
	cut_auto(cut_str) char *word = cut_strndup(in->text, in->len);
	cut_auto(cut_str) char *choices = cut_strdup(in->range ? in->range : word);
	struct cut_near near = {.word = word};

	for (char *rest = choices, *choice; (choice = strsep(&rest, "|"));) {
		if (strcmp(choice, word) == 0)
			return value_text_string(in, ret, ret_hint);
		cut_near_try(&near, choice);
	}
	if (near.best)
		*ret_hint = cut_printf("did you mean '%s'?", near.best);
	return -EINVAL;
}

int value_text_expr(const struct value_text *in, json_t **ret, char **ret_hint)
{
	cut_auto(cut_expr) struct cut_expr *expr = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	size_t column;

	if (cut_expr_parse(in->text, in->len, &expr, &column, &err) < 0) {
		*ret_hint = cut_printf("column %zu: %s", column, err.what);
		return -EINVAL;
	}
	*ret = json_stringn(in->text, in->len);
	return 0;
}

/* As ids of a runbook are: names of connections and secrets. */
int value_text_id(const struct value_text *in, json_t **ret, char **ret_hint)
{
	if (!in->len || in->len > 64 || in->text[0] < 'a' || in->text[0] > 'z')
		return -EINVAL;
	for (size_t i = 0; i < in->len; i++)
		if (in->text[i] != '_' &&
		    (!is_alnum(in->text[i]) || in->text[i] != lower(in->text[i])))
			return -EINVAL;
	*ret = json_stringn(in->text, in->len);
	return 0;
}
