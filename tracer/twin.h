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

/* Code and its twin: the same instructions, some of them behind a probe. */
struct hrt_twin_pair {
	PyCodeObject *py_original, *py_twin;
	uint8_t *probe_units; /* of each instruction: code units of the twin that stand before it and are not it */
	int *original_units;  /* of each code unit of the twin: that of the original; made when first asked for */
	int unit_count;       /* of the twin */
	int grown;            /* code units of the twin more than of the original; these two are known then */
};

/* Makes the twin of code that has LINE events on: where the interpreter has put them is where the editor looks.
 *
 * The pair's references are new ones; hrt_twin_free() ends it. -1 with *reason set (a static text): the editor is not
 * sure, or there is no memory; no exception is set then but what `make_probe` left. */
int hrt_twin_make(PyCodeObject *py_code, hrt_probe_maker *make_probe, void *context, struct hrt_twin_pair *out,
                  const char **reason);
void hrt_twin_free(struct hrt_twin_pair *pair);

/* Whether the code has a loop. */
bool hrt_twin_loops(PyCodeObject *py_code);

/* Offsets in bytes from the code's start. In the original: of the instruction that stands, with or without a probe, at
 * that place of the twin. In the twin: behind the probe of that instruction. -1 without memory, and for negative ones.
 */
int hrt_twin_original_offset(struct hrt_twin_pair *pair, int twin_offset);
int hrt_twin_offset(const struct hrt_twin_pair *pair, int original_offset);

#endif
#endif
