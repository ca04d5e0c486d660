/* guard.h — reading a mapping that somebody may truncate.
 *
 * A load past the end of a mapped file raises SIGBUS. Within hrv_guard_run() that is an error like any other. */
#ifndef HRV_GUARD_H
#define HRV_GUARD_H

#include <stddef.h>

/* Takes SIGBUS for this process. Before a mapping is guarded; again whenever somebody else may have taken it. */
void hrv_guard_init(void);

/* Runs job(arg) and returns what it returns, or HR_ECORRUPT when a load from [base, base + bytes) raised SIGBUS. The
 * job is then left where it stood: it takes no lock, allocates nothing, and what it wrote is half done. A SIGBUS from
 * elsewhere ends the process as ever. Any thread; not from within a job. */
int hrv_guard_run(const void *base, size_t bytes, int (*job)(void *arg), void *arg);

#endif
