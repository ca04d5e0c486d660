/* code_extra.h — one pointer of ours for each code object, found in no time.
 *
 * CPython has a place for that (co_extra, PEP 523). But from 3.14 on code that has something there cannot be given to
 * another interpreter ("only stateless functions are shareable"), so there it is a table by address, and a code watcher
 * tells what ends. GIL held. */
#ifndef HRT_CODE_EXTRA_H
#define HRT_CODE_EXTRA_H

#include "pycompat.h"

/* Once a process. What ends with its code object is given to `ended`, which may get NULL. Sets a Python exception on
 * failure. */
int hrt_code_extra_init(void (*ended)(void *extra));

/* Ties `extra` to the code object, which has none, that it begins with the pointer to. -1 without memory; no exception
 * is set. */
int hrt_code_extra_tie(void *extra);

/* The interpreter has ended and another one begun: nothing is tied to anything. */
void hrt_code_extra_forget(void);

/* What is tied to the code object, NULL nothing. */
static inline void *hrt_code_extra(PyCodeObject *py_code);

#if HRT_CODE_EXTRAS_MATTER

extern struct hrt_code_table {
	void **extras; /* a power of two of them, at most half of them used, each from its home on */
	size_t mask;
	int shift;
} hrt_code_table;

static inline size_t hrt_code_table_home(const PyCodeObject *py_code)
{
	uint64_t mixed = (uint64_t)(uintptr_t)py_code * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(mixed >> hrt_code_table.shift) & hrt_code_table.mask;
}

static inline void *hrt_code_extra(PyCodeObject *py_code)
{
	size_t at = hrt_code_table_home(py_code);
	void *extra;

	while ((extra = hrt_code_table.extras[at]) && *(PyCodeObject **)extra != py_code)
		at = (at + 1) & hrt_code_table.mask;
	return extra;
}

#else

extern Py_ssize_t hrt_code_extra_index;

/* Objects/codeobject.c: the private struct behind co_extra, the same on 3.8 - 3.13. Reading it directly is what makes
 * a hit cheap; hrt_codemap_init() looks whether it finds what it has tied. */
static inline void *hrt_code_extra(PyCodeObject *py_code)
{
	const struct {
		Py_ssize_t size;
		void *extras[1];
	} *extra = py_code->co_extra;

	return extra && hrt_code_extra_index < extra->size ? ((void *const *)extra->extras)[hrt_code_extra_index]
	                                                   : NULL;
}

#endif
#endif
