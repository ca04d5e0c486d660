/* header.c — see header.h. Sizes are compared by subtraction and division, so that nothing can wrap. */
#include "header.h"

#include "hr_err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A stretch of the segment, for telling overlaps. */
struct stretch {
	const char *what;
	uint64_t off, bytes;
};

static const struct {
	const char *name;
	uint32_t elem_bytes;
} known[HRV_KIND_KNOWN] = {
        [HR_KIND_STRINGS] = {"strings", 1},
        [HR_KIND_FILES] = {"files", sizeof(struct hr_file)},
        [HR_KIND_CODES] = {"codes", sizeof(struct hr_code)},
        [HR_KIND_SLOTS] = {"slots", sizeof(struct hr_slot)},
        [HR_KIND_SLOT_INFOS] = {"slot infos", sizeof(struct hr_slot_info)},
        [HR_KIND_THREADS] = {"threads", sizeof(struct hr_row)},
        [HR_KIND_TASKS] = {"tasks", sizeof(struct hr_row)},
        [HR_KIND_NOTES] = {"notes", sizeof(struct hr_note)},
};

__attribute__((format(printf, 2, 3))) static int corrupt(char why[HRV_WHY_BYTES], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, HRV_WHY_BYTES, format, args);
	va_end(args);
	return HR_ECORRUPT;
}

static bool fits(uint64_t off, uint64_t bytes, uint64_t total)
{
	return off <= total && bytes <= total - off;
}

static int judge_start(const struct hr_header *header, size_t header_bytes, uint64_t file_bytes,
                       char why[HRV_WHY_BYTES])
{
	if (header_bytes < offsetof(struct hr_header, header_bytes))
		return corrupt(why, "the file has only %" PRIu64 " bytes", file_bytes);
	if (header->magic != HR_MAGIC)
		return corrupt(why, "it does not begin as a segment does");
	if (header->major != HR_LAYOUT_MAJOR) {
		snprintf(why, HRV_WHY_BYTES,
		         "the program writes segment layout %u.%u, this hrview reads layout %u: use the hrview that "
		         "belongs to the program's heartrate_shm",
		         header->major, header->minor, HR_LAYOUT_MAJOR);
		return HR_EVERSION;
	}
	if (header_bytes < sizeof *header || header->header_bytes < sizeof *header)
		return corrupt(why, "the header is cut short");
	if (header->total_bytes > file_bytes)
		return corrupt(why, "truncated: %" PRIu64 " of %" PRIu64 " bytes are there", file_bytes,
		               header->total_bytes);
	if (header->header_bytes > header->total_bytes)
		return corrupt(why, "the header is larger than the segment");
	if (header->control_off % 64 != 0 || !fits(header->control_off, sizeof(struct hr_control), header->total_bytes))
		return corrupt(why, "the control block lies outside");
	if (header->section_count > HR_SECTION_MAX)
		return corrupt(why, "%" PRIu32 " sections, at most %d are possible", header->section_count,
		               HR_SECTION_MAX);
	return 0;
}

/* Rows have strides of their own inside the section's. */
static int judge_rows(const struct hr_header *header, const struct hr_section *section, char why[HRV_WHY_BYTES])
{
	bool tasks = section->kind == HR_KIND_TASKS;
	uint32_t frames = tasks ? header->task_frames : header->thread_frames;

	if (header->row_bytes < sizeof(struct hr_row) || header->row_bytes % 8 != 0 ||
	    header->snapshot_bytes < sizeof(struct hr_snapshot) || header->snapshot_bytes % 8 != 0 ||
	    header->frame_bytes < sizeof(struct hr_frame) || header->frame_bytes % 8 != 0)
		return corrupt(why, "bad stride of rows, snapshots or frames");
	if (frames > HRV_FRAMES_MAX)
		return corrupt(why, "stacks of %" PRIu32 " frames", frames);
	uint64_t snapshot = header->snapshot_bytes + (uint64_t)frames * header->frame_bytes;
	if (header->row_bytes + HR_RING * snapshot > section->elem_bytes)
		return corrupt(why, "section %s: its rows are too small", known[section->kind].name);
	return 0;
}

static int judge_section(const struct hr_header *header, const struct hr_section *section, char why[HRV_WHY_BYTES])
{
	const char *name = known[section->kind].name;

	if (section->off % 64 != 0 || section->off > header->total_bytes)
		return corrupt(why, "section %s: bad offset %" PRIu64, name, section->off);
	if (section->elem_bytes < known[section->kind].elem_bytes ||
	    (section->kind == HR_KIND_STRINGS ? section->elem_bytes != 1 : section->elem_bytes % 8 != 0))
		return corrupt(why, "section %s: bad stride %" PRIu32, name, section->elem_bytes);
	if (section->capacity > (header->total_bytes - section->off) / section->elem_bytes)
		return corrupt(why, "section %s ends past the end of the segment", name);
	if (section->capacity > UINT32_MAX)
		return corrupt(why, "section %s: %" PRIu64 " elements", name, section->capacity);
	if (section->kind == HR_KIND_THREADS || section->kind == HR_KIND_TASKS)
		return judge_rows(header, section, why);
	return 0;
}

/* One byte has one meaning: otherwise a writer's counter could be read as an offset. */
static int judge_overlaps(const struct stretch *stretches, int count, char why[HRV_WHY_BYTES])
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++) {
			const struct stretch *a = &stretches[i], *b = &stretches[j];
			if (a->bytes > 0 && b->bytes > 0 &&
			    (a->off >= b->off ? a->off - b->off < b->bytes : b->off - a->off < a->bytes))
				return corrupt(why, "%s and %s overlap", b->what, a->what);
		}
	return 0;
}

int hrv_header_judge(const void *bytes, size_t header_bytes, uint64_t file_bytes, struct hrv_layout *out,
                     char why[HRV_WHY_BYTES])
{
	struct hrv_layout layout = {0};
	struct stretch stretches[2 + HRV_KIND_KNOWN];
	struct hr_header *header = &layout.header;
	int stretch_count = 0, err;

	memcpy(header, bytes, header_bytes < sizeof *header ? header_bytes : sizeof *header);
	err = judge_start(header, header_bytes, file_bytes, why);
	if (err != 0)
		return err;
	for (int kind = 0; kind < HRV_KIND_KNOWN; kind++)
		layout.section_of[kind] = -1;
	stretches[stretch_count++] = (struct stretch){"the header", 0, header->header_bytes};
	stretches[stretch_count++] =
	        (struct stretch){"the control block", header->control_off, sizeof(struct hr_control)};
	for (uint32_t i = 0; i < header->section_count; i++) {
		const struct hr_section *section = &header->sections[i];
		if (section->kind == HR_KIND_NONE || section->kind >= HRV_KIND_KNOWN)
			continue;
		if (layout.section_of[section->kind] >= 0)
			return corrupt(why, "section %s is there twice", known[section->kind].name);
		err = judge_section(header, section, why);
		if (err != 0)
			return err;
		layout.section_of[section->kind] = (int)i;
		stretches[stretch_count++] = (struct stretch){known[section->kind].name, section->off,
		                                              section->capacity * section->elem_bytes};
	}
	err = judge_overlaps(stretches, stretch_count, why);
	if (err != 0)
		return err;
	*out = layout;
	return 0;
}
