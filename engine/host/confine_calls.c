/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: system calls that no plugin needs and that reach beyond its own processes. Without
 * setsid() all that a plugin starts stays in the session of its host, and so is found and ended
 * with it. Calls that name a process are refused for the engine and its supervisor, also on kernels
 * where Landlock does not scope signals. */
#include "engine/host/confine.h"

#include "engine/base/vec.h"

#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

#define REFUSE SCMP_ACT_ERRNO(EPERM)

static const int never[] = {
	SCMP_SYS(setsid),
	/* into other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(migrate_pages),
	SCMP_SYS(move_pages),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(bpf),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	/* into the machine */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(fsmount),
	SCMP_SYS(pivot_root),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(clock_adjtime),
};

/* Where each has the number of a process; 0 there means oneself. */
static const struct {
	int call;
	unsigned arg;
} of_processes[] = {
	{SCMP_SYS(kill), 0},
	{SCMP_SYS(tkill), 0},
	{SCMP_SYS(tgkill), 0},
	{SCMP_SYS(rt_sigqueueinfo), 0},
	{SCMP_SYS(rt_tgsigqueueinfo), 0},
	{SCMP_SYS(pidfd_open), 0},
	{SCMP_SYS(prlimit64), 0},
	{SCMP_SYS(sched_setaffinity), 0},
	{SCMP_SYS(sched_setparam), 0},
	{SCMP_SYS(sched_setscheduler), 0},
	{SCMP_SYS(sched_setattr), 0},
	{SCMP_SYS(setpriority), 1},
	{SCMP_SYS(ioprio_set), 1},
};

/* The kernel looks at the lower half of the register only. */
static int refuse_pid(scmp_filter_ctx filter, int call, unsigned arg, pid_t pid)
{
	return seccomp_rule_add(filter, REFUSE, call, 1,
				SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)pid));
}

static int refuse_process(scmp_filter_ctx filter, pid_t pid)
{
	int r = 0;

	for (size_t i = 0; i < CUT_ARRAY_LEN(of_processes) && r == 0; i++)
		r = refuse_pid(filter, of_processes[i].call, of_processes[i].arg, pid);
	if (r == 0)
		r = refuse_pid(filter, SCMP_SYS(kill), 0, -pid); /* its group */
	return r;
}

static int add_rules(scmp_filter_ctx filter)
{
	pid_t engine = getppid(), supervisor = getsid(engine); /* who leads the run's session */
	int r = refuse_pid(filter, SCMP_SYS(kill), 0, -1);

	for (size_t i = 0; i < CUT_ARRAY_LEN(never) && r == 0; i++)
		r = seccomp_rule_add(filter, REFUSE, never[i], 0);
	if (r == 0)
		r = refuse_process(filter, engine);
	if (r == 0 && supervisor > 1 && supervisor != engine)
		r = refuse_process(filter, supervisor);
	return r;
}

int confine_calls(const char *keep_out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, REFUSE);
	if (r == 0)
		r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
