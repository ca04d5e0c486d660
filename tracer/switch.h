/* switch.h — whether what a thread runs has trace events, to be switched from call to call (frame_eval.h).
 *
 * On 3.10 and 3.11 each C frame has a flag that says whether the interpreter looks for events. On 3.8 and 3.9 it looks
 * for them as long as the thread has a trace function, so there ours is taken away from the thread and given back. None
 * in the place of its object says that it is hidden and not gone: for sys.gettrace() that is the same as nothing. */
#ifndef HRT_SWITCH_H
#define HRT_SWITCH_H

#include "backend_settrace.h"

#if HRT_HAVE_FRAME_EVAL
#if HRT_EVENTS_HAVE_FLAG

static inline bool hrt_switch_is_hidden(const PyThreadState *thread)
{
	(void)thread;
	return false;
}

static inline bool hrt_switch_is_on(const PyThreadState *thread)
{
	return thread->cframe->use_tracing != 0;
}

/* As the interpreter itself sets the flag, for whoever has a trace function or a profiler there. */
static inline void hrt_switch(const PyThreadState *thread, bool on)
{
	thread->cframe->use_tracing = on && (thread->c_tracefunc || thread->c_profilefunc) ? HRT_TRACING_ON : 0;
}

#else

static inline bool hrt_switch_is_hidden(const PyThreadState *thread)
{
	return !thread->c_tracefunc && thread->c_traceobj == Py_None;
}

static inline bool hrt_switch_is_on(const PyThreadState *thread)
{
	return thread->c_tracefunc != NULL;
}

/* Leaves another tool's trace function alone. */
static inline void hrt_switch(PyThreadState *thread, bool on)
{
	if (on ? !hrt_switch_is_hidden(thread) : thread->c_tracefunc != hrt_settrace_event)
		return;
	thread->c_tracefunc = on ? hrt_settrace_event : NULL;
	*hrt_py_traced_threads() += on ? 1 : -1;
	thread->use_tracing = on || thread->c_profilefunc;
	if (on)
		Py_CLEAR(thread->c_traceobj);
	else
		thread->c_traceobj = Py_NewRef(Py_None);
}

#endif

/* Whether the thread has our trace function. */
static inline bool hrt_switch_is_ours(const PyThreadState *thread)
{
	return thread->c_tracefunc == hrt_settrace_event || hrt_switch_is_hidden(thread);
}

#endif
#endif
