/* go_over.h — frames and functions go over to twins (tiers.h) at events of sys.monitoring: 3.12 and later. GIL held. */
#ifndef HRT_GO_OVER_H
#define HRT_GO_OVER_H

#include "codemap.h"
#include "twin.h"

#if HRT_GO_OVER_AT_EVENTS

/* `tool_id`: ours of sys.monitoring, which has no callbacks yet. */
void hrt_go_over_start(int tool_id);

/* Our tool has its events on, `py_line` is its callback of LINE events. When the interpreter keeps these elsewhere than
 * its headers say (internals may change between 3.x.y and 3.x.z), everything stays on tier 0. */
void hrt_go_over_check(PyObject *py_line);

/* Functions have their own code again, and frames that still run a twin count for nothing. Never fails. */
void hrt_go_over_stop(void);

/* The running frame, if it is one of this hot code and at an event of ours, goes on in the twin where it may: from
 * `offset` of the original, in bytes (-1: where it is), behind that instruction's probe. Not while another tool
 * listens, so that it meets code that it knows. */
void hrt_go_over(struct hrt_code *code, int offset);

/* Functions have their own code again if another tool is there that would meet their twins. To be called when one may
 * have come. */
void hrt_go_over_tend(void);

/* A call that has begun in the twin (it is at its PY_START event) while another tool listens begins anew in the
 * original, where the event comes again; false when the running frame is no such call. */
bool hrt_go_over_begin_anew(struct hrt_twin_pair *pair);

/* The twin of code on which a tool (an int) other than ours sets events, NULL when it has none. Borrowed. No function
 * has a twin from now on. */
PyCodeObject *hrt_go_over_others_twin(PyCodeObject *py_code, PyObject *py_tool);

/* Whether that tool of sys.monitoring, or what a program passes as one, is ours. */
bool hrt_go_over_is_own(int tool_id);
bool hrt_go_over_is_own_tool(PyObject *py_tool);

#else

static inline void hrt_go_over_start(int tool_id)
{
	(void)tool_id;
}

static inline void hrt_go_over_check(PyObject *py_line)
{
	(void)py_line;
}

static inline void hrt_go_over_stop(void)
{
}

static inline void hrt_go_over(struct hrt_code *code, int offset)
{
	(void)code, (void)offset;
}

static inline void hrt_go_over_tend(void)
{
}

#endif
#endif
