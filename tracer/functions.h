/* functions.h — functions whose code is a twin (tiers.h) for as long, so that their calls begin in it without an event.
 *
 * guise.c answers for them where Python code asks for `__code__`. GIL held. */
#ifndef HRT_FUNCTIONS_H
#define HRT_FUNCTIONS_H

#include "codemap.h"

#if HRT_GO_OVER_AT_EVENTS

/* Whether the function has this code and was seen last time, too, when a function of this code was: one that is made,
 * called once and gone is not worth it. NULL is none. */
bool hrt_functions_seen(struct hrt_code *code, PyObject *py_function);

/* The function, which was seen, has the twin instead of its code from its next call on. Without memory it has not. */
void hrt_functions_give(PyObject *py_function, PyCodeObject *py_twin);

/* Whether any function has a twin. */
bool hrt_functions_any(void);

/* All functions have their own code again. */
void hrt_functions_take_back(void);

/* After the last has been taken back: functions are no longer watched. */
void hrt_functions_end(void);

#endif
#endif
