/* SPDX-License-Identifier: Apache-2.0 */
/* What a host says to people: lines on its standard error, notes, progress. It ends in the engine's
 * log, through the engine, so that a plugin that never stops neither fills the disk nor has a file
 * of the run open. */
#include "engine/runtime/hostlink_internal.h"

#include "engine/base/log.h"

#include <errno.h>
#include <unistd.h>

enum {
	BURST_BYTES = 1 << 20,
	BYTES_PER_S = 32 * 1024,
	FLOOD_BYTES = 64 << 20, /* left out: then the host is given up */
	READ_BYTES = 16 * 1024,
	LAST_READS = 8, /* of a host that is being buried */
};

static void tell_left_out(struct cut_hostlink *link)
{
	if (link->words.left_out)
		cut_log(CUT_LOG_WARN, "host_words_left_out", "pid=%d bytes=%llu", (int)link->pid,
			(unsigned long long)link->words.left_out);
	link->words.left_out = 0;
}

bool hostlink_may_say(struct cut_hostlink *link, size_t len)
{
	cut_time now = hostlink_now(link);
	int64_t more = (now - link->words.filled) * BYTES_PER_S / CUT_SECOND;

	if (more > 0) {
		link->words.filled = now;
		link->words.left += more;
		if (link->words.left > BURST_BYTES)
			link->words.left = BURST_BYTES;
	}
	if ((int64_t)len <= link->words.left) {
		link->words.left -= (int64_t)len;
		tell_left_out(link);
		return true;
	}
	link->words.left_out += len;
	if (link->words.left_out > FLOOD_BYTES)
		hostlink_give_up(link, -ENOSPC, "it floods the log", "plugin host killed");
	return false;
}

/* > 0: there may be more. */
static ssize_t take_words(struct cut_hostlink *link)
{
	char words[READ_BYTES];
	ssize_t n = read(link->words.fd, words, sizeof(words));

	if (n > 0 && hostlink_may_say(link, (size_t)n) &&
	    write(link->words.log_fd, words, (size_t)n) < 0)
		return -errno; /* a full disk: words are the first to go without */
	return n;
}

static void on_words(uv_poll_t *poll, int status, int events)
{
	struct cut_hostlink *link = cut_container(poll, struct cut_hostlink, words.poll);

	if (take_words(link) == 0 && !link->burying)
		uv_poll_stop(poll);
}

void hostlink_words_open(struct cut_hostlink *link)
{
	link->words.left = BURST_BYTES;
	link->words.filled = hostlink_now(link);
	if (link->words.fd < 0)
		return;
	uv_poll_init(link->loop, &link->words.poll, link->words.fd);
	uv_poll_start(&link->words.poll, UV_READABLE, on_words);
	link->handles++;
}

/* The last words of who crashed are the ones that tell why. */
void hostlink_words_close(struct cut_hostlink *link)
{
	for (int i = 0; i < LAST_READS && link->words.fd >= 0 && take_words(link) > 0; i++)
		;
	tell_left_out(link);
	if (link->words.fd < 0)
		return;
	hostlink_close_handle(link, (uv_handle_t *)&link->words.poll);
	close(link->words.fd);
	link->words.fd = -1;
}
