/* plain.c — see plain.h. */
#include "plain.h"

PyObject *hrt_plain_item(PyObject *py_dict, PyObject *py_key)
{
	struct hrt_py_exception pending = hrt_py_put_aside();
	PyObject *py_found = PyDict_GetItemWithError(py_dict, py_key);

	hrt_py_take_up(pending);
	return py_found;
}

PyObject *hrt_plain_item_named(PyObject *py_dict, const char *name)
{
	PyObject *py_name = PyUnicode_FromString(name);
	PyObject *py_found = py_name ? hrt_plain_item(py_dict, py_name) : NULL;

	if (!py_name)
		PyErr_Clear();
	Py_XDECREF(py_name);
	return py_found;
}

PyObject *hrt_plain_module(const char *name)
{
	PyObject *py_modules = PySys_GetObject("modules");
	PyObject *py_module =
	        py_modules && PyDict_CheckExact(py_modules) ? hrt_plain_item_named(py_modules, name) : NULL;

	return py_module && PyModule_Check(py_module) ? py_module : NULL;
}

PyObject *hrt_plain_variable(PyObject *py_module, const char *name)
{
	PyObject *py_dict = py_module ? PyModule_GetDict(py_module) : NULL;

	return py_dict ? hrt_plain_item_named(py_dict, name) : NULL;
}

PyObject *hrt_plain_attribute(PyObject *py_object, const char *name)
{
	PyObject *py_name = PyUnicode_FromString(name);
	PyObject *py_class_value, *py_value = NULL;

	if (py_name) {
		py_class_value = _PyType_Lookup(Py_TYPE(py_object), py_name);
		if (!py_class_value || !Py_TYPE(py_class_value)->tp_descr_get ||
		    Py_TYPE(py_class_value) == &PyGetSetDescr_Type || Py_TYPE(py_class_value) == &PyMemberDescr_Type)
			py_value = PyObject_GenericGetAttr(py_object, py_name);
		Py_DECREF(py_name);
	}
	PyErr_Clear();
	return py_value;
}
