/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty ways to misbehave. Each is harmless by itself: what multiplies or grows has a cap of its
 * own, and whoever is attacked is told by number. What an attack achieved is written down. */
#include "tests/evil/crimes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	LINK_FD = 3,
	LOCK_FD = 4,
	BOMB_MAX = 48,
	REPLY_BYTES = 1 << 30,
	FLOOD_BYTES = 512 << 20,
	CHUNK_BYTES = 64 << 20,
};

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* An attack that shall fail: r as a system call returns it. */
static void tried(struct cut_call *call, const char *what, long r)
{
	crime_tell(call, "tried", "%s: %s", what, r < 0 ? strerror(errno) : "it worked");
}

static void say(const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(LINK_FD, at, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

static void say_frame(const char *json)
{
	uint32_t len = htonl((uint32_t)strlen(json));

	say(&len, sizeof(len));
	say(json, strlen(json));
}

static void segfault(struct cut_call *call)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void aborts(struct cut_call *call)
{
	abort();
}

static void loops(struct cut_call *call)
{
	for (volatile unsigned i = 0;; i++)
		;
}

static void hangs(struct cut_call *call)
{
	wait_for_ever();
}

static void tell_child(struct cut_call *call)
{
	crime_tell(call, "children", "%d", (int)getpid());
}

static void bombs(struct cut_call *call)
{
	atomic_int *born = mmap(NULL, sizeof(*born), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	while (born != MAP_FAILED && atomic_fetch_add(born, 1) < BOMB_MAX) {
		if (fork() == 0) {
			setpgid(0, 0);
			tell_child(call);
		}
	}
	wait_for_ever();
}

static void replies_for_ever(struct cut_call *call)
{
	static const char zeros[65536];
	uint32_t len = htonl(REPLY_BYTES);

	say(&len, sizeof(len));
	for (size_t sent = 0; sent < REPLY_BYTES; sent += sizeof(zeros))
		say(zeros, sizeof(zeros));
	wait_for_ever();
}

static void talks_garbage(struct cut_call *call)
{
	char noise[4096];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 2654435761u >> 7);
	noise[0] = 0; /* a length that is allowed */
	noise[1] = 0;
	say(noise, sizeof(noise));
	wait_for_ever();
}

static void closes_all(struct cut_call *call)
{
	close_range(0, ~0u, 0);
	wait_for_ever();
}

static void kills_parent(struct cut_call *call)
{
	pid_t engine = getppid(), supervisor = getsid(engine);

	tried(call, "SIGSTOP to the engine", kill(engine, SIGSTOP));
	tried(call, "SIGKILL to the engine", kill(engine, SIGKILL));
	tried(call, "SIGKILL to the supervisor", kill(supervisor, SIGKILL));
	tried(call, "SIGKILL to their group", kill(-supervisor, SIGKILL));
	abort();
}

static void ends_in_a_frame(struct cut_call *call)
{
	uint32_t len = htonl(100);

	say(&len, sizeof(len));
	say("{\"t\": \"done\"", 12);
	_exit(0);
}

static void answers_twice(struct cut_call *call)
{
	call->api->done(call, CUT_OK, NULL, NULL);
	call->api->done(call, CUT_OK, NULL, NULL);
}

static void answers_another(struct cut_call *call)
{
	say_frame("{\"t\": \"done\", \"id\": 4711, \"status\": \"ok\", \"data\": null}");
	wait_for_ever();
}

static void ignores_cancel(struct cut_call *call)
{
}

static void leaks_files(struct cut_call *call)
{
	while (open("/dev/null", O_RDONLY) >= 0)
		;
}

static void lifts_limits(struct cut_call *call)
{
	struct rlimit none = {3, 3}, much = {RLIM_INFINITY, RLIM_INFINITY};
	pid_t engine = getppid();

	setrlimit(RLIMIT_AS, &much); /* root may: its own affair */
	tried(call, "fewer descriptors for the engine",
	      prlimit(engine, RLIMIT_NOFILE, &none, NULL));
	tried(call, "less time for the engine", prlimit(engine, RLIMIT_CPU, &none, NULL));
	tried(call, "a lower priority for the engine", setpriority(PRIO_PROCESS, engine, 19));
	abort();
}

static void writes_journal(struct cut_call *call)
{
	const char *runs = json_string_value(json_object_get(call->params, "run_folder"));
	struct flock all = {.l_type = F_UNLCK};
	char path[4096], other[4096];

	snprintf(path, sizeof(path), "%s/%s/journal.jsonl", runs, call->run);
	snprintf(other, sizeof(other), "%s/%s/journal.2.jsonl", runs, call->run);
	tried(call, "append to the journal", open(path, O_WRONLY | O_APPEND));
	tried(call, "cut the journal", truncate(path, 0));
	tried(call, "rename the journal", rename(path, other));
	tried(call, "remove the journal", unlink(path));
	tried(call, "another journal", open(other, O_WRONLY | O_CREAT, 0600));
	tried(call, "a folder among the runs", mkdir(runs, 0700));
	tried(call, "a line in the lock", write(LOCK_FD, "engine 1\n", 9));
	fcntl(LOCK_FD, F_OFD_SETLK, &all); /* its own hold is its own affair */
	abort();
}

static void traces(struct cut_call *call)
{
	pid_t engine = getppid();
	char path[64], byte = 0;
	struct iovec here = {&byte, 1}, there = {(void *)&crime_names, 1};

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)engine);
	tried(call, "attach to the engine", ptrace(PTRACE_ATTACH, engine, NULL, NULL));
	tried(call, "seize the engine", ptrace(PTRACE_SEIZE, engine, NULL, NULL));
	tried(call, "write its memory", process_vm_writev(engine, &here, 1, &there, 1, 0));
	tried(call, "open its memory", open(path, O_RDWR));
	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)engine);
	tried(call, "open its descriptors", open(path, O_RDONLY));
	tried(call, "SIGUSR1 to it", kill(engine, SIGUSR1));
	abort();
}

static void floods(struct cut_call *call)
{
	char line[4096];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	for (size_t said = 0; said < FLOOD_BYTES; said += sizeof(line))
		if (write(STDERR_FILENO, line, sizeof(line)) < 0)
			break;
	wait_for_ever();
}

static void eats_memory(struct cut_call *call)
{
	while (malloc(CHUNK_BYTES)) /* not touched: address space is what is limited */
		;
	abort();
}

static void leaves_a_daemon(struct cut_call *call)
{
	if (fork() == 0) {
		tried(call, "leave the session", setsid());
		if (fork() == 0) {
			setpgid(0, 0);
			tell_child(call);
			close_range(0, ~0u, 0);
			wait_for_ever();
		}
		_exit(0);
	}
	sleep(1); /* until it is told and an orphan */
	abort();
}

static const struct {
	const char *name;
	crime_fn *fn;
} crimes[] = {
	{"segfault", segfault},
	{"abort", aborts},
	{"loop", loops},
	{"hang", hangs},
	{"fork_bomb", bombs},
	{"endless_reply", replies_for_ever},
	{"garbage", talks_garbage},
	{"close_all", closes_all},
	{"kill_parent", kills_parent},
	{"half_frame", ends_in_a_frame},
	{"answer_twice", answers_twice},
	{"answer_another", answers_another},
	{"ignore_cancel", ignores_cancel},
	{"leak_files", leaks_files},
	{"lift_limits", lifts_limits},
	{"write_journal", writes_journal},
	{"trace", traces},
	{"flood", floods},
	{"eat_memory", eats_memory},
	{"daemon", leaves_a_daemon},
};

const char crime_names[] =
	"segfault|abort|loop|hang|fork_bomb|endless_reply|garbage|close_all|kill_parent|half_frame|"
	"answer_twice|answer_another|ignore_cancel|leak_files|lift_limits|write_journal|trace|"
	"flood|"
	"eat_memory|daemon";

crime_fn *crime_named(const char *name)
{
	for (size_t i = 0; i < sizeof(crimes) / sizeof(crimes[0]); i++)
		if (!strcmp(crimes[i].name, name))
			return crimes[i].fn;
	abort(); /* the table of parameters lets no other through */
}
