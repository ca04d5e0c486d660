/* filemap.c — see filemap.h. */
#include "filemap.h"

#include "hr_err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECURSION_LENT   200                       /* frames a filter may use beyond the program's limit */
#define NAMES_MAX        65536                     /* that are remembered: a program may make up names for ever */
#define HASHED_BYTES_MAX ((off_t)64 * 1024 * 1024) /* a larger "source" is not read */

/* One name as code objects carry it. */
struct entry {
	uint64_t generation; /* of hrt_tracer when the filters were asked; 0 never */
	uint32_t index;      /* in the segment's files, HR_INDEX_NONE none yet */
	bool traced;
	bool index_traced; /* whether the entry at `index` says so */
	char *path;        /* absolute where it names a file */
	struct stat stat;  /* st_mode 0: not a regular file */
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
	free(own_directory);
	own_directory = strdup(directory);
	py_entries = PyDict_New();
	return py_entries && own_directory ? 0 : HR_ENOMEM;
}

void hrt_filemap_clear(void)
{
	Py_CLEAR(py_entries);
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
	PyObject *py_at = PyDict_GetItem(py_entries, py_filename);

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
			return NULL;
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
	if (!entry->path || !py_at || PyDict_SetItem(py_entries, py_filename, py_at) != 0) {
		free(entry->path);
		entry = NULL;
	} else {
		entry_count++;
	}
	PyErr_Clear();
	Py_XDECREF(py_bytes);
	Py_XDECREF(py_at);
	return entry;
}

/* Tells once a filter that it raised. That what is no file cannot be opened is no news: contains_regex() does so. */
static void note_raised(Py_ssize_t filter, const char *path, bool on_disk)
{
	PyObject *py_type, *py_value, *py_traceback, *py_text;
	const char *text = NULL;
	uint64_t bit = filter < 64 ? UINT64_C(1) << filter : 0;

	if ((hrt_tracer.filters_told & bit) || (!on_disk && PyErr_ExceptionMatches(PyExc_OSError))) {
		PyErr_Clear();
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

/* The original's meaning: the calling file, or any filter that says so; one that raises says no. */
static bool ask_filters(PyObject *py_filename, const char *path, bool on_disk)
{
	PyThreadState *thread = PyThreadState_Get();
	bool traced = PySet_Contains(hrt_tracer.py_callers, py_filename) == 1;
	PyObject *py_path = traced ? NULL : PyUnicode_DecodeUTF8(path, (Py_ssize_t)strlen(path), "surrogateescape");

	/* Deep in a recursion the filter must answer as it would at the top. */
	hrt_py_recursion_lend(thread, RECURSION_LENT);
	for (Py_ssize_t i = 0; py_path && !traced && i < PyList_GET_SIZE(hrt_tracer.py_filters); i++) {
		PyObject *py_filter = Py_NewRef(PyList_GET_ITEM(hrt_tracer.py_filters, i));
		PyObject *py_answer = PyObject_CallFunctionObjArgs(py_filter, py_path, NULL);
		int truth = py_answer ? PyObject_IsTrue(py_answer) : -1;
		if (truth < 0)
			note_raised(i, path, on_disk);
		traced = truth > 0;
		Py_XDECREF(py_answer);
		Py_DECREF(py_filter);
	}
	hrt_py_recursion_lend(thread, -RECURSION_LENT);
	PyErr_Clear();
	Py_XDECREF(py_path);
	return traced;
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
	PyObject *py_module = PyImport_ImportModule("heartrate_shm._sources");
	PyObject *py_text = py_module ? PyObject_CallMethod(py_module, "source_text", "OO", py_filename,
	                                                    py_globals ? py_globals : Py_None)
	                              : NULL;
	PyObject *py_bytes = py_text && PyUnicode_Check(py_text)
	                             ? PyUnicode_AsEncodedString(py_text, "utf-8", "surrogateescape")
	                             : NULL;

	if (py_bytes) {
		struct hrt_text text = {PyBytes_AS_STRING(py_bytes), (size_t)PyBytes_GET_SIZE(py_bytes)};
		if (hrt_segment_put_string(hrt_tracer.segment, text, &file->source) == 0)
			file->flags |= HR_FILE_SOURCE;
		else
			hrt_segment_drop(hrt_tracer.segment, HR_DROP_SOURCES, 1);
	}
	PyErr_Clear();
	Py_XDECREF(py_bytes);
	Py_XDECREF(py_text);
	Py_XDECREF(py_module);
}

/* Writes the segment's entry; a traced one says what content it had. */
static void entry_publish(struct entry *entry, PyObject *py_filename, PyObject *py_globals)
{
	struct hr_file file = {.flags = entry->traced ? HR_FILE_TRACED : 0};
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
		char *path = entry->path; /* running Python may move `entries` */
		put_source(py_filename, py_globals, &file);
		entry = entry_get(py_filename);
		if (!entry || entry->path != path)
			return;
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

bool hrt_filemap_traced(PyObject *py_filename, PyObject *py_globals, bool fresh)
{
	struct entry *entry = entry_get(py_filename);

	if (!entry)
		return false;
	if (entry->generation != hrt_tracer.generation && !entry->traced) {
		/* The filter may come back here through code of its own; and it may move `entries`. */
		entry->generation = hrt_tracer.generation;
		bool traced = !is_own(entry->path) && ask_filters(py_filename, entry->path, entry->stat.st_mode != 0);
		entry = entry_get(py_filename);
		if (!entry)
			return false;
		entry->traced = traced;
	}
	if (entry->traced && (!entry->index_traced || (fresh && content_changed(entry))))
		entry_publish(entry, py_filename, py_globals);
	return entry->traced;
}

uint32_t hrt_filemap_index(PyObject *py_filename)
{
	struct entry *entry = entry_get(py_filename);

	if (!entry)
		return HR_INDEX_NONE;
	if (entry->index == HR_INDEX_NONE && !entry->traced)
		entry_publish(entry, py_filename, NULL);
	return entry->index;
}
