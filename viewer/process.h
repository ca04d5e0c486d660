/* process.h — what /proc says of other processes. */
#ifndef HRV_PROCESS_H
#define HRV_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Clock ticks after boot at which process `pid` began (field 22 of /proc/PID/stat, by hr_boot_ticks()). HR_EGONE: there
 * is no such process, or it has ended and only waits to be collected. HR_EIO: it cannot be told. */
int hrv_process_start(uint32_t pid, uint64_t *ticks_out);

/* Whose it is. HR_EGONE as above. */
int hrv_process_owner(uint32_t pid, uid_t *out);

/* Is a file whose path begins so mapped there? False too when we may not look. */
bool hrv_process_maps(uint32_t pid, const char *path_prefix);

/* Has a signal stopped it (SIGSTOP, Ctrl-Z, a debugger)? */
bool hrv_process_is_stopped(uint32_t pid);

/* What thread `tid` of it does, as enum hr_run_state. */
uint32_t hrv_thread_state(uint32_t pid, uint64_t tid);

/* Does it see the files that we see? True too when we may not look: then it shares our namespaces, or is another
 * user's. */
bool hrv_process_sees_our_files(uint32_t pid);

/* The inode of our own pid namespace, 0 unknown. */
uint64_t hrv_process_pidns(void);

/* A process by what it knows of itself: the inode of its pid namespace, its pid there, and when it began. A pid alone
 * is not an identity: each container has a pid 1. `start_ticks` 0: unknown. */
struct hrv_process_id {
	uint64_t pidns_inode;
	uint32_t pid;
	uint64_t start_ticks;
};

/* Is our process `pid` the one? False too when we may not look. */
bool hrv_process_is(uint32_t pid, const struct hrv_process_id *id);

/* Calls `visit` with each pid of /proc until it returns another value than 0, and returns that. */
int hrv_process_each(int (*visit)(void *arg, uint32_t pid), void *arg);

/* The user, seen from here, who is `uid` in the user namespace of process `pid`. HR_EGONE: nobody is. */
int hrv_process_uid_here(uint32_t pid, uint32_t uid, uid_t *out);

#endif
