/* guise.c — see guise.h.
 *
 * Code objects and offsets in them come from functions, frames, generators of the three kinds, and tracebacks. Their
 * descriptors are lent getters of ours, which the interpreter's precede: the objects stay the same, with their names,
 * types and documentation. A traceback that Python code makes from what it was told is told the other way round. C code
 * that asks the C interface meets the twin, with the offsets of the twin: lines and columns are the same there. */
#include "guise.h"

#if HRT_HAVE_TWINS

#include "plain.h"
#include "pyframe.h"
#include "tiers.h"
#include "twin.h"

/* A getter that is lent: `theirs` is what the descriptor has otherwise. */
struct loan {
	PyTypeObject *type;
	const char *name;
	getter get;
	PyGetSetDescrObject *py_descriptor;
	PyGetSetDef *theirs, ours;
};

static PyObject *get_code(PyObject *self, void *loan);
static PyObject *get_offset(PyObject *self, void *loan);

static struct loan loans[] = {
        {.type = &PyFrame_Type, .name = "f_code", .get = get_code},
        {.type = &PyFrame_Type, .name = "f_lasti", .get = get_offset},
#if HRT_HAVE_MONITORING /* before, generators keep their function's code, and functions always have their own */
        {.type = &PyGen_Type, .name = "gi_code", .get = get_code},
        {.type = &PyCoro_Type, .name = "cr_code", .get = get_code},
        {.type = &PyAsyncGen_Type, .name = "ag_code", .get = get_code},
        {.type = &PyFunction_Type, .name = "__code__", .get = get_code},
#endif
};

static bool on;
static PyObject *py_tb_lasti; /* the member descriptor of traceback.tb_lasti */
static newfunc make_traceback;

static PyObject *get_code(PyObject *self, void *closure)
{
	const struct loan *loan = closure;
	PyObject *py_code = loan->theirs->get(self, loan->theirs->closure);
	struct hrt_twin_pair *pair = py_code && PyCode_Check(py_code) ? hrt_tiers_pair((PyCodeObject *)py_code) : NULL;

	if (pair)
		Py_SETREF(py_code, Py_NewRef(pair->py_original));
	return py_code;
}

static struct hrt_twin_pair *pair_of_frame(PyObject *py_frame)
{
	return py_frame ? hrt_tiers_pair(hrt_py_frame_code((PyFrameObject *)py_frame)) : NULL;
}

static PyObject *original_offset(PyObject *py_frame, PyObject *py_offset)
{
	struct hrt_twin_pair *pair = pair_of_frame(py_frame);
	int offset = pair && py_offset ? (int)PyLong_AsLong(py_offset) : -1;

	if (offset < 0)
		return py_offset;
	Py_DECREF(py_offset);
	return PyLong_FromLong(hrt_twin_original_offset(pair, offset));
}

static PyObject *get_offset(PyObject *self, void *closure)
{
	const struct loan *loan = closure;

	return original_offset(self, loan->theirs->get(self, loan->theirs->closure));
}

/* ---- tracebacks ---- */

/* Of the descriptor of tb_lasti, which has no getter to lend: it becomes one of this type for as long. */
static PyObject *get_traceback_offset(PyObject *self, PyObject *py_traceback, PyObject *py_type)
{
	PyObject *py_offset = PyMemberDescr_Type.tp_descr_get(self, py_traceback, py_type);

	if (!py_offset || !py_traceback || !PyTraceBack_Check(py_traceback))
		return py_offset;
	return original_offset((PyObject *)((PyTracebackObject *)py_traceback)->tb_frame, py_offset);
}

static PyTypeObject member_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "member_descriptor",
        .tp_flags = Py_TPFLAGS_DEFAULT,
        .tp_descr_get = get_traceback_offset,
};

static PyObject *new_traceback(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *py_traceback = make_traceback(type, args, kwargs);
	PyTracebackObject *traceback = (PyTracebackObject *)py_traceback;
	struct hrt_twin_pair *pair = traceback ? pair_of_frame((PyObject *)traceback->tb_frame) : NULL;

	if (pair && traceback->tb_lasti >= 0)
		traceback->tb_lasti = hrt_twin_offset(pair, traceback->tb_lasti);
	return py_traceback;
}

/* ---- life ---- */

/* Borrowed; NULL with the exception set when it is not of that type. */
static PyObject *descriptor(PyTypeObject *type, const char *name, PyTypeObject *kind)
{
	PyObject *py_dict = hrt_py_type_dict(type);
	PyObject *py_found = py_dict ? hrt_plain_item_named(py_dict, name) : NULL;

	Py_XDECREF(py_dict);
	if (py_found && Py_IS_TYPE(py_found, kind))
		return py_found;
	PyErr_Format(PyExc_ImportError, "heartrate_shm: %s.%s is not what it is in CPython", type->tp_name, name);
	return NULL;
}

int hrt_guise_init(void)
{
	if (py_tb_lasti)
		return 0;
	member_type.tp_base = &PyMemberDescr_Type;
	if (PyType_Ready(&member_type) != 0)
		return -1;
	for (size_t i = 0; i < sizeof loans / sizeof *loans; i++) {
		struct loan *loan = &loans[i];
		loan->py_descriptor = (PyGetSetDescrObject *)descriptor(loan->type, loan->name, &PyGetSetDescr_Type);
		if (!loan->py_descriptor)
			return -1;
		loan->theirs = loan->py_descriptor->d_getset;
		loan->ours = *loan->theirs;
		loan->ours.get = loan->get;
		loan->ours.closure = loan;
	}
	py_tb_lasti = descriptor(&PyTraceBack_Type, "tb_lasti", &PyMemberDescr_Type);
	make_traceback = PyTraceBack_Type.tp_new;
	return py_tb_lasti ? 0 : -1;
}

static void wear(bool ours)
{
	for (size_t i = 0; i < sizeof loans / sizeof *loans; i++)
		loans[i].py_descriptor->d_getset = ours ? &loans[i].ours : loans[i].theirs;
	Py_SET_TYPE(py_tb_lasti, ours ? &member_type : &PyMemberDescr_Type);
	PyTraceBack_Type.tp_new = ours ? new_traceback : make_traceback;
	on = ours;
}

void hrt_guise_put_on(void)
{
	if (!on)
		wear(true);
}

void hrt_guise_take_off(void)
{
	if (on)
		wear(false);
}

#endif
