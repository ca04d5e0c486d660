/* backend_monitoring.c — line events through sys.monitoring (PEP 669, CPython 3.12+).
 *
 * A line is hit where sys.settrace has a line event: at each LINE event, and at each jump back within one line (the
 * interpreter's own emulation of sys.settrace, Python/legacy_tracing.c, adds these from JUMP events).
 *
 * Globally PY_START, PY_RESUME and PY_THROW tell of code that begins to run; each place answers DISABLE at once, so
 * that untraced code pays nothing. Code of traced files gets local LINE events, whose callback is an object of our
 * own type with a vectorcall slot: cheaper than any function object, and it goes from the code object to the counter
 * without a call. */
#include "pycompat.h"

#if HRT_HAVE_MONITORING

#include "backend.h"
#include "codemap.h"
#include "go_over.h"
#include "greenlets.h"
#include "process.h"
#include "tiers.h"

#include <stddef.h>

/* A callable that is nothing but its C function. */
struct callback {
	PyObject_HEAD vectorcallfunc call;
};

enum { LINE, JUMP, START, RESUME, THROW, CALLBACK_COUNT };

static PyTypeObject callback_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heartrate_shm._tracer.Callback",
        .tp_basicsize = sizeof(struct callback),
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
        .tp_vectorcall_offset = offsetof(struct callback, call),
        .tp_call = PyVectorcall_Call,
        .tp_doc = "Receives monitoring events.",
};

static PyObject *py_monitoring, *py_disable;
static PyObject *py_callbacks[CALLBACK_COUNT];
static int tool_id = -1;
static int event_line, event_jump, event_start, event_resume, event_throw;

static PyObject *on_line(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	struct hrt_code *code = hrt_code_peek((PyCodeObject *)args[0]);

	(void)self, (void)nargs, (void)kwnames;
	if (!code)
		Py_RETURN_NONE;
	hrt_code_hit(code, hrt_py_small(args[1]));
	code->heat++;
	if (hrt_tiers_is_hot(code))
		hrt_go_over(code, -1);
	Py_RETURN_NONE;
}

static PyObject *on_line_of_one_thread(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	if (!hrt_tracer_wants(PyThreadState_Get()))
		Py_RETURN_NONE;
	return on_line(self, args, nargs, kwnames);
}

/* The line that a jump from byte `from` to byte `to` hits again, 0 none. */
static int repeated_line(PyCodeObject *py_code, int from, int to)
{
	if (to >= from)
		return 0;
	int line = PyCode_Addr2Line(py_code, to);
	return line > 0 && PyCode_Addr2Line(py_code, from) == line ? line : 0;
}

/* args: code, offset of the jump, offset of its target; both are the same each time. */
static PyObject *on_jump(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	struct hrt_code *code = hrt_code_peek((PyCodeObject *)args[0]);
	int from = (int)hrt_py_small(args[1]);

	(void)self, (void)nargs, (void)kwnames;
	if (!code)
		Py_RETURN_NONE;
	struct hrt_jump jump = {0};
	if (code->jumps)
		jump = code->jumps[from / 2 % HRT_JUMPS];
	if (jump.line == 0 || jump.from != from) {
		jump = (struct hrt_jump){from, repeated_line(code->py_code, from, (int)hrt_py_small(args[2]))};
		if (jump.line == 0)
			return Py_NewRef(py_disable);
		if (!code->jumps)
			code->jumps = calloc(HRT_JUMPS, sizeof jump);
		if (code->jumps) /* without memory each time anew */
			code->jumps[from / 2 % HRT_JUMPS] = jump;
	}
	if (hrt_tracer.only_thread != 0 && !hrt_tracer_wants(PyThreadState_Get()))
		Py_RETURN_NONE;
	hrt_code_hit(code, (uint32_t)jump.line);
	code->heat++;
	if (hrt_tiers_is_hot(code))
		hrt_go_over(code, (int)hrt_py_small(args[2]));
	Py_RETURN_NONE;
}

/* Whether the line event behind the RESUME at byte `resume` needs that place's own event (pycompat.h): RESUME and what
 * follows share a line. */
static bool line_needs_resume(PyCodeObject *py_code, int resume)
{
#if HRT_LINE_NEEDS_RESUME
	return PyCode_Addr2Line(py_code, resume) == PyCode_Addr2Line(py_code, resume + HRT_RESUME_BYTES);
#else
	(void)py_code, (void)resume;
	return false;
#endif
}

/* Switches line events on for a traced code object. */
static void watch_lines(struct hrt_code *code)
{
	if (code->local_events)
		return;
	struct hrt_py_exception pending = hrt_py_put_aside();
	code->keep_start = line_needs_resume(code->py_code, code->py_code->_co_firsttraceable * 2 /* bytes a unit */);
	PyObject *py_done = PyObject_CallMethod(py_monitoring, "set_local_events", "iOi", tool_id, code->py_code,
	                                        event_line | event_jump);
	if (py_done) {
		code->local_events = true;
		hrt_tiers_watch(code);
		Py_DECREF(py_done);
	} else {
		PyErr_Clear();
		hrt_segment_drop(hrt_tracer.segment, HR_DROP_CODES, 1);
	}
	hrt_py_take_up(pending);
}

/* Code begins to run, or is resumed: its entry, NULL when it is not traced. *later: ask again (codemap.h). */
static struct hrt_code *look_at(PyObject *self, PyCodeObject *py_code, bool *later)
{
	struct hrt_code *code = hrt_code_peek(py_code);

	if (hrt_tracer.forked) {
		Py_INCREF(self); /* which ending lets go */
		hrt_process_settle();
		Py_DECREF(self);
		if (!hrt_tracer.segment)
			return NULL;
		code = hrt_code_peek(py_code);
	}
	if (code && hrt_tiers_is_twin(code))
		return code;
	if (!code || !code->local_events || code->generation != hrt_tracer.generation) {
		hrt_go_over_tend();
		code = hrt_code_decide(py_code, PyEval_GetGlobals(), later);
		if (code && code->counted)
			watch_lines(code);
	}
	return code;
}

/* Events that were asked for everywhere come from C code as well, which fires its own for an object that stands for its
 * code and may be of any type (PyMonitoring_FirePyStartEvent(), 3.13). */
static bool is_of_code(PyObject *const *args)
{
	return PyCode_Check(args[0]);
}

/* args: code, offset. Code that may be hot is asked about each time. */
static PyObject *on_start(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	bool later = false;

	(void)nargs, (void)kwnames;
	if (!is_of_code(args))
		return Py_NewRef(py_disable);
	struct hrt_code *code = hrt_code_peek((PyCodeObject *)args[0]);
	if (hrt_tracer.forked || !code || !code->local_events || code->generation != hrt_tracer.generation)
		code = look_at(self, (PyCodeObject *)args[0], &later);
	if (later)
		Py_RETURN_NONE;
	if (!code || !code->local_events)
		return Py_NewRef(py_disable);
	if (hrt_tiers_is_hot(code))
		hrt_go_over(code, (int)hrt_py_small(args[1]));
	if (code->keep_start || hrt_tiers_may_be_hot(code))
		Py_RETURN_NONE;
	return Py_NewRef(py_disable);
}

static PyObject *on_resume(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	bool later = false;

	(void)nargs, (void)kwnames;
	if (!is_of_code(args))
		return Py_NewRef(py_disable);
	struct hrt_code *code = look_at(self, (PyCodeObject *)args[0], &later);
	/* What comes after it on its line need not be the next instruction: jumps stand between. */
	if (later || (HRT_LINE_NEEDS_RESUME && code && code->local_events))
		Py_RETURN_NONE;
	return Py_NewRef(py_disable);
}

/* PY_THROW cannot be disabled. */
static PyObject *on_throw(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	bool later;

	(void)nargs, (void)kwnames;
	if (is_of_code(args))
		look_at(self, (PyCodeObject *)args[0], &later);
	Py_RETURN_NONE;
}

static int event_bit(const char *name)
{
	PyObject *py_events = PyObject_GetAttrString(py_monitoring, "events");
	PyObject *py_bit = py_events ? PyObject_GetAttrString(py_events, name) : NULL;
	int bit = py_bit ? (int)PyLong_AsLong(py_bit) : 0;

	Py_XDECREF(py_bit);
	Py_XDECREF(py_events);
	return bit;
}

static PyObject *make_callback(vectorcallfunc call)
{
	struct callback *callback = PyObject_New(struct callback, &callback_type);
	if (callback)
		callback->call = call;
	return (PyObject *)callback;
}

int hrt_backend_init(void)
{
	if (py_monitoring)
		return 0;
	if (PyType_Ready(&callback_type) != 0 || hrt_tiers_init() != 0)
		return -1;
	py_monitoring = Py_XNewRef(PySys_GetObject("monitoring"));
	if (!py_monitoring) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: this interpreter has no sys.monitoring");
		return -1;
	}
	py_disable = PyObject_GetAttrString(py_monitoring, "DISABLE");
	event_line = event_bit("LINE");
	event_jump = event_bit("JUMP");
	event_start = event_bit("PY_START");
	event_resume = event_bit("PY_RESUME");
	event_throw = event_bit("PY_THROW");
	if (PyErr_Occurred())
		Py_CLEAR(py_monitoring);
	return py_monitoring ? 0 : -1;
}

/* Calls a function of sys.monitoring for its effect; -1 with the exception set. */
static int monitoring(const char *function, const char *format, ...)
{
	PyObject *py_function = PyObject_GetAttrString(py_monitoring, function);
	PyObject *py_args = NULL, *py_done = NULL;
	va_list args;

	va_start(args, format);
	if (py_function)
		py_args = Py_VaBuildValue(format, args);
	va_end(args);
	if (py_args)
		py_done = PyObject_Call(py_function, py_args, NULL);
	Py_XDECREF(py_args);
	Py_XDECREF(py_function);
	Py_XDECREF(py_done);
	return py_done ? 0 : -1;
}

/* Ids 3 and 4 have no meaning of their own; those of debuggers, coverage and profilers are taken last. */
static int take_tool_id(void)
{
	static const int preferred[] = {4, 3, 5, 2, 1, 0};

	for (size_t i = 0; i < sizeof preferred / sizeof *preferred; i++) {
		PyObject *py_tool = PyObject_CallMethod(py_monitoring, "get_tool", "i", preferred[i]);
		bool free_id = py_tool == Py_None;
		if (!py_tool)
			return -1;
		Py_DECREF(py_tool);
		if (free_id) {
			if (monitoring("use_tool_id", "(is)", preferred[i], "heartrate_shm") != 0)
				return -1;
			tool_id = preferred[i];
			return 0;
		}
	}
	PyErr_SetString(PyExc_RuntimeError,
	                "heartrate_shm: all six sys.monitoring tool ids are taken: stop another tool first");
	return -1;
}

/* The innermost frames of all threads and suspended greenlets. New list, or NULL with the exception set. */
static PyObject *innermost_frames(void)
{
	PyObject *py_frames = PyList_New(0);

	for (PyThreadState *thread = PyInterpreterState_ThreadHead(hrt_py_interpreter()); py_frames && thread;
	     thread = hrt_py_next_thread(thread)) {
		if (!hrt_tracer_wants(thread))
			continue;
		PyObject *py_frame = (PyObject *)PyThreadState_GetFrame(thread);
		if (py_frame && PyList_Append(py_frames, py_frame) != 0)
			Py_CLEAR(py_frames);
		Py_XDECREF(py_frame);
	}
	if (py_frames && hrt_greenlets_add_frames(py_frames) != 0)
		Py_CLEAR(py_frames);
	return py_frames;
}

/* Line events for the code of every frame that is running now. Deciding runs filters, which may let other threads run
 * and end: the frames are held meanwhile. */
static int watch_running_frames(void)
{
	PyThreadState *own = PyThreadState_Get();
	PyObject *py_frames = innermost_frames();

	if (!py_frames)
		return -1;
	own->tracing++; /* filters are asked: their lines are not the program's */
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(py_frames); i++) {
		PyFrameObject *py_frame = (PyFrameObject *)Py_NewRef(PyList_GET_ITEM(py_frames, i));
		while (py_frame) {
			PyCodeObject *py_code = PyFrame_GetCode(py_frame);
			PyObject *py_globals = PyFrame_GetGlobals(py_frame);
			struct hrt_code *code = hrt_code_peek(py_code);
			bool later;
			if (!code || !hrt_tiers_is_twin(code)) {
				code = hrt_code_decide(py_code, py_globals, &later);
				if (code && code->counted)
					watch_lines(code);
			}
			Py_DECREF(py_globals);
			Py_DECREF(py_code);
			PyFrameObject *py_back = hrt_py_frame_back(py_frame);
			Py_DECREF(py_frame);
			py_frame = py_back;
		}
	}
	own->tracing--;
	Py_DECREF(py_frames);
	return 0;
}

int hrt_backend_start(void)
{
	const vectorcallfunc calls[CALLBACK_COUNT] = {
	        [LINE] = hrt_tracer.only_thread ? on_line_of_one_thread : on_line,
	        [JUMP] = on_jump,
	        [START] = on_start,
	        [RESUME] = on_resume,
	        [THROW] = on_throw,
	};
	const struct {
		int event;
		int which;
	} wanted[] = {
	        {event_line, LINE},     {event_jump, JUMP},   {event_start, START},
	        {event_resume, RESUME}, {event_throw, THROW},
	};

	for (int i = 0; i < CALLBACK_COUNT; i++) {
		py_callbacks[i] = make_callback(calls[i]);
		if (!py_callbacks[i])
			return -1;
	}
	if (take_tool_id() != 0)
		return -1;
	hrt_go_over_start(tool_id);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (monitoring("register_callback", "(iiO)", tool_id, wanted[i].event, py_callbacks[wanted[i].which]) !=
		    0) /* calls audit hooks */
			return -1;
	if (monitoring("set_events", "(ii)", tool_id, event_start | event_resume | event_throw) != 0 ||
	    monitoring("restart_events", "()") != 0) /* places that an earlier trace() had disabled */
		return -1;
	hrt_go_over_check(py_callbacks[LINE]);
	return watch_running_frames();
}

int hrt_backend_refresh(void)
{
	if (monitoring("restart_events", "()") != 0)
		return -1;
	return watch_running_frames();
}

static void unwatch_lines(struct hrt_code *code)
{
	if (!code->local_events)
		return;
	code->local_events = false;
	if (monitoring("set_local_events", "(iOi)", tool_id, code->py_code, 0) != 0)
		PyErr_Clear();
}

void hrt_backend_stop(void)
{
	struct hrt_py_exception pending = hrt_py_put_aside();
	hrt_go_over_stop();
	if (tool_id >= 0) {
		const int events[] = {event_line, event_jump, event_start, event_resume, event_throw};
		if (monitoring("set_events", "(ii)", tool_id, 0) != 0)
			PyErr_Clear();
		hrt_codemap_each(unwatch_lines);
		for (size_t i = 0; i < sizeof events / sizeof *events; i++)
			if (monitoring("register_callback", "(iiO)", tool_id, events[i], Py_None) != 0)
				PyErr_Clear();
		if (monitoring("free_tool_id", "(i)", tool_id) != 0)
			PyErr_Clear();
		tool_id = -1;
	}
	for (int i = 0; i < CALLBACK_COUNT; i++)
		Py_CLEAR(py_callbacks[i]);
	hrt_py_take_up(pending);
}

void hrt_backend_forked(void)
{
	/* code that begins asks each time */
}

void hrt_backend_begin_pass(PyThreadState *own)
{
	(void)own;
}

void hrt_backend_watch(PyThreadState *thread)
{
	(void)thread; /* monitoring knows all threads, and nobody can take it away */
}

#endif
