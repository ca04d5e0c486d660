/* pycompat.h — what differs between CPython 3.8 and 3.15, and nothing else.
 *
 * The only file that may ask for PY_VERSION_HEX. Everything here is a thin name for one interpreter fact. */
#ifndef HRT_PYCOMPAT_H
#define HRT_PYCOMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>

#include <stdbool.h>
#include <stdint.h>

#if PY_VERSION_HEX < 0x03080000
#error "heartrate_shm needs CPython 3.8 or newer"
#endif

/* PEP 669. Below it a C trace function serves. */
#if PY_VERSION_HEX >= 0x030C0000
#define HRT_HAVE_MONITORING 1
#else
#define HRT_HAVE_MONITORING 0
#endif

/* From 3.13 on, where a RESUME and what follows share a line (one-line functions and lambdas, a delegation that is not
 * its line's last), the LINE event comes only behind an instrumented RESUME: it stops when a callback answers DISABLE
 * to PY_START or PY_RESUME. Measured on 3.13.0, 3.13.15, 3.14.8 and 3.15.0; 3.12 does not need it. */
#define HRT_LINE_NEEDS_RESUME (PY_VERSION_HEX >= 0x030D0000)
#if PY_VERSION_HEX >= 0x030F0000
#define HRT_RESUME_BYTES 4 /* with its cache entry */
#else
#define HRT_RESUME_BYTES 2
#endif

/* Inline probes: the bytecode of a version must be known to twin.c, and the oracle have passed there. */
#define HRT_HAVE_TWINS (PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x03100000)

/* Frames and functions go over to twins at events of sys.monitoring; on 3.11 when they are evaluated. */
#define HRT_GO_OVER_AT_EVENTS (HRT_HAVE_TWINS && HRT_HAVE_MONITORING)

/* The interpreter marks the instructions that have line events on. Before, it compares lines as it goes along. */
#define HRT_EVENTS_ARE_MARKED (PY_VERSION_HEX >= 0x030C0000)
/* Loops and delegations end at instructions of their own, END_FOR and END_SEND; before, where their jumps lead. */
#define HRT_ENDS_ARE_MARKED (PY_VERSION_HEX >= 0x030C0000)
/* Debug builds assert that a frame is as large as the code says that it ends with. */
#if defined(Py_DEBUG)
#define HRT_FRAME_SIZES_ARE_ASSERTED 1
#else
#define HRT_FRAME_SIZES_ARE_ASSERTED 0
#endif
/* Conditional jumps only lead on; before, some lead back. */
#define HRT_JUMPS_ONLY_ON (PY_VERSION_HEX >= 0x030C0000)

/* How loops end: FOR_ITER goes on behind END_FOR, from 3.13 on behind what pops the iterator as well, which is for
 * generators' ends: POP_TOP on 3.13, which must therefore stay there, later POP_ITER. */
#define HRT_LOOP_EXIT_SKIPS (PY_VERSION_HEX >= 0x030D0000)
#define HRT_LOOP_EXIT_POPS  (PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000)
/* throw() enters a generator at the RESUME behind its yield; on 3.12 at the yield. */
#define HRT_THROW_ENTERS_AT_RESUME (PY_VERSION_HEX >= 0x030D0000)
/* The stack effects of a generator's code begin with what RETURN_GENERATOR leaves. */
#define HRT_GENERATORS_BEGIN_WITH_ONE (PY_VERSION_HEX < 0x030D0000)
/* END_ASYNC_FOR tells branch events where its loop is. */
#define HRT_END_ASYNC_FOR_POINTS_BACK (PY_VERSION_HEX >= 0x030E0000)

/* Instrumentation keeps a line as its distance from where it is guessed to be, one byte: what lies farther had line
 * events too many on 3.13.0 (FOUND in tests/fuzz/counts.py), and none on 3.13.15. */
#define HRT_FAR_LINES_ARE_EXACT 0x030d0ff0

/* On 3.12 a frame that called a function stands in the cache behind the call, which has no line: a line event more. */
#define HRT_CALLS_RETURN_INTO_CACHES (PY_VERSION_HEX < 0x030D0000)

/* From 3.13 on an exception that comes out of a Python function is looked for in the exception table one code unit
 * before the instruction that called it. */
#define HRT_CALLS_RAISE_ONE_BEFORE (PY_VERSION_HEX >= 0x030D0000)

/* Tables of opcodes are in a header of their own. */
#define HRT_OPCODES_HAVE_METADATA (PY_VERSION_HEX >= 0x030D0000)

/* Code says how large its frames are; before, that follows from its variables and its stack. */
#define HRT_CODE_HAS_FRAME_SIZE (PY_VERSION_HEX >= 0x030C0000)

/* References in frame records carry tags. */
#define HRT_FRAMES_HAVE_TAGS (PY_VERSION_HEX >= 0x030E0000)

/* pycore_code.h: CO_FAST_LOCAL, CO_FAST_CELL, CO_FAST_FREE. */
enum { HRT_KIND_LOCAL = 0x20, HRT_KIND_CELL = 0x40, HRT_KIND_FREE = 0x80 };

/* os.fork() counts threads after the after_in_parent hooks have run and warns when there are several (3.12 and
 * 3.13.0): a thread that is started again by a hook would be seen. */
#define HRT_FORK_COUNTS_THREADS_LATE (PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030E0000)

/* Py_AddPendingCall() waits for the main thread there, which may be in a join() for hours; what it calls does not
 * (3.12: the last parameter is "main thread only"; 3.13: flags, of which 0 is none). */
#if HRT_FORK_COUNTS_THREADS_LATE
extern int _PyEval_AddPendingCall(PyInterpreterState *interpreter, int (*call)(void *), void *arg, int flags);

static inline int hrt_py_call_soon(int (*call)(void *))
{
	return _PyEval_AddPendingCall(PyInterpreterState_Get(), call, NULL, 0);
}
#endif

/* os.fork() holds the lock of the list of threads meanwhile. */
#define HRT_FORK_LOCKS_THREADS (PY_VERSION_HEX >= 0x030D0000)

/* The kernel's thread id is in the thread state from 3.11 on. */
#define HRT_HAVE_NATIVE_ID (PY_VERSION_HEX >= 0x030B0000)

/* Frames are records of the evaluation loop's own from 3.11 on; frame objects are made when somebody asks (pyframe.c).
 * Up to 3.12 a thread's newest is found through its C frame. */
#define HRT_HAVE_FRAME_RECORDS  (PY_VERSION_HEX >= 0x030B0000)
#define HRT_HAVE_C_FRAMES       (PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000)
#define HRT_HAVE_FIRST_COMPLETE (PY_VERSION_HEX >= 0x030C0000)
#define HRT_FRAME_RECORDS_APART (PY_VERSION_HEX >= 0x030E0000) /* in a header of their own */

/* PEP 523; later versions need no such function. From 3.10 on each C frame has a flag that says whether it looks for
 * trace events; 3.8 and 3.9 ask the thread. */
#define HRT_HAVE_FRAME_EVAL  (PY_VERSION_HEX < 0x030C0000)
#define HRT_EVENTS_HAVE_FLAG (PY_VERSION_HEX >= 0x030A0000)

/* asyncio keeps what it knows of a thread in the thread's state: its running loop from 3.13 on, its running task and
 * the list of its tasks from 3.14 on; before that in a dictionary and in sets. */
#define HRT_HAVE_LOOP_IN_THREAD  (PY_VERSION_HEX >= 0x030D0000)
#define HRT_HAVE_TASKS_IN_THREAD (PY_VERSION_HEX >= 0x030E0000)

#ifdef Py_GIL_DISABLED
#define HRT_FREE_THREADED 1
#else
#define HRT_FREE_THREADED 0
#endif

/* The interpreter that runs, which need not be of the release whose headers we were built with. */
static inline uint32_t hrt_python_hex(void)
{
#if PY_VERSION_HEX >= 0x030B0000
	return (uint32_t)Py_Version;
#else
	PyObject *py_hex = PySys_GetObject("hexversion"); /* borrowed */
	unsigned long hex = py_hex && PyLong_Check(py_hex) ? PyLong_AsUnsignedLongMask(py_hex) : PY_VERSION_HEX;

	return (uint32_t)hex;
#endif
}

/* Of 3.11.0 to 3.11.3 (subscripts.h). */
#define HRT_SUBSCRIPTS_MAY_GO_PAST (PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000)
#if HRT_SUBSCRIPTS_MAY_GO_PAST
static inline bool hrt_py_subscripts_go_past(void)
{
	return hrt_python_hex() < 0x030B0400;
}
#endif

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
	Py_INCREF(object);
	return object;
}
#endif

/* New reference. */
static inline PyObject *hrt_py_type_dict(PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030C0000
	return PyType_GetDict(type);
#else
	return Py_NewRef(type->tp_dict);
#endif
}

/* How a builtin function is called; NULL of NULL and of everything else. It is part of its module, and outlives the
 * function. */
static inline PyMethodDef *hrt_py_method(PyObject *py_function)
{
#if PY_VERSION_HEX >= 0x03090000
	bool is_builtin = py_function && PyCFunction_CheckExact(py_function);
#else
	bool is_builtin = py_function && PyCFunction_Check(py_function);
#endif
	return is_builtin ? ((PyCFunctionObject *)py_function)->m_ml : NULL;
}

/* ---- code objects ---- */

/* Code that has a co_extra cannot be given to another interpreter (_PyCode_CheckNoInternalState). */
#define HRT_CODE_EXTRAS_MATTER (PY_VERSION_HEX >= 0x030E0000)

#if PY_VERSION_HEX >= 0x030C0000
#define hrt_py_request_extra_index PyUnstable_Eval_RequestCodeExtraIndex
#define hrt_py_set_extra           PyUnstable_Code_SetExtra
#else
#define hrt_py_request_extra_index _PyEval_RequestCodeExtraIndex
#define hrt_py_set_extra           _PyCode_SetExtra
#endif

#if PY_VERSION_HEX >= 0x030C0000
#define hrt_py_new_code PyUnstable_Code_NewWithPosOnlyArgs
#elif PY_VERSION_HEX >= 0x030B0000
#define hrt_py_new_code PyCode_NewWithPosOnlyArgs
#endif

/* An exception that is under way, put aside for a while. */
struct hrt_py_exception {
	PyObject *py_value;
#if PY_VERSION_HEX < 0x030C0000
	PyObject *py_type, *py_traceback;
#endif
};

static inline struct hrt_py_exception hrt_py_put_aside(void)
{
	struct hrt_py_exception pending;

#if PY_VERSION_HEX >= 0x030C0000
	pending.py_value = PyErr_GetRaisedException();
#else
	PyErr_Fetch(&pending.py_type, &pending.py_value, &pending.py_traceback);
#endif
	return pending;
}

/* In place of any other. */
static inline void hrt_py_take_up(struct hrt_py_exception pending)
{
#if PY_VERSION_HEX >= 0x030C0000
	PyErr_SetRaisedException(pending.py_value);
#else
	PyErr_Restore(pending.py_type, pending.py_value, pending.py_traceback);
#endif
}

#if PY_VERSION_HEX >= 0x030B0000
/* New reference to the bytes of the code without specialisation and instrumentation. The code object keeps those
 * that were asked for; what only we asked for is given back (100 bytes a function of ten lines). */
static inline PyObject *hrt_py_bytecode(PyCodeObject *py_code)
{
#if PY_VERSION_HEX >= 0x030C0000
	bool kept_none = !py_code->_co_cached, kept = !kept_none && py_code->_co_cached->_co_code;
	PyObject *py_bytecode = PyCode_GetCode(py_code);

	if (!kept && py_code->_co_cached)
		Py_CLEAR(py_code->_co_cached->_co_code);
	if (kept_none) {
		PyMem_Free(py_code->_co_cached);
		py_code->_co_cached = NULL;
	}
	return py_bytecode;
#else
	bool kept = py_code->_co_code;
	PyObject *py_bytecode = PyCode_GetCode(py_code);

	if (!kept)
		Py_CLEAR(py_code->_co_code);
	return py_bytecode;
#endif
}
#endif

/* Borrowed. */
static inline PyObject *hrt_py_linetable(PyCodeObject *py_code)
{
#if PY_VERSION_HEX >= 0x030A0000
	return py_code->co_linetable;
#else
	return py_code->co_lnotab;
#endif
}

/* Borrowed. */
static inline PyObject *hrt_py_qualname(PyCodeObject *py_code)
{
#if PY_VERSION_HEX >= 0x030B0000
	return py_code->co_qualname;
#else
	return py_code->co_name;
#endif
}

/* co_linetable has positions, in a format of its own (places.h). */
#define HRT_HAVE_PLACES (PY_VERSION_HEX >= 0x030B0000)

/* co_lines() gives (start, end, line); before 3.10 co_lnotab is pairs of (address delta, signed line delta). */
#define HRT_HAVE_CO_LINES (PY_VERSION_HEX >= 0x030A0000)

/* ---- frames and threads; borrowed references: valid while the GIL is held and the frame runs ---- */

/* Whether the calling thread, which Python need not know, has the GIL. */
static inline bool hrt_py_has_gil(void)
{
	PyThreadState *mine = PyGILState_GetThisThreadState();
#if PY_VERSION_HEX >= 0x030D0000
	return mine && PyThreadState_GetUnchecked() == mine;
#else
	return mine && _PyThreadState_UncheckedGet() == mine;
#endif
}

/* Not PyThreadState_Next(): it lies where the interpreter otherwise never goes, which costs memory
 * (docs/benchmarks.md). */
static inline PyThreadState *hrt_py_next_thread(PyThreadState *thread)
{
	return thread->next;
}

/* New reference, or NULL: the outermost. */
static inline PyFrameObject *hrt_py_frame_back(PyFrameObject *py_frame)
{
#if PY_VERSION_HEX >= 0x03090000
	return PyFrame_GetBack(py_frame);
#else
	Py_XINCREF(py_frame->f_back);
	return py_frame->f_back;
#endif
}

static inline PyCodeObject *hrt_py_frame_code(PyFrameObject *py_frame)
{
#if PY_VERSION_HEX >= 0x030B0000
	PyCodeObject *py_code = PyFrame_GetCode(py_frame);
	Py_DECREF(py_code);
	return py_code;
#else
	return py_frame->f_code;
#endif
}

/* False while a thread state is in the interpreter's list and not filled yet: 3.11 publishes it first, and a thread
 * that was not made by Python makes its state without the GIL. */
static inline bool hrt_py_thread_ready(const PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
	return __atomic_load_n(&thread->_initialized, __ATOMIC_ACQUIRE) != 0;
#else
	(void)thread;
	return true;
#endif
}

static inline PyInterpreterState *hrt_py_interpreter(void)
{
#if PY_VERSION_HEX >= 0x03090000
	return PyInterpreterState_Get();
#else
	return _PyInterpreterState_Get();
#endif
}

/* The little that the sampler makes is freed at once, but making an object may start the collector (before 3.12 at
 * once): finalizers of the program must not run on our thread. */
static inline int hrt_py_gc_pause(void)
{
#if PY_VERSION_HEX >= 0x030A0000
	return PyGC_Disable();
#else
	return 0;
#endif
}

static inline void hrt_py_gc_resume(int was_enabled)
{
#if PY_VERSION_HEX >= 0x030A0000
	if (was_enabled)
		PyGC_Enable();
#else
	(void)was_enabled;
#endif
}

/* New reference to what a weak reference points at, NULL when it is gone. */
static inline PyObject *hrt_py_weakref_get(PyObject *py_ref)
{
	PyObject *py_object = NULL;
#if PY_VERSION_HEX >= 0x030D0000
	if (PyWeakref_GetRef(py_ref, &py_object) < 0)
		PyErr_Clear();
#else
	py_object = PyWeakref_GET_OBJECT(py_ref);
	py_object = py_object == Py_None ? NULL : Py_NewRef(py_object);
#endif
	return py_object;
}

/* ---- the trace function of a thread that need not be ours (below 3.12) ---- */

#if !HRT_HAVE_MONITORING
/* Include/internal/pycore_interp.h: how PyInterpreterState begins on these versions, none of which changes any more.
 * Read directly because each event looks at it; hrt_backend_init() checks it against PyInterpreterState_ThreadHead().
 */
struct hrt_py_interpreter {
	void *next;
#if PY_VERSION_HEX >= 0x030B0000
	uint64_t next_unique_id;
#endif
	PyThreadState *thread_head;
};

/* The line of the PyTrace_LINE event that is being delivered. */
static inline int hrt_py_event_line(PyFrameObject *py_frame)
{
#if PY_VERSION_HEX >= 0x030B0000
	return PyFrame_GetLineNumber(py_frame);
#else
	return py_frame->f_lineno; /* PyFrame_GetLineNumber() would decode the line table on 3.8 and 3.9 */
#endif
}

/* Below 3.10 the interpreter counts the threads that have a trace function, and looks at none while there are none. */
#define HRT_TRACED_THREADS_COUNTED    (PY_VERSION_HEX < 0x030A0000)
#define HRT_TRACED_THREADS_IN_RUNTIME (PY_VERSION_HEX < 0x03090000)
#if HRT_TRACED_THREADS_COUNTED
int *hrt_py_traced_threads(void); /* pyinternal.c */
#endif

/* Gives a thread, whose slot is free or ours, another trace function. Not as sys.settrace() does it: that raises an
 * audit event, and behind its hooks the thread may be gone, or the tracer stopped. */
static inline void hrt_py_set_trace(PyThreadState *thread, Py_tracefunc function)
{
	PyObject *py_was = thread->c_traceobj;
	bool had = thread->c_tracefunc != NULL, any = function || thread->c_profilefunc;

	thread->c_tracefunc = function;
	thread->c_traceobj = NULL;
#if PY_VERSION_HEX >= 0x030B0000
	thread->cframe->use_tracing = any && thread->tracing == 0 ? 255 : 0;
#elif PY_VERSION_HEX >= 0x030A0000
	thread->cframe->use_tracing = any;
#else
	thread->use_tracing = any;
	*hrt_py_traced_threads() += (function != NULL) - had;
#endif
	(void)had;
	Py_XDECREF(py_was);
}
#endif

#if HRT_HAVE_MONITORING
/* A line number or code offset that an event brings: never negative, always below 2^30, so its one digit is all of it.
 */
static inline uint32_t hrt_py_small(PyObject *py_int)
{
	return ((PyLongObject *)py_int)->long_value.ob_digit[0];
}
#endif

#if HRT_HAVE_FRAME_EVAL
#if PY_VERSION_HEX >= 0x030B0000
typedef struct _PyInterpreterFrame hrt_py_frame;
#define HRT_TRACING_ON 255
#else
typedef PyFrameObject hrt_py_frame;
#define HRT_TRACING_ON 1
#endif

/* A function that evaluates frames, called with HRT_PY_EVAL_PARAMETERS, is the interpreter's; HRT_PY_EVAL_THREAD is the
 * thread. */
#if PY_VERSION_HEX >= 0x03090000
#define HRT_PY_EVAL_PARAMETERS PyThreadState *thread, hrt_py_frame *frame, int throwing
#define HRT_PY_EVAL_THREAD     (void)thread

static inline PyObject *hrt_py_eval(HRT_PY_EVAL_PARAMETERS)
{
	return _PyEval_EvalFrameDefault(thread, frame, throwing);
}

static inline _PyFrameEvalFunction hrt_py_eval_function(void)
{
	return _PyInterpreterState_GetEvalFrameFunc(PyInterpreterState_Get());
}

static inline void hrt_py_set_eval_function(_PyFrameEvalFunction function)
{
	_PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), function);
}
#else
#define HRT_PY_EVAL_PARAMETERS hrt_py_frame *frame, int throwing
#define HRT_PY_EVAL_THREAD     PyThreadState *thread = PyThreadState_Get()

static inline PyObject *hrt_py_eval(PyThreadState *thread, hrt_py_frame *frame, int throwing)
{
	(void)thread;
	return _PyEval_EvalFrameDefault(frame, throwing);
}

typedef PyObject *(*_PyFrameEvalFunction)(HRT_PY_EVAL_PARAMETERS);

_PyFrameEvalFunction hrt_py_eval_function(void); /* pyinternal.c */
void hrt_py_set_eval_function(_PyFrameEvalFunction function);
#endif

/* How many calls deep a thread is, against the recursion limit. */
static inline int hrt_py_depth(const PyThreadState *thread)
{
#if PY_VERSION_HEX >= 0x030B0000
	return thread->recursion_limit - thread->recursion_remaining;
#else
	return thread->recursion_depth;
#endif
}
#endif

/* Whether the interpreter is on its way down, behind its exit handlers. */
static inline bool hrt_py_is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
	return Py_IsFinalizing() != 0;
#else
	return _Py_IsFinalizing() != 0;
#endif
}

/* Room for a call that the program must not see fail for its own recursion depth: returns what to give back. */
static inline void hrt_py_recursion_lend(PyThreadState *thread, int frames)
{
#if PY_VERSION_HEX >= 0x030C0000
	thread->py_recursion_remaining += frames;
#elif PY_VERSION_HEX >= 0x030B0000
	thread->recursion_remaining += frames;
#else
	thread->recursion_depth -= frames;
#endif
}

#endif
