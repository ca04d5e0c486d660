/* frame_eval.c — see frame_eval.h. */
#include "frame_eval.h"

#if HRT_HAVE_FRAME_EVAL
#include "greenlets.h"
#include "pyframe.h"
#include "switch.h"
#include "tiers.h"

#define DEEPEST      200  /* depth from which on calls take no C stack of ours; most programs never come so far */
#define BYTES_A_CALL 2048 /* of C stack; 500 to 630 were seen */
#define STACK_SHARE  8    /* of a small stack, one part in so many may be ours */

static bool started;
static bool deep;     /* taken away for as long as a stack is deep */
static bool lost;     /* we have no place: another tool has it, or it is */
static bool given_up; /* until stop(): there are greenlets */
static int deepest;   /* DEEPEST, or less when there are threads with small stacks */

/* Is our place ours, and has the thread our trace function and nothing else that needs all events? */
static inline bool is_alone(const PyThreadState *thread)
{
	return started && !deep && !lost && hrt_switch_is_ours(thread) && !thread->c_profilefunc;
}

static PyObject *eval_frame(HRT_PY_EVAL_PARAMETERS);

void hrt_frame_eval_refresh(void)
{
	PyThreadState *thread = PyInterpreterState_ThreadHead(PyThreadState_Get()->interp);

	for (; thread; thread = hrt_py_next_thread(thread))
		if (hrt_py_thread_ready(thread) && hrt_switch_is_ours(thread))
			hrt_switch(thread, true);
}

/* Puts `next` into the interpreter's place for such a function. False: `now` is not there. */
static bool replace(_PyFrameEvalFunction now, _PyFrameEvalFunction next)
{
	if (hrt_py_eval_function() != now)
		return false;
	hrt_py_set_eval_function(next);
	return true;
}

/* It may be ours already: of a trace() that came between. */
static bool take_place(void)
{
	return hrt_py_eval_function() == eval_frame || replace(_PyEval_EvalFrameDefault, eval_frame);
}

static bool leave_place(void)
{
	return replace(eval_frame, _PyEval_EvalFrameDefault);
}

static void give_up(void)
{
	given_up = lost = true;
	leave_place();
	hrt_frame_eval_refresh();
}

/* Within: tracing is suspended, as within a trace function. */
static void suspend(PyThreadState *thread)
{
	thread->tracing++;
}

static void resume(PyThreadState *thread)
{
	thread->tracing--;
}

static bool is_known(const struct hrt_code *code)
{
	return code && code->generation == hrt_tracer.generation;
}

#if HRT_HAVE_TWINS
/* Whether the frame, which is about to be evaluated, runs the twin from now on. */
static bool go_over(PyThreadState *thread, const struct hrt_pyframe *frame, struct hrt_code *code)
{
	struct hrt_twin_pair *pair = hrt_tiers_chance(true) ? hrt_tiers_twin(code) : NULL;
	int offset = hrt_pyframe_offset(frame); /* -2: it has not begun */

	if (!pair || !hrt_tiers_has_room(thread, frame, pair) || hrt_pyframe_is_held(frame))
		return false;
	if (offset >= 0)
		offset = hrt_twin_offset(pair, offset);
	if (offset != -1)
		hrt_pyframe_move(frame, pair->py_twin, offset / 2);
	return offset != -1;
}

/* Other tools are to meet the original: of a generator, which may run the twin. Keeps an exception that is under way.
 */
static void go_back(const struct hrt_pyframe *frame)
{
	struct hrt_twin_pair *pair = hrt_tiers_pair(hrt_pyframe_code(frame));

	if (!pair || hrt_pyframe_is_held(frame))
		return;
	struct hrt_py_exception pending = hrt_py_put_aside();
	int offset = hrt_twin_original_offset(pair, hrt_pyframe_offset(frame));
	hrt_py_take_up(pending);
	if (offset >= 0)
		hrt_pyframe_move(frame, pair->py_original, offset / 2);
}

/* Whether the code is a twin, which counts by itself. */
static bool is_twin(PyThreadState *thread, struct hrt_code *code)
{
	if (!code || !code->py_original)
		return false;
	suspend(thread);
	hrt_tiers_is_twin(code);
	resume(thread);
	return true;
}

/* The caller, which had events, goes on: a twin has none, but all were switched on. Not untraced code as well: it may
 * run since before trace(), and hands its flag to its own caller when it returns. */
static bool caller_is_twin(PyThreadState *thread)
{
	const struct hrt_pyframe *frame = hrt_pyframe_evaluated(thread);
	const struct hrt_code *code = frame ? hrt_code_peek(hrt_pyframe_code(frame)) : NULL;

	return code && code->py_original;
}
#else
static bool go_over(PyThreadState *thread, const struct hrt_pyframe *frame, struct hrt_code *code)
{
	(void)thread, (void)frame, (void)code;
	return false;
}

static void go_back(const struct hrt_pyframe *frame)
{
	(void)frame;
}

static bool is_twin(PyThreadState *thread, struct hrt_code *code)
{
	(void)thread, (void)code;
	return false;
}

static bool caller_is_twin(PyThreadState *thread)
{
	(void)thread;
	return false;
}
#endif

/* Whether it is decided, and without anything to be done now, that the code runs without events. */
static inline bool has_no_events(const struct hrt_code *code)
{
	return code && (code->py_original ? hrt_tiers_counts(code) : is_known(code) && !code->counted);
}

#if HRT_EVENTS_HAVE_FLAG
void hrt_frame_eval_on_exception(const PyFrameObject *py_frame)
{
	PyThreadState *thread = PyThreadState_Get();
	const struct hrt_code *code = hrt_code_peek(hrt_py_frame_code((PyFrameObject *)py_frame));

	/* The interpreter, which now sets the flag, must not see a trace function. */
	if (has_no_events(code) && hrt_pyframe_is_marked(py_frame) && is_alone(thread))
		hrt_switch_hide(thread);
}
#endif

/* Whether the frame is to have events. What nobody has decided yet is decided here; in doubt it has. */
static bool wants_events(PyThreadState *thread, const struct hrt_pyframe *frame, bool throwing)
{
	PyCodeObject *py_code = hrt_pyframe_code(frame);
	struct hrt_code *code = hrt_code_peek(py_code);

	if (is_twin(thread, code))
		return false;
	if (throwing) /* an exception is under way */
		return !is_known(code) || code->counted;
	if (!is_known(code)) {
		if (hrt_greenlets_are_there()) { /* their modules are new code */
			give_up();
			return true;
		}
		suspend(thread);
		code = hrt_settrace_decide(py_code, hrt_pyframe_globals(frame));
		resume(thread);
	}
	if (!is_known(code) || (code->counted && !hrt_tiers_is_hot(code)))
		return true;
	return code->counted && !(is_alone(thread) && go_over(thread, frame, code));
}

/* This call and all that it makes: without us. */
static PyObject *eval_deep(PyThreadState *thread, hrt_py_frame *frame, int throwing)
{
	bool left = leave_place();
	if (left) {
		deep = true;
		hrt_frame_eval_refresh();
	}
	PyObject *py_result = hrt_py_eval(thread, frame, throwing);
	if (left && started) {
		deep = false;
		lost = given_up || !take_place();
	}
	return py_result;
}

/* The caller goes on as it was, unless what it was is of another time. */
static void go_on(PyThreadState *thread, bool caller_has, uint64_t generation)
{
	if (!is_alone(thread) || hrt_tracer.generation != generation)
		caller_has = true;
	else if (caller_has && caller_is_twin(thread))
		caller_has = false;
	hrt_switch(thread, caller_has);
}

static __attribute__((noinline)) PyObject *eval_and_switch(PyThreadState *thread, hrt_py_frame *frame, int throwing)
{
	const struct hrt_pyframe *pyframe = (const struct hrt_pyframe *)frame;

	if (started && !throwing && hrt_settrace_is_behind()) /* throwing: an exception is under way */
		hrt_settrace_catch_up();
	if (!is_alone(thread) || thread->tracing > 0) {
		go_back(pyframe);
		if (hrt_switch_is_hidden(thread))
			hrt_switch(thread, true);
		return hrt_py_eval(thread, frame, throwing);
	}
	bool caller_has = hrt_switch_is_on(thread);
	uint64_t generation = hrt_tracer.generation;
	bool wants = wants_events(thread, pyframe, throwing); /* runs filters, after which all may be different */
	if (!HRT_EVENTS_HAVE_FLAG && wants == caller_has && hrt_py_depth(thread) <= deepest)
		return hrt_py_eval(thread, frame, throwing); /* which puts back what it switches */
	hrt_switch(thread, wants || !is_alone(thread));
	hrt_pyframe_mark(pyframe, !wants); /* our trace function may be hidden in it, and is shown behind it */
	PyObject *py_result = hrt_py_depth(thread) > deepest ? eval_deep(thread, frame, throwing)
	                                                     : hrt_py_eval(thread, frame, throwing);
	hrt_pyframe_mark(pyframe, false);
	go_on(thread, caller_has, generation);
	return py_result;
}

/* Whether what the thread runs has no events, and this is as it should be. */
static inline bool is_quiet(const PyThreadState *thread)
{
	return hrt_switch_is_off(thread) && is_alone(thread);
}

/* Most calls are of code without events by code without events: the same as eval_and_switch(), with nothing to switch.
 */
static PyObject *eval_frame(HRT_PY_EVAL_PARAMETERS)
{
	HRT_PY_EVAL_THREAD;
	const struct hrt_pyframe *pyframe = (const struct hrt_pyframe *)frame;
	const struct hrt_code *code = hrt_code_peek(hrt_pyframe_code(pyframe));
	uint64_t generation = hrt_tracer.generation;

	if (throwing || !is_quiet(thread) || thread->tracing > 0 || !has_no_events(code) || hrt_settrace_is_behind() ||
	    hrt_py_depth(thread) > deepest)
		return eval_and_switch(thread, frame, throwing);
	if (!HRT_EVENTS_HAVE_FLAG)
		return hrt_py_eval(thread, frame, throwing);
	hrt_pyframe_mark(pyframe, true);
	PyObject *py_result = hrt_py_eval(thread, frame, throwing);
	hrt_pyframe_mark(pyframe, false);
	if (!is_quiet(thread) || hrt_tracer.generation != generation)
		go_on(thread, false, generation);
	return py_result;
}

void hrt_frame_eval_start(void)
{
	started = true;
	deep = false;
	deepest = DEEPEST;
	hrt_frame_eval_new_threads();
	given_up = hrt_greenlets_are_there();
	lost = given_up || !take_place();
}

void hrt_frame_eval_stop(void)
{
	hrt_frame_eval_refresh();
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
	if (deep || given_up || !started || hrt_py_eval_function() == eval_frame)
		return;
	if (!lost)
		hrt_frame_eval_refresh();
	lost = !take_place();
}
#endif
