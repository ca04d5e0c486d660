/* backend.h — how line events reach hrt_code_hit(): sys.monitoring (3.12+) or a C trace function (3.8 - 3.11).
 *
 * Exactly one of backend_monitoring.c and backend_settrace.c implements this in a build. All with the GIL held. */
#ifndef HRT_BACKEND_H
#define HRT_BACKEND_H

#include "tracer.h"

/* Once a process; sets a Python exception on failure. */
int hrt_backend_init(void);

/* Traces from the next line on: running frames of all threads (or of hrt_tracer.only_thread), and what starts later.
 * Sets a Python exception on failure, where hrt_backend_stop() puts back what has been done. Python code runs: whether
 * the tracer is still the same is to be asked, also then. */
int hrt_backend_start(void);

/* The filters have changed: code that was not traced is asked again. */
int hrt_backend_refresh(void);

/* Puts everything back. Never fails. */
void hrt_backend_stop(void);

/* In a forked child, from pthread_atfork's handler: the next event settles what becomes of it. Async-signal-safe. */
void hrt_backend_forked(void);

/* Called by the sampler as a pass begins: its own thread state, which lives no longer, is not to be traced. */
void hrt_backend_begin_pass(PyThreadState *own);

/* Called by the sampler for each other thread: catches threads that nobody announced, and tells when another tool
 * has taken the trace function. */
void hrt_backend_watch(PyThreadState *thread);

#endif
