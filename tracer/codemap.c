/* codemap.c — see codemap.h. Knows CPython's code objects and the segment's writer; nothing of events. */
#include "codemap.h"

#include "filemap.h"
#include "hr_err.h"
#include "places.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SPAN_MAX (UINT32_C(4) << 20) /* of one code object, in lines: 16 MB of memory */

static struct hrt_run **buckets;
static size_t bucket_count, run_count;

/* ---- lines ---- */

struct lines {
	uint32_t *at; /* ascending, each once */
	uint32_t count, capacity;
};

static int lines_add(struct lines *lines, long line)
{
	if (line < 1 || line > INT32_MAX)
		return 0;
	if (lines->count == lines->capacity) {
		uint32_t capacity = lines->capacity ? lines->capacity * 2 : 32;
		uint32_t *at = realloc(lines->at, capacity * sizeof *at);
		if (!at)
			return HR_ENOMEM;
		lines->at = at;
		lines->capacity = capacity;
	}
	lines->at[lines->count++] = (uint32_t)line;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void lines_sort(struct lines *lines)
{
	uint32_t kept = 0;

	qsort(lines->at, lines->count, sizeof *lines->at, compare_lines);
	for (uint32_t i = 0; i < lines->count; i++)
		if (kept == 0 || lines->at[kept - 1] != lines->at[i])
			lines->at[kept++] = lines->at[i];
	lines->count = kept;
}

#if HRT_HAVE_PLACES
/* Up to the first RESUME there is no event: a function's first line is its own only where its body begins there. */
static int lines_collect(PyCodeObject *py_code, struct lines *lines)
{
	unsigned body = (unsigned)py_code->_co_firsttraceable + HRT_RESUME_BYTES / 2, unit = 0;
	struct hrt_places places;
	int err = 0;

	hrt_places_begin(&places, py_code);
	while (err == 0 && hrt_places_next(&places)) {
		unit += places.units;
		if (unit > body && (lines->count == 0 || lines->at[lines->count - 1] != (uint32_t)places.position.line))
			err = lines_add(lines, places.position.line);
	}
	return err;
}
#elif HRT_HAVE_CO_LINES
static int lines_collect(PyCodeObject *py_code, struct lines *lines)
{
	PyObject *py_all = PyObject_CallMethod((PyObject *)py_code, "co_lines", NULL);
	PyObject *py_range;
	int err = py_all ? 0 : HR_ENOMEM;

	while (err == 0 && (py_range = PyIter_Next(py_all))) {
		PyObject *py_line = PyTuple_GET_ITEM(py_range, 2);
		if (py_line != Py_None)
			err = lines_add(lines, PyLong_AsLong(py_line));
		Py_DECREF(py_range);
	}
	Py_XDECREF(py_all);
	if (PyErr_Occurred()) {
		PyErr_Clear();
		err = HR_ENOMEM;
	}
	return err;
}
#else
static int lines_collect(PyCodeObject *py_code, struct lines *lines)
{
	const unsigned char *table = (const unsigned char *)PyBytes_AS_STRING(py_code->co_lnotab);
	Py_ssize_t size = PyBytes_GET_SIZE(py_code->co_lnotab);
	long line = py_code->co_firstlineno;
	int err = 0;

	/* A line is real where the address moves on before the next line begins (Objects/lnotab_notes.txt). */
	for (Py_ssize_t i = 0; err == 0 && i + 1 < size; i += 2) {
		if (table[i] != 0)
			err = lines_add(lines, line);
		line += (signed char)table[i + 1];
	}
	return err != 0 ? err : lines_add(lines, line);
}
#endif

/* ---- runs ---- */

/* Runs go all at once, so they are cut from blocks: malloc() would take 16 bytes more for each. */
#define BLOCK_BYTES ((size_t)16 << 10)

static struct block {
	struct block *next;
	size_t used, size;
	unsigned char bytes[];
} * blocks;

static struct block *block_make(size_t size)
{
	struct block *block = malloc(sizeof *block + size);

	if (block)
		*block = (struct block){.size = size};
	return block;
}

/* NULL without memory. What is large has a block of its own, behind the one that is being filled. */
static void *block_take(size_t bytes)
{
	bytes = (bytes + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
	struct block *block = blocks;
	if (!block || bytes > block->size - block->used) {
		block = block_make(bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES);
		if (!block)
			return NULL;
		struct block **place = blocks && bytes > BLOCK_BYTES / 4 ? &blocks->next : &blocks;
		block->next = *place;
		*place = block;
	}
	block->used += bytes;
	return block->bytes + block->used - bytes;
}

static void blocks_free(void)
{
	for (struct block *next; blocks; blocks = next) {
		next = blocks->next;
		free(blocks);
	}
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t count, uint64_t prime)
{
	const unsigned char *at = bytes;

	for (; count >= 8; at += 8, count -= 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	while (count-- > 0)
		hash = (hash ^ *at++) * prime;
	return hash ^ hash >> 32;
}

static void mix_object(uint64_t key[2], PyObject *py_object)
{
	const char *bytes;
	Py_ssize_t size;

	if (PyBytes_Check(py_object)) {
		bytes = PyBytes_AS_STRING(py_object);
		size = PyBytes_GET_SIZE(py_object);
	} else {
		bytes = PyUnicode_DATA(py_object);
		size = PyUnicode_GET_LENGTH(py_object) * PyUnicode_KIND(py_object);
	}
	key[0] = mix(key[0], &size, sizeof size, UINT64_C(0x9e3779b97f4a7c15));
	key[1] = mix(key[1], &size, sizeof size, UINT64_C(0xd6e8feb86659fd93));
	key[0] = mix(key[0], bytes, (size_t)size, UINT64_C(0x9e3779b97f4a7c15));
	key[1] = mix(key[1], bytes, (size_t)size, UINT64_C(0xd6e8feb86659fd93));
}

/* What a run is for. */
enum run_kind { STACKS, EVENTS, PROBES };

/* 128 bits over everything that a run is made of; two that collide would share a name, not a line. */
static void run_key(PyCodeObject *py_code, uint32_t file, enum run_kind kind, uint64_t key[2])
{
	uint32_t start[3] = {file, (uint32_t)py_code->co_firstlineno, kind};

	key[0] = mix(1, start, sizeof start, UINT64_C(0x9e3779b97f4a7c15));
	key[1] = mix(2, start, sizeof start, UINT64_C(0xd6e8feb86659fd93));
	mix_object(key, hrt_py_qualname(py_code));
	mix_object(key, hrt_py_linetable(py_code));
}

static struct hrt_run *run_find(const uint64_t key[2])
{
	if (bucket_count == 0)
		return NULL;
	for (struct hrt_run *run = buckets[key[0] & (bucket_count - 1)]; run; run = run->next)
		if (run->key[0] == key[0] && run->key[1] == key[1])
			return run;
	return NULL;
}

static int run_insert(struct hrt_run *run)
{
	if (run_count >= bucket_count) {
		size_t count = bucket_count ? bucket_count * 2 : 256;
		struct hrt_run **grown = calloc(count, sizeof *grown);
		if (!grown)
			return HR_ENOMEM;
		for (size_t i = 0; i < bucket_count; i++) {
			for (struct hrt_run *next, *at = buckets[i]; at; at = next) {
				next = at->next;
				at->next = grown[at->key[0] & (count - 1)];
				grown[at->key[0] & (count - 1)] = at;
			}
		}
		free(buckets);
		buckets = grown;
		bucket_count = count;
	}
	run->next = buckets[run->key[0] & (bucket_count - 1)];
	buckets[run->key[0] & (bucket_count - 1)] = run;
	run_count++;
	return 0;
}

static size_t slot_bytes(bool wide)
{
	return wide ? sizeof(uint32_t) : 1;
}

static void run_put_slot(struct hrt_run *run, uint32_t at, uint32_t slot)
{
	if (run->wide)
		memcpy(run->slot_of + at * sizeof slot, &slot, sizeof slot);
	else
		run->slot_of[at] = (unsigned char)slot;
}

/* Writes the code's entry (and slots, but for stacks) into the segment. */
static int run_make(PyCodeObject *py_code, uint32_t file, enum run_kind kind, const uint64_t key[2],
                    struct hrt_run **out)
{
	struct hr_code entry = {.file = file, .first_line = (uint32_t)py_code->co_firstlineno};
	struct hrt_run *run = NULL;
	struct lines lines = {0};
	PyObject *py_name = NULL;
	int err = hrt_segment_make_room(hrt_tracer.segment, HR_KIND_CODES, 1);

	if (err == 0 && kind != STACKS)
		err = lines_collect(py_code, &lines);
	if (err == 0 && lines.count > 0)
		err = hrt_segment_make_room(hrt_tracer.segment, HR_KIND_SLOTS, lines.count);
	if (err != 0)
		goto fail;
	if (lines.count > 0)
		lines_sort(&lines);
	uint32_t first = lines.count > 0 ? lines.at[0] : 0;
	uint32_t span = lines.count > 0 ? lines.at[lines.count - 1] - first + 1 : 0;
	if (span > LINE_SPAN_MAX) {
		hrt_segment_drop(hrt_tracer.segment, HR_DROP_CODES, 1);
		err = HR_EARG; /* made by hand */
		goto fail;
	}
	bool wide = lines.count > UINT8_MAX;
	run = block_take(sizeof *run + span * slot_bytes(wide));
	py_name = PyUnicode_AsEncodedString(hrt_py_qualname(py_code), "utf-8", "surrogateescape");
	if (!py_name) {
		PyErr_Clear();
		py_name = PyBytes_FromString("?");
	}
	if (!run || !py_name) {
		err = HR_ENOMEM;
		goto fail;
	}
	/* A name that found no room is shown empty: no reason not to count. */
	hrt_segment_put_string(hrt_tracer.segment,
	                       (struct hrt_text){PyBytes_AS_STRING(py_name), (size_t)PyBytes_GET_SIZE(py_name)},
	                       &entry.qualname);
	err = hrt_segment_put_code(hrt_tracer.segment, &entry, lines.at, lines.count,
	                           kind == PROBES ? HR_SLOT_PROBES : 0, &run->index);
	if (err != 0)
		goto fail;
	run->key[0] = key[0];
	run->key[1] = key[1];
	run->slot_first = entry.slot_first;
	run->first_line = first;
	run->line_count = span;
	run->wide = wide;
	memset(run->slot_of, 0xff, span * slot_bytes(wide));
	for (uint32_t i = 0; i < lines.count; i++)
		run_put_slot(run, lines.at[i] - first, i);
	err = run_insert(run);
	if (err != 0)
		goto fail;
	*out = run;
fail:
	PyErr_Clear();
	Py_XDECREF(py_name);
	free(lines.at);
	return err;
}

/* ---- entries ---- */

/* Entries are cut from slabs, which stay: malloc() would take 8 bytes more for each, a list of all of them 16. */
#define SLAB_CODES 127

static struct slab {
	struct slab *next;
	size_t used; /* have been taken once */
	struct hrt_code codes[SLAB_CODES];
} * slabs;

static struct hrt_code *free_codes;

/* All zero; NULL without memory. */
static struct hrt_code *code_take(void)
{
	struct hrt_code *code = free_codes;

	if (code) {
		free_codes = code->next_free;
		code->next_free = NULL;
		return code;
	}
	if (!slabs || slabs->used == SLAB_CODES) {
		struct slab *slab = calloc(1, sizeof *slab);
		if (!slab)
			return NULL;
		slab->next = slabs;
		slabs = slab;
	}
	return &slabs->codes[slabs->used++];
}

static void code_free(void *extra)
{
	struct hrt_code *code = extra;

	if (!code)
		return; /* code to which only another tool has tied something */
	free(code->jumps);
	*code = (struct hrt_code){.next_free = free_codes};
	free_codes = code;
}

struct hrt_code *hrt_code_get(PyCodeObject *py_code)
{
	struct hrt_code *code = hrt_code_peek(py_code);

	if (code)
		return code;
	code = code_take();
	if (!code)
		return NULL;
	code->py_code = py_code;
	if (hrt_code_extra_tie(code) != 0) {
		code_free(code);
		return NULL;
	}
	return code;
}

/* The counted run of a code object of `file`, made where there is none; with it those of the functions and classes that
 * it defines, so that a viewer can tell a line that was never hit from one that cannot be. */
static int run_get_counted(PyCodeObject *py_code, uint32_t file, struct hrt_run **out)
{
	uint64_t key[2];

	run_key(py_code, file, EVENTS, key);
	*out = run_find(key);
	if (*out)
		return 0;
	int err = run_make(py_code, file, EVENTS, key, out);
	for (Py_ssize_t i = 0; err == 0 && i < PyTuple_GET_SIZE(py_code->co_consts); i++) {
		PyObject *py_const = PyTuple_GET_ITEM(py_code->co_consts, i);
		struct hrt_run *inner;
		if (PyCode_Check(py_const) && run_get_counted((PyCodeObject *)py_const, file, &inner) != 0)
			break; /* it will be asked for again when it runs, and told then */
	}
	return err;
}

static void code_reset(struct hrt_code *code)
{
	code->counted = false;
	code->run = NULL;
}

static void take_run(struct hrt_code *code)
{
	code->counted = code->run->line_count > 0;
}

/* Gives `code` its run, counted or for stacks only. An entry of an earlier segment starts anew. */
static int code_register(struct hrt_code *code, bool counted)
{
	uint64_t key[2];
	uint32_t file = hrt_filemap_index(code->py_code->co_filename);
	int err = 0;

	code_reset(code);
	if (file == HR_INDEX_NONE) {
		err = hrt_filemap_pending(code->py_code->co_filename) ? HR_EAGAIN : HR_EFULL;
	} else if (counted) {
		err = run_get_counted(code->py_code, file, &code->run);
	} else {
		run_key(code->py_code, file, STACKS, key);
		code->run = run_find(key);
		if (!code->run)
			err = run_make(code->py_code, file, STACKS, key, &code->run);
	}
	if (err == HR_EAGAIN)
		return err;
	if (err != 0) {
		code->refused = (uint32_t)hrt_tracer.generation;
		if (counted && err == HR_ENOMEM)
			hrt_segment_drop(hrt_tracer.segment, HR_DROP_CODES, 1);
		if (err != HR_EARG)
			hrt_tell_full(err); /* runs Python code, which may stop the tracer: nothing after it */
		return err;
	}
	take_run(code);
	return 0;
}

int hrt_code_take_probe_slots(struct hrt_code *twin, const struct hrt_code *original)
{
	PyCodeObject *py_code = original->py_code;
	uint32_t file = hrt_filemap_index(py_code->co_filename);
	struct hrt_run *run;
	uint64_t key[2];
	int err = 0;

	struct hrt_py_exception pending = hrt_py_put_aside();
	run_key(py_code, file, PROBES, key);
	run = run_find(key);
	if (!run)
		err = file == HR_INDEX_NONE ? HR_EFULL : run_make(py_code, file, PROBES, key, &run);
	if (err == 0) {
		twin->run = run;
		take_run(twin);
	}
	hrt_py_take_up(pending);
	return err;
}

struct hrt_code *hrt_code_decide(PyCodeObject *py_code, PyObject *py_globals, bool *later)
{
	struct hrt_code *code = hrt_code_peek(py_code);
	uint64_t generation = hrt_tracer.generation;

	*later = !hrt_tracer.segment; /* a late event, after stop() */
	if (*later)
		return NULL;
	if (code && code->generation == generation)
		return code;
	if (code && code->generation >= hrt_tracer.first_generation && code->counted) {
		code->generation = generation; /* more filters never take a file away */
		return code;
	}
	struct hrt_py_exception pending = hrt_py_put_aside();
	bool fresh = !code && PyUnicode_CompareWithASCIIString(py_code->co_name, "<module>") == 0;
	enum hrt_traced traced = hrt_filemap_traced(py_code->co_filename, py_globals, fresh);
	*later = traced == HRT_LATER;
	/* With its events off nobody will ask for untraced code again, so nothing need be remembered. */
	if (*later || (traced == HRT_UNTRACED && HRT_HAVE_MONITORING)) {
		code = NULL;
	} else if (!(code = hrt_code_get(py_code))) {
		hrt_segment_drop(hrt_tracer.segment, HR_DROP_CODES, 1);
	} else if (!code->counted || code->generation < hrt_tracer.first_generation) {
		/* Unless another thread has decided the same meanwhile. */
		code->counted = false;
		code->generation = generation;
		if (traced == HRT_TRACED)
			code_register(code, true);
	}
	hrt_py_take_up(pending);
	return code;
}

uint32_t hrt_code_index(PyCodeObject *py_code)
{
	struct hrt_code *code = hrt_code_get(py_code);

	if (!code)
		return HR_INDEX_NONE;
	if (code->py_original)
		return hrt_code_index(code->py_original);
	/* An index of an earlier segment is no index: runs are forgotten at the end of each. */
	if (!code->run && !hrt_code_refused(py_code))
		code_register(code, false);
	return code->run ? code->run->index : HR_INDEX_NONE;
}

void hrt_codemap_each(void (*visit)(struct hrt_code *code))
{
	for (struct slab *slab = slabs; slab; slab = slab->next)
		for (size_t i = 0; i < slab->used; i++)
			if (slab->codes[i].py_code)
				visit(&slab->codes[i]);
}

void hrt_codemap_clear(void)
{
	hrt_codemap_each(code_reset);
	blocks_free();
	free(buckets);
	buckets = NULL;
	bucket_count = run_count = 0;
}

int hrt_codemap_init(void)
{
	PyFrameObject *py_frame = PyEval_GetFrame(); /* borrowed: it imports us */

	if (hrt_code_extra_init(code_free) != 0)
		return -1;
	if (!py_frame) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: to be imported by Python code");
		return -1;
	}
	PyCodeObject *py_code = hrt_py_frame_code(py_frame);
	const struct hrt_code *code = hrt_code_get(py_code);
	if (!code) {
		PyErr_NoMemory();
		return -1;
	}
	if (hrt_code_peek(py_code) != code) {
		PyErr_SetString(PyExc_ImportError, "heartrate_shm: this interpreter keeps code extras in another way");
		return -1;
	}
	return 0;
}
