/* empty.c — the cheapest per-line callbacks that the interpreter offers, which do nothing: what any tracer that has an
 * event a line must at least cost. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>

static PyObject *callback(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
	(void)self, (void)args, (void)nargs;
	Py_RETURN_NONE;
}

static int trace_function(PyObject *self, PyFrameObject *py_frame, int what, PyObject *py_arg)
{
	(void)self, (void)py_frame, (void)what, (void)py_arg;
	return 0;
}

static PyObject *settrace(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	PyEval_SetTrace(trace_function, NULL);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
        {"callback", (PyCFunction)(void (*)(void))callback, METH_FASTCALL, "An empty monitoring callback."},
        {"settrace", settrace, METH_NOARGS, "Sets an empty C trace function."},
        {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
        PyModuleDef_HEAD_INIT,
        .m_name = "empty",
        .m_size = -1,
        .m_methods = methods,
};

PyMODINIT_FUNC PyInit_empty(void);

PyMODINIT_FUNC PyInit_empty(void)
{
	return PyModule_Create(&definition);
}
