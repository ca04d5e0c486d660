/* sampler.c — see sampler.h. */
#include "sampler.h"

#include "backend.h"
#include "codemap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS      INT64_C(10000000) /* how often the tick moves */
#define SAMPLE_NS    INT64_C(50000000) /* how often stacks are looked at, at most */
#define COST_FACTOR  100               /* a pass of c ns is followed by c * 100 ns of rest: 1 % of a core */
#define STACK_BYTES  (512 * 1024)
#define INNER_FRAMES 128 /* of a stack that is too deep: so many innermost and so many outermost are kept */
#define OUTER_FRAMES 128

static_assert(INNER_FRAMES + OUTER_FRAMES <= 256, "a thread's row holds 256 frames");

/* A thread that has a row. */
struct watched {
	uint64_t id; /* of the thread state: never used twice */
	struct hr_row *row;
	uint64_t native_id;
	uint64_t since_tick;
	uint64_t stack_hash;
	enum hr_run_state run_state;
	bool seen;
};

static struct {
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* under lock */
	PyInterpreterState *interpreter;
	struct hrt_segment *segment;

	/* The thread's own, or under the GIL. */
	struct watched *watched;
	size_t watched_count, watched_capacity;
	PyFrameObject *inner[INNER_FRAMES], *outer[OUTER_FRAMES]; /* borrowed during a pass */
	struct hrt_frame frames[INNER_FRAMES + OUTER_FRAMES];
} sampler = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What the kernel says of a thread; asked before the GIL is taken, because afterwards nobody else has it. */
static enum hr_run_state run_state_of(uint64_t native_id)
{
	char path[64], text[512];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/task/%llu/stat", (unsigned long long)native_id);
	int fd = native_id ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return HR_RUN_UNKNOWN;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	const char *state = strrchr(text, ')');
	if (!state || state[1] != ' ')
		return HR_RUN_UNKNOWN;
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
	PyObject *py_modules = PySys_GetObject("modules");
	PyObject *py_threading = py_modules ? PyDict_GetItemString(py_modules, "threading") : NULL;
	PyObject *py_dict = py_threading && PyModule_Check(py_threading) ? PyModule_GetDict(py_threading) : NULL;
	PyObject *py_active = py_dict ? PyDict_GetItemString(py_dict, "_active") : NULL;
	PyObject *py_ident, *py_thread = NULL;

	if (py_active && PyDict_CheckExact(py_active) && (py_ident = PyLong_FromUnsignedLong(ident))) {
		py_thread = PyDict_GetItem(py_active, py_ident);
		Py_DECREF(py_ident);
	}
	return py_thread;
}

/* An attribute without running code of the program: the generic lookup only. New reference or NULL, no exception. */
static PyObject *plain_attribute(PyObject *py_object, const char *name)
{
	PyObject *py_name = PyUnicode_FromString(name);
	PyObject *py_value = py_name ? PyObject_GenericGetAttr(py_object, py_name) : NULL;

	Py_XDECREF(py_name);
	PyErr_Clear();
	return py_value;
}

static uint64_t native_id_of(const PyThreadState *thread)
{
#if HRT_HAVE_NATIVE_ID
	return thread->native_thread_id;
#else
	PyObject *py_thread = thread_object(thread->thread_id);
	PyObject *py_native = py_thread ? plain_attribute(py_thread, "_native_id") : NULL;
	uint64_t native_id = py_native && PyLong_Check(py_native) ? PyLong_AsUnsignedLongLong(py_native) : 0;

	PyErr_Clear();
	Py_XDECREF(py_native);
	return native_id;
#endif
}

static struct watched *watch(const PyThreadState *thread)
{
	struct watched *watched;

	for (size_t i = 0; i < sampler.watched_count; i++)
		if (sampler.watched[i].id == thread->id)
			return &sampler.watched[i];
	if (sampler.watched_count == sampler.watched_capacity) {
		size_t capacity = sampler.watched_capacity ? sampler.watched_capacity * 2 : 16;
		struct watched *grown = realloc(sampler.watched, capacity * sizeof *grown);
		if (!grown)
			return NULL;
		sampler.watched = grown;
		sampler.watched_capacity = capacity;
	}
	watched = &sampler.watched[sampler.watched_count];
	*watched = (struct watched){.id = thread->id, .native_id = native_id_of(thread)};
	watched->row = hrt_segment_take_row(sampler.segment, HR_KIND_THREADS, thread->thread_id, watched->native_id);
	if (!watched->row)
		return NULL;
	sampler.watched_count++;
	return watched;
}

/* Fills sampler.frames, outermost first; gives the real depth and where the middle is missing. */
static uint32_t walk(PyThreadState *thread, uint32_t *depth_out, uint32_t *elided_at_out)
{
	uint32_t depth = 0, count = 0;

	for (PyFrameObject *py_frame = hrt_py_thread_frame(thread); py_frame; py_frame = hrt_py_frame_back(py_frame)) {
		if (depth < INNER_FRAMES)
			sampler.inner[depth] = py_frame;
		else
			sampler.outer[depth % OUTER_FRAMES] = py_frame;
		depth++;
	}
	uint32_t inner = depth < INNER_FRAMES ? depth : INNER_FRAMES;
	uint32_t outer = depth - inner < OUTER_FRAMES ? depth - inner : OUTER_FRAMES;
	for (uint32_t i = 0; i < outer + inner; i++) {
		PyFrameObject *py_frame = i < outer ? sampler.outer[(depth - 1 - i) % OUTER_FRAMES]
		                                    : sampler.inner[outer + inner - 1 - i];
		int line = -1, end_line = -1, col = -1, end_col = -1;
		hrt_py_frame_position(py_frame, &line, &end_line, &col, &end_col);
		uint32_t index = hrt_code_index(hrt_py_frame_code(py_frame));
		if (index == HR_INDEX_NONE)
			hrt_segment_drop(sampler.segment, HR_DROP_FRAMES, 1);
		sampler.frames[count++] = (struct hrt_frame){
		        .code = index,
		        .line = line > 0 ? (uint32_t)line : HR_INDEX_NONE,
		        .end_line = end_line > 0 ? (uint32_t)end_line : HR_INDEX_NONE,
		        .col = col >= 0 ? (uint32_t)col : HR_INDEX_NONE,
		        .end_col = end_col >= 0 ? (uint32_t)end_col : HR_INDEX_NONE,
		};
	}
	*depth_out = depth;
	*elided_at_out = depth > count ? outer : count;
	return count;
}

static uint64_t hash_frames(const struct hrt_frame *frames, uint32_t count)
{
	const unsigned char *bytes = (const unsigned char *)frames;
	uint64_t hash = count;

	for (size_t i = 0; i < count * sizeof *frames; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static void sample_thread(PyThreadState *thread)
{
	struct watched *watched = watch(thread);
	struct hrt_stack stack = {.frames = sampler.frames};
	PyObject *py_thread, *py_name;
	char fallback[32];

	if (!watched)
		return;
	watched->seen = true;
	stack.frame_count = walk(thread, &stack.depth, &stack.elided_at);
	uint64_t hash = hash_frames(sampler.frames, stack.frame_count) ^ stack.depth;
	if (hash != watched->stack_hash || watched->since_tick == 0)
		watched->since_tick = hr_load64(hrt_tracer.tick);
	watched->stack_hash = hash;
	stack.since_tick = watched->since_tick;
	stack.run_state = watched->run_state;

	py_thread = thread_object(thread->thread_id);
	py_name = py_thread ? plain_attribute(py_thread, "_name") : NULL;
	if (py_name && PyUnicode_Check(py_name)) {
		Py_ssize_t bytes = 0;
		stack.name = PyUnicode_AsUTF8AndSize(py_name, &bytes);
		stack.name_bytes = stack.name ? (size_t)bytes : 0;
		PyErr_Clear();
	}
	if (!stack.name && watched->native_id == (uint64_t)getpid()) {
		stack.name = "MainThread";
		stack.name_bytes = strlen(stack.name);
	} else if (!stack.name) {
		stack.name_bytes = (size_t)snprintf(fallback, sizeof fallback, "thread %lu", thread->thread_id);
		stack.name = fallback;
	}
	hrt_segment_put_stack(sampler.segment, HR_KIND_THREADS, watched->row, &stack);
	Py_XDECREF(py_name);
}

static void forget_ended_threads(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < sampler.watched_count; i++) {
		if (sampler.watched[i].seen)
			sampler.watched[kept++] = sampler.watched[i];
		else
			hr_row_give_back(sampler.watched[i].row);
	}
	sampler.watched_count = kept;
}

static void sample(PyThreadState *own)
{
	for (size_t i = 0; i < sampler.watched_count; i++) {
		sampler.watched[i].run_state = run_state_of(sampler.watched[i].native_id);
		sampler.watched[i].seen = false;
	}
	PyEval_AcquireThread(own);
	int gc_was_enabled = hrt_py_gc_pause();
	hrt_tracer.sampling = true;
	hrt_segment_advance_tick(sampler.segment);
	for (PyThreadState *thread = PyInterpreterState_ThreadHead(sampler.interpreter); thread;
	     thread = PyThreadState_Next(thread)) {
		if (thread == own || !hrt_py_thread_ready(thread))
			continue;
		hrt_backend_watch(thread);
		if (hrt_tracer.only_thread == 0 || thread->thread_id == hrt_tracer.only_thread)
			sample_thread(thread);
	}
	forget_ended_threads();
	hr_count(&hrt_segment_control(sampler.segment)->samples, 1);
	hr_put64(&hrt_segment_control(sampler.segment)->sampler_cpu_ns, (uint64_t)clock_ns(CLOCK_THREAD_CPUTIME_ID));
	hrt_tracer.sampling = false;
	hrt_py_gc_resume(gc_was_enabled);
	PyEval_ReleaseThread(own);
}

/* Waits until `until_ns` (CLOCK_MONOTONIC); true when it is time to end. */
static bool wait_until(int64_t until_ns)
{
	struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
	bool stop;

	pthread_mutex_lock(&sampler.lock);
	while (!sampler.stop && pthread_cond_timedwait(&sampler.wake, &sampler.lock, &until) != ETIMEDOUT)
		;
	stop = sampler.stop;
	pthread_mutex_unlock(&sampler.lock);
	return stop;
}

static void *run(void *unused)
{
	PyThreadState *own = PyThreadState_New(sampler.interpreter);
	int64_t now = clock_ns(CLOCK_MONOTONIC), next_sample = now;

	(void)unused;
	pthread_setname_np(pthread_self(), "heartrate_shm");
	do {
		hrt_segment_advance_tick(sampler.segment);
		if (own && now >= next_sample) {
			int64_t cost = clock_ns(CLOCK_THREAD_CPUTIME_ID);
			sample(own);
			cost = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - cost) * COST_FACTOR;
			next_sample = clock_ns(CLOCK_MONOTONIC) + (cost > SAMPLE_NS ? cost : SAMPLE_NS);
		}
	} while (!wait_until((now = clock_ns(CLOCK_MONOTONIC)) + TICK_NS));
	if (own) {
		PyEval_AcquireThread(own);
		PyThreadState_Clear(own);
		PyThreadState_DeleteCurrent();
	}
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
	sampler.segment = hrt_tracer.segment;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler.wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&sampler.thread, &attributes, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	sampler.running = err == 0;
	if (err != 0)
		hrt_note(HR_NOTE_TROUBLE, "no stacks and no times: the sampler thread could not be started (%s)",
		         strerror(err));
}

void hrt_sampler_stop(void)
{
	if (!sampler.running)
		return;
	sampler.running = false;
	pthread_mutex_lock(&sampler.lock);
	sampler.stop = true;
	pthread_cond_signal(&sampler.wake);
	pthread_mutex_unlock(&sampler.lock);
	Py_BEGIN_ALLOW_THREADS pthread_join(sampler.thread, NULL);
	Py_END_ALLOW_THREADS pthread_cond_destroy(&sampler.wake);
}

void hrt_sampler_forget(void)
{
	sampler.running = false;
	pthread_mutex_init(&sampler.lock, NULL);
	free(sampler.watched);
	sampler.watched = NULL;
	sampler.watched_count = sampler.watched_capacity = 0;
}
