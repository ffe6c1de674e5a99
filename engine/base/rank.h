/* SPDX-License-Identifier: Apache-2.0 */
/* Rank among the machine's processes: on a busy one the scheduler, not the disk, decides how soon a
 * rollback starts. Called by the engine, its disk threads and the hosts, each for itself. */
#pragma once

enum cut_rank {
	CUT_RANK_NORMAL,
	CUT_RANK_RAISED,   /* nice -5; a host: -4 */
	CUT_RANK_REALTIME, /* before all ordinary processes (SCHED_RR 2; a host: 1) */
};

/* The engine goes before its hosts: one that computes must not keep it waiting. */
enum cut_rank_of {
	CUT_RANK_OF_ENGINE,
	CUT_RANK_OF_HOST,
};

#define CUT_RANK_VARIABLE "CUTOVER_RANK"

/* Gives the calling thread the rank that the environment asks for, where the machine permits it
 * (root, CAP_SYS_NICE, RLIMIT_NICE, RLIMIT_RTPRIO). What it starts, threads too, starts as an
 * ordinary process. Returns the rank that is in force. */
enum cut_rank cut_rank_take(enum cut_rank_of who);
const char *cut_rank_name(enum cut_rank rank);
