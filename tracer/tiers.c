/* tiers.c — see tiers.h.
 *
 * A function is moved while it is called, by the handler of that call's PY_START: the frame tells which function it
 * is, and that the interpreter runs this code. The call itself stays on tier 0. Functions that are made by a function
 * on tier 1 are born on it: the twin's constants hold the twins of inner code that has run.
 *
 * The descriptor of `__code__` is lent our getter, which puts the original back before anybody sees a twin: whoever
 * reads, compares, pickles or compiles a function's code meets the code that the compiler made, and the function
 * earns its twin again with its next call. */
#include "tiers.h"

#if HRT_HAVE_TWINS

#include "probe.h"
#include "pyframe.h"
#include "pyinternal.h"
#include "twin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOT_HITS 1000 /* events that cost about as much as making a twin (30 - 50 us) */

/* A code object and its twin; keeps both alive. */
struct hrt_twin {
	PyCodeObject *py_original, *py_twin;
	uint64_t bound; /* hrt_tracer.first_generation of the trace that its probes count for, 0 none */
	struct hrt_twin *next;
};

static struct {
	bool on;
	int tool_id;
	pid_t pid;
	enum { WHEN_HOT, AT_ONCE, AT_RANDOM } moves;
	struct hrt_twin *twins;
	size_t count, sweep_at;
	PyGetSetDescrObject *py_descriptor; /* of function.__code__ */
	PyGetSetDef *theirs, ours;
	_Atomic uint64_t idle_tick;
} tiers;

/* ---- twins ---- */

static Py_ssize_t first_probe(const struct hrt_twin *twin)
{
	return PyTuple_GET_SIZE(twin->py_original->co_consts);
}

/* Its probes count for `code`, or for nothing. */
static void bind(struct hrt_twin *twin, const struct hrt_code *code)
{
	PyObject *py_consts = twin->py_twin->co_consts;

	for (Py_ssize_t i = first_probe(twin); i < PyTuple_GET_SIZE(py_consts); i++)
		hrt_probe_bind(PyTuple_GET_ITEM(py_consts, i), code);
	twin->bound = code ? hrt_tracer.first_generation : 0;
}

/* Lets go of the twins whose original nobody else has: exec() in a loop must not fill the memory. */
static void sweep(void)
{
	for (struct hrt_twin **link = &tiers.twins; *link;) {
		struct hrt_twin *twin = *link;
		if (Py_REFCNT(twin->py_original) > 1 || Py_REFCNT(twin->py_twin) > 1) {
			link = &twin->next;
			continue;
		}
		*link = twin->next;
		tiers.count--;
		for (Py_ssize_t i = 0; i < first_probe(twin); i++) {
			PyObject *py_const = PyTuple_GET_ITEM(twin->py_original->co_consts, i);
			struct hrt_code *inner =
			        PyCode_Check(py_const) ? hrt_code_peek((PyCodeObject *)py_const) : NULL;
			if (inner && inner->outer == twin)
				inner->outer = NULL;
		}
		hrt_code_peek(twin->py_original)->twin = NULL;
		hrt_code_peek(twin->py_twin)->twin = NULL;
		hrt_code_peek(twin->py_twin)->py_original = NULL;
		Py_DECREF(twin->py_original);
		Py_DECREF(twin->py_twin);
		free(twin);
	}
	tiers.sweep_at = tiers.count * 2 + 64;
}

/* Functions that `outer`'s twin makes from now on are born with `inner`'s. The tuple is the twin's own. */
static void replace_constant(struct hrt_twin *outer, struct hrt_twin *inner)
{
	PyObject *py_consts = outer->py_twin->co_consts;

	for (Py_ssize_t i = 0; i < first_probe(outer); i++) {
		PyObject *py_const = PyTuple_GET_ITEM(py_consts, i);
		if (py_const == (PyObject *)inner->py_original) {
			PyTuple_SET_ITEM(py_consts, i, Py_NewRef(inner->py_twin));
			Py_DECREF(py_const);
		}
	}
}

static PyObject *make_probe(void *unused, int line)
{
	(void)unused;
	return hrt_probe_new(line);
}

static bool may_have_twin(const struct hrt_code *code)
{
	return !code->no_twin && code->local_events && code->line_count > 0 &&
	       (code->py_code->co_flags & CO_OPTIMIZED) && !hrt_py_watched_by_others(code->py_code, tiers.tool_id);
}

/* The twin of code that has run, made when there is none; NULL when there cannot be one. */
static struct hrt_twin *twin_of(struct hrt_code *code)
{
	const char *reason;
	struct hrt_twin *twin = code->twin;
	struct hrt_code *entry;

	if (twin)
		goto done;
	if (tiers.count >= tiers.sweep_at)
		sweep();
	twin = calloc(1, sizeof *twin);
	if (!twin)
		return NULL;
	twin->py_twin = hrt_twin_make(code->py_code, make_probe, NULL, &reason);
	entry = twin->py_twin ? hrt_code_get(twin->py_twin) : NULL;
	if (!entry) {
		PyErr_Clear();
		Py_XDECREF(twin->py_twin);
		free(twin);
		code->no_twin = true;
		return NULL;
	}
	twin->py_original = (PyCodeObject *)Py_NewRef(code->py_code);
	twin->next = tiers.twins;
	tiers.twins = twin;
	tiers.count++;
	code->twin = entry->twin = twin;
	entry->py_original = code->py_code;
	for (Py_ssize_t i = 0; i < first_probe(twin); i++) {
		PyObject *py_const = PyTuple_GET_ITEM(code->py_code->co_consts, i);
		struct hrt_code *inner = PyCode_Check(py_const) ? hrt_code_get((PyCodeObject *)py_const) : NULL;
		if (!inner)
			continue;
		inner->outer = twin;
		if (may_have_twin(inner))
			twin_of(inner); /* puts itself into our twin */
	}
	if (code->outer)
		replace_constant(code->outer, twin);
done:
	if (twin->bound != hrt_tracer.first_generation)
		bind(twin, code);
	return twin;
}

/* ---- functions ---- */

/* The setter sees to all that hangs on a function's code; then its calls may be specialised again. */
static bool set_code(PyFunctionObject *py_function, PyCodeObject *py_to)
{
	PyCodeObject *py_from = (PyCodeObject *)py_function->func_code;
	bool as_made = py_function->func_version == py_from->co_version;

	if (tiers.theirs->set((PyObject *)py_function, (PyObject *)py_to, tiers.theirs->closure) != 0) {
		PyErr_Clear();
		return false;
	}
	if (HRT_FUNCTION_VERSION_IS_CODES && as_made)
		py_function->func_version = py_to->co_version;
	return true;
}

static struct hrt_twin *twin_on(PyFunctionObject *py_function)
{
	struct hrt_code *code = hrt_code_peek((PyCodeObject *)py_function->func_code);
	return code && code->py_original ? code->twin : NULL;
}

static void move_down(PyFunctionObject *py_function)
{
	struct hrt_twin *twin = twin_on(py_function);
	PyObject *py_type, *py_value, *py_traceback;

	if (!twin)
		return;
	PyErr_Fetch(&py_type, &py_value, &py_traceback);
	Py_INCREF(twin->py_twin); /* a sweep must not take it meanwhile */
	set_code(py_function, twin->py_original);
	Py_DECREF(twin->py_twin);
	PyErr_Restore(py_type, py_value, py_traceback);
}

static PyObject *get_code(PyObject *self, void *closure)
{
	move_down((PyFunctionObject *)self);
	return tiers.theirs->get(self, closure);
}

static uint64_t hits_of(const struct hrt_code *code)
{
	uint64_t hits = 0;

	for (uint32_t i = 0; i < code->line_count; i++)
		if (code->slot_of[i] != HR_INDEX_NONE)
			hits += hr_load64(&code->slots[code->slot_of[i]].hits);
	return hits;
}

static bool coin(void)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 63;
}

static bool is_hot(struct hrt_code *code)
{
	code->calls++;
	if (tiers.moves == AT_ONCE || code->twin)
		return tiers.moves != AT_RANDOM || coin();
	if (tiers.moves == AT_RANDOM)
		return coin();
	/* Looked at with the 2nd, 4th, 8th ... call. */
	return code->calls > 1 && (code->calls & (code->calls - 1)) == 0 && hits_of(code) >= HOT_HITS;
}

bool hrt_tiers_called(struct hrt_code *code)
{
	PyObject *py_type, *py_value, *py_traceback;

	if (!tiers.on || code->no_twin)
		return false;
	if (!(code->py_code->co_flags & CO_OPTIMIZED)) /* modules and class bodies run once */
		return false;
	if (!is_hot(code) || !may_have_twin(code) || hrt_py_is_audited())
		return true;
	PyErr_Fetch(&py_type, &py_value, &py_traceback);
	PyFunctionObject *py_function = hrt_pyframe_function(hrt_pyframe_top(PyThreadState_Get()));
	if (py_function && py_function->func_code == (PyObject *)code->py_code) {
		struct hrt_twin *twin = twin_of(code);
		if (twin) {
			Py_INCREF(py_function);
			set_code(py_function, twin->py_twin);
			Py_DECREF(py_function);
		}
	}
	PyErr_Restore(py_type, py_value, py_traceback);
	return !code->no_twin;
}

bool hrt_tiers_is_twin(struct hrt_code *code)
{
	if (!code->py_original)
		return false;
	if (code->twin->bound != hrt_tracer.first_generation) {
		struct hrt_twin *twin = code->twin;
		bool later;
		struct hrt_code *original = hrt_code_decide(twin->py_original, NULL, &later);
		if (original && original->line_count > 0)
			bind(twin, original);
	}
	return true;
}

bool hrt_tiers_twin_called(struct hrt_code *code)
{
	if (!tiers.on || tiers.moves != AT_RANDOM)
		return false;
	PyFunctionObject *py_function = hrt_pyframe_function(hrt_pyframe_top(PyThreadState_Get()));
	if (py_function && py_function->func_code == (PyObject *)code->py_code && coin())
		move_down(py_function);
	return true;
}

/* ---- life ---- */

int hrt_tiers_init(void)
{
	PyObject *py_dict, *py_descriptor;

	if (tiers.py_descriptor)
		return 0;
	if (hrt_probe_init() != 0)
		return -1;
	py_dict = PyType_GetDict(&PyFunction_Type);
	py_descriptor = PyDict_GetItemString(py_dict, "__code__");
	Py_XDECREF(py_dict);
	if (!py_descriptor || !Py_IS_TYPE(py_descriptor, &PyGetSetDescr_Type)) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: function.__code__ is not what it is in CPython");
		return -1;
	}
	tiers.py_descriptor = (PyGetSetDescrObject *)Py_NewRef(py_descriptor);
	tiers.theirs = tiers.py_descriptor->d_getset;
	tiers.ours = *tiers.theirs;
	tiers.ours.get = get_code;
	return 0;
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
	bool at_once = how && strcmp(how, "probes") == 0, at_random = how && strcmp(how, "random") == 0;

	tiers.on = hrt_tracer.only_thread == 0 && !jit_is_on() &&
	           (at_once || at_random || (how && strcmp(how, "tiers") == 0));
	tiers.moves = at_once ? AT_ONCE : at_random ? AT_RANDOM : WHEN_HOT;
	tiers.tool_id = tool_id;
	tiers.pid = getpid();
	if (tiers.on)
		tiers.py_descriptor->d_getset = &tiers.ours;
}

static int add_if_moved(PyObject *py_object, void *py_moved)
{
	if (PyFunction_Check(py_object) && twin_on((PyFunctionObject *)py_object) &&
	    PyList_Append(py_moved, py_object) != 0)
		PyErr_Clear(); /* without memory: it stays on a twin that counts for nothing */
	return 1;
}

void hrt_tiers_stop(void)
{
	if (!tiers.on && !tiers.twins)
		return;
	tiers.on = false;
	tiers.py_descriptor->d_getset = tiers.theirs;
	if (tiers.twins && getpid() == tiers.pid) {
		PyObject *py_moved = PyList_New(0);
		if (py_moved)
			PyUnstable_GC_VisitObjects(add_if_moved, py_moved);
		for (Py_ssize_t i = 0; py_moved && i < PyList_GET_SIZE(py_moved); i++)
			move_down((PyFunctionObject *)PyList_GET_ITEM(py_moved, i));
		Py_XDECREF(py_moved);
		PyErr_Clear();
	}
	for (struct hrt_twin *twin = tiers.twins; twin; twin = twin->next)
		bind(twin, NULL);
	hrt_tracer.tick = &tiers.idle_tick; /* which the probes of suspended generators still look at */
}

#endif
