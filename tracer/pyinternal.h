/* pyinternal.h — the few facts of CPython 3.12 - 3.15 that only its internal headers tell.
 *
 * The only unit that includes them, so that everything else is built against the public interface. */
#ifndef HRT_PYINTERNAL_H
#define HRT_PYINTERNAL_H

#include "pycompat.h"

#if HRT_HAVE_TWINS

/* Code units of inline cache that follow an instruction. */
int hrt_py_cache_units(int opcode);

/* Whether a tool of sys.monitoring other than `tool_id` has events of its own on this very code object. */
bool hrt_py_watched_by_others(PyCodeObject *py_code, int tool_id);

/* Whether Python code listens to audit events. */
bool hrt_py_is_audited(void);

#endif
#endif
