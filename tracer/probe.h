/* probe.h — the object that stands among a twin's constants and counts a line each time it is negated. */
#ifndef HRT_PROBE_H
#define HRT_PROBE_H

#include "codemap.h"

#if HRT_HAVE_TWINS

/* Once a process; sets a Python exception on failure. */
int hrt_probe_init(void);

/* New probe for a line, counting into nothing. */
PyObject *hrt_probe_new(int line);

/* Counts from now on into the slot that `code` has for its line; where it has none, into nothing. */
void hrt_probe_bind(PyObject *py_probe, const struct hrt_code *code);

#endif
#endif
