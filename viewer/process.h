/* process.h — what /proc says of other processes. */
#ifndef HRV_PROCESS_H
#define HRV_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Clock ticks after boot at which process `pid` began (field 22 of /proc/PID/stat). HR_EGONE: there is no such process,
 * or it has ended and only waits to be collected. HR_EIO: it cannot be told. */
int hrv_process_start(uint32_t pid, uint64_t *ticks_out);

/* Whose it is. HR_EGONE as above. */
int hrv_process_owner(uint32_t pid, uid_t *out);

/* Is a file whose path begins so mapped there? False too when we may not look. */
bool hrv_process_maps(uint32_t pid, const char *path_prefix);

/* The inode of our own pid namespace, 0 unknown. */
uint64_t hrv_process_pidns(void);

#endif
