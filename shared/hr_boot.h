/* hr_boot.h — when a process began, told alike in every time namespace.
 *
 * A time namespace (time_namespaces(7); a container may have one) shifts the boot clock for those in it, and with it
 * what they read in /proc/PID/stat: one process began at another tick for each of them. */
#ifndef HR_BOOT_H
#define HR_BOOT_H

#include <stdint.h>

/* Clock ticks after boot as this process reads them (field 22 of /proc/PID/stat) to what the first namespace has. */
uint64_t hr_boot_ticks(uint64_t ticks_here);

#endif
