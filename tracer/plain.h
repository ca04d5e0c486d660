/* plain.h — looking at Python objects without running code of the program. GIL held; no exception is left behind. */
#ifndef HRT_PLAIN_H
#define HRT_PLAIN_H

#include "pycompat.h"

/* What a dict has for a key: borrowed, or NULL. An exception that is pending stays. Not PyDict_GetItem() and its like:
 * those deprecated ones lie where the interpreter otherwise never goes, which is 64 KB more of it in memory
 * (docs/benchmarks.md). */
PyObject *hrt_plain_item(PyObject *py_dict, PyObject *py_key);
PyObject *hrt_plain_item_named(PyObject *py_dict, const char *name);

/* A module that is loaded: borrowed, or NULL. */
PyObject *hrt_plain_module(const char *name);

/* A module's variable: borrowed, or NULL. */
PyObject *hrt_plain_variable(PyObject *py_module, const char *name);

/* An attribute that is stored in the object, or a field that the interpreter's C code reads; a property or another
 * descriptor of the program's is not asked. New reference, or NULL. */
PyObject *hrt_plain_attribute(PyObject *py_object, const char *name);

#endif
