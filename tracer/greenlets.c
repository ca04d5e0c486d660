/* greenlets.c — see greenlets.h. */
#include "greenlets.h"

#include "plain.h"

bool hrt_greenlets_are_there(void)
{
	return hrt_plain_module("greenlet._greenlet") != NULL;
}

/* A trace function stays with a thread when it switches to another greenlet. */
#if HRT_HAVE_MONITORING

#include <stdlib.h>

struct found {
	PyTypeObject *type;
	PyObject **at; /* owned */
	size_t count, capacity;
};

static int collect(PyObject *py_object, void *arg)
{
	struct found *found = arg;

	if (!PyObject_TypeCheck(py_object, found->type))
		return 1;
	if (found->count == found->capacity) {
		size_t capacity = found->capacity ? found->capacity * 2 : 64;
		PyObject **grown = realloc(found->at, capacity * sizeof *grown);
		if (!grown)
			return 0;
		found->at = grown;
		found->capacity = capacity;
	}
	found->at[found->count++] = Py_NewRef(py_object);
	return 1;
}

int hrt_greenlets_add_frames(PyObject *py_frames)
{
	PyObject *py_type = hrt_plain_variable(hrt_plain_module("greenlet._greenlet"), "greenlet");
	PyObject *py_field = NULL;
	struct found found = {0};
	int result = 0;

	if (!py_type || !PyType_Check(py_type))
		return 0;
	found.type = (PyTypeObject *)Py_NewRef(py_type);
	py_field = PyObject_GetAttrString(py_type, "gr_frame");
	if (!py_field || !Py_TYPE(py_field)->tp_descr_get)
		result = -1;
	else
		PyUnstable_GC_VisitObjects(collect, &found);
	for (size_t i = 0; i < found.count; i++) {
		PyObject *py_frame = Py_TYPE(py_field)->tp_descr_get(py_field, found.at[i], py_type);
		if (!py_frame || (PyFrame_Check(py_frame) && PyList_Append(py_frames, py_frame) != 0))
			result = -1;
		Py_XDECREF(py_frame);
		Py_DECREF(found.at[i]);
	}
	free(found.at);
	Py_XDECREF(py_field);
	Py_DECREF(py_type);
	return result;
}

#endif
