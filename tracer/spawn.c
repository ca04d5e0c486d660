/* spawn.c — see spawn.h.
 *
 * A function that gets an environment gets a copy with our two variables; for one that takes the process's own they
 * are set in C's environ for the time of the call, where os.environ does not show them. A function that ends the
 * process closes the segment first, and opens it again when it has failed. One that the kernel refuses to a process
 * with several threads runs without the sampler. */
#include "spawn.h"

#include "hr_err.h"
#include "plain.h"
#include "process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHILD_VARIABLE "HEARTRATE_SHM_CHILD"
#define PATH_VARIABLE  "PYTHONPATH"

enum { FORK_EXEC, SPAWN, SPAWNP, SYSTEM, EXECV, EXECVE, EXIT, UNSHARE, SETNS, POINT_COUNT };

#define NO_ENVIRONMENT (-1)

struct point {
	const char *module, *name;
	int env_at; /* position of the argument that is the environment */
	bool env_can_be_named;
	bool starts;     /* a new program, which is to find our variables */
	bool alone;      /* refused to a process with several threads */
	enum hr_end end; /* of this process when it succeeds, HR_END_UNKNOWN: it goes on */
	PyObject *py_function;
	PyMethodDef *theirs;
	PyMethodDef ours;
};

static struct point points[POINT_COUNT] = {
        [FORK_EXEC] = {"_posixsubprocess", "fork_exec", .env_at = 5, .starts = true},
        [SPAWN] = {"posix", "posix_spawn", .env_at = 2, .starts = true},
        [SPAWNP] = {"posix", "posix_spawnp", .env_at = 2, .starts = true},
        [SYSTEM] = {"posix", "system", .env_at = NO_ENVIRONMENT, .starts = true},
        [EXECV] = {"posix", "execv", .env_at = NO_ENVIRONMENT, .starts = true, .end = HR_END_EXEC},
        [EXECVE] = {"posix", "execve", .env_at = 2, .env_can_be_named = true, .starts = true, .end = HR_END_EXEC},
        [EXIT] = {"posix", "_exit", .env_at = NO_ENVIRONMENT, .end = HR_END_EXIT},
        [UNSHARE] = {"posix", "unshare", .env_at = NO_ENVIRONMENT, .alone = true},
        [SETNS] = {"posix", "setns", .env_at = NO_ENVIRONMENT, .alone = true},
};

static char *description, *site;
static bool installed;

/* ---- our variables ---- */

/* "INSTANCE:description"; the caller frees. */
static char *child_value(void)
{
	size_t bytes = 16 + 1 + strlen(description) + 1;
	char *value = malloc(bytes);

	if (value)
		snprintf(value, bytes, "%016" PRIx64 ":%s", hrt_segment_header(hrt_tracer.segment)->instance,
		         description);
	return value;
}

/* PYTHONPATH for a child whose own is `theirs` (NULL: none); the caller frees. */
static char *path_value(const char *theirs)
{
	size_t bytes = strlen(site) + 1 + (theirs ? strlen(theirs) : 0) + 1;
	char *value = malloc(bytes);

	if (value)
		snprintf(value, bytes, "%s%s%s", site, !theirs ? "" : *theirs ? ":" : "/", theirs ? theirs : "");
	return value;
}

/* What stands in C's environ during calls that take it as it is. Calls of several threads may overlap. */
static struct {
	int users;
	char *old_path, *our_path;
} shown;

static void show_variables(void)
{
	if (shown.users++ > 0)
		return;
	const char *path = getenv(PATH_VARIABLE);
	char *child = child_value();
	shown.old_path = path ? strdup(path) : NULL;
	shown.our_path = path_value(path);
	if (child && shown.our_path && (!path || shown.old_path)) {
		setenv(CHILD_VARIABLE, child, 1);
		setenv(PATH_VARIABLE, shown.our_path, 1);
	}
	free(child);
}

static void hide_variables(void)
{
	if (shown.users == 0 || --shown.users > 0)
		return;
	const char *path = getenv(PATH_VARIABLE);
	unsetenv(CHILD_VARIABLE);
	if (path && shown.our_path && strcmp(path, shown.our_path) == 0) {
		if (shown.old_path)
			setenv(PATH_VARIABLE, shown.old_path, 1);
		else
			unsetenv(PATH_VARIABLE);
	}
	free(shown.old_path);
	free(shown.our_path);
	shown.old_path = shown.our_path = NULL;
}

void hrt_spawn_forget_calls(void)
{
	if (hrt_starting)
		return; /* it is one itself */
	if (shown.users > 1)
		shown.users = 1;
	hide_variables();
}

/* ---- environments as arguments ---- */

/* The value in b"NAME=value", NULL when it is another variable. */
static const char *value_in(PyObject *py_item, const char *name)
{
	size_t bytes = strlen(name);

	if (!PyBytes_Check(py_item) || (size_t)PyBytes_GET_SIZE(py_item) <= bytes)
		return NULL;
	const char *item = PyBytes_AS_STRING(py_item);
	return memcmp(item, name, bytes) == 0 && item[bytes] == '=' ? item + bytes + 1 : NULL;
}

static int append(PyObject *py_list, const char *name, const char *value)
{
	PyObject *py_item = value ? PyBytes_FromFormat("%s=%s", name, value) : NULL;
	int result = py_item ? PyList_Append(py_list, py_item) : -1;

	Py_XDECREF(py_item);
	return result;
}

/* A copy of subprocess's list of b"NAME=value" with our variables; NULL: leave it as it is. */
static PyObject *list_with_ours(PyObject *py_env)
{
	PyObject *py_copy = PyList_New(0);
	char *child = child_value(), *path = NULL;
	const char *theirs = NULL;
	int result = py_copy && child ? 0 : -1;

	for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(py_env); i++) {
		PyObject *py_item = PyList_GET_ITEM(py_env, i);
		const char *value = value_in(py_item, PATH_VARIABLE);
		if (value)
			theirs = value;
		else if (!value_in(py_item, CHILD_VARIABLE))
			result = PyList_Append(py_copy, py_item);
	}
	if (result == 0)
		path = path_value(theirs);
	if (result != 0 || append(py_copy, PATH_VARIABLE, path) != 0 || append(py_copy, CHILD_VARIABLE, child) != 0)
		Py_CLEAR(py_copy);
	PyErr_Clear();
	free(child);
	free(path);
	return py_copy;
}

static bool is_named(PyObject *py_key, const char *name)
{
	if (PyUnicode_Check(py_key))
		return PyUnicode_CompareWithASCIIString(py_key, name) == 0;
	return PyBytes_Check(py_key) && strcmp(PyBytes_AS_STRING(py_key), name) == 0;
}

/* -1: not done, as when there is no value. */
static int set_item(PyObject *py_dict, const char *name, const char *value)
{
	PyObject *py_value = value ? PyUnicode_DecodeFSDefault(value) : NULL;
	int result = py_value ? PyDict_SetItemString(py_dict, name, py_value) : -1;

	Py_XDECREF(py_value);
	return result;
}

/* A dict of a mapping of names to values (str or bytes) with our variables; NULL: leave it as it is. */
static PyObject *mapping_with_ours(PyObject *py_env)
{
	uint64_t life = hrt_tracer.first_generation;
	PyObject *py_keys = PyMapping_Keys(py_env), *py_values = py_keys ? PyMapping_Values(py_env) : NULL;
	PyObject *py_copy = py_values ? PyDict_New() : NULL, *py_path = NULL;
	char *child = NULL, *path = NULL;
	int result = py_copy && PyList_Check(py_keys) && PyList_Check(py_values) &&
	                             PyList_GET_SIZE(py_keys) == PyList_GET_SIZE(py_values)
	                     ? 0
	                     : -1;

	for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(py_keys); i++) {
		PyObject *py_key = PyList_GET_ITEM(py_keys, i), *py_value = PyList_GET_ITEM(py_values, i);
		if (is_named(py_key, PATH_VARIABLE)) {
			Py_CLEAR(py_path); /* named as str and as bytes */
			result = PyUnicode_FSConverter(py_value, &py_path) ? 0 : -1;
		} else if (!is_named(py_key, CHILD_VARIABLE))
			result = PyDict_SetItem(py_copy, py_key, py_value);
	}
	if (result == 0 && hrt_tracer_lives(life)) { /* the mapping may be code of the program's */
		path = path_value(py_path ? PyBytes_AS_STRING(py_path) : NULL);
		child = child_value();
	}
	if (set_item(py_copy, PATH_VARIABLE, path) != 0 || set_item(py_copy, CHILD_VARIABLE, child) != 0)
		Py_CLEAR(py_copy);
	hrt_forget_exception();
	free(child);
	free(path);
	Py_XDECREF(py_path);
	Py_XDECREF(py_values);
	Py_XDECREF(py_keys);
	return py_copy;
}

static PyObject *with_ours(PyObject *py_env)
{
	if (PyList_Check(py_env))
		return list_with_ours(py_env);
	return PyMapping_Check(py_env) ? mapping_with_ours(py_env) : NULL;
}

/* ---- the calls ---- */

static PyObject *call_theirs(const struct point *point, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
	PyCFunction call = point->theirs->ml_meth;

	if (point->theirs->ml_flags == METH_FASTCALL)
		return ((_PyCFunctionFast)(void (*)(void))call)(self, args, nargs);
	if (point->theirs->ml_flags == (METH_FASTCALL | METH_KEYWORDS))
		return ((_PyCFunctionFastWithKeywords)(void (*)(void))call)(self, args, nargs, kwnames);
	PyObject *py_args = PyTuple_New(nargs);
	if (!py_args)
		return NULL;
	for (Py_ssize_t i = 0; i < nargs; i++)
		PyTuple_SET_ITEM(py_args, i, Py_NewRef(args[i]));
	PyObject *py_result = call(self, py_args);
	Py_DECREF(py_args);
	return py_result;
}

/* Index into the arguments of the environment that was given; -1 none, or None. */
static Py_ssize_t environment_of(const struct point *point, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	Py_ssize_t at = point->env_at;

	if (at == NO_ENVIRONMENT)
		return -1;
	if (at >= nargs && point->env_can_be_named && kwnames) {
		for (at = 0; at < PyTuple_GET_SIZE(kwnames); at++)
			if (is_named(PyTuple_GET_ITEM(kwnames, at), "env"))
				break;
		at = at < PyTuple_GET_SIZE(kwnames) ? nargs + at : nargs + PyTuple_GET_SIZE(kwnames);
	}
	Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
	return at < total && args[at] != Py_None ? at : -1;
}

static PyObject *call_with_variables(const struct point *point, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                     PyObject *kwnames)
{
	Py_ssize_t at = environment_of(point, args, nargs, kwnames);
	Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
	PyObject *py_result;

	if (at < 0) {
		show_variables();
		py_result = call_theirs(point, self, args, nargs, kwnames);
		hide_variables();
		return py_result;
	}
	PyObject *py_env = with_ours(args[at]);
	PyObject **copy = py_env ? PyMem_New(PyObject *, (size_t)total) : NULL;
	if (copy) {
		memcpy(copy, args, (size_t)total * sizeof *copy);
		copy[at] = py_env;
	}
	py_result = call_theirs(point, self, copy ? copy : args, nargs, kwnames);
	PyMem_Free(copy);
	Py_XDECREF(py_env);
	return py_result;
}

static PyObject *call_point(int which, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	const struct point *point = &points[which];
	bool alone = point->alone && !hrt_tracer.forked, was_starting = hrt_starting;
	PyObject *py_result;

	if (!hrt_tracer.segment)
		return call_theirs(point, self, args, nargs, kwnames);
	if (point->end != HR_END_UNKNOWN)
		hrt_segment_close(hrt_tracer.segment, point->end);
	if (alone)
		hrt_process_begin_alone();
	hrt_starting = which == FORK_EXEC;
	if (point->starts && hrt_tracer.children && !hrt_tracer.forked)
		py_result = call_with_variables(point, self, args, nargs, kwnames);
	else
		py_result = call_theirs(point, self, args, nargs, kwnames);
	hrt_starting = was_starting; /* a hook of a fork may start programs, too */
	if (alone)
		hrt_process_end_alone();
	if (point->end != HR_END_UNKNOWN && hrt_tracer.segment)
		hrt_segment_reopen(hrt_tracer.segment);
	return py_result;
}

/* One entry for each function and calling convention: nothing is handed to a C function that would tell which it is. */
#define ENTRY(which)                                                                                                   \
	static PyObject *which##_in_tuple(PyObject *self, PyObject *args)                                              \
	{                                                                                                              \
		return call_point(which, self, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), NULL);              \
	}                                                                                                              \
	static PyObject *which##_fast(PyObject *self, PyObject *const *args, Py_ssize_t nargs)                         \
	{                                                                                                              \
		return call_point(which, self, args, nargs, NULL);                                                     \
	}                                                                                                              \
	static PyObject *which##_fast_named(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)  \
	{                                                                                                              \
		return call_point(which, self, args, nargs, names);                                                    \
	}
#define ENTRIES(which)                                                                                                 \
	{                                                                                                              \
		(void (*)(void)) which##_in_tuple, (void (*)(void))which##_fast, (void (*)(void))which##_fast_named    \
	}

ENTRY(FORK_EXEC)
ENTRY(SPAWN)
ENTRY(SPAWNP)
ENTRY(SYSTEM)
ENTRY(EXECV)
ENTRY(EXECVE)
ENTRY(EXIT)
ENTRY(UNSHARE)
ENTRY(SETNS)

static const struct {
	void (*in_tuple)(void);
	void (*fast)(void);
	void (*fast_named)(void);
} entries[POINT_COUNT] = {
        [FORK_EXEC] = ENTRIES(FORK_EXEC), [SPAWN] = ENTRIES(SPAWN),     [SPAWNP] = ENTRIES(SPAWNP),
        [SYSTEM] = ENTRIES(SYSTEM),       [EXECV] = ENTRIES(EXECV),     [EXECVE] = ENTRIES(EXECVE),
        [EXIT] = ENTRIES(EXIT),           [UNSHARE] = ENTRIES(UNSHARE), [SETNS] = ENTRIES(SETNS),
};

/* ---- installing ---- */

/* Finds the function of a point; one that is another kind of object than we know is left alone. */
static void find(int which)
{
	struct point *point = &points[which];
	PyObject *py_module = PyImport_ImportModule(point->module);
	PyObject *py_function = py_module ? PyObject_GetAttrString(py_module, point->name) : NULL;
	PyMethodDef *theirs = hrt_py_method(py_function);
	void (*entry)(void) = NULL;

	if (theirs) {
		if (theirs->ml_flags == METH_VARARGS)
			entry = entries[which].in_tuple;
		else if (theirs->ml_flags == METH_FASTCALL)
			entry = entries[which].fast;
		else if (theirs->ml_flags == (METH_FASTCALL | METH_KEYWORDS))
			entry = entries[which].fast_named;
		point->theirs = theirs;
		point->ours = *theirs;
		point->ours.ml_meth = (PyCFunction)entry;
	}
	if (entry)
		point->py_function = Py_NewRef(py_function); /* for good: it may have our m_ml */
	hrt_forget_exception();
	Py_XDECREF(py_function);
	Py_XDECREF(py_module);
}

/* Which of two C functions is behind a builtin one is part of its hash, and os.supports_fd has os.execve. */
static void set_method(struct point *point, PyMethodDef *def)
{
	PyObject *py_fds = hrt_plain_variable(hrt_plain_module("os"), "supports_fd"); /* borrowed */
	bool holds = py_fds && PySet_Check(py_fds) && PySet_Discard(py_fds, point->py_function) == 1;

	((PyCFunctionObject *)point->py_function)->m_ml = def;
	if (holds)
		PySet_Add(py_fds, point->py_function);
	hrt_forget_exception();
}

/* Not one that only starts programs when nothing is passed on to them. */
static bool is_wanted(const struct point *point)
{
	return !point->starts || point->end != HR_END_UNKNOWN || description;
}

void hrt_spawn_install(void)
{
	uint64_t life = hrt_tracer.first_generation;

	for (int i = 0; i < POINT_COUNT; i++)
		if (is_wanted(&points[i]) && !points[i].py_function)
			find(i);
	if (!hrt_tracer_lives(life)) /* code that imports has stopped it */
		return;
	for (int i = 0; i < POINT_COUNT; i++)
		if (is_wanted(&points[i]) && points[i].py_function)
			set_method(&points[i], &points[i].ours);
	installed = true;
}

void hrt_spawn_uninstall(void)
{
	for (int i = 0; installed && i < POINT_COUNT; i++)
		if (points[i].py_function)
			set_method(&points[i], points[i].theirs);
	installed = false;
	free(description);
	free(site);
	description = site = NULL;
}

int hrt_spawn_pass_on(const char *new_description, const char *new_site)
{
	char *description_copy = strdup(new_description), *site_copy = strdup(new_site);

	if (!description_copy || !site_copy) {
		free(description_copy);
		free(site_copy);
		return HR_ENOMEM;
	}
	free(description);
	free(site);
	description = description_copy;
	site = site_copy;
	hrt_spawn_install();
	return 0;
}
