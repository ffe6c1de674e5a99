/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/base64.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cut_base64(const void *data, size_t len, struct cut_buf *out)
{
	char *to = cut_buf_reserve(out, (len + 2) / 3 * 4 + 1);

	if (to && len > 0)
		out->len += (size_t)EVP_EncodeBlock((unsigned char *)to, data, (int)len);
}

int cut_base64_decode(const char *text, size_t len, struct cut_buf *out)
{
	size_t pad = 0;
	char *to;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len % 4 || len > INT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len - pad; i++)
		if (!text[i] || !strchr(digits, text[i]))
			return -EINVAL;
	to = cut_buf_reserve(out, len / 4 * 3 + 1);
	if (!to)
		return -EINVAL;
	if (len > 0 &&
	    EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)text, (int)len) < 0)
		return -EINVAL;
	out->len += len / 4 * 3 - pad;
	out->data[out->len] = '\0';
	return 0;
}
