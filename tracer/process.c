/* process.c — see process.h.
 *
 * A fork comes in three steps. Python's before hook stops the sampler: the program must not be warned of a thread that
 * it does not have. pthread_atfork's child handler, which runs before any other code of the child, puts private memory
 * in the place of the parent's segment. Python's hook in the child, which other libraries' hooks may precede, settles
 * what becomes of it. After a fork() of C code without Python's hooks a pending call does, or the next event that the
 * backend looks at. */
#include "process.h"

#include "backend.h"
#include "hr_err.h"
#include "hr_retire.h"
#include "pyframe.h"
#include "sampler.h"
#include "spawn.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool initialised;
static int forks_under_way;
static int alone;    /* calls under way that want a process without other threads */
static bool exiting; /* the interpreter takes no more threads */

void hrt_process_start_sampler(void)
{
	if (forks_under_way == 0 && alone == 0 && !exiting && !hrt_tracer.forked)
		hrt_sampler_start();
}

void hrt_process_begin_alone(void)
{
	alone++;
	hrt_sampler_stop();
}

void hrt_process_end_alone(void)
{
	alone--;
	hrt_process_start_sampler();
}

static void at_libc_exit(void)
{
	if (hrt_tracer.segment)
		hrt_segment_close(hrt_tracer.segment, HR_END_EXIT);
}

static int settle_now(void *unused)
{
	(void)unused;
	if (hrt_tracer.forked)
		hrt_process_settle();
	return 0;
}

static void in_forked_child(void)
{
	hrt_sampler_is_gone();
	if (!hrt_tracer.segment)
		return;
	bool keep = hrt_tracer.children && !hrt_starting, hooked = forks_under_way > 0;
	hrt_segment_detach(hrt_tracer.segment, keep);
	if (keep && hooked) /* it is counted until Python's hook comes */
		return;
	hrt_tracer.forked = true;
	hrt_backend_forked();
	if (!hooked && !hrt_starting)
		Py_AddPendingCall(settle_now, NULL); /* for the main thread only: others have their events */
}

void hrt_process_settle(void)
{
	int err;

	hrt_tracer.forked = false;
	forks_under_way = alone = 0;
	hrt_spawn_forget_calls();
	if (!hrt_tracer.segment || hrt_tracer.ending == PyThread_get_thread_ident())
		return;
	bool ended_by_another = hrt_tracer.ending != 0; /* a thread that is not here */
	hrt_tracer.ending = 0;
	err = hrt_tracer.children && !ended_by_another ? hrt_segment_adopt(hrt_tracer.segment) : HR_EGONE;
	if (err == 0) {
		hr_retire_old();
		hrt_sampler_forget();
		hrt_process_start_sampler();
		return;
	}
	int saved = errno;
	hrt_tracer_end(HR_END_UNKNOWN);
	if (err != HR_EGONE)
		PySys_FormatStderr("heartrate_shm: not tracing this child process, it runs on: no shared memory "
		                   "segment: %s\n",
		                   err == HR_EIO ? strerror(saved) : hr_err_text(err));
}

/* ---- the sampler around a fork ---- */

#if HRT_FORK_COUNTS_THREADS_LATE
static struct {
	PyThreadState *thread;
	int depth; /* Python frames on it when it called os.fork() */
} forking;

static int depth_of(PyThreadState *thread)
{
	int depth = 0;

	for (const struct hrt_pyframe *frame = hrt_pyframe_top(thread); frame; frame = hrt_pyframe_back(frame))
		depth++;
	return depth;
}

static void remember_fork(void)
{
	forking.thread = PyThreadState_Get();
	forking.depth = depth_of(forking.thread);
}

/* A pending call: it runs between two bytecodes of any thread. Inside other libraries' hooks, which are deeper than
 * the frame that called os.fork(), it is too early. */
static int restart_sampler(void *unused)
{
	(void)unused;
	if (PyThreadState_Get() == forking.thread && depth_of(forking.thread) > forking.depth)
		hrt_py_call_soon(restart_sampler);
	else
		hrt_process_start_sampler();
	return 0;
}

static void restart_sampler_soon(void)
{
	if (hrt_py_call_soon(restart_sampler) != 0)
		hrt_process_start_sampler();
}
#else
static void remember_fork(void)
{
}

static void restart_sampler_soon(void)
{
	hrt_process_start_sampler();
}
#endif

static PyObject *before_fork(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	settle_now(NULL);
	forks_under_way++;
	remember_fork();
	hrt_sampler_stop();
	Py_RETURN_NONE;
}

static PyObject *after_fork_in_parent(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	if (forks_under_way > 0) /* it was called before, unless we were imported meanwhile */
		forks_under_way--;
	restart_sampler_soon();
	Py_RETURN_NONE;
}

static PyObject *after_fork_in_child(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	hrt_process_settle();
	Py_RETURN_NONE;
}

static PyObject *at_python_exit(PyObject *self, PyObject *unused)
{
	(void)self, (void)unused;
	exiting = true;
	hrt_sampler_stop();
	if (hrt_tracer.segment)
		hrt_segment_advance_tick(hrt_tracer.segment);
	Py_RETURN_NONE;
}

static PyMethodDef before_fork_def = {"before_fork", before_fork, METH_NOARGS, NULL};
static PyMethodDef after_fork_in_parent_def = {"after_fork_in_parent", after_fork_in_parent, METH_NOARGS, NULL};
static PyMethodDef after_fork_in_child_def = {"after_fork_in_child", after_fork_in_child, METH_NOARGS, NULL};
static PyMethodDef at_python_exit_def = {"at_exit", at_python_exit, METH_NOARGS, NULL};

/* ---- installing ---- */

static int call_with_hook(const char *module, const char *function, PyObject *py_kwargs, PyObject *py_arg)
{
	PyObject *py_module = PyImport_ImportModule(module);
	PyObject *py_function = py_module ? PyObject_GetAttrString(py_module, function) : NULL;
	PyObject *py_args = py_arg ? PyTuple_Pack(1, py_arg) : PyTuple_New(0);
	PyObject *py_done = py_function && py_args ? PyObject_Call(py_function, py_args, py_kwargs) : NULL;

	Py_XDECREF(py_args);
	Py_XDECREF(py_function);
	Py_XDECREF(py_module);
	Py_XDECREF(py_done);
	return py_done ? 0 : -1;
}

int hrt_process_init(void)
{
	PyObject *py_before, *py_parent, *py_child, *py_exit, *py_hooks = NULL;
	int result = -1;

	if (initialised)
		return 0;
	/* Not functions of the module, which os would keep alive until all other modules have ended. */
	py_before = PyCFunction_New(&before_fork_def, NULL);
	py_parent = PyCFunction_New(&after_fork_in_parent_def, NULL);
	py_child = PyCFunction_New(&after_fork_in_child_def, NULL);
	py_exit = PyCFunction_New(&at_python_exit_def, NULL);
	if (py_before && py_parent && py_child && py_exit)
		py_hooks = Py_BuildValue("{sOsOsO}", "before", py_before, "after_in_parent", py_parent,
		                         "after_in_child", py_child);
	if (!py_hooks || call_with_hook("os", "register_at_fork", py_hooks, NULL) != 0 ||
	    call_with_hook("atexit", "register", NULL, py_exit) != 0)
		goto fail;
	if (pthread_atfork(hrt_sampler_before_fork, hrt_sampler_after_fork, in_forked_child) != 0 ||
	    atexit(at_libc_exit) != 0) {
		PyErr_NoMemory();
		goto fail;
	}
	initialised = true;
	result = 0;
fail:
	Py_XDECREF(py_hooks);
	Py_XDECREF(py_before);
	Py_XDECREF(py_parent);
	Py_XDECREF(py_child);
	Py_XDECREF(py_exit);
	return result;
}
