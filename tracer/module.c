/* module.c — heartrate_shm._tracer: the Python side of the tracer and the only raiser of exceptions.
 *
 * Owns the life of the one tracer of a process: start, more filters, children, stop. Argument defaults, messages
 * and everything else that can be Python is in the package's _trace.py. */
#include "backend.h"
#include "codemap.h"
#include "filemap.h"
#include "hr_err.h"
#include "hr_retire.h"
#include "launch.h"
#include "plain.h"
#include "process.h"
#include "pyframe.h"
#include "sampler.h"
#include "spawn.h"
#include "tracemalloc.h"
#include "twin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct hrt_tracer hrt_tracer;
_Thread_local bool hrt_starting;

static const char definition_name[] = "heartrate_shm._tracer";
static PyObject *py_newest;     /* the module, of those that were loaded in turn; borrowed */
static bool second_interpreter; /* of this process, one after the other */
static atomic_bool has_traced;  /* the main interpreter; read by others */

void hrt_note(enum hr_note_kind kind, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	int bytes = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (bytes > (int)sizeof text - 1)
		bytes = (int)sizeof text - 1;
	if (hrt_tracer.segment && bytes > 0)
		hrt_segment_put_note(hrt_tracer.segment, kind, (struct hrt_text){text, (size_t)bytes});
}

void hrt_forget_exception(void)
{
	bool interrupted = PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);

	PyErr_Clear();
	if (interrupted)
		PyErr_SetInterrupt();
}

void hrt_tell_full(int err)
{
	if (hrt_tracer.told_full || hrt_tracer.sampling)
		return;
	hrt_tracer.told_full = true;
	PySys_FormatStderr("heartrate_shm: %s: the program runs on, but code that is new from here on is not counted\n",
	                   hr_err_text(err));
}

void hrt_tracer_end(enum hr_end end)
{
	struct hrt_segment *segment = hrt_tracer.segment;

	if (!segment || hrt_tracer.ending)
		return;
	hrt_tracer.ending = PyThread_get_thread_ident(); /* until then nobody begins anything, nor ends it again */
	hrt_backend_stop();                              /* calls audit hooks of the program */
	hrt_sampler_forget();
	hrt_spawn_uninstall();
	hrt_tracer.children = false;
	if (end != HR_END_UNKNOWN)
		hrt_segment_close(segment, end);
	hrt_tracer.segment = NULL;
	hrt_tracer.generation++; /* what a late event finds is out of date */
	hrt_codemap_clear();
	hrt_filemap_clear();
	hrt_segment_free(segment);
	hrt_tracer.ending = 0;
	/* Last and from here: finalizers of filters may start the next tracer. */
	PyObject *py_filters = hrt_tracer.py_filters, *py_callers = hrt_tracer.py_callers;
	hrt_tracer.py_filters = hrt_tracer.py_callers = NULL;
	Py_XDECREF(py_filters);
	Py_XDECREF(py_callers);
}

/* ---- the functions ---- */

static bool is_tracing(void)
{
	return hrt_tracer.segment && !hrt_tracer.ending;
}

static struct hrt_text text_of(PyObject *py_bytes)
{
	return (struct hrt_text){PyBytes_AS_STRING(py_bytes), (size_t)PyBytes_GET_SIZE(py_bytes)};
}

static int add_filter(PyObject *py_filters, PyObject *py_callers, PyObject *py_filter, PyObject *py_caller)
{
	if (py_filter != Py_None && PyList_Append(py_filters, py_filter) != 0)
		return -1;
	return py_caller == Py_None ? 0 : PySet_Add(py_callers, py_caller);
}

static bool is_known(PyObject *py_filter, PyObject *py_caller)
{
	bool known = py_filter == Py_None;

	for (Py_ssize_t i = 0; !known && i < PyList_GET_SIZE(hrt_tracer.py_filters); i++)
		known = PyList_GET_ITEM(hrt_tracer.py_filters, i) == py_filter;
	return known && (py_caller == Py_None || PySet_Contains(hrt_tracer.py_callers, py_caller) == 1);
}

/* The filters are asked and the program's audit hooks called meanwhile, which may stop the tracer and start the next:
 * then nothing is left to be done here. */
static int begin(void)
{
	uint64_t life = hrt_tracer.first_generation;
	int result = hrt_backend_start();

	if (!hrt_tracer_lives(life)) {
		hrt_forget_exception();
		return 0;
	}
	if (result == 0) {
		hrt_spawn_install();
		hrt_process_start_sampler();
	} else {
		struct hrt_py_exception pending = hrt_py_put_aside();
		hrt_tracer_end(HR_END_STOPPED);
		hrt_py_take_up(pending);
	}
	return result;
}

PyDoc_STRVAR(start_doc,
             "start(files, caller, name, argv, executable, cwd, size, only_this_thread, parent)\n--\n\n"
             "Makes the segment and traces from the next line on. Texts are bytes; parent is the instance of the "
             "traced process that started this one, or 0. OSError: no segment could be "
             "had. RuntimeError: no monitoring tool id is free. False: already tracing.");

static PyObject *start(PyObject *self, PyObject *args)
{
	PyObject *py_filter, *py_caller, *py_name, *py_argv, *py_executable, *py_cwd, *py_started = NULL;
	unsigned long long size, parent;
	int only_this_thread;

	(void)self;
	if (!PyArg_ParseTuple(args, "OOSSSSKpK", &py_filter, &py_caller, &py_name, &py_argv, &py_executable, &py_cwd,
	                      &size, &only_this_thread, &parent))
		return NULL;
	if (second_interpreter) {
		PyErr_SetString(PyExc_OSError, "this process has ended an interpreter and begun another, "
		                               "and only the first can be traced");
		return NULL;
	}
	hr_retire_old();
	PyObject *py_filters = PyList_New(0), *py_callers = PySet_New(NULL), *py_caller_bytes = NULL;
	if (!py_filters || !py_callers || add_filter(py_filters, py_callers, py_filter, py_caller) != 0)
		goto done;
	if (py_caller != Py_None) {
		py_caller_bytes = PyUnicode_AsEncodedString(py_caller, "utf-8", "surrogateescape");
		if (!py_caller_bytes)
			PyErr_Clear();
	}
	struct hrt_segment_spec spec = {
	        .size_bytes = size,
	        .parent_instance = parent,
	        .python_hex = hrt_python_hex(),
	        .name = text_of(py_name),
	        .argv = text_of(py_argv),
	        .executable = text_of(py_executable),
	        .cwd = text_of(py_cwd),
	        .caller = py_caller_bytes ? text_of(py_caller_bytes) : (struct hrt_text){0},
	};
	/* What is made above may start the collector, and finalizers of the program another tracer. */
	if (hrt_tracer.segment) {
		py_started = Py_NewRef(Py_False);
		goto done;
	}
	int err = hrt_segment_create(&spec, &hrt_tracer.segment);
	if (err == HR_EARG) {
		PyErr_Format(PyExc_ValueError, "size must be at least %llu bytes",
		             (unsigned long long)HRT_SEGMENT_MIN_BYTES);
		goto done;
	}
	if (err != 0) {
		const char *detail = err == HR_EIO ? strerror(errno) : hr_err_text(err);
		PyErr_Format(PyExc_OSError, "no shared memory segment: %s", detail);
		goto done;
	}
	hrt_tracer.slots = hrt_segment_slots(hrt_tracer.segment);
	hrt_tracer.tick = &hrt_segment_control(hrt_tracer.segment)->tick;
	hrt_tracer.first_generation = ++hrt_tracer.generation;
	hrt_tracer.only_thread = only_this_thread ? PyThreadState_Get()->id : 0;
	hrt_tracer.told_full = false;
	hrt_tracer.filters_told = 0;
	hrt_tracer.py_filters = Py_NewRef(py_filters);
	hrt_tracer.py_callers = Py_NewRef(py_callers);
	has_traced = true;
	py_started = begin() == 0 ? Py_NewRef(Py_True) : NULL;
done:
	Py_XDECREF(py_caller_bytes);
	Py_XDECREF(py_callers);
	Py_XDECREF(py_filters);
	return py_started;
}

PyDoc_STRVAR(add_doc,
             "add(files, caller)\n--\n\nAdds a filter and a calling file to the running tracer; None for neither. "
             "False: not tracing.");

static PyObject *add(PyObject *self, PyObject *args)
{
	PyObject *py_filter, *py_caller;

	(void)self;
	if (!PyArg_ParseTuple(args, "OO", &py_filter, &py_caller))
		return NULL;
	if (!is_tracing())
		Py_RETURN_FALSE;
	if (is_known(py_filter, py_caller)) /* each thread of a program may call trace(), each time with the same */
		Py_RETURN_TRUE;
	if (add_filter(hrt_tracer.py_filters, hrt_tracer.py_callers, py_filter, py_caller) != 0)
		return NULL;
	hrt_tracer.generation++;
	if (hrt_backend_refresh() != 0)
		return NULL;
	Py_RETURN_TRUE;
}

PyDoc_STRVAR(children_doc, "children(description, site)\n--\n\n"
                           "Traces children too: forked ones, and new Python programs, which find `description` in "
                           "their environment and the folder `site` in PYTHONPATH. Both are bytes without NUL. Does "
                           "nothing when not tracing.");

static PyObject *children(PyObject *self, PyObject *args)
{
	const char *description, *site;

	(void)self;
	if (!PyArg_ParseTuple(args, "yy", &description, &site))
		return NULL;
	if (!is_tracing())
		Py_RETURN_NONE;
	uint64_t life = hrt_tracer.first_generation;
	if (hrt_spawn_pass_on(description, site) != 0)
		return PyErr_NoMemory();
	if (hrt_tracer_lives(life))
		hrt_tracer.children = true;
	Py_RETURN_NONE;
}

PyDoc_STRVAR(note_doc, "note(text)\n--\n\nTells viewers something once. Does nothing when not tracing.");

static PyObject *note(PyObject *self, PyObject *args)
{
	const char *text;

	(void)self;
	if (!PyArg_ParseTuple(args, "s", &text))
		return NULL;
	hrt_note(HR_NOTE_TROUBLE, "%s", text);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(label_doc, "label(text)\n--\n\nWhat viewers call the calling thread from now on, whatever its name is; "
                        "None: its name again. One thread at a time has one.");

static PyObject *label(PyObject *self, PyObject *args)
{
	const char *text;

	(void)self;
	if (!PyArg_ParseTuple(args, "z", &text))
		return NULL;
	hrt_sampler_label(text);
	Py_RETURN_NONE;
}

PyDoc_STRVAR(stop_doc,
             "stop()\n--\n\nPuts everything back; the segment stays readable. Does nothing when not tracing.");

static PyObject *stop(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	if (hrt_tracer.segment) {
		hrt_sampler_stop();
		hrt_tracer_end(HR_END_STOPPED);
	}
	Py_RETURN_NONE;
}

PyDoc_STRVAR(segment_doc, "segment()\n--\n\nFile name of the running tracer's segment in /dev/shm, or None.");

static PyObject *segment(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	if (!hrt_tracer.segment)
		Py_RETURN_NONE;
	return PyUnicode_FromString(hrt_segment_name(hrt_tracer.segment));
}

/* The bytes objects of a list as a NULL-terminated array, borrowed from it; NULL with the exception set. */
static char **strings_of(PyObject *py_list)
{
	Py_ssize_t count = PyList_GET_SIZE(py_list);
	char **strings = PyMem_New(char *, (size_t)count + 1);

	if (!strings) {
		PyErr_NoMemory();
		return NULL;
	}
	for (Py_ssize_t i = 0; i < count; i++) {
		strings[i] = PyBytes_AsString(PyList_GET_ITEM(py_list, i));
		if (!strings[i]) {
			PyMem_Free(strings);
			return NULL;
		}
	}
	strings[count] = NULL;
	return strings;
}

PyDoc_STRVAR(launch_doc, "launch(argv, environ)\n--\n\nRuns argv[0] so that this process cannot meet it (launch.h). "
                         "Lists of bytes. OSError when it could not be started.");

static PyObject *launch(PyObject *self, PyObject *args)
{
	PyObject *py_argv, *py_environ;
	char **argv = NULL, **environment = NULL;
	bool started = false;

	(void)self;
	if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &py_argv, &PyList_Type, &py_environ))
		return NULL;
	if ((argv = strings_of(py_argv)) && (environment = strings_of(py_environ))) {
		started = argv[0] && hrt_launch(argv[0], argv, environment) == 0;
		if (!started)
			PyErr_SetFromErrno(PyExc_OSError);
	}
	PyMem_Free(argv);
	PyMem_Free(environment);
	if (!started)
		return NULL;
	Py_RETURN_NONE;
}

#if HRT_HAVE_TWINS
static PyObject *call_with_line(void *context, int line)
{
	return PyObject_CallFunction(context, "i", line);
}

PyDoc_STRVAR(twin_doc, "_twin(code, make_probe)\n--\n\nThe twin of code that has LINE events on (twin.h), with "
                       "make_probe(line) among its constants, or a str that says why there is none. For tests.");

static PyObject *twin(PyObject *self, PyObject *args)
{
	PyObject *py_code, *py_make_probe;
	struct hrt_twin_pair pair;
	const char *reason = "";

	(void)self;
	if (!PyArg_ParseTuple(args, "O!O", &PyCode_Type, &py_code, &py_make_probe))
		return NULL;
	if (hrt_twin_make((PyCodeObject *)py_code, call_with_line, py_make_probe, &pair, &reason) != 0)
		return PyErr_Occurred() ? NULL : PyUnicode_FromString(reason);
	PyObject *py_twin = Py_NewRef(pair.py_twin);
	hrt_twin_free(&pair);
	return py_twin;
}
#endif

static PyMethodDef methods[] = {
#if HRT_HAVE_TWINS
        {"_twin", twin, METH_VARARGS, twin_doc},
#endif
        {"start", start, METH_VARARGS, start_doc},
        {"add", add, METH_VARARGS, add_doc},
        {"children", children, METH_VARARGS, children_doc},
        {"note", note, METH_VARARGS, note_doc},
        {"label", label, METH_VARARGS, label_doc},
        {"stop", stop, METH_NOARGS, stop_doc},
        {"segment", segment, METH_NOARGS, segment_doc},
        {"launch", launch, METH_VARARGS, launch_doc},
        {NULL, NULL, 0, NULL},
};

/* In a sub-interpreter there is no tracer. Beside a main interpreter that traces, what a program calls at its top does
 * nothing: it may be there because the program's own file is loaded anew, for its functions (InterpreterPoolExecutor).
 * Otherwise it is told: mod_wsgi runs whole applications there. Maybe under another GIL: nothing here touches what the
 * units know. */
static PyObject *elsewhere_add(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	return PyBool_FromLong(has_traced);
}

static PyObject *elsewhere_start(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	PyErr_SetString(PyExc_OSError, "this is a sub-interpreter, and only the main one can be traced (for mod_wsgi: "
	                               "WSGIApplicationGroup %{GLOBAL})");
	return NULL;
}

static PyObject *elsewhere_none(PyObject *self, PyObject *args)
{
	(void)self, (void)args;
	Py_RETURN_NONE;
}

static PyMethodDef elsewhere_methods[] = {
        {"start", elsewhere_start, METH_VARARGS, start_doc},
        {"add", elsewhere_add, METH_VARARGS, add_doc},
        {"stop", elsewhere_none, METH_NOARGS, stop_doc},
        {"segment", elsewhere_none, METH_NOARGS, segment_doc},
        {NULL, NULL, 0, NULL},
};

/* An interpreter that was ended and begun again in one process (embedding): all that we know is of the first, whose
 * objects are gone. Its segment ends here. */
static int know_interpreter(void)
{
	static bool begun;
	PyObject *py_marks = PyInterpreterState_GetDict(hrt_py_interpreter());

	if (!py_marks || hrt_plain_item_named(py_marks, definition_name))
		return py_marks ? 0 : -1;
	if (PyDict_SetItemString(py_marks, definition_name, Py_True) != 0)
		return -1;
	second_interpreter = begun;
	begun = true;
	if (second_interpreter)
		hrt_code_extra_forget();
	if (second_interpreter && hrt_tracer.segment) {
		hrt_segment_close(hrt_tracer.segment, HR_END_STOPPED);
		hrt_tracer.segment = NULL;
	}
	return 0;
}

/* The file map needs to know where this package lies. */
static int init_filemap(PyObject *py_module)
{
	PyObject *py_file = PyModule_GetFilenameObject(py_module);
	const char *file = py_file ? PyUnicode_AsUTF8(py_file) : NULL;
	char *directory = file ? strdup(file) : NULL;
	char *end = directory ? strrchr(directory, '/') : NULL;
	int err = HR_EIO;

	if (end) {
		*end = '\0';
		err = hrt_filemap_init(directory);
	}
	if (err != 0 && !PyErr_Occurred())
		PyErr_NoMemory();
	free(directory);
	Py_XDECREF(py_file);
	return err;
}

/* Each interpreter that imports the module comes through here. */
static int execute(PyObject *py_module)
{
	if (HRT_FREE_THREADED) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm does not support free-threaded Python yet: "
		                                   "counters are exact only under the GIL. Use the ordinary build.");
		return -1;
	}
	if (PyModule_AddIntConstant(py_module, "DEFAULT_SIZE", (long)HRT_SEGMENT_DEFAULT_BYTES) != 0)
		return -1;
	if (hrt_py_interpreter() != PyInterpreterState_Main())
		return PyModule_AddFunctions(py_module, elsewhere_methods);
	if (know_interpreter() != 0 || PyModule_AddFunctions(py_module, methods) != 0)
		return -1;
	if (!second_interpreter)
		py_newest = py_module;
	hrt_filemap_remember_cwd();
	if (!second_interpreter && (hrt_pyframe_init() != 0 || hrt_codemap_init() != 0 || hrt_backend_init() != 0 ||
	                            init_filemap(py_module) != 0 || hrt_process_init() != 0))
		return -1;
	hrt_tracemalloc_init();
	return 0;
}

static void end_module(void *py_module)
{
	if (py_module == py_newest)
		py_newest = NULL;
}

/* Filters refer to the program's globals. While the interpreter ends they are the module's, so that the collector finds
 * all of it unreachable: what the program has there ends as it would without us, files with what is still to be
 * written. Not before: tracing goes on without the module. */
static int visit_filters(PyObject *py_module, visitproc visit, void *arg)
{
	if (py_module == py_newest && hrt_py_is_finalizing())
		Py_VISIT(hrt_tracer.py_filters);
	return 0;
}

static PyModuleDef_Slot slots[] = {
        {Py_mod_exec, (void *)execute},
#if HRT_HAVE_MONITORING
        {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
        {0, NULL},
};

static struct PyModuleDef definition = {
        PyModuleDef_HEAD_INIT,
        .m_name = definition_name,
        .m_doc = "Counts line hits and samples stacks into a shared memory segment.",
        .m_slots = slots,
        .m_traverse = visit_filters,
        .m_free = end_module,
};

/* 3.8's PyMODINIT_FUNC leaves the visibility to the compiler's default, which here is hidden. */
__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__tracer(void);

PyMODINIT_FUNC PyInit__tracer(void)
{
	return PyModuleDef_Init(&definition);
}
