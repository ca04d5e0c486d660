/* greenlets.h — greenlets that are suspended: their frames belong to no thread, and going on is no event. */
#ifndef HRT_GREENLETS_H
#define HRT_GREENLETS_H

#include "pycompat.h"

/* Appends the innermost frame of each suspended greenlet to a list; nothing in a program without greenlets. -1 with the
 * exception set. */
int hrt_greenlets_add_frames(PyObject *py_frames);

/* Whether the program may make any. */
bool hrt_greenlets_are_there(void);

#endif
