/* pyframe.h — Python frames of threads, generators and coroutines, looked at without touching them.
 *
 * From 3.11 on a frame object comes into being only when somebody asks for it. Asking would cost memory and time for
 * every frame of a deep stack, and shift the program's garbage collections; so the evaluation loop's own records are
 * read. A frame is valid while the GIL is held and nothing runs. */
#ifndef HRT_PYFRAME_H
#define HRT_PYFRAME_H

#include "places.h"

struct hrt_pyframe; /* the interpreter's: _PyInterpreterFrame, below 3.11 PyFrameObject */

/* Once a process: that the interpreter keeps its frames as its headers said. Sets a Python exception if not. */
int hrt_pyframe_init(void);

/* The innermost frame of a thread, and the one that called `frame`; NULL when there is none. */
const struct hrt_pyframe *hrt_pyframe_top(PyThreadState *thread);
const struct hrt_pyframe *hrt_pyframe_back(const struct hrt_pyframe *frame);

/* The frame of a generator, coroutine or asynchronous generator; NULL when it has ended. */
const struct hrt_pyframe *hrt_pyframe_of(PyObject *py_generator);

/* Borrowed. */
PyCodeObject *hrt_pyframe_code(const struct hrt_pyframe *frame);
#if HRT_HAVE_FRAME_EVAL
PyObject *hrt_pyframe_globals(const struct hrt_pyframe *frame);
#endif

#if HRT_HAVE_FRAME_EVAL && HRT_HAVE_TWINS
/* The frame that the thread's innermost call of the evaluation loop runs, if it can be known: NULL for several, which
 * have taken no C stack, and for those of generators, because throw() shows the one that delegates in its place. */
const struct hrt_pyframe *hrt_pyframe_evaluated(PyThreadState *thread);
#endif

#if HRT_HAVE_FRAME_EVAL && HRT_EVENTS_HAVE_FLAG
/* A mark of ours on a frame. It has none unless it was put there, and it is to be taken away before the frame ends. */
void hrt_pyframe_mark(const struct hrt_pyframe *frame, bool marked);
bool hrt_pyframe_is_marked(const PyFrameObject *py_frame);
#elif HRT_HAVE_FRAME_EVAL
static inline void hrt_pyframe_mark(const struct hrt_pyframe *frame, bool marked)
{
	(void)frame, (void)marked;
}
#endif

#if HRT_HAVE_TWINS
/* How large, in words, frames of the code are made. That can be set, but for debug builds of the interpreter. */
int hrt_pyframe_size_of(const PyCodeObject *py_code);
void hrt_pyframe_set_size_of(PyCodeObject *py_code, int size);

/* How large the thread's innermost frame may be, when `made_with` is the least that any frame of its code was made
 * with. */
int hrt_pyframe_size(PyThreadState *thread, const struct hrt_pyframe *frame, int made_with);

/* Whether anybody, a traceback perhaps, has the frame as an object. */
bool hrt_pyframe_is_held(const struct hrt_pyframe *frame);

#if HRT_GO_OVER_AT_EVENTS
/* The function whose call it is (of modules and classes one made for the purpose); borrowed, may be NULL. */
PyObject *hrt_pyframe_function(const struct hrt_pyframe *frame);
#endif

/* The frame goes on with other code for the same variables and stack: with `unit` when it is at an event of
 * sys.monitoring; behind it (-1: at the beginning) when it is about to be evaluated. */
void hrt_pyframe_move(const struct hrt_pyframe *frame, PyCodeObject *py_code, int unit);
#endif

/* Bytes from the code's start to the running instruction; negative before the first. */
int hrt_pyframe_offset(const struct hrt_pyframe *frame);

/* The running expression; below 3.11 only its line. */
struct hrt_position hrt_pyframe_position(const struct hrt_pyframe *frame);

#endif
