/* rows.c — see rows.h. */
#include "rows.h"

#include "codemap.h"
#include "hr_atomic.h"

#include <stdlib.h>
#include <string.h>

#define PUT_OFF_MOST 20 /* passes: a second */

static size_t bucket_of(const struct hrt_rows *rows, uint64_t id)
{
	return (size_t)((id ^ id >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (rows->bucket_count - 1);
}

static void bucket_fill(struct hrt_rows *rows, size_t entry)
{
	size_t i = bucket_of(rows, rows->at[entry].id);

	while (rows->buckets[i] != 0)
		i = (i + 1) & (rows->bucket_count - 1);
	rows->buckets[i] = (uint32_t)entry + 1;
}

static void buckets_rebuild(struct hrt_rows *rows)
{
	if (rows->bucket_count == 0)
		return;
	memset(rows->buckets, 0, rows->bucket_count * sizeof *rows->buckets);
	for (size_t i = 0; i < rows->count; i++)
		bucket_fill(rows, i);
}

/* Room for one more entry, the buckets at most half full. */
static bool grow(struct hrt_rows *rows)
{
	size_t capacity = rows->capacity ? rows->capacity * 2 : 16;

	if (rows->count < rows->capacity)
		return true;
	struct hrt_watched *at = realloc(rows->at, capacity * sizeof *at);
	if (!at)
		return false;
	rows->at = at;
	uint32_t *buckets = calloc(capacity * 2, sizeof *buckets);
	if (!buckets)
		return false;
	free(rows->buckets);
	rows->buckets = buckets;
	rows->bucket_count = capacity * 2;
	rows->capacity = capacity;
	buckets_rebuild(rows);
	return true;
}

struct hrt_watched *hrt_rows_find(const struct hrt_rows *rows, uint64_t id)
{
	if (rows->count == 0)
		return NULL;
	for (size_t i = bucket_of(rows, id); rows->buckets[i] != 0; i = (i + 1) & (rows->bucket_count - 1))
		if (rows->at[rows->buckets[i] - 1].id == id)
			return &rows->at[rows->buckets[i] - 1];
	return NULL;
}

struct hrt_watched *hrt_rows_get(struct hrt_rows *rows, uint64_t id, uint64_t owner, uint64_t ident, uint64_t native_id)
{
	struct hrt_watched *watched = hrt_rows_find(rows, id);

	if (watched && watched->owner != owner) {
		if (watched->row)
			hrt_segment_give_row(rows->segment, rows->kind, watched->row);
		*watched = (struct hrt_watched){.id = id, .owner = owner};
		rows->full = false;
	} else if (!watched) {
		if (!grow(rows))
			return NULL;
		watched = &rows->at[rows->count];
		*watched = (struct hrt_watched){.id = id, .owner = owner};
		bucket_fill(rows, rows->count++);
		if (rows->full) /* counted once, not at each pass */
			hrt_segment_drop(rows->segment, rows->kind == HR_KIND_TASKS ? HR_DROP_TASKS : HR_DROP_THREADS,
			                 1);
	}
	if (!watched->row && !rows->full) {
		watched->native_id = native_id;
		watched->row = hrt_segment_take_row(rows->segment, rows->kind, ident, native_id);
		rows->full = !watched->row;
	} else if (watched->row && native_id != 0 && native_id != watched->native_id) {
		watched->native_id = native_id; /* a task is made before its loop runs, or goes on in another thread */
		hr_put64(&watched->row->native_id, native_id);
	}
	watched->seen = true;
	return watched;
}

/* The frame that is kept at `i` of the published stack, outermost first; `elided_at` as in struct hr_snapshot. */
static const struct hrt_pyframe *kept_frame(const struct hrt_walk *walk, uint32_t i, uint32_t *elided_at)
{
	uint32_t first = walk->depth < walk->half ? walk->depth : walk->half;
	uint32_t last = walk->depth - first < walk->half ? walk->depth - first : walk->half;
	uint32_t met;

	*elided_at = walk->depth == first + last ? walk->depth : walk->innermost_first ? last : first;
	if (walk->innermost_first)
		met = i < last ? walk->depth - 1 - i : first + last - 1 - i;
	else
		met = i < first ? i : walk->depth - last + (i - first);
	return met < walk->half ? walk->first[met] : walk->last[met % walk->half];
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t hash_text(const char *text, size_t bytes)
{
	uint64_t hash = bytes;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint32_t known(int value, int least)
{
	return value >= least ? (uint32_t)value : HR_INDEX_NONE;
}

void hrt_rows_put(struct hrt_rows *rows, struct hrt_watched *watched, const struct hrt_walk *walk, const char *name,
                  size_t name_bytes)
{
	static struct hrt_frame frames[2 * HRT_WALK_HALF];
	struct hrt_stack stack = {
	        .name = name, .name_bytes = name_bytes, .depth = walk->depth, .run_state = watched->run_state};
	uint64_t stack_hash = mix(1, walk->depth);
	uint64_t label_hash = mix(hash_text(name, name_bytes), watched->run_state);
	bool pending = false;

	if (!watched->row)
		return;
	stack.frame_count = walk->depth < 2 * walk->half ? walk->depth : 2 * walk->half;
	stack.elided_at = stack.frame_count;
	/* Where a frame is, as the interpreter keeps it: the same means the same line and columns. */
	for (uint32_t i = 0; i < stack.frame_count; i++) {
		const struct hrt_pyframe *frame = kept_frame(walk, i, &stack.elided_at);
		frames[i].code = hrt_code_index(hrt_pyframe_code(frame));
		pending |= frames[i].code == HR_INDEX_NONE && !hrt_code_refused(hrt_pyframe_code(frame));
		stack_hash = mix(stack_hash, (uint64_t)frames[i].code << 32 ^ (uint32_t)hrt_pyframe_offset(frame));
	}
	if (pending && watched->put_off < PUT_OFF_MOST) {
		watched->put_off++;
		return;
	}
	watched->put_off = 0;
	if (hr_load64(&watched->row->published) != 0 && stack_hash == watched->stack_hash &&
	    label_hash == watched->label_hash) {
		watched->changed = false;
		hrt_segment_touch_stack(rows->segment, rows->kind, watched->row);
		return;
	}
	for (uint32_t i = 0; i < stack.frame_count; i++) {
		uint32_t elided_at;
		const struct hrt_pyframe *frame = kept_frame(walk, i, &elided_at);
		struct hrt_position at = hrt_pyframe_position(frame);
		frames[i].line = known(at.line, 1);
		frames[i].end_line = known(at.end_line, 1);
		frames[i].col = known(at.col, 0);
		frames[i].end_col = known(at.end_col, 0);
		if (frames[i].code == HR_INDEX_NONE && hrt_code_refused(hrt_pyframe_code(frame)))
			hrt_segment_drop(rows->segment, HR_DROP_FRAMES, 1);
	}
	if (stack_hash != watched->stack_hash || watched->since_tick == 0)
		watched->since_tick = hr_load64(hrt_tracer.tick);
	watched->stack_hash = stack_hash;
	watched->label_hash = label_hash;
	watched->changed = true;
	stack.since_tick = watched->since_tick;
	stack.frames = frames;
	hrt_segment_put_stack(rows->segment, rows->kind, watched->row, &stack);
}

void hrt_rows_sweep(struct hrt_rows *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct hrt_watched *watched = &rows->at[i];
		if (watched->seen) {
			watched->seen = false;
			rows->at[kept++] = *watched;
		} else if (watched->row) {
			hrt_segment_give_row(rows->segment, rows->kind, watched->row);
			rows->full = false;
		}
	}
	if (kept == rows->count)
		return;
	rows->count = kept;
	buckets_rebuild(rows);
}

void hrt_rows_forget(struct hrt_rows *rows)
{
	free(rows->at);
	free(rows->buckets);
	*rows = (struct hrt_rows){.kind = rows->kind};
}
