/* guise.h — what Python code sees of a frame that runs a twin: the original. */
#ifndef HRT_GUISE_H
#define HRT_GUISE_H

#include "pycompat.h"

#if HRT_HAVE_TWINS

/* Once a process; sets a Python exception on failure. */
int hrt_guise_init(void);

/* From now on, and no more. Either may come twice. */
void hrt_guise_put_on(void);
void hrt_guise_take_off(void);

#endif
#endif
