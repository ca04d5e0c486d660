/* frame_eval.c — see frame_eval.h. */
#include "frame_eval.h"

#if HRT_HAVE_FRAME_EVAL
#include "backend_settrace.h"
#include "codemap.h"
#include "pyframe.h"

#define DEEPEST      200  /* depth from which on calls take no C stack of ours; most programs never come so far */
#define BYTES_A_CALL 2048 /* of C stack; 500 to 630 were seen */
#define STACK_SHARE  8    /* of a small stack, one part in so many may be ours */

static bool started;
static bool deep;   /* taken away for as long as a stack is deep */
static bool lost;   /* another tool has our place */
static int deepest; /* DEEPEST, or less when there are threads with small stacks */

/* Is our place ours, and has the thread our trace function and nothing else that needs all events? */
static bool is_alone(const PyThreadState *thread)
{
	return started && !deep && !lost && thread->c_tracefunc == hrt_settrace_event && !thread->c_profilefunc;
}

/* As the interpreter itself sets the flag. */
static int events_of(const PyThreadState *thread)
{
	return thread->c_tracefunc || thread->c_profilefunc ? HRT_TRACING_ON : 0;
}

static PyObject *eval_frame(PyThreadState *thread, hrt_py_frame *frame, int throwing);

void hrt_frame_eval_refresh(void)
{
	PyThreadState *thread = PyInterpreterState_ThreadHead(PyThreadState_Get()->interp);

	for (; thread; thread = hrt_py_next_thread(thread))
		if (hrt_py_thread_ready(thread) && thread->c_tracefunc == hrt_settrace_event)
			thread->cframe->use_tracing = HRT_TRACING_ON;
}

/* Puts `next` into the interpreter's place for such a function. False: `now` is not there. */
static bool replace(_PyFrameEvalFunction now, _PyFrameEvalFunction next)
{
	PyInterpreterState *interpreter = PyThreadState_Get()->interp;

	if (_PyInterpreterState_GetEvalFrameFunc(interpreter) != now)
		return false;
	_PyInterpreterState_SetEvalFrameFunc(interpreter, next);
	return true;
}

static bool take_place(void)
{
	return replace(_PyEval_EvalFrameDefault, eval_frame);
}

static bool leave_place(void)
{
	return replace(eval_frame, _PyEval_EvalFrameDefault);
}

/* What nobody has decided yet is decided here, with tracing suspended as within a trace function. In doubt: true. */
static bool is_traced(PyThreadState *thread, hrt_py_frame *frame)
{
	const struct hrt_pyframe *pyframe = (const struct hrt_pyframe *)frame;
	PyCodeObject *py_code = hrt_pyframe_code(pyframe);
	const struct hrt_code *code = hrt_code_peek(py_code);

	if (!code || code->generation != hrt_tracer.generation) {
		bool later;
		thread->tracing++;
		thread->cframe->use_tracing = 0;
		code = hrt_code_decide(py_code, hrt_pyframe_globals(pyframe), &later);
		thread->tracing--;
	}
	return !code || code->generation != hrt_tracer.generation || code->line_count > 0;
}

/* This call and all that it makes: without us. */
static PyObject *eval_deep(PyThreadState *thread, hrt_py_frame *frame, int throwing)
{
	bool left = leave_place();
	if (left) {
		deep = true;
		hrt_frame_eval_refresh();
	}
	PyObject *py_result = _PyEval_EvalFrameDefault(thread, frame, throwing);
	if (left && started) {
		deep = false;
		lost = !take_place();
	}
	return py_result;
}

static PyObject *eval_frame(PyThreadState *thread, hrt_py_frame *frame, int throwing)
{
	if (started && !throwing && hrt_settrace_is_behind()) /* throwing: an exception is under way */
		hrt_settrace_catch_up();
	if (!is_alone(thread) || thread->tracing > 0)
		return _PyEval_EvalFrameDefault(thread, frame, throwing);

	int caller_has = thread->cframe->use_tracing;
	uint64_t generation = hrt_tracer.generation;
	bool untraced = !throwing && !is_traced(thread, frame); /* runs filters, after which all may be different */
	thread->cframe->use_tracing = untraced && is_alone(thread) ? 0 : events_of(thread);
	PyObject *py_result = hrt_py_depth(thread) > deepest ? eval_deep(thread, frame, throwing)
	                                                     : _PyEval_EvalFrameDefault(thread, frame, throwing);
	/* The caller goes on as it was, unless what it was is of another time. */
	if (!is_alone(thread) || hrt_tracer.generation != generation)
		caller_has = events_of(thread);
	thread->cframe->use_tracing = caller_has;
	return py_result;
}

void hrt_frame_eval_start(void)
{
	started = true;
	deep = false;
	deepest = DEEPEST;
	hrt_frame_eval_new_threads();
	lost = !take_place();
}

void hrt_frame_eval_stop(void)
{
	started = false;
	leave_place();
}

void hrt_frame_eval_new_threads(void)
{
	size_t stack_bytes = PyThread_get_stacksize(); /* 0: the system's default, megabytes */
	size_t calls = stack_bytes / STACK_SHARE / BYTES_A_CALL;

	if (stack_bytes != 0 && calls < (size_t)deepest)
		deepest = (int)calls;
}

void hrt_frame_eval_watch(void)
{
	PyInterpreterState *interpreter = PyThreadState_Get()->interp;

	if (deep || !started || _PyInterpreterState_GetEvalFrameFunc(interpreter) == eval_frame)
		return;
	if (!lost)
		hrt_frame_eval_refresh();
	lost = !take_place();
}
#endif
