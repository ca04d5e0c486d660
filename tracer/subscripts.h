/* subscripts.h — plain subscripts, where specialised ones go past the evaluation function: CPython 3.11.0 to 3.11.3.
 *
 * There BINARY_SUBSCR_GETITEM calls a Python __getitem__() without asking the function of PEP 523 (CPython's issue
 * 104405), and it would run as its caller does, perhaps without events. So code is specialised but for its subscripts
 * before it runs without events. */
#ifndef HRT_SUBSCRIPTS_H
#define HRT_SUBSCRIPTS_H

#include "pycompat.h"

#if HRT_SUBSCRIPTS_MAY_GO_PAST
/* From now on the code's subscripts are not specialised. It may be running. */
void hrt_subscripts_keep_plain(PyCodeObject *py_code);

/* All of them may be again. */
void hrt_subscripts_let_go(void);
#else
static inline void hrt_subscripts_keep_plain(PyCodeObject *py_code)
{
	(void)py_code;
}

static inline void hrt_subscripts_let_go(void)
{
}
#endif
#endif
