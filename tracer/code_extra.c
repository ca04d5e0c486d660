/* code_extra.c — see code_extra.h. */
#include "code_extra.h"

#include <stdlib.h>

#if HRT_CODE_EXTRAS_MATTER

static void *nothing[1];
struct hrt_code_table hrt_code_table = {.extras = nothing, .mask = 0, .shift = 63};
static size_t count;
static void (*on_end)(void *extra);

static void put(void *extra)
{
	size_t at = hrt_code_table_home(*(PyCodeObject **)extra);

	while (hrt_code_table.extras[at])
		at = (at + 1) & hrt_code_table.mask;
	hrt_code_table.extras[at] = extra;
}

static int grow(void)
{
	struct hrt_code_table was = hrt_code_table;
	size_t size = was.mask ? (was.mask + 1) * 2 : 256;
	void **extras = calloc(size, sizeof *extras);

	if (!extras)
		return -1;
	hrt_code_table = (struct hrt_code_table){extras, size - 1, 64 - __builtin_ctzll(size)};
	for (size_t i = 0; i <= was.mask; i++)
		if (was.extras[i])
			put(was.extras[i]);
	if (was.extras != nothing)
		free(was.extras);
	return 0;
}

int hrt_code_extra_tie(void *extra)
{
	if ((count + 1) * 2 > hrt_code_table.mask + 1 && grow() != 0)
		return -1;
	put(extra);
	count++;
	return 0;
}

/* Out of the table; what stands behind it moves up where it may. */
static void *take_out(PyCodeObject *py_code)
{
	void **extras = hrt_code_table.extras, *extra;
	size_t mask = hrt_code_table.mask, at = hrt_code_table_home(py_code);

	while ((extra = extras[at]) && *(PyCodeObject **)extra != py_code)
		at = (at + 1) & mask;
	if (!extra)
		return NULL;
	count--;
	extras[at] = NULL;
	for (size_t next = (at + 1) & mask; extras[next]; next = (next + 1) & mask) {
		size_t home = hrt_code_table_home(*(PyCodeObject **)extras[next]);
		if (((next - home) & mask) < ((next - at) & mask))
			continue; /* its home is behind the gap */
		extras[at] = extras[next];
		extras[next] = NULL;
		at = next;
	}
	return extra;
}

static int on_code(PyCodeEvent event, PyCodeObject *py_code)
{
	void *extra = event == PY_CODE_EVENT_DESTROY ? take_out(py_code) : NULL;

	if (extra)
		on_end(extra);
	return 0;
}

int hrt_code_extra_init(void (*ended)(void *extra))
{
	if (on_end)
		return 0;
	if (PyCode_AddWatcher(on_code) < 0) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: no code watcher left in this interpreter");
		return -1;
	}
	on_end = ended;
	return 0;
}

void hrt_code_extra_forget(void)
{
	if (hrt_code_table.extras != nothing)
		free(hrt_code_table.extras);
	hrt_code_table = (struct hrt_code_table){nothing, 0, 63};
	count = 0;
}

#else

Py_ssize_t hrt_code_extra_index = -1;

int hrt_code_extra_tie(void *extra)
{
	if (hrt_py_set_extra(*(PyObject **)extra, hrt_code_extra_index, extra) == 0)
		return 0;
	PyErr_Clear();
	return -1;
}

int hrt_code_extra_init(void (*ended)(void *extra))
{
	if (hrt_code_extra_index < 0)
		hrt_code_extra_index = hrt_py_request_extra_index(ended);
	if (hrt_code_extra_index >= 0)
		return 0;
	PyErr_SetString(PyExc_ImportError, "heartrate_shm: no code extra index left in this interpreter");
	return -1;
}

void hrt_code_extra_forget(void)
{
}

#endif
