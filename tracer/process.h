/* process.h — what becomes of the tracer when the process forks or ends. */
#ifndef HRT_PROCESS_H
#define HRT_PROCESS_H

#include "tracer.h"

/* Once a process, when the module is imported: the hooks of os.fork(), fork(), atexit and exit(). A trace() may come
 * when it is too late for them: in a hook, or while exit handlers run. Sets a Python exception on failure. */
int hrt_process_init(void);

/* In a forked child, with the GIL: gives it a segment of its own with all it has counted, or ends its tracing. Called
 * by Python's hook after a fork; where there is none, by a pending call and by a backend that finds hrt_tracer.forked.
 */
void hrt_process_settle(void);

/* Starts the sampler where it may run: not inside a fork or a call that wants the process alone, nor when the
 * interpreter is about to end. GIL held. */
void hrt_process_start_sampler(void);

/* Around a call for which the process must have no threads but the program's: the sampler ends meanwhile. GIL held. */
void hrt_process_begin_alone(void);
void hrt_process_end_alone(void);

#endif
