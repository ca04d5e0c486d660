/* sampler.h — the thread that moves the tick and looks at every thread's stack.
 *
 * It holds no GIL while it waits, costs at most 1 % of a core (it slows itself down), blocks all signals, and is not
 * there while the process forks. */
#ifndef HRT_SAMPLER_H
#define HRT_SAMPLER_H

#include "tracer.h"

/* Starts the thread; a failure is noted in the segment and otherwise borne. GIL held. */
void hrt_sampler_start(void);

/* Ends the thread and waits for it; lets the GIL go meanwhile. */
void hrt_sampler_stop(void);

/* What the calling thread is called in its row from now on; NULL: its own name again. One thread has such a label, the
 * last that asked. GIL held. */
void hrt_sampler_label(const char *text);

/* Around each fork() of the process, also by C code without Python's hooks, after which the thread is still there, and
 * by threads that Python does not know: no pass is under way meanwhile. A child that goes on with Python would wait for
 * ever to hand the GIL to a thread that it has not got, or to get it from there. Waits for a pass, not for longer than
 * 20 ms. A thread that has the GIL lets it go for that, if nobody but the sampler can take it, and does not wait
 * otherwise. */
void hrt_sampler_before_fork(void);
void hrt_sampler_after_fork(void); /* in the parent */

/* In a forked child the thread is not there any more, and nobody may wait for its end. Async-signal-safe. */
void hrt_sampler_is_gone(void);

/* And then, with the GIL: what it knew of the program is forgotten. */
void hrt_sampler_forget(void);

#endif
