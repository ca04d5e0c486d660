/* segment.c — the writer's side of a segment: what is put into it. See segment.h; segment_file.c has its memory. */
#include "hr_err.h"
#include "segment_private.h"

#include <string.h>

/* Room for `count` more elements behind the published ones, or NULL with a drop counted. */
static void *room(struct hrt_segment *segment, int which, uint64_t count, enum hr_drop drop, int *err_out)
{
	uint64_t at = used(segment, which);
	int err =
	        count > segment->sections[which].capacity ? HR_EFULL : hrt_segment_reserve(segment, which, at + count);

	if (err != 0) {
		if (err == HR_ENOSPC)
			hrt_segment_drop(segment, HR_DROP_MEMORY, 1);
		hrt_segment_drop(segment, drop, 1);
		*err_out = err;
		return NULL;
	}
	return segment->base + segment->sections[which].off + at * segment->sections[which].elem_bytes;
}

static void publish(struct hrt_segment *segment, int which, uint64_t count)
{
	hr_used_publish(&segment->control->used[which], used(segment, which) + count);
}

void hrt_segment_close(struct hrt_segment *segment, enum hr_end end)
{
	struct hr_control *control = segment->control;

	if (segment->detached || hr_load32(&control->state) == HR_STATE_CLOSED)
		return;
	hrt_segment_advance_tick(segment);
	hr_put32(&control->end, end);
	hr_put64(&control->end_realtime_ns, clock_ns(CLOCK_REALTIME));
	hr_state_publish(&control->state, HR_STATE_CLOSED);
}

void hrt_segment_reopen(struct hrt_segment *segment)
{
	if (segment->detached || hr_load32(&segment->control->state) != HR_STATE_CLOSED)
		return;
	hr_put32(&segment->control->end, HR_END_UNKNOWN);
	hr_put64(&segment->control->end_realtime_ns, 0);
	hr_state_publish(&segment->control->state, HR_STATE_LIVE);
}

int hrt_segment_put_string(struct hrt_segment *segment, struct hrt_text text, struct hr_str *out)
{
	int err = 0;

	if (text.len_bytes == 0) {
		*out = (struct hr_str){0, 0};
		return 0;
	}
	char *at = room(segment, STRINGS, text.len_bytes, HR_DROP_STRINGS, &err);
	if (!at)
		return err;
	memcpy(at, text.bytes, text.len_bytes);
	*out = (struct hr_str){(uint32_t)used(segment, STRINGS), (uint32_t)text.len_bytes};
	publish(segment, STRINGS, text.len_bytes);
	return 0;
}

int hrt_segment_make_room(struct hrt_segment *segment, enum hr_kind kind, uint64_t count)
{
	int err = 0;

	room(segment,
	     kind == HR_KIND_FILES   ? FILES
	     : kind == HR_KIND_CODES ? CODES
	                             : SLOTS,
	     count, kind == HR_KIND_FILES ? HR_DROP_FILES : HR_DROP_CODES, &err);
	return err;
}

int hrt_segment_put_file(struct hrt_segment *segment, const struct hr_file *file, uint32_t *index_out)
{
	int err = 0;
	struct hr_file *at = room(segment, FILES, 1, HR_DROP_FILES, &err);

	if (!at)
		return err;
	*at = *file;
	*index_out = (uint32_t)used(segment, FILES);
	publish(segment, FILES, 1);
	return 0;
}

int hrt_segment_put_code(struct hrt_segment *segment, struct hr_code *code, const uint32_t *lines, uint32_t count,
                         uint32_t slot_flags, uint32_t *index_out)
{
	int err = 0;
	struct hr_code *at = room(segment, CODES, 1, HR_DROP_CODES, &err);

	if (!at)
		return err;
	if (count > 0) {
		struct hr_slot *slots = room(segment, SLOTS, count, HR_DROP_CODES, &err);
		struct hr_slot_info *infos = slots ? room(segment, SLOT_INFOS, count, HR_DROP_CODES, &err) : NULL;
		if (!infos)
			return err;
		code->slot_first = (uint32_t)used(segment, SLOTS);
		for (uint32_t i = 0; i < count; i++)
			infos[i] = (struct hr_slot_info){.line = lines[i], .flags = slot_flags};
		publish(segment, SLOT_INFOS, count);
		publish(segment, SLOTS, count);
	}
	code->slot_count = count;
	*at = *code;
	*index_out = (uint32_t)used(segment, CODES);
	publish(segment, CODES, 1);
	return 0;
}

int hrt_segment_put_note(struct hrt_segment *segment, enum hr_note_kind kind, struct hrt_text text)
{
	struct hr_note note = {.kind = kind, .tick = hr_load64(&segment->control->tick)};
	int err = hrt_segment_put_string(segment, text, &note.text);
	struct hr_note *at = err == 0 ? room(segment, NOTES, 1, HR_DROP_NOTES, &err) : NULL;

	if (!at)
		return err;
	*at = note;
	publish(segment, NOTES, 1);
	return 0;
}

void hrt_segment_drop(struct hrt_segment *segment, enum hr_drop drop, uint64_t n)
{
	hr_count(&segment->control->drops[drop], n);
}

static int rows_of(enum hr_kind kind)
{
	return kind == HR_KIND_TASKS ? TASKS : THREADS;
}

static uint64_t *hint_of(struct hrt_segment *segment, enum hr_kind kind)
{
	return &segment->row_hint[kind == HR_KIND_TASKS];
}

struct hr_row *hrt_segment_take_row(struct hrt_segment *segment, enum hr_kind kind, uint64_t ident, uint64_t native_id)
{
	int which = rows_of(kind), err = 0;
	const struct hr_section *section = &segment->sections[which];
	uint64_t *hint = hint_of(segment, kind), n = used(segment, which);
	struct hr_row *row;

	for (; *hint < n; ++*hint) {
		row = (struct hr_row *)(segment->base + section->off + *hint * section->elem_bytes);
		if (hr_load64(&row->generation) % 2 == 0) {
			hr_row_take(row, ident, native_id);
			++*hint;
			return row;
		}
	}
	row = room(segment, which, 1, which == TASKS ? HR_DROP_TASKS : HR_DROP_THREADS, &err);
	if (!row)
		return NULL;
	hr_row_take(row, ident, native_id);
	publish(segment, which, 1);
	return row;
}

void hrt_segment_give_row(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row)
{
	const struct hr_section *section = &segment->sections[rows_of(kind)];
	uint64_t at = (uint64_t)((unsigned char *)row - segment->base - section->off) / section->elem_bytes;
	uint64_t *hint = hint_of(segment, kind);

	hr_row_give_back(row);
	if (at < *hint)
		*hint = at;
}

static struct hr_snapshot *snapshot_at(enum hr_kind kind, struct hr_row *row, uint64_t seq)
{
	uint32_t capacity = kind == HR_KIND_TASKS ? TASK_FRAMES : THREAD_FRAMES;
	size_t snapshot_bytes = sizeof(struct hr_snapshot) + capacity * sizeof(struct hr_frame);

	return (struct hr_snapshot *)((unsigned char *)row + sizeof *row + seq % HR_RING * snapshot_bytes);
}

void hrt_segment_put_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row,
                           const struct hrt_stack *stack)
{
	uint64_t seq = hr_load64(&row->published) + 1;
	struct hr_snapshot *at = snapshot_at(kind, row, seq);
	struct hr_frame *frames = (struct hr_frame *)(at + 1);

	hr_snapshot_begin(at);
	hr_put64(&at->tick, hr_load64(&segment->control->tick));
	hr_put64(&at->since_tick, stack->since_tick);
	hr_put32(&at->depth, stack->depth);
	hr_put32(&at->frame_count, stack->frame_count);
	hr_put32(&at->elided_at, stack->elided_at);
	hr_put32(&at->run_state, stack->run_state);
	hr_name_put(at->name, stack->name, stack->name_bytes);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		hr_put32(&frames[i].code, stack->frames[i].code);
		hr_put32(&frames[i].line, stack->frames[i].line);
		hr_put32(&frames[i].end_line, stack->frames[i].end_line);
		hr_put32(&frames[i].col, stack->frames[i].col);
		hr_put32(&frames[i].end_col, stack->frames[i].end_col);
	}
	hr_snapshot_publish(row, at, seq);
}

void hrt_segment_touch_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row)
{
	struct hr_snapshot *at = snapshot_at(kind, row, hr_load64(&row->published));

	hr_put64(&at->tick, hr_load64(&segment->control->tick));
}

uint64_t hrt_segment_advance_tick(struct hrt_segment *segment)
{
	uint64_t tick = (clock_ns(CLOCK_MONOTONIC) - segment->start_monotonic_ns) / 1000000;

	if (tick == HR_TICK_NEVER)
		tick = 1; /* a hit in the first millisecond has a time too */
	hr_put64(&segment->control->tick, tick);
	return tick;
}

struct hr_slot *hrt_segment_slots(struct hrt_segment *segment)
{
	return (struct hr_slot *)(segment->base + segment->sections[SLOTS].off);
}

struct hr_control *hrt_segment_control(struct hrt_segment *segment)
{
	return segment->control;
}

const struct hr_header *hrt_segment_header(const struct hrt_segment *segment)
{
	return (const struct hr_header *)segment->base;
}

const char *hrt_segment_name(const struct hrt_segment *segment)
{
	return segment->name;
}
