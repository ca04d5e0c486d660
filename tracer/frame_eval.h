/* frame_eval.h — code that is not traced, or that counts by itself, runs without trace events: the frame evaluation
 * function of PEP 523, on CPython 3.8 to 3.11.
 *
 * There a trace function is called for every line of a thread, whatever file it is in, which makes code that nobody
 * asked about several times slower. But whether the interpreter looks for events at all can be switched (switch.h), and
 * the frame evaluation function sees each call before it is made: it switches events off for code that is not traced,
 * and back when that returns. Frames that are running already have events until they end.
 *
 * On 3.11, where hot code has a twin (tiers.h), it gives the frame of a call the twin before it is begun, and that of a
 * generator or coroutine before it goes on; and the original while somebody else has events. A frame that runs stays
 * as it is, because the interpreter keeps the code's constants in a register. So what loops is hot at once.
 *
 * On 3.11 a Python call within Python takes no C stack unless there is such a function. So it is taken away while a
 * stack is deep, and all threads have all events for that while; likewise where another tool has such a function, and
 * in a program with greenlets: one of them would go on as the other was switched. */
#ifndef HRT_FRAME_EVAL_H
#define HRT_FRAME_EVAL_H

#include "pycompat.h"

#if HRT_HAVE_FRAME_EVAL

/* From the next call on, where nobody else evaluates frames. */
void hrt_frame_eval_start(void);

void hrt_frame_eval_stop(void);

/* All frames that run have events again: the filters have changed, or this one is not asked for a while. */
void hrt_frame_eval_refresh(void);

#if HRT_EVENTS_HAVE_FLAG
/* An exception in the frame has been told to our trace function, and events would be on. */
void hrt_frame_eval_on_exception(const PyFrameObject *py_frame);
#endif

/* There are new threads, whose stacks may be smaller. */
void hrt_frame_eval_new_threads(void);

/* Has another tool taken our place, or given it back? Called now and then. */
void hrt_frame_eval_watch(void);

#endif
#endif
