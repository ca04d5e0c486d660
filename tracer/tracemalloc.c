/* tracemalloc.c — see tracemalloc.h. */
#include "tracemalloc.h"

#include "plain.h"
#include "tracer.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _PyCFunctionFast theirs_start;
static PyCFunction theirs_stop, theirs_create;
static PyMethodDef *create_method; /* until the module is there */

/* GIL held, but not while it waits: who has the lock may wait for the GIL. */
static void lock_without_gil(void)
{
	while (pthread_mutex_trylock(&lock) != 0) {
		Py_BEGIN_ALLOW_THREADS nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
		Py_END_ALLOW_THREADS
	}
}

static PyObject *start(PyObject *py_module, PyObject *const *py_arguments, Py_ssize_t count)
{
	/* What is no number yet has code of the program's, which may take its time, or fork. */
	if (count > 0 && !PyLong_Check(py_arguments[0]))
		return theirs_start(py_module, py_arguments, count);
	lock_without_gil();
	PyObject *py_result = theirs_start(py_module, py_arguments, count);
	pthread_mutex_unlock(&lock);
	return py_result;
}

static PyObject *stop(PyObject *py_module, PyObject *py_nothing)
{
	lock_without_gil();
	PyObject *py_result = theirs_stop(py_module, py_nothing);
	pthread_mutex_unlock(&lock);
	return py_result;
}

/* The entry of a builtin function of the module that is called in this way, NULL when there is none. */
static PyMethodDef *method(PyObject *py_module, const char *name, int flags)
{
	PyObject *py_function = py_module ? PyObject_GetAttrString(py_module, name) : NULL;
	PyMethodDef *found = hrt_py_method(py_function);

	Py_XDECREF(py_function);
	hrt_forget_exception();
	return found && found->ml_flags == flags ? found : NULL;
}

/* Puts the lock around the module's functions. */
static void guard(PyObject *py_module)
{
	PyMethodDef *their_start = method(py_module, "start", METH_FASTCALL);
	PyMethodDef *their_stop = method(py_module, "stop", METH_NOARGS);

	if (their_start && !theirs_start) {
		theirs_start = (_PyCFunctionFast)(void (*)(void))their_start->ml_meth;
		their_start->ml_meth = (PyCFunction)(void (*)(void))start;
	}
	if (their_stop && !theirs_stop) {
		theirs_stop = their_stop->ml_meth;
		their_stop->ml_meth = stop;
	}
}

/* _imp.create_builtin(), until it has made the module. */
static PyObject *create(PyObject *py_imp, PyObject *py_spec)
{
	PyObject *py_module = theirs_create(py_imp, py_spec);
	PyObject *py_name = py_module && PyModule_Check(py_module) ? hrt_plain_variable(py_module, "__name__") : NULL;

	if (py_name && PyUnicode_Check(py_name) && PyUnicode_CompareWithASCIIString(py_name, "_tracemalloc") == 0) {
		guard(py_module);
		create_method->ml_meth = theirs_create;
	}
	return py_module;
}

void hrt_tracemalloc_init(void)
{
	PyObject *py_module = hrt_plain_module("_tracemalloc");

	if (py_module)
		guard(py_module);
	else if (!create_method && (create_method = method(hrt_plain_module("_imp"), "create_builtin", METH_O))) {
		theirs_create = create_method->ml_meth;
		create_method->ml_meth = create;
	}
}

PyThreadState *hrt_tracemalloc_thread_new(PyInterpreterState *interpreter)
{
	pthread_mutex_lock(&lock);
	PyThreadState *thread = PyThreadState_New(interpreter);
	pthread_mutex_unlock(&lock);
	return thread;
}

void hrt_tracemalloc_thread_delete_current(void)
{
	lock_without_gil();
	PyThreadState_DeleteCurrent(); /* frees after it has let the GIL go */
	pthread_mutex_unlock(&lock);
}

void hrt_tracemalloc_forget(void)
{
	pthread_mutex_init(&lock, NULL);
}
