/* sampler.c — see sampler.h. */
#include "sampler.h"

#include "backend.h"
#include "go_over.h"
#include "hr_atomic.h"
#include "plain.h"
#include "pyinternal.h"
#include "rows.h"
#include "tasks.h"
#include "tracemalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

#define TICK_NS      INT64_C(10000000) /* how often the tick moves */
#define SAMPLE_NS    INT64_C(50000000) /* how often stacks are looked at, at most */
#define COST_FACTOR  100               /* c ns of work take at least c * 100 ns of time: 1 % of a core */
#define ASKED_MAX    64                /* threads that stand still whose run state is asked for in one pass */
#define STACK_BYTES  (512 * 1024)
#define FORK_WAIT_NS INT64_C(20000000) /* how long a fork waits for the end of a pass */

static_assert(2 * HRT_WALK_HALF <= 256, "a thread's row holds 256 frames");

static struct {
	bool running;
	bool joining; /* a thread waits for its end without the GIL */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* under lock */
	PyInterpreterState *interpreter;
	pthread_mutex_t pass;       /* held while it makes one */
	PyThreadState *_Atomic own; /* the thread's state while it has one */

	/* The thread's own while it runs. */
	bool own_descriptors; /* so it may open files */
	pid_t native_id;
	struct hrt_rows threads, tasks;
	char main_name[16]; /* the main thread's native name: others inherit it */

	unsigned long forker; /* in a forked child: ident of the thread that forked, 0 elsewhere */

	/* Under the GIL. */
	uint64_t labelled; /* a thread state's id */
	char label[4 * HR_THREAD_NAME_BYTES];
} sampler = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .pass = PTHREAD_MUTEX_INITIALIZER,
             .threads = {.kind = HR_KIND_THREADS},
             .tasks = {.kind = HR_KIND_TASKS}};

static _Thread_local bool holds_pass; /* of a thread that forks */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* This thread opens files while the program's run: it must not take the number that the program's next open() is to
 * get, nor the last one that it may have. So it gets a table of its own, empty (Linux 5.9). */
static bool take_own_descriptors(void)
{
	return syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE) == 0;
}

/* What the kernel says of a thread, /proc/self/task/TID/stat: "TID (name) state ...". Asked before the GIL is taken,
 * because afterwards nobody else has it. */
static enum hr_run_state ask_kernel(uint64_t native_id, char name_out[16])
{
	char path[64], text[512];
	ssize_t n;

	name_out[0] = '\0';
	snprintf(path, sizeof path, "/proc/self/task/%llu/stat", (unsigned long long)native_id);
	int fd = native_id && sampler.own_descriptors ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return HR_RUN_UNKNOWN;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	const char *name = strchr(text, '('), *state = strrchr(text, ')');
	if (!name || !state || state < name || state[1] != ' ')
		return HR_RUN_UNKNOWN;
	snprintf(name_out, 16, "%.*s", (int)(state - name - 1), name + 1);
	switch (state[2]) {
	case 'R':
		return HR_RUN_RUNNING;
	case 'S':
	case 'D':
	case 'I':
		return HR_RUN_SLEEPING;
	case 'T':
	case 't':
		return HR_RUN_STOPPED;
	default:
		return HR_RUN_UNKNOWN;
	}
}

/* threading's Thread object of an ident, borrowed; NULL when threading does not know it. */
static PyObject *thread_object(unsigned long ident)
{
	PyObject *py_active = hrt_plain_variable(hrt_plain_module("threading"), "_active");
	PyObject *py_ident, *py_thread = NULL;

	if (py_active && PyDict_CheckExact(py_active) && (py_ident = PyLong_FromUnsignedLong(ident))) {
		py_thread = hrt_plain_item(py_active, py_ident);
		Py_DECREF(py_ident);
	}
	return py_thread;
}

static uint64_t native_id_of(const PyThreadState *thread)
{
	if (thread->thread_id == sampler.forker) /* Python may not have been told that it has another one */
		return (uint64_t)getpid();
#if HRT_HAVE_NATIVE_ID
	return thread->native_thread_id;
#else
	PyObject *py_thread = thread_object(thread->thread_id);
	PyObject *py_native = py_thread ? hrt_plain_attribute(py_thread, "_native_id") : NULL;
	uint64_t native_id = py_native && PyLong_Check(py_native) ? PyLong_AsUnsignedLongLong(py_native) : 0;

	PyErr_Clear();
	Py_XDECREF(py_native);
	return native_id;
#endif
}

/* Its label; threading's name; of a thread that it does not know the native one, when it has one of its own. */
static void put_stack(PyThreadState *thread, struct hrt_watched *watched, const struct hrt_walk *walk)
{
	PyObject *py_thread = thread_object(thread->thread_id);
	PyObject *py_name = py_thread ? hrt_plain_attribute(py_thread, "_name") : NULL;
	const char *name = NULL;
	char fallback[32];
	Py_ssize_t bytes = 0;

	if (py_name && PyUnicode_Check(py_name)) {
		name = PyUnicode_AsUTF8AndSize(py_name, &bytes);
		PyErr_Clear();
	}
	if (sampler.label[0] && sampler.labelled == thread->id) {
		name = sampler.label;
		bytes = (Py_ssize_t)strlen(name);
	}
	if (!name) {
		if (watched->native_id == (uint64_t)getpid())
			snprintf(fallback, sizeof fallback, "MainThread");
		else if (watched->native_name[0] && strcmp(watched->native_name, sampler.main_name) != 0)
			snprintf(fallback, sizeof fallback, "%s", watched->native_name);
		else
			snprintf(fallback, sizeof fallback, "thread %lu", thread->thread_id);
		name = fallback;
		bytes = (Py_ssize_t)strlen(fallback);
	}
	hrt_rows_put(&sampler.threads, watched, walk, name, (size_t)bytes);
	Py_XDECREF(py_name);
}

static void sample_thread(PyThreadState *thread)
{
	static struct hrt_walk walk;
	struct hrt_watched *watched;

	hrt_walk_begin(&walk, HRT_WALK_HALF, true);
	for (const struct hrt_pyframe *frame = hrt_pyframe_top(thread); frame; frame = hrt_pyframe_back(frame))
		hrt_walk_add(&walk, frame);
	/* A state without frames may be that of a thread about to start: it still has its maker's ident. */
	if (walk.depth == 0 && !hrt_rows_find(&sampler.threads, thread->id))
		return;
	watched = hrt_rows_get(&sampler.threads, thread->id, 0, thread->thread_id, native_id_of(thread));
	if (watched)
		put_stack(thread, watched, &walk);
}

/* The kernel's answer costs more than all else about a thread (15 us). Of many threads those that moved at the last
 * pass are asked for, and some of the others in turn. */
static void ask_run_states(void)
{
	static size_t turn;
	size_t count = sampler.threads.count;

	for (size_t i = 0; i < count; i++) {
		struct hrt_watched *watched = &sampler.threads.at[i];
		if (watched->changed || (i + count - turn % count) % count < ASKED_MAX)
			watched->run_state = ask_kernel(watched->native_id, watched->native_name);
	}
	turn += ASKED_MAX;
}

/* One pass. Its thread state lives no longer than the pass: sys._current_exceptions() would show it. */
static void sample(void)
{
	pthread_mutex_lock(&sampler.pass);
	PyThreadState *own = hrt_tracemalloc_thread_new(sampler.interpreter);
	if (!own) {
		pthread_mutex_unlock(&sampler.pass);
		return;
	}
	atomic_store(&sampler.own, own);
	ask_run_states();
	PyEval_AcquireThread(own);
	hrt_backend_begin_pass(own);
	int gc_was_enabled = hrt_py_gc_pause();
	hrt_tracer.sampling = true;
	hrt_segment_advance_tick(hrt_tracer.segment);
	hrt_go_over_tend();
	for (PyThreadState *thread = PyInterpreterState_ThreadHead(sampler.interpreter); thread;
	     thread = hrt_py_next_thread(thread)) {
		if (thread == own || !hrt_py_thread_ready(thread))
			continue;
		hrt_backend_watch(thread);
		if (hrt_tracer_wants(thread))
			sample_thread(thread);
	}
	hrt_rows_sweep(&sampler.threads);
	hrt_tasks_sample(sampler.interpreter, &sampler.tasks, &sampler.threads);
	hr_count(&hrt_segment_control(hrt_tracer.segment)->samples, 1);
	hr_put64(&hrt_segment_control(hrt_tracer.segment)->sampler_cpu_ns, (uint64_t)clock_ns(CLOCK_THREAD_CPUTIME_ID));
	hrt_tracer.sampling = false;
	hrt_py_gc_resume(gc_was_enabled);
	PyThreadState_Clear(own);
	atomic_store(&sampler.own, NULL);
	hrt_tracemalloc_thread_delete_current();
	pthread_mutex_unlock(&sampler.pass);
}

/* Waits until `until_ns` (CLOCK_MONOTONIC); true when it is time to end. */
static bool wait_until(int64_t until_ns)
{
	struct timespec until = timespec_of(until_ns);
	bool stop;

	pthread_mutex_lock(&sampler.lock);
	while (!sampler.stop && pthread_cond_timedwait(&sampler.wake, &sampler.lock, &until) != ETIMEDOUT)
		;
	stop = sampler.stop;
	pthread_mutex_unlock(&sampler.lock);
	return stop;
}

static void *run(void *segment)
{
	int64_t now, pass_at, pass_cpu;

	pthread_setname_np(pthread_self(), "heartrate_shm");
	sampler.native_id = (pid_t)syscall(SYS_gettid);
	sampler.own_descriptors = take_own_descriptors();
	ask_kernel((uint64_t)getpid(), sampler.main_name);
	pass_at = clock_ns(CLOCK_MONOTONIC);
	pass_cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	sample();
	do {
		hrt_segment_advance_tick(segment);
		/* All that this thread has used since the last pass began, the pass and the ticks, is to be little. */
		int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		now = clock_ns(CLOCK_MONOTONIC);
		if (now - pass_at >= SAMPLE_NS && now - pass_at >= (cpu - pass_cpu) * COST_FACTOR) {
			pass_at = now;
			pass_cpu = cpu;
			sample();
		}
	} while (!wait_until(now + TICK_NS));
	return NULL;
}

void hrt_sampler_start(void)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_condattr_t monotonic;
	int err;

	if (sampler.running || !hrt_tracer.segment)
		return;
	sampler.stop = false;
	sampler.interpreter = hrt_py_interpreter();
	sampler.threads.segment = sampler.tasks.segment = hrt_tracer.segment;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler.wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&sampler.thread, &attributes, run, hrt_tracer.segment);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	sampler.running = err == 0;
	if (err != 0)
		hrt_note(HR_NOTE_TROUBLE, "no stacks and no times: the sampler thread could not be started (%s)",
		         strerror(err));
}

void hrt_sampler_stop(void)
{
	/* Who comes meanwhile must not go on before it has ended either: the segment would be freed under it. */
	while (sampler.joining) {
		Py_BEGIN_ALLOW_THREADS nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
		Py_END_ALLOW_THREADS
	}
	if (!sampler.running)
		return;
	sampler.joining = true;
	pthread_mutex_lock(&sampler.lock);
	sampler.stop = true;
	pthread_cond_signal(&sampler.wake);
	pthread_mutex_unlock(&sampler.lock);
	Py_BEGIN_ALLOW_THREADS pthread_join(sampler.thread, NULL);
	while (syscall(SYS_tgkill, getpid(), sampler.native_id, 0) == 0)
		sched_yield(); /* the kernel counts it for a moment longer, and a fork would be warned of it */
	Py_END_ALLOW_THREADS pthread_cond_destroy(&sampler.wake);
	sampler.running = sampler.joining = false;
}

void hrt_sampler_label(const char *text)
{
	sampler.labelled = PyThreadState_Get()->id;
	snprintf(sampler.label, sizeof sampler.label, "%s", text ? text : "");
}

/* Whether no Python code would run if this thread, which has the GIL, let it go. */
static bool is_alone(void)
{
	const PyThreadState *mine = PyThreadState_Get(), *own = atomic_load(&sampler.own);

	for (PyThreadState *thread = PyInterpreterState_ThreadHead(sampler.interpreter); thread;
	     thread = hrt_py_next_thread(thread))
		if (thread != mine && thread != own)
			return false;
	return true;
}

void hrt_sampler_before_fork(void)
{
	PyThreadState *mine = NULL;

	if (hrt_starting) /* the child only becomes another program */
		return;
	holds_pass = pthread_mutex_trylock(&sampler.pass) == 0;
	if (holds_pass)
		return;
	if (hrt_py_has_gil()) {
		if (!is_alone() || hrt_py_threads_are_locked()) /* os.fork() has them locked, and waits for nobody */
			return;
		mine = PyEval_SaveThread();
	}
	struct timespec until = timespec_of(clock_ns(CLOCK_REALTIME) + FORK_WAIT_NS);
	holds_pass = pthread_mutex_timedlock(&sampler.pass, &until) == 0;
	if (mine)
		PyEval_RestoreThread(mine);
}

void hrt_sampler_after_fork(void)
{
	if (holds_pass)
		pthread_mutex_unlock(&sampler.pass);
	holds_pass = false;
}

void hrt_sampler_is_gone(void)
{
	sampler.running = sampler.joining = holds_pass = false;
	atomic_store(&sampler.own, NULL);
	sampler.forker = (unsigned long)pthread_self();
	pthread_mutex_init(&sampler.lock, NULL);
	pthread_mutex_init(&sampler.pass, NULL);
	hrt_tracemalloc_forget();
}

void hrt_sampler_forget(void)
{
	hrt_rows_forget(&sampler.threads);
	hrt_rows_forget(&sampler.tasks);
}
