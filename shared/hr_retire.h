/* hr_retire.h — ended segments do not pile up.
 *
 * A segment stays readable after its program's end; a program that is started again and again must not fill
 * /dev/shm with such remains. Tracer and viewer clear them away when they start. */
#ifndef HR_RETIRE_H
#define HR_RETIRE_H

#include <stdint.h>

#define HR_RETIRE_KEEP_COUNT   UINT64_C(8)          /* ended segments that stay, the newest */
#define HR_RETIRE_KEEP_BYTES   (UINT64_C(32) << 20) /* and what they may hold together; the newest always stays */
#define HR_RETIRE_UNFINISHED_S 10                   /* a segment under a dot-name is that of a failed start then */

/* Removes this user's ended segments beyond the newest ones. Never one whose writer lives, another user's, or
 * anything that is not a segment by its name; what cannot be looked at stays. Opens descriptors and allocates
 * memory for its own time only; trouble is nobody's error. Not async-signal-safe. */
void hr_retire_old(void);

/* The same for the segments in `dir`. */
void hr_retire_dir(const char *dir);

#endif
