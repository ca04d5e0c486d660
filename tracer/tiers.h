/* tiers.h — which frames run a twin (twin.h): line hits counted by inline probes, without events.
 *
 * Tier 0 are the monitoring backend's events. When they have counted enough in a code object, the frame that just had
 * one goes on in the twin, and so does each later frame when it begins: tier 1. What the program can reach
 * shows it the original. Both tiers add to the same slots. All with the GIL held. */
#ifndef HRT_TIERS_H
#define HRT_TIERS_H

#include "codemap.h"

#if HRT_HAVE_TWINS

/* Once a process; sets a Python exception on failure. */
int hrt_tiers_init(void);

/* `tool_id`: ours of sys.monitoring, which has no callbacks yet. Environment: HEARTRATE_SHM_COUNT=events switches tier
 * 1 off; for tests: probes (tier 1 at once) and random (at random moments). */
void hrt_tiers_start(int tool_id);

/* Our tool has its events on, `py_line` is its callback of LINE events. When the interpreter keeps these elsewhere than
 * its headers say (internals may change between 3.x.y and 3.x.z), everything stays on tier 0. */
void hrt_tiers_check(PyObject *py_line);

/* Frames that still run a twin count for nothing from now on. Never fails. */
void hrt_tiers_stop(void);

/* The running frame, if it is one of this code (which has line events on) and at an event of ours, goes on in the twin
 * where it may: from `offset` of the original, in bytes (-1: where it is), behind that instruction's probe. Not while
 * another tool listens, so that it meets code that it knows. */
void hrt_tiers_enter(struct hrt_code *code, int offset);

/* Functions have their own code again if another tool is there that would meet their twins. To be called when one may
 * have come. */
void hrt_tiers_tend(void);

/* Whether events have counted so much that a twin is worth its making. */
static inline bool hrt_tiers_is_hot(const struct hrt_code *code)
{
	return code->events >= code->hot_at;
}

/* The code, from now on with line events, may become hot. */
void hrt_tiers_watch(struct hrt_code *code);

/* Whether the code is a twin: then it counts from now on if it did not (a frame that outlived stop()). */
bool hrt_tiers_is_twin(struct hrt_code *code);

/* The pair whose twin this is, NULL when it is none. */
struct hrt_twin_pair *hrt_tiers_pair(PyCodeObject *py_code);

/* A call that has begun in the twin (it is at its PY_START event) while another tool listens begins anew in the
 * original, where the event comes again; false when the running frame is no such call. */
bool hrt_tiers_begin_anew(struct hrt_twin_pair *pair);

/* The twin of code on which a tool (an int) other than ours sets events, NULL when it has none. Borrowed. No function
 * has it from now on. */
PyCodeObject *hrt_tiers_others_twin(PyCodeObject *py_code, PyObject *py_tool);

/* Whether that tool of sys.monitoring, or what a program passes as one, is ours. */
bool hrt_tiers_is_own(int tool_id);
bool hrt_tiers_is_own_tool(PyObject *py_tool);

#else /* a Python whose bytecode twin.c does not know: everything stays on tier 0 */

static inline int hrt_tiers_init(void)
{
	return 0;
}

static inline void hrt_tiers_start(int tool_id)
{
	(void)tool_id;
}

static inline void hrt_tiers_check(PyObject *py_line)
{
	(void)py_line;
}

static inline void hrt_tiers_stop(void)
{
}

static inline void hrt_tiers_enter(struct hrt_code *code, int offset)
{
	(void)code, (void)offset;
}

static inline void hrt_tiers_tend(void)
{
}

static inline bool hrt_tiers_is_hot(const struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline void hrt_tiers_watch(struct hrt_code *code)
{
	(void)code;
}

static inline bool hrt_tiers_is_twin(struct hrt_code *code)
{
	(void)code;
	return false;
}

#endif
#endif
