/* plain.h — looking at Python objects without running code of the program. GIL held; no exception is left behind. */
#ifndef HRT_PLAIN_H
#define HRT_PLAIN_H

#include "pycompat.h"

/* A module that is loaded: borrowed, or NULL. */
PyObject *hrt_plain_module(const char *name);

/* A module's variable: borrowed, or NULL. */
PyObject *hrt_plain_variable(PyObject *py_module, const char *name);

/* An attribute that is stored in the object, or a field that the interpreter's C code reads; a property or another
 * descriptor of the program's is not asked. New reference, or NULL. */
PyObject *hrt_plain_attribute(PyObject *py_object, const char *name);

#endif
