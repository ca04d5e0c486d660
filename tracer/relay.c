/* relay.c — see relay.h.
 *
 * Functions by which tools begin to listen are lent ones of ours, which call theirs. From
 * then on no function has a twin (hrt_go_over_tend()); what set_local_events() sets on code is set on its twin too; and
 * what register_callback() is given is called by a relay, which puts the original, with its offsets, in the place of a
 * twin, and which it never gives away. */
#include "relay.h"

#if HRT_GO_OVER_AT_EVENTS

#include "go_over.h"
#include "pyinternal.h"
#include "tiers.h"
#include "twin.h"

#include <stddef.h>
#include <string.h>

enum {
	TOOLS = 6, /* ids of sys.monitoring */
	ALL_TOOLS =
	        8, /* and those of sys.setprofile and sys.settrace, which show frames: only beginnings concern them */
	MOST_ARGUMENTS = 8,
};

enum lent { SET_LOCAL_EVENTS, REGISTER_CALLBACK, SET_EVENTS, TRACE, TRACE_ALL, PROFILE, PROFILE_ALL, LENT_COUNT };

static PyObject *set_local_events(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
static PyObject *register_callback(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
static PyObject *set_events(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
static PyObject *trace(PyObject *self, PyObject *py_how);
static PyObject *trace_all(PyObject *self, PyObject *py_how);
static PyObject *profile(PyObject *self, PyObject *py_how);
static PyObject *profile_all(PyObject *self, PyObject *py_how);

#define FAST(function) .flags = METH_FASTCALL, .call = (PyCFunction)(void (*)(void))(function)

/* A function that is lent: `theirs` is what the function object has otherwise. */
static struct loan {
	bool of_monitoring; /* of sys.monitoring, else of sys */
	const char *name;
	int flags;
	PyCFunction call;
	PyCFunctionObject *py_function; /* for good: it may have our m_ml */
	PyMethodDef *theirs, ours;
} loans[LENT_COUNT] = {
        [SET_LOCAL_EVENTS] = {.of_monitoring = true, .name = "set_local_events", FAST(set_local_events)},
        [REGISTER_CALLBACK] = {.of_monitoring = true, .name = "register_callback", FAST(register_callback)},
        [SET_EVENTS] = {.of_monitoring = true, .name = "set_events", FAST(set_events)},
        [TRACE] = {.name = "settrace", .flags = METH_O, .call = trace},
        [TRACE_ALL] = {.name = "_settraceallthreads", .flags = METH_O, .call = trace_all},
        [PROFILE] = {.name = "setprofile", .flags = METH_O, .call = profile},
        [PROFILE_ALL] = {.name = "_setprofileallthreads", .flags = METH_O, .call = profile_all},
};

static bool on;

static PyObject *call_fast(enum lent which, PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	return ((_PyCFunctionFast)(void (*)(void))loans[which].theirs->ml_meth)(self, args, nargs);
}

/* What theirs has returned. Looks who listens now; where it has raised, nobody new does. */
static PyObject *tend(PyObject *py_done)
{
	if (py_done)
		hrt_go_over_tend();
	return py_done;
}

static PyObject *call_and_tend(enum lent which, PyObject *self, PyObject *py_argument)
{
	return tend(loans[which].theirs->ml_meth(self, py_argument));
}

static PyObject *trace(PyObject *self, PyObject *py_how)
{
	return call_and_tend(TRACE, self, py_how);
}

static PyObject *trace_all(PyObject *self, PyObject *py_how)
{
	return call_and_tend(TRACE_ALL, self, py_how);
}

static PyObject *profile(PyObject *self, PyObject *py_how)
{
	return call_and_tend(PROFILE, self, py_how);
}

static PyObject *profile_all(PyObject *self, PyObject *py_how)
{
	return call_and_tend(PROFILE_ALL, self, py_how);
}

/* sys.monitoring.set_events(tool, events) */
static PyObject *set_events(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	return tend(call_fast(SET_EVENTS, self, args, nargs));
}

/* sys.monitoring.set_local_events(tool, code, events) */
static PyObject *set_local_events(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	PyObject *py_done = call_fast(SET_LOCAL_EVENTS, self, args, nargs);
	PyCodeObject *py_twin = py_done && nargs == 3 && PyCode_Check(args[1])
	                                ? hrt_go_over_others_twin((PyCodeObject *)args[1], args[0])
	                                : NULL;

	if (py_twin) {
		PyObject *twin_args[3] = {args[0], (PyObject *)py_twin, args[2]};
		PyObject *py_done_too = call_fast(SET_LOCAL_EVENTS, self, twin_args, 3);
		if (!py_done_too)
			PyErr_Clear();
		Py_XDECREF(py_done_too);
	}
	return py_done;
}

/* ---- callbacks ---- */

struct relay {
	PyObject_HEAD vectorcallfunc call;
	PyObject *py_callback;
	int event;
	int offsets; /* how many offsets its events have behind the code */
};

static PyObject *pass_on(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames)
{
	const struct relay *relay = (struct relay *)self;
	PyObject *py_callback = Py_NewRef(relay->py_callback); /* it may be replaced while it runs */
	Py_ssize_t count = PyVectorcall_NARGS(nargs);
	int offsets = relay->offsets;
	PyObject *py_made[MOST_ARGUMENTS] = {NULL}, *py_args[MOST_ARGUMENTS], *py_result;
	int places[MOST_ARGUMENTS] = {0};
	struct hrt_twin_pair *pair = !kwnames && count > 0 && count <= MOST_ARGUMENTS && PyCode_Check(args[0])
	                                     ? hrt_tiers_pair((PyCodeObject *)args[0])
	                                     : NULL;

	if (!pair) {
		py_result = PyObject_Vectorcall(py_callback, args, nargs, kwnames);
		Py_DECREF(py_callback);
		return py_result;
	}
	if (relay->event == HRT_PY_START && hrt_go_over_begin_anew(pair)) {
		Py_DECREF(py_callback);
		Py_RETURN_NONE;
	}
	memcpy(py_args, args, (size_t)count * sizeof *py_args);
	py_args[0] = py_made[0] = Py_NewRef(pair->py_original);
	for (int i = 1; i <= offsets && i < count; i++) {
		places[i] = hrt_twin_original_offset(pair, (int)PyLong_AsLong(args[i]));
		py_made[i] = PyLong_FromLong(places[i]);
		if (py_made[i])
			py_args[i] = py_made[i];
		else
			PyErr_Clear();
	}
	/* Over a probe. (An instruction that jumps to itself jumps back, to its probe.) */
	bool own_jump = offsets == 2 && places[1] == places[2] && PyLong_AsLong(args[1]) < PyLong_AsLong(args[2]);
	py_result = own_jump ? Py_NewRef(Py_None) : PyObject_Vectorcall(py_callback, py_args, (size_t)count, NULL);
	for (int i = 0; i < MOST_ARGUMENTS; i++)
		Py_XDECREF(py_made[i]);
	Py_DECREF(py_callback);
	return py_result;
}

static void free_relay(PyObject *self)
{
	Py_XDECREF(((struct relay *)self)->py_callback);
	PyObject_Free(self);
}

static PyTypeObject relay_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heartrate_shm._tracer.Relay",
        .tp_basicsize = sizeof(struct relay),
        .tp_dealloc = free_relay,
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
        .tp_vectorcall_offset = offsetof(struct relay, call),
        .tp_call = PyVectorcall_Call,
        .tp_doc = "Calls another tool's callback, with the original code of a twin.",
};

/* New reference; NULL with the exception set. */
static PyObject *make_relay(PyObject *py_callback, int event)
{
	struct relay *relay = PyObject_New(struct relay, &relay_type);

	if (relay) {
		relay->call = pass_on;
		relay->py_callback = Py_NewRef(py_callback);
		relay->event = event;
		relay->offsets = hrt_py_event_offsets(event);
	}
	return (PyObject *)relay;
}

/* What is behind it, if it is a relay: a new reference, and the given one is gone. */
static PyObject *unwrap(PyObject *py_callback)
{
	if (py_callback && Py_IS_TYPE(py_callback, &relay_type)) {
		PyObject *py_behind = Py_NewRef(((struct relay *)py_callback)->py_callback);
		Py_DECREF(py_callback);
		return py_behind;
	}
	return py_callback;
}

/* sys.monitoring.register_callback(tool, event, function) -> the one before */
static PyObject *register_callback(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	PyObject *py_relay = NULL, *py_before;

	if (nargs == 3 && PyLong_Check(args[1]) && args[2] != Py_None && !hrt_go_over_is_own_tool(args[0]) &&
	    hrt_py_interpreter() == PyInterpreterState_Main()) {
		unsigned long bit = PyLong_AsUnsignedLong(args[1]);
		int event = 0;
		while (event < 31 && !(bit >> event & 1))
			event++;
		py_relay = make_relay(args[2], event);
		PyErr_Clear();
	}
	PyObject *relay_args[3] = {args[0], nargs == 3 ? args[1] : NULL, py_relay};
	py_before = call_fast(REGISTER_CALLBACK, self, py_relay ? relay_args : args, nargs);
	Py_XDECREF(py_relay);
	return unwrap(py_before);
}

/* ---- life ---- */

/* New reference, or NULL with the exception set when it is not what it is in CPython. */
static PyObject *find_function(const struct loan *loan)
{
	PyObject *py_found = PySys_GetObject(loan->of_monitoring ? "monitoring" : loan->name); /* borrowed */
	PyObject *py_function =
	        py_found && loan->of_monitoring ? PyObject_GetAttrString(py_found, loan->name) : Py_XNewRef(py_found);

	const PyMethodDef *method = hrt_py_method(py_function);
	if (method && method->ml_flags == loan->flags)
		return py_function;
	Py_XDECREF(py_function);
	PyErr_Format(PyExc_ImportError, "heartrate_shm: sys.monitoring.%s is not what it is in CPython", loan->name);
	return NULL;
}

int hrt_relay_init(void)
{
	if (PyType_Ready(&relay_type) != 0)
		return -1;
	for (struct loan *loan = loans; loan < loans + LENT_COUNT; loan++) {
		if (loan->py_function)
			continue;
		PyObject *py_function = find_function(loan);
		if (!py_function && loan->of_monitoring)
			return -1;
		if (!py_function) {
			PyErr_Clear(); /* a debugger's: its listening is noticed later */
			continue;
		}
		loan->py_function = (PyCFunctionObject *)py_function;
		loan->theirs = loan->py_function->m_ml;
		loan->ours = *loan->theirs;
		loan->ours.ml_meth = loan->call;
	}
	return 0;
}

static void wear(bool ours)
{
	for (struct loan *loan = loans; loan < loans + LENT_COUNT; loan++)
		if (loan->py_function)
			loan->py_function->m_ml = ours ? &loan->ours : loan->theirs;
	on = ours;
}

static void wrap(PyObject **py_callback, int event)
{
	PyObject *py_relay = NULL;

	if (*py_callback && !Py_IS_TYPE(*py_callback, &relay_type))
		py_relay = make_relay(*py_callback, event);
	if (py_relay)
		Py_SETREF(*py_callback, py_relay);
	PyErr_Clear();
}

void hrt_relay_put_on(void)
{
	if (on)
		return;
	wear(true);
	for (int tool = 0; tool < TOOLS; tool++) {
		PyObject **py_callback;
		for (int event = 0; !hrt_go_over_is_own(tool) && (py_callback = hrt_py_callback(tool, event)); event++)
			wrap(py_callback, event);
	}
	hrt_relay_tend();
}

void hrt_relay_tend(void)
{
	for (int tool = TOOLS; on && tool < ALL_TOOLS; tool++)
		wrap(hrt_py_callback(tool, HRT_PY_START), HRT_PY_START);
}

void hrt_relay_take_off(void)
{
	if (!on)
		return;
	wear(false);
	for (int tool = 0; tool < ALL_TOOLS; tool++) {
		PyObject **py_callback;
		for (int event = 0; (py_callback = hrt_py_callback(tool, event)); event++)
			*py_callback = unwrap(*py_callback);
	}
}

#endif
