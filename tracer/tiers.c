/* tiers.c — see tiers.h.
 *
 * A frame is moved while it is at an event of ours: the interpreter looks afterwards where the frame wants to go on,
 * because debuggers may set its line there. We set its code object as well. What it has on its stack is the same in
 * both, and so are the places of its variables. It returns, yields and raises as ever, and moves back only
 * at the start of a call (hrt_tiers_begin_anew).
 *
 * A function of hot code that is called again and again has the twin as its code (functions.c), so that its calls have
 * no event at all. The program does not meet the twin: where Python code asks a function or a frame for its code,
 * guise.c answers; other tools' events come through relay.c, and while there are any no function has one. */
#include "tiers.h"

#if HRT_HAVE_TWINS

#include "functions.h"
#include "guise.h"
#include "probe.h"
#include "pyframe.h"
#include "pyinternal.h"
#include "relay.h"
#include "twin.h"

#include <stdlib.h>
#include <string.h>

#define HOT_EVENTS          400 /* cost about as much as making the twin of a function (12 us in the median) */
#define HOT_EVENTS_PER_LINE 8   /* and of long code, such as a module of which each line is hit once */

/* Keeps both code objects alive. */
struct hrt_twin {
	struct hrt_twin_pair pair;
	int frame_size; /* of the original's frames, unless there was need for more */
	uint64_t bound; /* hrt_tracer.first_generation of the trace that its probes count for */
	struct hrt_twin *next;
};

static struct {
	bool on;
	int tool_id;
	uint64_t hot_at;
	bool at_random;
	struct hrt_twin *twins;
	size_t count, sweep_at;
	_Atomic uint64_t idle_tick;
} tiers;

/* ---- twins ---- */

/* Its probes count into the slots that its entry has, or into nothing. */
static void bind(struct hrt_twin *twin)
{
	const struct hrt_code *entry = hrt_code_peek(twin->pair.py_twin);
	PyObject *py_consts = twin->pair.py_twin->co_consts;

	for (Py_ssize_t i = PyTuple_GET_SIZE(twin->pair.py_original->co_consts); i < PyTuple_GET_SIZE(py_consts); i++)
		hrt_probe_bind(PyTuple_GET_ITEM(py_consts, i), entry);
}

/* Counts for the trace that runs. False: there is no room for its slots. */
static bool count_with(struct hrt_twin *twin, const struct hrt_code *original)
{
	if (twin->bound == hrt_tracer.first_generation)
		return true;
	if (hrt_code_take_probe_slots(hrt_code_peek(twin->pair.py_twin), original) != 0)
		return false;
	bind(twin);
	twin->bound = hrt_tracer.first_generation;
	return true;
}

/* Lets go of the twins that no frame runs and whose original nobody else has: exec() in a loop must not fill the
 * memory; `all`: whoever has it. */
static void sweep(bool all)
{
	for (struct hrt_twin **link = &tiers.twins; *link;) {
		struct hrt_twin *twin = *link;
		if (Py_REFCNT(twin->pair.py_twin) > 1 || (!all && Py_REFCNT(twin->pair.py_original) > 1)) {
			link = &twin->next;
			continue;
		}
		*link = twin->next;
		tiers.count--;
		hrt_code_peek(twin->pair.py_original)->twin = NULL;
		hrt_code_peek(twin->pair.py_twin)->twin = NULL;
		hrt_code_peek(twin->pair.py_twin)->py_original = NULL;
		twin->pair.py_original->co_framesize = twin->frame_size;
		hrt_twin_free(&twin->pair);
		free(twin);
	}
	tiers.sweep_at = tiers.count * 2 + 64;
}

static PyObject *make_probe(void *unused, int line)
{
	(void)unused;
	return hrt_probe_new(line);
}

static struct hrt_twin *make_twin(struct hrt_code *code)
{
	const char *reason;
	struct hrt_twin *twin = calloc(1, sizeof *twin);
	struct hrt_code *entry;

	if (!twin)
		return NULL;
	if (hrt_twin_make(code->py_code, make_probe, NULL, &twin->pair, &reason) != 0)
		goto fail;
	entry = hrt_code_get(twin->pair.py_twin);
	if (!entry) {
		hrt_twin_free(&twin->pair);
		goto fail;
	}
	twin->next = tiers.twins;
	tiers.twins = twin;
	tiers.count++;
	twin->frame_size = code->py_code->co_framesize;
	code->py_code->co_framesize =
	        twin->pair.py_twin->co_framesize; /* later frames have the room, if it takes more */
	code->twin = entry->twin = twin;
	entry->py_original = code->py_code;
	hrt_guise_put_on();
	hrt_relay_put_on();
	return twin;
fail:
	PyErr_Clear();
	free(twin);
	return NULL;
}

/* NULL when there cannot be one. */
static struct hrt_twin *twin_of(struct hrt_code *code)
{
	struct hrt_twin *twin = code->twin;

	if (!twin) {
		if (tiers.count >= tiers.sweep_at)
			sweep(false);
		twin = make_twin(code);
	}
	if (twin && count_with(twin, code))
		return twin;
	code->hot_at = UINT64_MAX;
	return NULL;
}

/* ---- frames ---- */

static bool coin(void)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 62 == 0;
}

/* The frame's stack may be too small by one: it was made before the twin was, or is a generator's. */
static bool has_room(PyThreadState *thread, const struct hrt_pyframe *frame, const struct hrt_twin *twin)
{
	return hrt_pyframe_size(thread, frame, twin->frame_size) >= twin->pair.py_twin->co_framesize;
}

/* Whether there is what is to meet functions' own code: another tool's events or evaluation of frames (PEP 523). */
static bool functions_are_looked_at(void)
{
	return hrt_py_others_listen_everywhere(tiers.tool_id) ||
	       _PyInterpreterState_GetEvalFrameFunc(hrt_py_interpreter()) != _PyEval_EvalFrameDefault;
}

/* To a function of which a call begins. */
static void give_twin(PyObject *py_function, struct hrt_code *code, const struct hrt_twin *twin)
{
	if (tiers.at_random && coin())
		hrt_functions_take_back();
	if (hrt_functions_seen(code, py_function) && !functions_are_looked_at())
		hrt_functions_give(py_function, twin->pair.py_twin);
}

bool hrt_tiers_begin_anew(struct hrt_twin_pair *pair)
{
	const struct hrt_pyframe *frame = hrt_pyframe_top(PyThreadState_Get());
	PyCodeObject *py_code = frame ? hrt_pyframe_code(frame) : NULL;

	hrt_functions_take_back();
	if (py_code == pair->py_twin)
		hrt_pyframe_move(frame, pair->py_original, pair->py_original->_co_firsttraceable);
	else if (py_code != pair->py_original) /* several tools have the event: the first has moved it */
		return false;
	return true;
}

void hrt_tiers_tend(void)
{
	hrt_relay_tend();
	if (hrt_functions_any() && functions_are_looked_at())
		hrt_functions_take_back();
}

void hrt_tiers_enter(struct hrt_code *code, int offset)
{
	PyThreadState *thread = PyThreadState_Get();
	const struct hrt_pyframe *frame = hrt_pyframe_top(thread);
	int resume = code->py_code->_co_firsttraceable * 2; /* bytes a code unit */

	if (!frame || hrt_pyframe_code(frame) != code->py_code || (tiers.at_random && !coin()) ||
	    hrt_py_others_listen(code->py_code, tiers.tool_id))
		return;
	const struct hrt_twin *twin = twin_of(code);
	if (twin && offset == resume)
		give_twin(hrt_pyframe_function(frame), code, twin);
	if (!twin || !has_room(thread, frame, twin))
		return;
	if (offset != resume) {
		/* Tracebacks keep offsets in the code that their frame had. And only at RESUME the interpreter brings a
		 * twin's own events up to date, which others may have had on. */
		if (hrt_pyframe_is_held(frame) || !hrt_py_same_events(code->py_code, twin->pair.py_twin))
			return;
		offset = hrt_twin_offset(&twin->pair, offset < 0 ? hrt_pyframe_offset(frame) : offset);
	}
	if (offset >= 0)
		hrt_pyframe_move(frame, twin->pair.py_twin, offset / 2);
}

void hrt_tiers_watch(struct hrt_code *code)
{
	uint64_t for_size = (uint64_t)code->line_count * HOT_EVENTS_PER_LINE;

	code->hot_at = !tiers.on ? UINT64_MAX : tiers.hot_at && tiers.hot_at < for_size ? for_size : tiers.hot_at;
}

bool hrt_tiers_is_twin(struct hrt_code *code)
{
	if (!code->py_original)
		return false;
	if (code->twin->bound != hrt_tracer.first_generation) {
		struct hrt_twin *twin = code->twin;
		bool later;
		struct hrt_code *original = hrt_code_decide(twin->pair.py_original, NULL, &later);
		if (original && original->line_count > 0)
			count_with(twin, original);
	}
	return true;
}

struct hrt_twin_pair *hrt_tiers_pair(PyCodeObject *py_code)
{
	/* In other interpreters code has other things tied to it. */
	struct hrt_code *code =
	        tiers.twins && hrt_py_interpreter() == PyInterpreterState_Main() ? hrt_code_peek(py_code) : NULL;

	return code && code->py_original ? &code->twin->pair : NULL;
}

PyCodeObject *hrt_tiers_others_twin(PyCodeObject *py_code, PyObject *py_tool)
{
	const struct hrt_code *code = hrt_py_interpreter() == PyInterpreterState_Main() ? hrt_code_peek(py_code) : NULL;

	if (!code || !code->twin || hrt_tiers_is_own_tool(py_tool))
		return NULL;
	hrt_functions_take_back();
	return code->twin->pair.py_twin;
}

bool hrt_tiers_is_own(int tool_id)
{
	return tool_id == tiers.tool_id;
}

bool hrt_tiers_is_own_tool(PyObject *py_tool)
{
	return PyLong_CheckExact(py_tool) && PyLong_AsLong(py_tool) == tiers.tool_id;
}

/* ---- life ---- */

int hrt_tiers_init(void)
{
	return hrt_probe_init() != 0 || hrt_guise_init() != 0 ? -1 : hrt_relay_init();
}

/* What the JIT (3.14 and later) has compiled goes its own ways. Measured on 3.15.0 with PYTHON_JIT=1: a program that
 * uses sys.settrace itself crashed while functions moved up and down. */
static bool jit_is_on(void)
{
	PyObject *py_jit = PySys_GetObject("_jit"); /* borrowed */
	PyObject *py_on = py_jit ? PyObject_CallMethod(py_jit, "is_enabled", NULL) : NULL;
	bool on = py_on && PyObject_IsTrue(py_on) == 1;

	Py_XDECREF(py_on);
	PyErr_Clear();
	return on;
}

void hrt_tiers_start(int tool_id)
{
	const char *how = getenv("HEARTRATE_SHM_COUNT");

	how = how ? how : "";
	tiers.at_random = strcmp(how, "random") == 0;
	tiers.hot_at = tiers.at_random || strcmp(how, "probes") == 0 ? 0 : HOT_EVENTS;
	tiers.on = hrt_tracer.only_thread == 0 && !jit_is_on() && strcmp(how, "events") != 0;
	tiers.tool_id = tool_id;
}

void hrt_tiers_check(PyObject *py_line)
{
	tiers.on = tiers.on && hrt_py_keeps_events_there(tiers.tool_id, py_line);
}

void hrt_tiers_stop(void)
{
	tiers.on = false;
	hrt_functions_take_back();
	hrt_functions_end();
	for (struct hrt_twin *twin = tiers.twins; twin; twin = twin->next) {
		hrt_code_peek(twin->pair.py_twin)->line_count = 0;
		bind(twin);
		twin->bound = 0;
	}
	hrt_tracer.tick = &tiers.idle_tick; /* which the probes of frames that run on still look at */
	sweep(true);
	if (!tiers.twins) {
		hrt_guise_take_off();
		hrt_relay_take_off();
	}
}

#endif
