/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under a run of commands, two at a time: what a journal that is written ahead and a host
 * of its own cost by themselves. An engine appends and syncs a record before each start, with the
 * outcomes that came meanwhile; a host behind a socket spawns /bin/true, reads two pipes to their
 * end and answers. Nothing is decided, checked, parsed or shown. spawn_floor STEPS JOURNAL */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sizes as of the real ones: a call and its answer; an intent or outcome with its step's state. */
enum { SLOTS = 2, CALL_BYTES = 245, ANSWER_BYTES = 97, RECORD_BYTES = 430 };

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void send_all(int fd, int messages, size_t each)
{
	static const char zeros[SLOTS * CALL_BYTES];

	must(send(fd, zeros, (size_t)messages * each, 0) == (ssize_t)((size_t)messages * each),
	     "send");
}

/* How many messages came; 0 at the end. Both sides send whole ones, and few. */
static int receive(int fd, size_t each)
{
	char buf[SLOTS * CALL_BYTES];

	return (int)(recv(fd, buf, sizeof(buf), 0) / (ssize_t)each);
}

/* --- the host --- */

struct child {
	pid_t pid; /* 0: a free slot */
	int pidfd, out, err;
};

static void watch(int poll, int fd, unsigned slot)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = slot};

	must(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void start(struct child *child)
{
	char *argv[] = {"/bin/true", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int out[2], err[2];

	must(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe2");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	must(posix_spawn(&child->pid, argv[0], &actions, &attr, argv, environ) == 0, "posix_spawn");
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	close(err[1]);
	child->out = out[0];
	child->err = err[0];
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	must(child->pidfd >= 0, "pidfd_open");
}

static void end(int poll, struct child *child)
{
	char buf[4096];

	waitpid(child->pid, NULL, 0);
	while (read(child->out, buf, sizeof(buf)) > 0 || read(child->err, buf, sizeof(buf)) > 0)
		;
	/* Said, not left to close: another child may hold a copy until it has loaded its program.
	 */
	epoll_ctl(poll, EPOLL_CTL_DEL, child->pidfd, NULL);
	close(child->pidfd);
	close(child->out);
	close(child->err);
	child->pid = 0;
}

static void start_calls(int poll, struct child *children, int calls)
{
	for (unsigned slot = 0; slot < SLOTS && calls > 0; slot++) {
		if (children[slot].pid)
			continue;
		start(&children[slot]);
		watch(poll, children[slot].pidfd, slot);
		calls--;
	}
}

static void host(int link)
{
	struct child children[SLOTS] = {0};
	int poll = epoll_create1(EPOLL_CLOEXEC);

	watch(poll, link, SLOTS);
	for (;;) {
		struct epoll_event events[SLOTS + 1];
		int n = epoll_wait(poll, events, SLOTS + 1, -1), calls = 0, ended = 0;

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 < SLOTS) {
				end(poll, &children[events[i].data.u32]);
				ended++;
			} else {
				calls = receive(link, CALL_BYTES);
				if (calls == 0)
					exit(0);
			}
		}
		if (ended)
			send_all(link, ended, ANSWER_BYTES);
		start_calls(poll, children, calls);
	}
}

/* --- the engine --- */

static int journal_open(const char *path, int records)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0, path);
	must(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)records * RECORD_BYTES) == 0,
	     "fallocate");
	must(fdatasync(fd) == 0, "fdatasync");
	return fd;
}

static void journal_write(int fd, int records)
{
	static char text[2 * SLOTS * RECORD_BYTES];
	ssize_t len = (ssize_t)records * RECORD_BYTES;

	memset(text, 'x', sizeof(text));
	must(write(fd, text, (size_t)len) == len && fdatasync(fd) == 0, "write");
}

static void engine(int link, int journal, int steps)
{
	int started = 0, ended = 0, outcomes = 0; /* outcomes: not written yet */

	while (ended < steps) {
		int starts = SLOTS - (started - ended), came;

		if (starts > steps - started)
			starts = steps - started;
		if (starts > 0) {
			journal_write(journal, outcomes + starts);
			outcomes = 0;
			send_all(link, starts, CALL_BYTES);
			started += starts;
		}
		came = receive(link, ANSWER_BYTES);
		must(came > 0, "the host is gone");
		ended += came;
		outcomes += came;
	}
	journal_write(journal, outcomes);
}

int main(int argc, char **argv)
{
	int steps = argc == 3 ? atoi(argv[1]) : 0, link[2];

	if (steps <= 0) {
		fprintf(stderr, "usage: spawn_floor STEPS JOURNAL\n");
		return 2;
	}
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0, "socketpair");
	if (fork() == 0) {
		close(link[0]);
		host(link[1]);
	}
	close(link[1]);
	engine(link[0], journal_open(argv[2], 2 * steps), steps);
	close(link[0]);
	wait(NULL);
	return 0;
}
