/* backend_settrace.h — what the trace function's backend and frame_eval.c have in common. */
#ifndef HRT_BACKEND_SETTRACE_H
#define HRT_BACKEND_SETTRACE_H

#include "tracer.h"

#if !HRT_HAVE_MONITORING

extern PyThreadState *const *hrt_settrace_head; /* of the interpreter's list: the newest thread */
extern uint64_t hrt_settrace_known; /* id (never used twice) of the newest thread when all had our function; 0 none */

/* The trace function. */
int hrt_settrace_event(PyObject *self, PyFrameObject *py_frame, int what, PyObject *py_arg);

/* A fork, or a new thread, that nobody has looked at yet. */
static inline bool hrt_settrace_is_behind(void)
{
	return hrt_tracer.forked || (*hrt_settrace_head)->id != hrt_settrace_known;
}

void hrt_settrace_catch_up(void);

struct hrt_code;

/* hrt_code_decide(), and what is counted from now on may become hot. */
struct hrt_code *hrt_settrace_decide(PyCodeObject *py_code, PyObject *py_globals);

#endif
#endif
