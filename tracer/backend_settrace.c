/* backend_settrace.c — line events through a C trace function (CPython 3.8 - 3.11).
 *
 * The function is set on every thread state, so that running threads and those of _thread are traced too, and without
 * an object, so that sys.gettrace() stays None. A new thread is noticed by the first event of any other (its state is
 * at the head of the interpreter's list before it runs), by the sampler, and, for threading's own, by its trace hook.
 * Another tool may take the slot of a thread (sys.settrace): that is told, and taken back when it is free again; at
 * once where sys.settrace() itself frees it, as doctest and many others do that put "back" the None that they found. */
#include "pycompat.h"

#if !HRT_HAVE_MONITORING

#include "backend.h"
#include "backend_settrace.h"
#include "codemap.h"
#include "frame_eval.h"
#include "plain.h"
#include "process.h"
#include "subscripts.h"
#include "switch.h"
#include "tiers.h"

#include <string.h>

static PyInterpreterState *interpreter;
PyThreadState *const *hrt_settrace_head;
uint64_t hrt_settrace_known;
static PyObject *py_thread_hook;
static bool taken_over;

static void watch_new_threads(void)
{
	if (!hrt_tracer.segment)
		return;
	hrt_settrace_known = (*hrt_settrace_head)->id;
	if (hrt_tracer.only_thread != 0)
		return;
	for (PyThreadState *thread = *hrt_settrace_head; thread; thread = hrt_py_next_thread(thread)) {
		if (!hrt_py_thread_ready(thread))
			hrt_settrace_known = 0; /* look again at the next event */
		else if (!thread->c_tracefunc && !hrt_switch_is_hidden(thread) && hrt_tracer_wants(thread))
			hrt_py_set_trace(thread, hrt_settrace_event);
	}
}

struct hrt_code *hrt_settrace_decide(PyCodeObject *py_code, PyObject *py_globals)
{
	const struct hrt_code *known = hrt_code_peek(py_code);
	bool was_counted = known && known->counted;
	bool later; /* it is: at the next event */
	struct hrt_code *code = hrt_code_decide(py_code, py_globals, &later);

	if (code && code->counted && !was_counted)
		hrt_tiers_watch(code);
	if (code)
		hrt_subscripts_keep_plain(py_code);
	return code;
}

/* Code that nobody has looked at yet, or not since the filters changed. Keeps an exception that is under way. */
static __attribute__((noinline)) struct hrt_code *decide(PyCodeObject *py_code, PyFrameObject *py_frame)
{
	PyObject *py_globals = PyObject_GetAttrString((PyObject *)py_frame, "f_globals");
	struct hrt_code *code = hrt_settrace_decide(py_code, py_globals);

	Py_XDECREF(py_globals);
	return code;
}

void hrt_settrace_catch_up(void)
{
	if (hrt_tracer.forked)
		hrt_process_settle();
	if ((*hrt_settrace_head)->id != hrt_settrace_known)
		watch_new_threads();
	hrt_frame_eval_new_threads();
}

static inline void hit(struct hrt_code *code, PyFrameObject *py_frame)
{
	hrt_code_hit(code, (uint32_t)hrt_py_event_line(py_frame));
	if (HRT_HAVE_TWINS)
		code->heat++;
}

/* Not a hit of code that is known, or there is a new thread. */
static __attribute__((noinline)) void on_other_line(PyFrameObject *py_frame)
{
	PyCodeObject *py_code = hrt_py_frame_code(py_frame);
	struct hrt_code *code = hrt_code_peek(py_code);

	if (hrt_settrace_is_behind())
		hrt_settrace_catch_up();
	if (!hrt_tracer.segment || (code && code->py_original))
		return;
	if (!code || code->generation != hrt_tracer.generation)
		code = decide(py_code, py_frame);
	if (code && code->counted)
		hit(code, py_frame);
}

int hrt_settrace_event(PyObject *self, PyFrameObject *py_frame, int what, PyObject *py_arg)
{
	(void)self, (void)py_arg;
	if (what == PyTrace_LINE) {
		struct hrt_code *code = hrt_code_peek(hrt_py_frame_code(py_frame));
		if (!code || code->generation != hrt_tracer.generation ||
		    (*hrt_settrace_head)->id != hrt_settrace_known)
			on_other_line(py_frame);
		else if (code->counted)
			hit(code, py_frame);
	}
#if HRT_EVENTS_HAVE_FLAG
	else if (what == PyTrace_EXCEPTION)
		hrt_frame_eval_on_exception(py_frame);
#endif
	return 0;
}

/* What threading calls with (frame, event, arg) as a new thread's first trace event. */
static PyObject *thread_hook(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	if (hrt_tracer.segment && hrt_tracer.only_thread == 0)
		hrt_py_set_trace(PyThreadState_Get(), hrt_settrace_event);
	Py_RETURN_NONE;
}

static PyMethodDef thread_hook_def = {"heartrate_shm", thread_hook, METH_VARARGS, "Traces a new thread."};

static bool hook_is(PyObject *py_threading, PyObject *py_expected)
{
	PyObject *py_hook = PyObject_GetAttrString(py_threading, "_trace_hook");
	bool same = py_hook == py_expected;

	PyErr_Clear();
	Py_XDECREF(py_hook);
	return same;
}

static void set_hook(PyObject *py_old, PyObject *py_new)
{
	PyObject *py_threading = hrt_plain_module("threading");

	if (py_threading && hook_is(py_threading, py_old) &&
	    PyObject_SetAttrString(py_threading, "_trace_hook", py_new) != 0)
		PyErr_Clear();
}

/* sys.settrace() goes on as the same object, but we look at the slot right after it. */
static PyMethodDef *settrace_def;
static PyCFunction settrace_own;

static PyObject *settrace_and_look(PyObject *py_sys, PyObject *py_function)
{
	PyObject *py_none = settrace_own(py_sys, py_function);

	if (py_none && hrt_tracer.segment && PyThreadState_Get()->interp == interpreter)
		hrt_backend_watch(PyThreadState_Get());
	return py_none;
}

static void watch_settrace(void)
{
	PyMethodDef *def = hrt_py_method(PySys_GetObject("settrace"));

	if (!def || strcmp(def->ml_name, "settrace") != 0 || def->ml_flags != METH_O)
		return; /* somebody's own: the sampler looks, too */
	settrace_def = def;
	settrace_own = def->ml_meth;
	def->ml_meth = settrace_and_look;
}

static void unwatch_settrace(void)
{
	if (settrace_def && settrace_def->ml_meth == settrace_and_look)
		settrace_def->ml_meth = settrace_own;
	settrace_def = NULL;
}

/* The interpreter forgets to count down when a thread ends. */
static void count_traced_threads(void)
{
#if HRT_TRACED_THREADS_COUNTED
	int count = 0;

	for (PyInterpreterState *each = PyInterpreterState_Head(); each; each = PyInterpreterState_Next(each))
		if (HRT_TRACED_THREADS_IN_RUNTIME || each == interpreter)
			for (PyThreadState *thread = PyInterpreterState_ThreadHead(each); thread;
			     thread = hrt_py_next_thread(thread))
				count += thread->c_tracefunc != NULL;
	*hrt_py_traced_threads() = count;
#endif
}

int hrt_backend_init(void)
{
	interpreter = hrt_py_interpreter();
	hrt_settrace_head = &((struct hrt_py_interpreter *)interpreter)->thread_head;
	if (*hrt_settrace_head != PyInterpreterState_ThreadHead(interpreter)) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: this interpreter keeps its threads in another way");
		return -1;
	}
	if (!py_thread_hook)
		py_thread_hook = PyCFunction_New(&thread_hook_def, NULL);
	return py_thread_hook ? hrt_tiers_init() : -1;
}

int hrt_backend_start(void)
{
	uint64_t life = hrt_tracer.first_generation;

	taken_over = false;
	hrt_tiers_start();
	hrt_tiers_go_on();
	if (!hrt_tracer_lives(life))
		return 0;
	if (!PyThreadState_Get()->c_tracefunc)
		hrt_py_set_trace(PyThreadState_Get(), hrt_settrace_event);
	if (hrt_tracer.only_thread == 0)
		watch_new_threads();
	watch_settrace();
	hrt_frame_eval_start();
	if (hrt_tracer.only_thread == 0)
		set_hook(Py_None, py_thread_hook); /* last: what is called threading may be code of the program's */
	return 0;
}

int hrt_backend_refresh(void)
{
	hrt_frame_eval_refresh(); /* each code object compares its generation */
	return 0;
}

void hrt_backend_stop(void)
{
	struct hrt_py_exception pending = hrt_py_put_aside();
	hrt_frame_eval_stop();
	hrt_tiers_stop();
	hrt_subscripts_let_go();
	set_hook(py_thread_hook, Py_None);
	unwatch_settrace();
	for (PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter); thread;
	     thread = hrt_py_next_thread(thread))
		if (hrt_py_thread_ready(thread) && thread->c_tracefunc == hrt_settrace_event)
			hrt_py_set_trace(thread, NULL);
	hrt_settrace_known = 0;
	count_traced_threads();
	hrt_py_take_up(pending);
}

void hrt_backend_forked(void)
{
	hrt_settrace_known = 0;
}

void hrt_backend_begin_pass(PyThreadState *own)
{
	/* Before it had the GIL it may have been taken for a thread of the program. */
	if (own->c_tracefunc == hrt_settrace_event) {
		hrt_switch(own, false);
		own->c_tracefunc = NULL;
		Py_CLEAR(own->c_traceobj);
	}
	count_traced_threads();
}

void hrt_backend_watch(PyThreadState *thread)
{
	hrt_frame_eval_watch();
	if (!hrt_tracer_wants(thread) || hrt_switch_is_ours(thread))
		return;
	if (!thread->c_tracefunc ||
	    thread->c_traceobj == py_thread_hook) { /* free, or ours for a new thread's first event */
		hrt_py_set_trace(thread, hrt_settrace_event);
		if (taken_over)
			hrt_note(HR_NOTE_RESUMED, "tracing goes on: the other tool has let go");
		taken_over = false;
		return;
	}
	if (!taken_over) {
		PyObject *py_owner = thread->c_traceobj;
		hrt_note(HR_NOTE_TAKEN_OVER, "tracing was taken over by %s",
		         py_owner ? Py_TYPE(py_owner)->tp_name : "another trace function");
		taken_over = true;
	}
}

#endif
