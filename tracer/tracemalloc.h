/* tracemalloc.h — keeps tracemalloc.start() and stop() away while our thread allocates without the GIL.
 *
 * Making or deleting a thread state uses the interpreter's raw allocator, which those two exchange. A thread that waits
 * for the GIL in tracemalloc's hook while the program calls stop() goes on with what was freed (CPython's issue 128679,
 * mended in 3.12.9 and 3.13.2); under PYTHONMALLOC=debug one that comes between may take the old allocator's context
 * with the new one's functions (issue 128988). So both wait for a lock that our thread holds meanwhile. */
#ifndef HRT_TRACEMALLOC_H
#define HRT_TRACEMALLOC_H

#include "pycompat.h"

/* Once a process, GIL held: puts the lock around the module's two functions, in their method table, so that nobody can
 * tell; if the program does not have the module yet, when _imp.create_builtin() makes it. */
void hrt_tracemalloc_init(void);

/* PyThreadState_New(), without the GIL, and PyThreadState_DeleteCurrent(), with it, while neither of the two runs. */
PyThreadState *hrt_tracemalloc_thread_new(PyInterpreterState *interpreter);
void hrt_tracemalloc_thread_delete_current(void);

/* In a forked child: nobody holds the lock. */
void hrt_tracemalloc_forget(void);

#endif
