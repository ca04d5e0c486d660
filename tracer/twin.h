/* twin.h — the bytecode editor: code object in, the same code with a probe at each place where a line is hit out.
 *
 * Knows bytecode, nothing of segments and events. CPython 3.12 - 3.15; elsewhere there is no such unit. */
#ifndef HRT_TWIN_H
#define HRT_TWIN_H

#include "pycompat.h"

#if HRT_HAVE_TWINS

/* What stands for `line` in the twin's constants; a new reference, or NULL with the exception set. It is negated and
 * the result is thrown away each time the line is hit. Asked once a line. */
typedef PyObject *hrt_probe_maker(void *context, int line);

/* Makes the twin of code that has LINE events on: where the interpreter has put them is where the editor looks.
 *
 * A new reference. NULL with *reason set (a static text): the editor is not sure, or there is no memory; no exception
 * is set then but what `make_probe` left. */
PyCodeObject *hrt_twin_make(PyCodeObject *py_code, hrt_probe_maker *make_probe, void *context, const char **reason);

#endif
#endif
