/* maker.c — see maker.h. */
#include "maker.h"

#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "process.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hrt_text maker_text(const char *terminated)
{
	return (struct hrt_text){terminated, strlen(terminated)};
}

struct hrt_segment *maker_segment(const char *name)
{
	struct hrt_segment_spec spec = {
	        .size_bytes = UINT64_C(64) << 20,
	        .python_hex = 0x030e08f0,
	        .name = maker_text(name),
	        .argv = {"prog.py\0--fast\0", 15},
	        .executable = maker_text("/usr/bin/python3"),
	        .cwd = maker_text("/tmp"),
	        .caller = maker_text("/tmp/prog.py"),
	};
	struct hrt_segment *segment = NULL;

	assert_int_equal(hrt_segment_create(&spec, &segment), 0);
	return segment;
}

void maker_forget(struct hrt_segment *segment)
{
	char path[128];

	snprintf(path, sizeof path, HR_SHM_DIR "/%s", hrt_segment_name(segment));
	unlink(path);
	hrt_segment_free(segment);
}

struct hrv_reader *maker_open(const char *file_name)
{
	struct hrv_reader *reader = NULL;
	char why[HRV_WHY_BYTES] = "";
	int dir_fd = open(HR_SHM_DIR, O_RDONLY | O_DIRECTORY);
	int err = hrv_reader_open(dir_fd, file_name, &reader, why);

	close(dir_fd);
	if (err != 0)
		fail_msg("%s: %s (%s)", file_name, hr_err_name(err), why);
	return reader;
}

uint32_t maker_file(struct hrt_segment *segment, const char *path, uint32_t flags)
{
	struct hr_file file = {.flags = flags};
	uint32_t index = HR_INDEX_NONE;

	assert_int_equal(hrt_segment_put_string(segment, maker_text(path), &file.path), 0);
	assert_int_equal(hrt_segment_put_file(segment, &file, &index), 0);
	return index;
}

uint32_t maker_code(struct hrt_segment *segment, uint32_t file, const char *qualname, uint32_t first, uint32_t count,
                    uint32_t *slot_first_out)
{
	struct hr_code code = {.file = file, .first_line = first};
	uint32_t *lines = malloc(count * sizeof *lines);
	uint32_t index = HR_INDEX_NONE;

	assert_non_null(lines);
	for (uint32_t i = 0; i < count; i++)
		lines[i] = first + i;
	assert_int_equal(hrt_segment_put_string(segment, maker_text(qualname), &code.qualname), 0);
	assert_int_equal(hrt_segment_put_code(segment, &code, lines, count, 0, &index), 0);
	free(lines);
	if (slot_first_out)
		*slot_first_out = code.slot_first;
	return index;
}

int maker_read_slots(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hrv_slot *out)
{
	static const struct hrv_slot never[8192];
	static const uint64_t no_sums[8192 / HRV_SLOT_BLOCK];
	static struct hrv_slot_change changes[8192];
	uint32_t change_count;

	assert_true(count <= 8192);
	int err = hrv_reader_slot_changes(reader, first, count, never, no_sums, changes, &change_count);
	if (err != 0)
		return err;
	memset(out, 0, count * sizeof *out);
	for (uint32_t i = 0; i < change_count; i++)
		out[changes[i].index - first] = changes[i].now;
	return 0;
}

/* ---- by hand ---- */

struct hr_header *handmade_header(struct handmade *made)
{
	return (struct hr_header *)made->bytes;
}

struct hr_control *handmade_control(struct handmade *made)
{
	return (struct hr_control *)(made->bytes + handmade_header(made)->control_off);
}

static uint32_t section_index(struct handmade *made, enum hr_kind kind)
{
	for (uint32_t i = 0; i < handmade_header(made)->section_count; i++)
		if (handmade_header(made)->sections[i].kind == kind)
			return i;
	fail_msg("no section %d", kind);
	return 0;
}

void *handmade_element(struct handmade *made, enum hr_kind kind, uint32_t index)
{
	const struct hr_section *section = &handmade_header(made)->sections[section_index(made, kind)];
	return made->bytes + section->off + (size_t)index * section->elem_bytes;
}

static void add_section(struct handmade *made, enum hr_kind kind, uint32_t elem_bytes, uint64_t capacity)
{
	struct hr_header *header = handmade_header(made);

	made->len_bytes = (made->len_bytes + 63) / 64 * 64;
	header->sections[header->section_count++] = (struct hr_section){
	        .off = made->len_bytes, .capacity = capacity, .elem_bytes = elem_bytes, .kind = kind};
	made->len_bytes += elem_bytes * capacity;
	assert_true(made->len_bytes < HANDMADE_BYTES_MAX);
}

static struct hr_str add_text(struct handmade *made, const char *text)
{
	_Atomic uint64_t *used = &handmade_control(made)->used[section_index(made, HR_KIND_STRINGS)];
	struct hr_str str = {(uint32_t)hr_load64(used), (uint32_t)strlen(text)};

	memcpy(handmade_element(made, HR_KIND_STRINGS, str.off), text, str.len_bytes);
	hr_used_publish(used, str.off + str.len_bytes);
	return str;
}

static void add_stack(struct handmade *made, uint32_t frame_count)
{
	const struct hr_header *header = handmade_header(made);
	struct hr_row *row = handmade_element(made, HR_KIND_THREADS, 0);
	unsigned char *slot = (unsigned char *)row + header->row_bytes +
	                      (size_t)1 * (header->snapshot_bytes + header->thread_frames * header->frame_bytes);
	struct hr_snapshot *snapshot = (struct hr_snapshot *)slot;

	hr_row_take(row, 77, 4711);
	hr_put64(&snapshot->tick, 900);
	hr_put64(&snapshot->since_tick, 890);
	hr_put32(&snapshot->depth, frame_count);
	hr_put32(&snapshot->frame_count, frame_count);
	hr_put32(&snapshot->elided_at, frame_count);
	hr_put32(&snapshot->run_state, HR_RUN_SLEEPING);
	hr_name_put(snapshot->name, "MainThread", 10);
	for (uint32_t i = 0; i < frame_count; i++) {
		struct hr_frame *frame =
		        (struct hr_frame *)(slot + header->snapshot_bytes + (size_t)i * header->frame_bytes);
		hr_put32(&frame->code, i);
		hr_put32(&frame->line, 10 * i + 1);
		hr_put32(&frame->end_line, 10 * i + 1);
		hr_put32(&frame->col, 4);
		hr_put32(&frame->end_col, HR_INDEX_NONE);
	}
	hr_snapshot_publish(row, snapshot, 1);
}

static void add_contents(struct handmade *made)
{
	struct hr_header *header = handmade_header(made);
	struct hr_control *control = handmade_control(made);
	static const uint32_t starts[] = {0, 2, 5};

	header->name = add_text(made, "handmade.py");
	header->caller = add_text(made, "/tmp/handmade.py");
	for (uint32_t i = 0; i < 2; i++)
		*(struct hr_file *)handmade_element(made, HR_KIND_FILES, i) = (struct hr_file){
		        .path = add_text(made, i == 0 ? "/tmp/handmade.py" : "<string>"),
		        .source = i == 0 ? (struct hr_str){0, 0} : add_text(made, "x = 1\n"),
		        .flags = HR_FILE_TRACED | (i == 0 ? HR_FILE_ON_DISK : HR_FILE_SOURCE),
		};
	for (uint32_t i = 0; i < 3; i++)
		*(struct hr_code *)handmade_element(made, HR_KIND_CODES, i) = (struct hr_code){
		        .qualname = add_text(made, "function"),
		        .file = i == 2,
		        .first_line = 10 * i + 1,
		        .slot_first = starts[i],
		        .slot_count = i == 0 ? 2 : 3,
		};
	for (uint32_t i = 0; i < 8; i++) {
		struct hr_slot *slot = handmade_element(made, HR_KIND_SLOTS, i);
		((struct hr_slot_info *)handmade_element(made, HR_KIND_SLOT_INFOS, i))->line = i + 1;
		hr_put64(&slot->hits, 100 + i);
		hr_put64(&slot->last_tick, 800 + i);
	}
	*(struct hr_note *)handmade_element(made, HR_KIND_NOTES, 0) =
	        (struct hr_note){.text = add_text(made, "a note"), .tick = 3, .kind = HR_NOTE_TROUBLE};
	hr_used_publish(&control->used[section_index(made, HR_KIND_FILES)], 2);
	hr_used_publish(&control->used[section_index(made, HR_KIND_SLOT_INFOS)], 8);
	hr_used_publish(&control->used[section_index(made, HR_KIND_SLOTS)], 8);
	hr_used_publish(&control->used[section_index(made, HR_KIND_CODES)], 3);
	hr_used_publish(&control->used[section_index(made, HR_KIND_NOTES)], 1);
	add_stack(made, 3);
	hr_used_publish(&control->used[section_index(made, HR_KIND_THREADS)], 1);
}

void handmade_build(struct handmade *made, uint32_t extra)
{
	struct hr_header *header = handmade_header(made);

	memset(made, 0, sizeof *made);
	*header = (struct hr_header){
	        .magic = HR_MAGIC,
	        .major = HR_LAYOUT_MAJOR,
	        .minor = extra > 0 ? HR_LAYOUT_MINOR + 1 : HR_LAYOUT_MINOR,
	        .header_bytes = sizeof *header,
	        .control_off = 640,
	        .instance = 0x1122334455667788,
	        .pidns_inode = hrv_process_pidns(),
	        .pid = (uint32_t)getpid(),
	        .uid = geteuid(),
	        .python_hex = 0x030b02f0,
	        .start_realtime_ns = UINT64_C(1767225600000000000),
	        .row_bytes = sizeof(struct hr_row) + extra,
	        .snapshot_bytes = sizeof(struct hr_snapshot) + extra,
	        .frame_bytes = sizeof(struct hr_frame) + extra,
	        .thread_frames = 4,
	        .task_frames = 2,
	};
	made->len_bytes = header->control_off + sizeof(struct hr_control);
	uint32_t ring_bytes = header->row_bytes + HR_RING * header->snapshot_bytes;
	add_section(made, HR_KIND_FILES, sizeof(struct hr_file) + extra, 4);
	add_section(made, HR_KIND_CODES, sizeof(struct hr_code) + extra, 4);
	add_section(made, HR_KIND_SLOTS, sizeof(struct hr_slot) + extra, 16);
	add_section(made, HR_KIND_SLOT_INFOS, sizeof(struct hr_slot_info) + extra, 16);
	add_section(made, HR_KIND_THREADS, ring_bytes + HR_RING * 4 * header->frame_bytes, 2);
	add_section(made, HR_KIND_TASKS, ring_bytes + HR_RING * 2 * header->frame_bytes, 2);
	add_section(made, HR_KIND_NOTES, sizeof(struct hr_note) + extra, 4);
	if (extra > 0)
		add_section(made, (enum hr_kind)77, 40, 3); /* of a kind that nobody knows yet */
	add_section(made, HR_KIND_STRINGS, 1, 256);
	header->total_bytes = made->len_bytes;
	add_contents(made);
	hr_put64(&handmade_control(made)->tick, 1000);
	hr_put32(&handmade_control(made)->end, HR_END_EXIT);
	hr_state_publish(&handmade_control(made)->state, HR_STATE_CLOSED);
}

void maker_place_init(struct maker_place *place, const void *bytes, size_t len_bytes)
{
	const struct hr_header *header = bytes;
	struct hr_name name = {.uid = geteuid(), .pid = header->pid, .instance = header->instance};

	strcpy(place->dir, HR_SHM_DIR "/hr_test_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	hr_name_format(&name, place->file_name);
	place->dir_fd = open(place->dir, O_RDONLY | O_DIRECTORY);
	assert_true(place->dir_fd >= 0);
	place->fd = openat(place->dir_fd, place->file_name, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(place->fd >= 0);
	assert_int_equal(pwrite(place->fd, bytes, len_bytes, 0), len_bytes);
}

void maker_place_fini(struct maker_place *place)
{
	unlinkat(place->dir_fd, place->file_name, 0);
	rmdir(place->dir);
	close(place->fd);
	close(place->dir_fd);
}
