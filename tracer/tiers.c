/* tiers.c — see tiers.h. */
#include "tiers.h"

#if HRT_HAVE_TWINS

#include "guise.h"
#include "plain.h"
#include "probe.h"
#include "relay.h"
#include "subscripts.h"

#include <stdlib.h>
#include <string.h>

#define HOT_EVENTS          400 /* cost about as much as making the twin of a function (12 us in the median) */
#define HOT_EVENTS_PER_LINE 8   /* and of long code, such as a module of which each line is hit once */
#define SHORT_LINES         250

/* Keeps both code objects alive. */
struct hrt_twin {
	struct hrt_twin_pair pair; /* first: one is found by the other */
	int frame_size;            /* of the original's frames, unless there was need for more */
	uint64_t bound;            /* hrt_tracer.first_generation of the trace that its probes count for */
	struct hrt_twin *next;
};

static struct {
	bool started; /* false from stop() on, which may run finalizers of the program while its events are on */
	bool on;
	PyThreadState *comes_up; /* the thread in which the interpreter does, NULL when it is up */
	int64_t hot_at;
	bool at_random;
	struct hrt_twin *twins;
	size_t count, sweep_at;
	_Atomic uint64_t idle_tick;
} tiers;

/* What the JIT (3.14 and later) has compiled goes its own ways. Measured on 3.15.0 with PYTHON_JIT=1: a program that
 * uses sys.settrace itself crashed while functions moved up and down, and a loop over calls that are hot does alone. */
static bool jit(const char *question)
{
	PyObject *py_jit = PySys_GetObject("_jit"); /* borrowed */
	PyObject *py_answer = py_jit ? PyObject_CallMethod(py_jit, question, NULL) : NULL;
	bool is_so = py_answer && PyObject_IsTrue(py_answer) == 1;

	Py_XDECREF(py_answer);
	PyErr_Clear();
	return is_so;
}

static bool site_is_being_imported(void)
{
	PyObject *py_spec = hrt_plain_variable(hrt_plain_module("site"), "__spec__"); /* borrowed */
	PyObject *py_is = py_spec ? hrt_plain_attribute(py_spec, "_initializing") : NULL;
	bool is_so = py_is == Py_True;

	Py_XDECREF(py_is);
	return is_so;
}

/* The interpreter switches its JIT on when it has imported site, with which traces of `python -m heartrate_shm` and of
 * children begin. Until then its thread's outermost frame is of the import system. */
static bool import_is_outermost(PyThreadState *thread)
{
	PyCodeObject *py_code = NULL;

	for (const struct hrt_pyframe *frame = hrt_pyframe_top(thread); frame; frame = hrt_pyframe_back(frame))
		py_code = hrt_pyframe_code(frame);
	return py_code && PyUnicode_CompareWithASCIIString(py_code->co_filename, "<frozen importlib._bootstrap>") == 0;
}

static void look_for_jit(void)
{
	tiers.comes_up = NULL;
	if (jit("is_enabled"))
		tiers.on = false;
	else if (jit("is_available") && site_is_being_imported())
		tiers.comes_up = PyThreadState_Get();
}

/* Loses an exception that is under way. */
static void look_for_jit_again(void)
{
	if (tiers.comes_up && PyThreadState_Get() == tiers.comes_up && !import_is_outermost(tiers.comes_up))
		look_for_jit();
}

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
	if (hrt_code_take_probe_slots(hrt_code_peek(twin->pair.py_twin), original) != 0)
		return false;
	bind(twin);
	twin->bound = hrt_tracer.first_generation;
	return true;
}

/* Lets go of the twins that no frame runs and whose original nobody else has: exec() in a loop must not fill the
 * memory; `all`: whoever has it. Whether there were any: then finalizers of the program have run, and all may be
 * different, stop() perhaps called. So the list is done with before the first of them ends. */
static bool sweep(bool all)
{
	struct hrt_twin *ending = NULL;

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
		hrt_pyframe_set_size_of(twin->pair.py_original, twin->frame_size);
		twin->next = ending;
		ending = twin;
	}
	tiers.sweep_at = tiers.count * 2 + 64;
	bool any = ending != NULL;
	for (struct hrt_twin *next; ending; ending = next) {
		next = ending->next;
		hrt_twin_free(&ending->pair);
		free(ending);
	}
	return any;
}

/* Code of the program that runs there counts, although this is within an event. */
static bool sweep_at_event(void)
{
	PyThreadState *thread = PyThreadState_Get();
	int tracing = thread->tracing;

	thread->tracing = 0;
	bool any = sweep(false);
	thread->tracing = tracing;
	return any;
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
	twin->frame_size = hrt_pyframe_size_of(code->py_code);
	entry = hrt_code_get(twin->pair.py_twin);
	if (!entry || (HRT_FRAME_SIZES_ARE_ASSERTED && hrt_pyframe_size_of(twin->pair.py_twin) != twin->frame_size)) {
		hrt_twin_free(&twin->pair);
		goto fail;
	}
	twin->next = tiers.twins;
	tiers.twins = twin;
	tiers.count++;
	hrt_pyframe_set_size_of(code->py_code, hrt_pyframe_size_of(twin->pair.py_twin)); /* room for later frames */
	code->twin = entry->twin = twin;
	hrt_subscripts_keep_plain(twin->pair.py_twin);
	entry->py_original = code->py_code;
	hrt_guise_put_on();
	hrt_relay_put_on();
	return twin;
fail:
	PyErr_Clear();
	free(twin);
	return NULL;
}

struct hrt_twin_pair *hrt_tiers_twin(struct hrt_code *code)
{
	struct hrt_twin *twin = code->twin;

	if (!tiers.started)
		return NULL;
	if (twin && twin->bound == hrt_tracer.first_generation)
		return &twin->pair;
	look_for_jit_again();
	if (!tiers.on)
		code->heat = HRT_NEVER_HOT;
	if (!tiers.on || tiers.comes_up)
		return NULL;
	if (!twin && tiers.count >= tiers.sweep_at && sweep_at_event())
		return NULL;

	int gc_was_enabled = hrt_py_gc_pause(); /* or finalizers of the program would run here */
	if (!twin)
		twin = make_twin(code);
	if (twin && !count_with(twin, code))
		twin = NULL;
	if (!twin)
		code->heat = HRT_NEVER_HOT;
	hrt_py_gc_resume(gc_was_enabled);
	return twin ? &twin->pair : NULL;
}

bool hrt_tiers_has_room(PyThreadState *thread, const struct hrt_pyframe *frame, const struct hrt_twin_pair *pair)
{
	int made_with = ((const struct hrt_twin *)pair)->frame_size;

	return hrt_pyframe_size(thread, frame, made_with) >= hrt_pyframe_size_of(pair->py_twin);
}

bool hrt_tiers_chance(bool otherwise)
{
	static uint64_t state = 1;

	if (!tiers.at_random)
		return otherwise;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 62 == 0;
}

/* Where a frame goes over only when it is evaluated anew, what is called once and loops for hours is hot at once. */
static bool hot_at_once(const struct hrt_code *code)
{
	return !HRT_HAVE_MONITORING && code->run->line_count <= SHORT_LINES && hrt_twin_loops(code->py_code);
}

void hrt_tiers_watch(struct hrt_code *code)
{
	int64_t for_size = (int64_t)code->run->line_count * HOT_EVENTS_PER_LINE;

	look_for_jit_again();
	if (!tiers.on)
		code->heat = HRT_NEVER_HOT;
	else if (tiers.hot_at == 0 || hot_at_once(code))
		code->heat = 0;
	else
		code->heat = -(tiers.hot_at < for_size ? for_size : tiers.hot_at);
}

bool hrt_tiers_counts(const struct hrt_code *twin)
{
	return twin->twin->bound == hrt_tracer.first_generation;
}

bool hrt_tiers_is_twin(struct hrt_code *code)
{
	if (!code->py_original)
		return false;
	if (tiers.started && !hrt_tiers_counts(code)) {
		struct hrt_twin *twin = code->twin;
		bool later;
		struct hrt_code *original = hrt_code_decide(twin->pair.py_original, NULL, &later);
		if (original && original->counted)
			count_with(twin, original);
	}
	return true;
}

/* NULL when nobody has looked at it, or there are no twins. In other interpreters code has other things tied to it. */
static struct hrt_code *entry_of(PyCodeObject *py_code)
{
	return tiers.twins && hrt_py_interpreter() == PyInterpreterState_Main() ? hrt_code_peek(py_code) : NULL;
}

struct hrt_twin_pair *hrt_tiers_pair(PyCodeObject *py_code)
{
	const struct hrt_code *code = entry_of(py_code);

	return code && code->py_original ? &code->twin->pair : NULL;
}

PyCodeObject *hrt_tiers_twin_of(PyCodeObject *py_code)
{
	const struct hrt_code *code = entry_of(py_code);

	return code && code->twin ? code->twin->pair.py_twin : NULL;
}

/* ---- life ---- */

int hrt_tiers_init(void)
{
	return hrt_probe_init() != 0 || hrt_guise_init() != 0 ? -1 : hrt_relay_init();
}

void hrt_tiers_start(void)
{
	const char *how = getenv("HEARTRATE_SHM_COUNT");

	how = how ? how : "";
	tiers.started = true;
	tiers.at_random = strcmp(how, "random") == 0;
	tiers.hot_at = tiers.at_random || strcmp(how, "probes") == 0 ? 0 : HOT_EVENTS;
	tiers.on = hrt_tracer.only_thread == 0 && strcmp(how, "events") != 0;
	look_for_jit();
}

void hrt_tiers_go_on(void)
{
	for (struct hrt_twin *next, *twin = tiers.twins; twin; twin = next) {
		PyCodeObject *py_twin =
		        (PyCodeObject *)Py_NewRef(twin->pair.py_twin); /* so that no sweep takes it meanwhile */
		hrt_tiers_is_twin(hrt_code_peek(py_twin));
		next = twin->next;
		Py_DECREF(py_twin);
	}
}

void hrt_tiers_switch_off(void)
{
	tiers.on = false;
}

void hrt_tiers_stop(void)
{
	tiers.started = tiers.on = false;
	for (struct hrt_twin *twin = tiers.twins; twin; twin = twin->next) {
		hrt_code_peek(twin->pair.py_twin)->counted = false;
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
