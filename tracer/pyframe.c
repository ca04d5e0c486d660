/* pyframe.c — see pyframe.h. The one file that reads the interpreter's frame records. */
#include "pyframe.h"

#if HRT_HAVE_FRAME_RECORDS
#define Py_BUILD_CORE 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <internal/pycore_frame.h>
#if HRT_FRAME_RECORDS_APART
#include <internal/pycore_interpframe.h>
#endif
#pragma GCC diagnostic pop

#ifndef FRAME_STATE_FINISHED
#define FRAME_STATE_FINISHED(state) ((state) >= FRAME_COMPLETED)
#endif

static _PyInterpreterFrame *record(const struct hrt_pyframe *frame)
{
	return (_PyInterpreterFrame *)frame;
}

/* Skips frames that are being set up, and those that only mark a call from C. */
static const struct hrt_pyframe *complete(_PyInterpreterFrame *frame)
{
#if HRT_HAVE_FIRST_COMPLETE
	frame = _PyFrame_GetFirstComplete(frame);
#else
	while (frame && _PyFrame_IsIncomplete(frame))
		frame = frame->previous;
#endif
	return (const struct hrt_pyframe *)frame;
}

const struct hrt_pyframe *hrt_pyframe_top(PyThreadState *thread)
{
#if HRT_HAVE_C_FRAMES
	return complete(thread->cframe->current_frame);
#else
	return complete(thread->current_frame);
#endif
}

const struct hrt_pyframe *hrt_pyframe_back(const struct hrt_pyframe *frame)
{
	return complete(record(frame)->previous);
}

const struct hrt_pyframe *hrt_pyframe_of(PyObject *py_generator)
{
	PyGenObject *generator = (PyGenObject *)py_generator;

	if (FRAME_STATE_FINISHED(generator->gi_frame_state))
		return NULL;
	return (const struct hrt_pyframe *)&generator->gi_iframe;
}

PyCodeObject *hrt_pyframe_code(const struct hrt_pyframe *frame)
{
#if HRT_HAVE_C_FRAMES
	return record(frame)->f_code;
#else
	return _PyFrame_GetCode(record(frame));
#endif
}

#if HRT_HAVE_FRAME_EVAL
PyObject *hrt_pyframe_globals(const struct hrt_pyframe *frame)
{
	return record(frame)->f_globals;
}
#endif

#if HRT_HAVE_FRAME_EVAL && HRT_HAVE_TWINS
const struct hrt_pyframe *hrt_pyframe_evaluated(PyThreadState *thread)
{
	const _PyInterpreterFrame *frame = thread->cframe->current_frame;
	bool known = frame && frame->is_entry && frame->owner == FRAME_OWNED_BY_THREAD;

	return known ? (const struct hrt_pyframe *)frame : NULL;
}
#endif

#if HRT_HAVE_FRAME_EVAL
/* Between its last small field and the variables: nothing has another value than 0 here, since in memory of frames that
 * is used again these are the upper bytes of addresses. */
#define MARK 0xA5C3

static uint16_t *mark_of(_PyInterpreterFrame *frame)
{
	enum { AT = offsetof(_PyInterpreterFrame, owner) + 1 };
	_Static_assert(AT % sizeof(uint16_t) == 0 && AT + sizeof(uint16_t) <= offsetof(_PyInterpreterFrame, localsplus),
	               "no room for a mark");

	return (uint16_t *)((char *)frame + AT);
}

void hrt_pyframe_mark(const struct hrt_pyframe *frame, bool marked)
{
	*mark_of(record(frame)) = marked ? MARK : 0;
}

bool hrt_pyframe_is_marked(const PyFrameObject *py_frame)
{
	return *mark_of(py_frame->f_frame) == MARK;
}
#endif

#if HRT_HAVE_TWINS
int hrt_pyframe_size_of(const PyCodeObject *py_code)
{
#if HRT_CODE_HAS_FRAME_SIZE
	return py_code->co_framesize;
#else
	return py_code->co_nlocalsplus + py_code->co_stacksize + (int)FRAME_SPECIALS_SIZE;
#endif
}

void hrt_pyframe_set_size_of(PyCodeObject *py_code, int size)
{
#if HRT_CODE_HAS_FRAME_SIZE
	py_code->co_framesize = size;
#else
	py_code->co_stacksize += size - hrt_pyframe_size_of(py_code);
#endif
}

int hrt_pyframe_size(PyThreadState *thread, const struct hrt_pyframe *frame, int made_with)
{
	if (record(frame)->owner != FRAME_OWNED_BY_THREAD)
		return made_with; /* a generator's, which does not say how large it is */
	return (int)(thread->datastack_top - (PyObject **)record(frame));
}

bool hrt_pyframe_is_held(const struct hrt_pyframe *frame)
{
	PyFrameObject *py_frame = record(frame)->frame_obj;

	return py_frame && Py_REFCNT(py_frame) > 1; /* one is the record's own */
}

#if HRT_GO_OVER_AT_EVENTS
PyObject *hrt_pyframe_function(const struct hrt_pyframe *frame)
{
#if HRT_FRAMES_HAVE_TAGS
	return PyStackRef_AsPyObjectBorrow(record(frame)->f_funcobj);
#else
	return record(frame)->f_funcobj;
#endif
}
#endif

void hrt_pyframe_move(const struct hrt_pyframe *frame, PyCodeObject *py_code, int unit)
{
	_PyInterpreterFrame *moved = record(frame);
	_Py_CODEUNIT *next = _PyCode_CODE(py_code) + unit;

#if HRT_HAVE_C_FRAMES
	Py_SETREF(moved->f_code, (PyCodeObject *)Py_NewRef(py_code));
	moved->prev_instr = next; /* what the interpreter goes on with, when an event has changed it */
#elif HRT_FRAMES_HAVE_TAGS
	_PyStackRef was = moved->f_executable;
	moved->f_executable = PyStackRef_FromPyObjectNew(py_code);
	PyStackRef_CLOSE(was);
	moved->instr_ptr = next;
#else
	Py_SETREF(moved->f_executable, Py_NewRef(py_code));
	moved->instr_ptr = next;
#endif
}
#endif

int hrt_pyframe_offset(const struct hrt_pyframe *frame)
{
	return _PyInterpreterFrame_LASTI(record(frame)) * (int)sizeof(_Py_CODEUNIT);
}

struct hrt_position hrt_pyframe_position(const struct hrt_pyframe *frame)
{
	PyCodeObject *py_code = hrt_pyframe_code(frame);
	int offset = hrt_pyframe_offset(frame), end = 0;
	struct hrt_places places;

	hrt_places_begin(&places, py_code);
	while (offset >= 0 && hrt_places_next(&places)) {
		end += (int)(places.units * sizeof(_Py_CODEUNIT));
		if (offset < end && places.position.line > 0)
			return places.position;
		if (offset < end)
			break;
	}
	return (struct hrt_position){PyCode_Addr2Line(py_code, offset), -1, -1, -1};
}

#else

const struct hrt_pyframe *hrt_pyframe_top(PyThreadState *thread)
{
	return (const struct hrt_pyframe *)thread->frame;
}

const struct hrt_pyframe *hrt_pyframe_back(const struct hrt_pyframe *frame)
{
	return (const struct hrt_pyframe *)((PyFrameObject *)frame)->f_back;
}

const struct hrt_pyframe *hrt_pyframe_of(PyObject *py_generator)
{
	return (const struct hrt_pyframe *)((PyGenObject *)py_generator)->gi_frame;
}

PyCodeObject *hrt_pyframe_code(const struct hrt_pyframe *frame)
{
	return ((PyFrameObject *)frame)->f_code;
}

#if HRT_HAVE_FRAME_EVAL
PyObject *hrt_pyframe_globals(const struct hrt_pyframe *frame)
{
	return ((PyFrameObject *)frame)->f_globals;
}
#endif

#if HRT_HAVE_FRAME_EVAL && HRT_EVENTS_HAVE_FLAG
/* Any value but 0 means 1 to the interpreter. */
#define MARK 3

void hrt_pyframe_mark(const struct hrt_pyframe *frame, bool marked)
{
	char *trace_lines = &((PyFrameObject *)frame)->f_trace_lines;

	if (*trace_lines == (marked ? 1 : MARK))
		*trace_lines = marked ? MARK : 1;
}

bool hrt_pyframe_is_marked(const PyFrameObject *py_frame)
{
	return py_frame->f_trace_lines == MARK;
}
#endif

int hrt_pyframe_offset(const struct hrt_pyframe *frame)
{
	return ((PyFrameObject *)frame)->f_lasti;
}

struct hrt_position hrt_pyframe_position(const struct hrt_pyframe *frame)
{
	return (struct hrt_position){PyFrame_GetLineNumber((PyFrameObject *)frame), -1, -1, -1};
}

#endif

/* The frames that run this, by our way and by the public one. */
int hrt_pyframe_init(void)
{
	const struct hrt_pyframe *frame = hrt_pyframe_top(PyThreadState_Get());
	PyFrameObject *py_frame = PyEval_GetFrame();

	Py_XINCREF(py_frame);
	while (frame && py_frame && hrt_pyframe_code(frame) == hrt_py_frame_code(py_frame) &&
	       hrt_pyframe_position(frame).line == PyFrame_GetLineNumber(py_frame)) {
		PyFrameObject *py_back = hrt_py_frame_back(py_frame);
		Py_DECREF(py_frame);
		py_frame = py_back;
		frame = hrt_pyframe_back(frame);
	}
	bool same = !frame && !py_frame;
	Py_XDECREF(py_frame);
	PyErr_Clear();
	if (!same) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: this interpreter keeps its frames in another way "
		                                   "than the headers that it was built with: build it anew");
		return -1;
	}
	return 0;
}
