/* elsewhere.h — segments that our own HR_SHM_DIR does not show: those of containers, and those whose name was removed.
 *
 * As the JVM's jps does, containers are found by their processes: of each process in another pid namespace the /dev/shm
 * is looked at through /proc/PID/root, which needs the right to trace it (ptrace(2)). A name that was removed
 * (systemd's RemoveIPC) leaves the mapping, which /proc/PID/maps tells and root may open by /proc/PID/map_files. */
#ifndef HRV_ELSEWHERE_H
#define HRV_ELSEWHERE_H

#include "hr_name.h"
#include "process.h"

#include <stdint.h>

/* A container's /dev/shm, open while it is visited, and one of its processes. */
struct hrv_container {
	int shm_fd;
	uint32_t pid;
};

/* Calls `visit` once for each /dev/shm that is another than ours; stops at an error, and returns it. Any thread may:
 * all processes are looked at for all threads together, several times a second when that takes little. */
int hrv_containers_each(int (*visit)(void *arg, const struct hrv_container *container), void *arg);

/* The pid here of a process in another pid namespace, from the same look: a new one may be a moment late. 0: our /proc
 * does not show it. */
uint32_t hrv_neighbour_find(const struct hrv_process_id *id);

/* A segment without a name, mapped by process `pid`. */
struct hrv_unnamed {
	char file_name[HR_NAME_BYTES]; /* what it was */
	uint32_t pid;
	int fd; /* the callee's; -1: only root may open it */
};

/* The same for segments without a name: of this user's processes, or all for root, that have our tracer's thread. */
int hrv_unnamed_each(int (*visit)(void *arg, const struct hrv_unnamed *unnamed), void *arg);

#endif
