/* switch.h — whether what a thread runs has trace events, to be switched from call to call (frame_eval.h).
 *
 * On 3.10 and 3.11 each C frame has a flag that says whether the interpreter looks for events. On 3.8 and 3.9 it looks
 * for them as long as the thread has a trace function, so there ours is hidden: taken away from the thread, with None
 * in the place of its object, which says that it comes back. For sys.gettrace() that is the same as nothing. From 3.10
 * on it hides so from the interpreter when that has told it of an exception where there are no events, and would set
 * the flag. */
#ifndef HRT_SWITCH_H
#define HRT_SWITCH_H

#include "backend_settrace.h"

#if HRT_HAVE_FRAME_EVAL

static inline bool hrt_switch_is_hidden(const PyThreadState *thread)
{
	return !thread->c_tracefunc && thread->c_traceobj == Py_None;
}

/* The thread has our trace function, and as if it had not. */
static inline void hrt_switch_hide(PyThreadState *thread)
{
	thread->c_tracefunc = NULL;
	thread->c_traceobj = Py_NewRef(Py_None);
}

static inline void hrt_switch_show(PyThreadState *thread)
{
	thread->c_tracefunc = hrt_settrace_event;
	Py_CLEAR(thread->c_traceobj);
}

#if HRT_EVENTS_HAVE_FLAG

static inline bool hrt_switch_is_on(const PyThreadState *thread)
{
	return thread->cframe->use_tracing != 0;
}

/* Switched off, by us, and nothing has become of it since. */
static inline bool hrt_switch_is_off(const PyThreadState *thread)
{
	return thread->c_tracefunc == hrt_settrace_event && !hrt_switch_is_on(thread);
}

/* As the interpreter itself sets the flag, for whoever has a trace function or a profiler there. */
static inline void hrt_switch(PyThreadState *thread, bool on)
{
	if (hrt_switch_is_hidden(thread))
		hrt_switch_show(thread);
	thread->cframe->use_tracing = on && (thread->c_tracefunc || thread->c_profilefunc) ? HRT_TRACING_ON : 0;
}

#else

static inline bool hrt_switch_is_on(const PyThreadState *thread)
{
	return thread->c_tracefunc != NULL;
}

static inline bool hrt_switch_is_off(const PyThreadState *thread)
{
	return hrt_switch_is_hidden(thread);
}

/* Leaves another tool's trace function alone. */
static inline void hrt_switch(PyThreadState *thread, bool on)
{
	if (on && hrt_switch_is_hidden(thread))
		hrt_switch_show(thread);
	else if (!on && thread->c_tracefunc == hrt_settrace_event)
		hrt_switch_hide(thread);
	else
		return;
	*hrt_py_traced_threads() += on ? 1 : -1;
	thread->use_tracing = on || thread->c_profilefunc;
}

#endif

/* Whether the thread has our trace function. */
static inline bool hrt_switch_is_ours(const PyThreadState *thread)
{
	return thread->c_tracefunc == hrt_settrace_event || hrt_switch_is_hidden(thread);
}

#endif
#endif
