/* pyinternal.h — the few facts of CPython that only its internal headers tell.
 *
 * The only unit that includes them, so that everything else is built against the public interface. */
#ifndef HRT_PYINTERNAL_H
#define HRT_PYINTERNAL_H

#include "pycompat.h"

#if HRT_HAVE_TWINS

/* Code units of inline cache that follow an instruction. */
int hrt_py_cache_units(int opcode);

#endif

#if HRT_SUBSCRIPTS_MAY_GO_PAST

/* What an opcode is before specialisation. */
uint8_t hrt_py_plain_opcode(uint8_t opcode);

#endif

#if HRT_GO_OVER_AT_EVENTS

/* Whether a tool of sys.monitoring other than `tool_id` (sys.settrace and sys.setprofile among them) has events on
 * everywhere, or on this very code object, which runs. */
bool hrt_py_others_listen(PyCodeObject *py_code, int tool_id);

/* The same, everywhere only. */
bool hrt_py_others_listen_everywhere(int tool_id);

/* Code of the same signature for a function, as if it had been made with it: nobody is told (of `__code__` auditing
 * hooks and watchers are), and calls may be specialised for it. */
void hrt_py_set_code(PyFunctionObject *function, PyCodeObject *py_code);

enum { HRT_PY_START }; /* the event's number */

/* Where the interpreter keeps a tool's callback of an event (both from 0 on): a reference or NULL. NULL when there is
 * no such event. */
PyObject **hrt_py_callback(int tool_id, int event);

/* How many of an event's arguments behind the code are offsets in it. */
int hrt_py_event_offsets(int event);

/* Whether the running interpreter keeps events where the headers say, when `tool_id` has PY_START events on everywhere
 * and `py_line` is its callback of LINE events. */
bool hrt_py_keeps_events_there(int tool_id, PyObject *py_line);

/* Whether the events of `py_other` are of the same time as those of `py_code`, or it has never had any. */
bool hrt_py_same_events(PyCodeObject *py_code, PyCodeObject *py_other);

#endif

/* Whether somebody, this thread perhaps, holds the lock of the list of threads, without which none begins or ends. */
#if HRT_FORK_LOCKS_THREADS
bool hrt_py_threads_are_locked(void);
#else
static inline bool hrt_py_threads_are_locked(void)
{
	return false;
}
#endif

#endif
