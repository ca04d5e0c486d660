/* tasks.c — see tasks.h.
 *
 * Where asyncio registers a task: up to 3.11 in the WeakSet _all_tasks; on 3.12 and 3.13 in the WeakSet
 * _scheduled_tasks and the set _eager_tasks; from 3.14 on in a linked list of its thread's state (of the interpreter's,
 * when that thread has ended), and in the two sets when its class is not derived from the C one. */
#include "tasks.h"

#include "plain.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if HRT_HAVE_LOOP_IN_THREAD
#define Py_BUILD_CORE 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#if HRT_HAVE_TASKS_IN_THREAD
#include <internal/pycore_interp_structs.h>
#endif
#include <internal/pycore_setobject.h>
#include <internal/pycore_tstate.h>
#pragma GCC diagnostic pop
#endif

#define CHAIN_HALF 16     /* of a chain that is too deep: so many outermost and so many innermost are kept */
#define CHAIN_MAX  100000 /* an await chain cannot be circular; if one is nevertheless, this ends it */

static_assert(2 * CHAIN_HALF <= 32, "a task's row holds 32 frames");

/* A thread with a running event loop. Borrowed. */
struct loop {
	PyObject *py_loop, *py_running_task;
	PyThreadState *thread;
	enum hr_run_state run_state;
};

/* What one pass knows. */
struct pass {
	PyInterpreterState *interpreter;
	struct hrt_rows *rows;
	struct loop *loops;
	size_t loop_count, loop_capacity;
	/* Of the C task class, borrowed: valid while the pass holds the GIL. */
	PyTypeObject *task_type;
	PyObject *py_done, *py_get_coro, *py_get_name, *py_loop_field;
	/* How to go from an awaitable to what it awaits. */
	PyObject *py_cr_await, *py_gi_yieldfrom, *py_ag_await;
};

/* ---- threads and their loops ---- */

/* The loop that runs in a thread, borrowed. */
static PyObject *running_loop(PyThreadState *thread)
{
#if HRT_HAVE_LOOP_IN_THREAD
	return ((_PyThreadStateImpl *)thread)->asyncio_running_loop;
#else
	/* Modules/_asynciomodule.c: the loop, below 3.12 an object that holds it as its first field. */
	struct holder {
		PyObject_HEAD PyObject *py_loop;
	};
	PyObject *py_holder =
	        thread->dict ? hrt_plain_item_named(thread->dict, "__asyncio_running_event_loop__") : NULL;

	return py_holder && strcmp(Py_TYPE(py_holder)->tp_name, "_RunningLoopHolder") == 0
	               ? ((struct holder *)py_holder)->py_loop
	               : py_holder;
#endif
}

/* The task that runs in a loop, borrowed. */
static PyObject *running_task(PyThreadState *thread, PyObject *py_loop)
{
#if HRT_HAVE_TASKS_IN_THREAD
	(void)py_loop;
	return ((_PyThreadStateImpl *)thread)->asyncio_running_task;
#else
	PyObject *py_current = hrt_plain_variable(hrt_plain_module("asyncio.tasks"), "_current_tasks");
	PyObject *py_key, *py_task;
	Py_ssize_t at = 0;

	(void)thread;
	while (py_current && PyDict_CheckExact(py_current) && PyDict_Next(py_current, &at, &py_key, &py_task))
		if (py_key == py_loop)
			return py_task;
	return NULL;
#endif
}

static void find_loops(struct pass *pass, const struct hrt_rows *threads)
{
	for (PyThreadState *thread = PyInterpreterState_ThreadHead(pass->interpreter); thread;
	     thread = hrt_py_next_thread(thread)) {
		PyObject *py_loop = running_loop(thread);
		if (!py_loop || py_loop == Py_None)
			continue;
		if (pass->loop_count == pass->loop_capacity) {
			size_t capacity = pass->loop_capacity ? pass->loop_capacity * 2 : 8;
			struct loop *grown = realloc(pass->loops, capacity * sizeof *grown);
			if (!grown)
				return;
			pass->loops = grown;
			pass->loop_capacity = capacity;
		}
		const struct hrt_watched *watched = hrt_rows_find(threads, thread->id);
		pass->loops[pass->loop_count++] = (struct loop){
		        .py_loop = py_loop,
		        .py_running_task = running_task(thread, py_loop),
		        .thread = thread,
		        .run_state = watched ? watched->run_state : HR_RUN_UNKNOWN,
		};
	}
}

/* ---- one task ---- */

/* What a generator, coroutine or asynchronous generator awaits. New reference, or NULL. */
static PyObject *awaited(const struct pass *pass, PyObject *py_awaiting)
{
	PyObject *py_field = PyCoro_CheckExact(py_awaiting)  ? pass->py_cr_await
	                     : PyGen_CheckExact(py_awaiting) ? pass->py_gi_yieldfrom
	                                                     : pass->py_ag_await;
	PyObject *py_next =
	        py_field ? Py_TYPE(py_field)->tp_descr_get(py_field, py_awaiting, (PyObject *)Py_TYPE(py_awaiting))
	                 : NULL;

	PyErr_Clear();
	return py_next;
}

static bool has_frame(PyObject *py_object)
{
	return PyCoro_CheckExact(py_object) || PyGen_CheckExact(py_object) || PyAsyncGen_CheckExact(py_object);
}

static int note_inner(PyObject *py_object, void *out)
{
	if (!has_frame(py_object))
		return 0;
	*(PyObject **)out = py_object;
	return 1;
}

/* The interpreter's own awaitables around another (a step of an asynchronous generator, coroutine.__await__()) have no
 * attribute that tells which; the collector's view of them does. Borrowed, or NULL. */
static PyObject *unwrapped(PyObject *py_object)
{
	static const char *const wrappers[] = {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper",
	                                       "anext_awaitable"};
	PyObject *py_inner = NULL;

	for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
		if (strcmp(Py_TYPE(py_object)->tp_name, wrappers[i]) == 0 && Py_TYPE(py_object)->tp_traverse)
			Py_TYPE(py_object)->tp_traverse(py_object, note_inner, &py_inner);
	return py_inner;
}

/* A task that waits: from its coroutine along what each awaits, to the last that has a frame. */
static void walk_chain(const struct pass *pass, PyObject *py_coroutine, struct hrt_walk *walk)
{
	PyObject *py_at = Py_NewRef(py_coroutine);

	hrt_walk_begin(walk, CHAIN_HALF, false);
	for (int i = 0; py_at && i < CHAIN_MAX; i++) {
		PyObject *py_next;
		if (has_frame(py_at)) {
			const struct hrt_pyframe *frame = hrt_pyframe_of(py_at);
			if (frame)
				hrt_walk_add(walk, frame);
			py_next = awaited(pass, py_at);
		} else {
			py_next = unwrapped(py_at);
			Py_XINCREF(py_next);
		}
		/* Whoever awaits it holds it: this is never the last reference. */
		Py_DECREF(py_at);
		py_at = py_next;
	}
	Py_XDECREF(py_at);
}

/* A task that runs: its thread's frames up to the coroutine's. */
static void walk_running(PyThreadState *thread, PyObject *py_coroutine, struct hrt_walk *walk)
{
	const struct hrt_pyframe *outermost = has_frame(py_coroutine) ? hrt_pyframe_of(py_coroutine) : NULL;
	const struct hrt_pyframe *frame = outermost ? hrt_pyframe_top(thread) : NULL;

	hrt_walk_begin(walk, CHAIN_HALF, true);
	for (; frame; frame = hrt_pyframe_back(frame)) {
		hrt_walk_add(walk, frame);
		if (frame == outermost)
			return;
	}
	/* Between two steps: it has not begun, or has just let go. */
	hrt_walk_begin(walk, CHAIN_HALF, true);
	if (outermost)
		hrt_walk_add(walk, outermost);
}

static PyObject *call(PyObject *py_method, PyObject *py_self)
{
	PyObject *py_result = py_method ? PyObject_CallFunctionObjArgs(py_method, py_self, NULL) : NULL;

	PyErr_Clear();
	return py_result;
}

/* A field of a task; the C methods of the C class never come to code of a class derived from it. New reference. */
static PyObject *coroutine_of(const struct pass *pass, PyObject *py_task, bool is_c)
{
	return is_c ? call(pass->py_get_coro, py_task) : hrt_plain_attribute(py_task, "_coro");
}

static PyObject *name_of(const struct pass *pass, PyObject *py_task, bool is_c)
{
	return is_c ? call(pass->py_get_name, py_task) : hrt_plain_attribute(py_task, "_name");
}

static PyObject *loop_of(const struct pass *pass, PyObject *py_task, bool is_c)
{
	PyObject *py_loop;

	if (!is_c)
		return hrt_plain_attribute(py_task, "_loop");
	py_loop = pass->py_loop_field
	                  ? Py_TYPE(pass->py_loop_field)
	                            ->tp_descr_get(pass->py_loop_field, py_task, (PyObject *)Py_TYPE(py_task))
	                  : NULL;
	PyErr_Clear();
	return py_loop;
}

static bool is_pending(const struct pass *pass, PyObject *py_task, bool is_c)
{
	PyObject *py_answer = is_c ? call(pass->py_done, py_task) : hrt_plain_attribute(py_task, "_state");
	bool pending = is_c ? py_answer == Py_False
	                    : py_answer && PyUnicode_CheckExact(py_answer) &&
	                               PyUnicode_CompareWithASCIIString(py_answer, "PENDING") == 0;

	Py_XDECREF(py_answer);
	return pending;
}

static void sample_task(struct pass *pass, PyObject *py_task)
{
	static struct hrt_walk walk;
	bool is_c = pass->task_type && PyObject_TypeCheck(py_task, pass->task_type);
	PyObject *py_coroutine = NULL, *py_loop = NULL, *py_name = NULL;
	const struct loop *loop = NULL;
	const char *name = NULL;
	Py_ssize_t name_bytes = 0;

	if (!is_pending(pass, py_task, is_c))
		return;
	py_coroutine = coroutine_of(pass, py_task, is_c);
	py_loop = loop_of(pass, py_task, is_c);
	for (size_t i = 0; i < pass->loop_count && !loop; i++)
		if (pass->loops[i].py_loop == py_loop)
			loop = &pass->loops[i];
	if (!py_coroutine || (hrt_tracer.only_thread && (!loop || !hrt_tracer_wants(loop->thread))))
		goto done;

	struct hrt_watched *watched =
	        hrt_rows_get(pass->rows, (uint64_t)(uintptr_t)py_task, (uint64_t)(uintptr_t)py_coroutine,
	                     (uint64_t)(uintptr_t)py_task, loop ? loop->thread->thread_id : 0);
	if (!watched || !watched->row)
		goto done;
	if (loop && loop->py_running_task == py_task) {
		walk_running(loop->thread, py_coroutine, &walk);
		watched->run_state = loop->run_state;
	} else {
		walk_chain(pass, py_coroutine, &walk);
		watched->run_state = HR_RUN_SLEEPING;
	}
	py_name = name_of(pass, py_task, is_c);
	if (py_name && PyUnicode_Check(py_name))
		name = PyUnicode_AsUTF8AndSize(py_name, &name_bytes);
	PyErr_Clear();
	hrt_rows_put(pass->rows, watched, &walk, name ? name : "Task", name ? (size_t)name_bytes : 4);
done:
	Py_XDECREF(py_name);
	Py_XDECREF(py_loop);
	Py_XDECREF(py_coroutine);
}

/* ---- where tasks are registered ---- */

/* The members of a set: tasks, or weak references to them. */
static void sample_set(struct pass *pass, PyObject *py_set)
{
	PyObject *py_member, *py_task;
	Py_ssize_t at = 0;
	Py_hash_t hash;

	while (py_set && PyAnySet_Check(py_set) && _PySet_NextEntry(py_set, &at, &py_member, &hash)) {
		py_task = PyWeakref_Check(py_member) ? hrt_py_weakref_get(py_member) : Py_NewRef(py_member);
		if (py_task)
			sample_task(pass, py_task);
		Py_XDECREF(py_task);
	}
}

static void sample_weak_set(struct pass *pass, PyObject *py_weak_set)
{
	PyObject *py_data = py_weak_set ? hrt_plain_attribute(py_weak_set, "data") : NULL;

	sample_set(pass, py_data);
	Py_XDECREF(py_data);
}

#if HRT_HAVE_TASKS_IN_THREAD
/* Modules/_asynciomodule.c, struct TaskObj of 3.14 and 3.15: the list's node is its last field. */
#define TASK_BYTES (21 * (Py_ssize_t)sizeof(void *))

static void sample_list(struct pass *pass, const struct llist_node *head)
{
	size_t offset = TASK_BYTES - sizeof(struct llist_node);

	for (const struct llist_node *node = head->next; node && node != head; node = node->next) {
		PyObject *py_task = (PyObject *)((char *)node - offset);
		if (PyObject_TypeCheck(py_task, pass->task_type))
			sample_task(pass, py_task);
	}
}

static void sample_lists(struct pass *pass)
{
	static struct hrt_segment *told;

	if (!pass->task_type)
		return;
	if (pass->task_type->tp_basicsize != TASK_BYTES) {
		if (told != hrt_tracer.segment)
			hrt_note(HR_NOTE_TROUBLE,
			         "no asyncio tasks: this Python keeps them in a way that is not known");
		told = hrt_tracer.segment;
		return;
	}
	for (PyThreadState *thread = PyInterpreterState_ThreadHead(pass->interpreter); thread;
	     thread = hrt_py_next_thread(thread))
		sample_list(pass, &((_PyThreadStateImpl *)thread)->asyncio_tasks_head);
	sample_list(pass, &pass->interpreter->asyncio_tasks_head);
}
#endif

static PyObject *type_attribute(PyTypeObject *type, const char *name)
{
	PyObject *py_name = PyUnicode_FromString(name);
	PyObject *py_value = py_name ? _PyType_Lookup(type, py_name) : NULL;

	Py_XDECREF(py_name);
	return py_value;
}

void hrt_tasks_sample(PyInterpreterState *interpreter, struct hrt_rows *tasks, const struct hrt_rows *threads)
{
	static struct loop *loops;
	static size_t loop_capacity;
	PyObject *py_tasks = hrt_plain_module("asyncio.tasks");
	PyObject *py_type = py_tasks ? hrt_plain_variable(hrt_plain_module("_asyncio"), "Task") : NULL;
	struct pass pass = {.interpreter = interpreter, .rows = tasks, .loops = loops, .loop_capacity = loop_capacity};

	if (!py_tasks)
		return;
	if (py_type && PyType_Check(py_type)) {
		pass.task_type = (PyTypeObject *)py_type;
		pass.py_done = type_attribute(pass.task_type, "done");
		pass.py_get_coro = type_attribute(pass.task_type, "get_coro");
		pass.py_get_name = type_attribute(pass.task_type, "get_name");
		pass.py_loop_field = type_attribute(pass.task_type, "_loop");
	}
	pass.py_cr_await = type_attribute(&PyCoro_Type, "cr_await");
	pass.py_gi_yieldfrom = type_attribute(&PyGen_Type, "gi_yieldfrom");
	pass.py_ag_await = type_attribute(&PyAsyncGen_Type, "ag_await");
	find_loops(&pass, threads);
	loops = pass.loops;
	loop_capacity = pass.loop_capacity;
#if HRT_HAVE_TASKS_IN_THREAD
	sample_lists(&pass);
#endif
	sample_weak_set(&pass, hrt_plain_variable(py_tasks, "_all_tasks"));
	sample_weak_set(&pass, hrt_plain_variable(py_tasks, "_scheduled_tasks"));
	sample_set(&pass, hrt_plain_variable(py_tasks, "_eager_tasks"));
	hrt_rows_sweep(tasks);
}
