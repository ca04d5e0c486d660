/* functions.c — see functions.h.
 *
 * The interpreter tells when a function ends or when the program gives it other code (PyFunction_AddWatcher), so that
 * those that have a twin are known without being held. */
#include "functions.h"

#if HRT_GO_OVER_AT_EVENTS

#include "pyinternal.h"

#include <search.h>

static void *with_twins; /* a tree of tsearch(), by address */
static int watcher = -1;

static int by_address(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

static struct hrt_code *entry_of(PyFunctionObject *function)
{
	return hrt_code_peek((PyCodeObject *)function->func_code);
}

static int on_function(PyFunction_WatchEvent event, PyFunctionObject *function, PyObject *py_new)
{
	struct hrt_code *code;

	(void)py_new;
	if (event != PyFunction_EVENT_DESTROY && event != PyFunction_EVENT_MODIFY_CODE)
		return 0;
	code = entry_of(function);
	if (code && code->py_original)
		tdelete(function, &with_twins, by_address);
	else if (code && code->py_function == (PyObject *)function)
		code->py_function = NULL;
	return 0;
}

bool hrt_functions_seen(struct hrt_code *code, PyObject *py_function)
{
	if (!py_function || !PyFunction_Check(py_function) || entry_of((PyFunctionObject *)py_function) != code)
		return false;
	if (watcher < 0 && (watcher = PyFunction_AddWatcher(on_function)) < 0) {
		PyErr_Clear(); /* eight others watch */
		return false;
	}
	bool seen = code->py_function == py_function;
	code->py_function = py_function;
	return seen;
}

void hrt_functions_give(PyObject *py_function, PyCodeObject *py_twin)
{
	if (tsearch(py_function, &with_twins, by_address))
		hrt_py_set_code((PyFunctionObject *)py_function, py_twin);
}

bool hrt_functions_any(void)
{
	return with_twins != NULL;
}

void hrt_functions_take_back(void)
{
	while (with_twins) {
		PyFunctionObject *function = *(PyFunctionObject **)with_twins; /* of the root */
		tdelete(function, &with_twins, by_address);
		hrt_py_set_code(function, entry_of(function)->py_original);
	}
}

void hrt_functions_end(void)
{
	if (watcher >= 0 && PyFunction_ClearWatcher(watcher) != 0)
		PyErr_Clear();
	watcher = -1;
}

#endif
