/* filemap.c — see filemap.h. */
#include "filemap.h"

#include "hr_err.h"
#include "plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECURSION_LENT   200                       /* frames a filter may use beyond the program's limit */
#define NAMES_MAX        65536                     /* that are remembered: a program may make up names for ever */
#define PATIENCE_NS      INT64_C(1000000000)       /* for an answer that another thread is about to have */
#define HASHED_BYTES_MAX ((off_t)64 * 1024 * 1024) /* a larger "source" is not read */

/* One name as code objects carry it. */
struct entry {
	uint64_t generation; /* of hrt_tracer when the filters were asked; 0 never */
	uint32_t index;      /* in the segment's files, HR_INDEX_NONE none yet */
	bool traced;
	bool index_traced; /* whether the entry at `index` says so */
	bool asking;       /* the filters are at work, in thread `asker` */
	bool in_vain;      /* another thread has waited for them in vain */
	unsigned long asker;
	char *path;       /* absolute where it names a file */
	struct stat stat; /* st_mode 0: not a regular file */
};

static PyObject *py_entries; /* dict: name -> index into entries */
static struct entry *entries;
static size_t entry_count, entry_capacity;
static char *import_cwd, *own_directory;

void hrt_filemap_remember_cwd(void)
{
	if (!import_cwd)
		import_cwd = getcwd(NULL, 0);
}

int hrt_filemap_init(const char *directory)
{
	if (!own_directory)
		own_directory = strdup(directory);
	if (!py_entries)
		py_entries = PyDict_New();
	return py_entries && own_directory ? 0 : HR_ENOMEM;
}

void hrt_filemap_clear(void)
{
	PyDict_Clear(py_entries);
	for (size_t i = 0; i < entry_count; i++)
		free(entries[i].path);
	free(entries);
	entries = NULL;
	entry_count = entry_capacity = 0;
}

static bool stat_regular(const char *path, struct stat *out)
{
	if (stat(path, out) == 0 && S_ISREG(out->st_mode))
		return true;
	memset(out, 0, sizeof *out);
	return false;
}

static char *join(const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + 1 + strlen(name) + 1;
	char *path = malloc(bytes);

	if (path)
		snprintf(path, bytes, "%s/%s", directory, name);
	return path;
}

/* co_filename may be relative to where the program was when it was started or when it is asked now. What names no
 * file there ("<string>") stays as it is. Owned by the caller; NULL without memory. */
static char *absolute_path(const char *name, struct stat *out)
{
	char *cwd, *path;

	if (stat_regular(name, out) && name[0] == '/')
		return strdup(name);
	if (name[0] == '/' || name[0] == '<' || name[0] == '\0')
		return strdup(name);
	if (import_cwd) {
		path = join(import_cwd, name);
		if (path && stat_regular(path, out))
			return path;
		free(path);
	}
	cwd = getcwd(NULL, 0);
	path = cwd ? join(cwd, name) : NULL;
	free(cwd);
	if (path && stat_regular(path, out))
		return path;
	free(path);
	return strdup(name);
}

/* The entry of a name; NULL without memory, or when there are too many names. Pointers into `entries` do not outlive
 * the next call. */
static struct entry *entry_get(PyObject *py_filename)
{
	PyObject *py_at = hrt_plain_item(py_entries, py_filename);

	if (py_at)
		return &entries[PyLong_AsSsize_t(py_at)];
	if (entry_count == NAMES_MAX) {
		hrt_segment_drop(hrt_tracer.segment, HR_DROP_FILES, 1);
		hrt_tell_full(HR_EFULL);
		return NULL;
	}
	if (entry_count == entry_capacity) {
		size_t capacity = entry_capacity ? entry_capacity * 2 : 64;
		struct entry *grown = realloc(entries, capacity * sizeof *entries);
		if (!grown)
			goto fail;
		entries = grown;
		entry_capacity = capacity;
	}
	struct entry *entry = &entries[entry_count];
	PyObject *py_bytes = PyUnicode_AsEncodedString(py_filename, "utf-8", "surrogateescape");
	if (!py_bytes) { /* a lone surrogate that stands for no byte */
		PyErr_Clear();
		py_bytes = PyUnicode_AsEncodedString(py_filename, "utf-8", "backslashreplace");
	}
	py_at = PyLong_FromSize_t(entry_count);
	*entry = (struct entry){.index = HR_INDEX_NONE};
	if (py_bytes)
		entry->path = absolute_path(PyBytes_AS_STRING(py_bytes), &entry->stat);
	bool kept = entry->path && py_at && PyDict_SetItem(py_entries, py_filename, py_at) == 0;
	PyErr_Clear();
	Py_XDECREF(py_bytes);
	Py_XDECREF(py_at);
	if (kept) {
		entry_count++;
		return entry;
	}
	free(entry->path);
fail:
	hrt_segment_drop(hrt_tracer.segment, HR_DROP_FILES, 1);
	return NULL;
}

/* Tells once a filter that it raised. That what is no file cannot be opened is no news: contains_regex() does so. */
static void note_raised(Py_ssize_t filter, const char *path, bool on_disk)
{
	PyObject *py_type, *py_value, *py_traceback, *py_text;
	const char *text = NULL;
	uint64_t bit = filter < 64 ? UINT64_C(1) << filter : 0;

	if ((hrt_tracer.filters_told & bit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) ||
	    (!on_disk && PyErr_ExceptionMatches(PyExc_OSError))) {
		hrt_forget_exception();
		return;
	}
	hrt_tracer.filters_told |= bit;
	PyErr_Fetch(&py_type, &py_value, &py_traceback);
	PyErr_NormalizeException(&py_type, &py_value, &py_traceback);
	py_text = py_value ? PyObject_Str(py_value) : NULL;
	text = py_text ? PyUnicode_AsUTF8(py_text) : NULL;
	hrt_note(HR_NOTE_FILTER_RAISED, "the files filter raised %s for %s: not traced (%s)",
	         py_type ? ((PyTypeObject *)py_type)->tp_name : "?", path, text ? text : "no message");
	PyErr_Clear();
	Py_XDECREF(py_text);
	Py_XDECREF(py_type);
	Py_XDECREF(py_value);
	Py_XDECREF(py_traceback);
}

static bool is_own(const char *path)
{
	size_t bytes = strlen(own_directory);
	return strncmp(path, own_directory, bytes) == 0 && path[bytes] == '/';
}

/* The original's meaning: the calling file, or any filter that says so; one that raises says no. Filters may stop the
 * tracer: everything used here is held. */
static bool ask_filters(PyObject *py_filename, const char *path, bool on_disk)
{
	PyThreadState *thread = PyThreadState_Get();
	PyObject *py_filters = Py_NewRef(hrt_tracer.py_filters);
	bool traced = PySet_Contains(hrt_tracer.py_callers, py_filename) == 1;
	PyObject *py_bytes = PyBytes_FromString(path);
	PyObject *py_path = traced ? NULL : PyUnicode_DecodeUTF8(path, (Py_ssize_t)strlen(path), "surrogateescape");
	uint64_t life = hrt_tracer.first_generation;

	/* Deep in a recursion the filter must answer as it would at the top. */
	hrt_py_recursion_lend(thread, RECURSION_LENT);
	for (Py_ssize_t i = 0; py_path && py_bytes && !traced && i < PyList_GET_SIZE(py_filters); i++) {
		PyObject *py_filter = Py_NewRef(PyList_GET_ITEM(py_filters, i));
		PyObject *py_answer = PyObject_CallFunctionObjArgs(py_filter, py_path, NULL);
		int truth = py_answer ? PyObject_IsTrue(py_answer) : -1;
		if (truth < 0 && hrt_tracer_lives(life))
			note_raised(i, PyBytes_AS_STRING(py_bytes), on_disk);
		hrt_forget_exception();
		traced = truth > 0;
		Py_XDECREF(py_answer);
		Py_DECREF(py_filter);
	}
	hrt_py_recursion_lend(thread, -RECURSION_LENT);
	PyErr_Clear();
	Py_XDECREF(py_path);
	Py_XDECREF(py_bytes);
	Py_DECREF(py_filters);
	return traced;
}

/* Waits until the thread that asks for an entry has its answer: what this one is about to run counts from its first
 * line. Not for ever, for the filter may itself wait for this thread, or for a lock that it has. */
static void wait_for_answer(size_t at, uint64_t life)
{
	int64_t waited_ns = 0;

	while (hrt_tracer_lives(life) && entries[at].asking && !entries[at].in_vain) {
		if (waited_ns > PATIENCE_NS) {
			entries[at].in_vain = true;
			hrt_segment_drop(hrt_tracer.segment, HR_DROP_CODES, 1);
			return;
		}
		Py_BEGIN_ALLOW_THREADS nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
		Py_END_ALLOW_THREADS waited_ns += 100000;
	}
}

/* Asks the filters for an entry. None is asked while it is at work: not by itself, not by another thread. */
static enum hrt_traced ask(size_t at, PyObject *py_filename)
{
	unsigned long thread = PyThread_get_thread_ident();
	uint64_t life = hrt_tracer.first_generation, generation = hrt_tracer.generation;

	if (entries[at].asking && entries[at].asker != thread)
		wait_for_answer(at, life);
	if (!hrt_tracer_lives(life) || entries[at].asking)
		return HRT_LATER;
	if (entries[at].traced || entries[at].generation == generation)
		return entries[at].traced ? HRT_TRACED : HRT_UNTRACED;
	entries[at].asking = true;
	entries[at].asker = thread;
	bool traced =
	        !is_own(entries[at].path) && ask_filters(py_filename, entries[at].path, entries[at].stat.st_mode != 0);
	if (!hrt_tracer_lives(life))
		return HRT_LATER;
	entries[at].asking = entries[at].in_vain = false;
	entries[at].traced = traced;
	entries[at].generation = generation;
	return traced ? HRT_TRACED : HRT_UNTRACED;
}

/* FNV-1a 64 of a file's bytes; 0 when it cannot be read. */
static uint64_t hash_file(const char *path, const struct stat *expected)
{
	static const uint64_t prime = UINT64_C(0x100000001b3);
	unsigned char bytes[16384];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct stat found;
	ssize_t n;

	if (expected->st_size > HASHED_BYTES_MAX)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
		close(fd);
		return 0;
	}
	while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ bytes[i]) * prime;
	close(fd);
	return n == 0 ? hash : 0;
}

/* Text of what is no file on disk (exec, <stdin>, notebook cells, zip members), as linecache or the loader has it. */
static void put_source(PyObject *py_filename, PyObject *py_globals, struct hr_file *file)
{
	uint64_t life = hrt_tracer.first_generation;
	PyObject *py_module = PyImport_ImportModule("heartrate_shm._sources");
	PyObject *py_text = py_module ? PyObject_CallMethod(py_module, "source_text", "OO", py_filename,
	                                                    py_globals ? py_globals : Py_None)
	                              : NULL;
	PyObject *py_bytes = py_text && PyUnicode_Check(py_text)
	                             ? PyUnicode_AsEncodedString(py_text, "utf-8", "surrogateescape")
	                             : NULL;

	if (py_bytes && hrt_tracer_lives(life)) {
		struct hrt_text text = {PyBytes_AS_STRING(py_bytes), (size_t)PyBytes_GET_SIZE(py_bytes)};
		if (hrt_segment_put_string(hrt_tracer.segment, text, &file->source) == 0)
			file->flags |= HR_FILE_SOURCE;
		else
			hrt_segment_drop(hrt_tracer.segment, HR_DROP_SOURCES, 1);
	}
	hrt_forget_exception();
	Py_XDECREF(py_bytes);
	Py_XDECREF(py_text);
	Py_XDECREF(py_module);
}

/* Writes the segment's entry; a traced one says what content it had. */
static void entry_publish(size_t at, PyObject *py_filename, PyObject *py_globals)
{
	struct entry *entry = &entries[at];
	struct hr_file file = {.flags = entry->traced ? HR_FILE_TRACED : 0};
	uint64_t life = hrt_tracer.first_generation;
	int err = hrt_segment_make_room(hrt_tracer.segment, HR_KIND_FILES, 1);

	if (err != 0)
		goto fail;
	if (entry->stat.st_mode != 0) {
		file.flags |= HR_FILE_ON_DISK;
		file.size_bytes = (uint64_t)entry->stat.st_size;
		file.mtime_ns = (int64_t)entry->stat.st_mtim.tv_sec * 1000000000 + entry->stat.st_mtim.tv_nsec;
		if (entry->traced)
			file.hash = hash_file(entry->path, &entry->stat);
	} else if (entry->traced) {
		put_source(py_filename, py_globals, &file);
		/* Stopped meanwhile, or published by another thread. */
		if (!hrt_tracer_lives(life) || entries[at].index_traced)
			return;
		entry = &entries[at];
	}
	err = hrt_segment_put_string(hrt_tracer.segment, (struct hrt_text){entry->path, strlen(entry->path)},
	                             &file.path);
	if (err == 0)
		err = hrt_segment_put_file(hrt_tracer.segment, &file, &entry->index);
fail:
	entry->index_traced = entry->traced;
	if (err != 0) {
		entry->index = HR_INDEX_NONE;
		hrt_tell_full(err);
	}
}

static bool content_changed(struct entry *entry)
{
	struct stat now;

	if (entry->stat.st_mode == 0 || !stat_regular(entry->path, &now))
		return false;
	if (now.st_size == entry->stat.st_size && now.st_mtim.tv_sec == entry->stat.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == entry->stat.st_mtim.tv_nsec)
		return false;
	entry->stat = now;
	return true;
}

/* A program may name code by a class of its own whose hash or comparison is Python code. New reference. */
static PyObject *plain_name(PyObject *py_filename)
{
	return PyUnicode_CheckExact(py_filename) ? Py_NewRef(py_filename) : PyUnicode_FromObject(py_filename);
}

static enum hrt_traced traced(PyObject *py_filename, PyObject *py_globals, bool fresh)
{
	uint64_t life = hrt_tracer.first_generation;
	struct entry *entry = entry_get(py_filename);

	if (!hrt_tracer_lives(life))
		return HRT_LATER;
	if (!entry)
		return HRT_UNTRACED;
	size_t at = (size_t)(entry - entries);
	if (!entry->traced && entry->generation != hrt_tracer.generation) {
		enum hrt_traced answer = ask(at, py_filename);
		if (answer != HRT_TRACED)
			return answer;
	}
	entry = &entries[at];
	if (entry->traced && (!entry->index_traced || (fresh && content_changed(entry)))) {
		entry_publish(at, py_filename, py_globals);
		if (!hrt_tracer_lives(life))
			return HRT_LATER;
	}
	return entries[at].traced ? HRT_TRACED : HRT_UNTRACED;
}

enum hrt_traced hrt_filemap_traced(PyObject *py_filename, PyObject *py_globals, bool fresh)
{
	PyObject *py_name = plain_name(py_filename);
	enum hrt_traced answer = py_name ? traced(py_name, py_globals, fresh) : HRT_UNTRACED;

	PyErr_Clear();
	Py_XDECREF(py_name);
	return answer;
}

uint32_t hrt_filemap_index(PyObject *py_filename)
{
	PyObject *py_name = plain_name(py_filename);
	struct entry *entry = py_name ? entry_get(py_name) : NULL;
	uint32_t index = HR_INDEX_NONE;

	if (entry && hrt_tracer.segment) {
		size_t at = (size_t)(entry - entries);
		if (entry->index == HR_INDEX_NONE && !entry->traced && !entry->asking)
			entry_publish(at, py_name, NULL);
		if (hrt_tracer.segment)
			index = entries[at].index;
	}
	PyErr_Clear();
	Py_XDECREF(py_name);
	return index;
}

bool hrt_filemap_pending(PyObject *py_filename)
{
	PyObject *py_name = plain_name(py_filename);
	const struct entry *entry = py_name ? entry_get(py_name) : NULL;

	PyErr_Clear();
	Py_XDECREF(py_name);
	return entry && (entry->asking || (entry->traced && !entry->index_traced));
}
