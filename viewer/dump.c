/* dump.c — see dump.h. */
#include "dump.h"

#include "hr_err.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* While files are put together: one of the segment's entries, and a line of it. */
struct entry {
	const char *path;
	uint32_t index;
};

struct ranked {
	uint32_t file; /* rank of its path */
	struct hrv_dump_line line;
};

char *hrv_dump_text(const struct hrv_dump *dump, struct hr_str str)
{
	struct hrv_buffer bytes = {0};
	char *text = NULL;

	if (hrv_reader_string(dump->program->reader, str, &bytes) == 0)
		text = hrv_text_repair((struct hrv_text){bytes.bytes, bytes.len_bytes});
	hrv_buffer_fini(&bytes);
	return text;
}

static const struct hr_code *code_of(const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	return frame->code < dump->codes.code_count ? &dump->codes.codes[frame->code] : NULL;
}

const char *hrv_dump_path(const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	const struct hr_code *code = code_of(dump, frame);
	return code && code->file < dump->codes.file_count ? dump->paths[code->file] : NULL;
}

char *hrv_dump_function(const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	const struct hr_code *code = code_of(dump, frame);
	return code ? hrv_dump_text(dump, code->qualname) : NULL;
}

static int read_paths(struct hrv_dump *dump)
{
	struct hrv_buffer bytes = {0};
	uint32_t count = dump->codes.file_count;
	int err = 0;

	dump->paths = calloc(count ? count : 1, sizeof *dump->paths);
	if (!dump->paths)
		return HR_ENOMEM;
	for (uint32_t i = 0; err == 0 && i < count; i++) {
		bytes.len_bytes = 0;
		err = hrv_reader_string(dump->program->reader, dump->codes.files[i].path, &bytes);
		if (err != 0)
			break;
		dump->paths[i] = hrv_text_repair((struct hrv_text){bytes.bytes, bytes.len_bytes});
		if (!dump->paths[i])
			err = HR_ENOMEM;
	}
	hrv_buffer_fini(&bytes);
	return err;
}

static int by_path(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	return strcmp(a->path, b->path);
}

static int by_file_and_line(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->line.line > b->line.line) - (a->line.line < b->line.line);
}

static void add(struct hrv_dump_line *line, const struct hrv_dump_line *more)
{
	line->hits += more->hits;
	if (more->last_tick > line->last_tick)
		line->last_tick = more->last_tick;
}

/* Sorts the entries by path and gives each the rank of its path; entries with the same path get the same rank. */
static int rank_files(struct hrv_dump *dump, uint32_t *rank_out)
{
	uint32_t count = dump->codes.file_count;
	struct entry *entries = malloc((count ? count : 1) * sizeof *entries);

	dump->files = calloc(count ? count : 1, sizeof *dump->files);
	if (!entries || !dump->files) {
		free(entries);
		return HR_ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		entries[i] = (struct entry){dump->paths[i], i};
	qsort(entries, count, sizeof *entries, by_path);
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(entries[i].path, entries[i - 1].path) != 0)
			dump->files[dump->file_count++].path = entries[i].path;
		struct hrv_dump_file *file = &dump->files[dump->file_count - 1];
		if (entries[i].index >= file->index) {
			file->index = entries[i].index;
			file->on_disk = dump->codes.files[file->index].flags & HR_FILE_ON_DISK;
		}
		rank_out[entries[i].index] = (uint32_t)dump->file_count - 1;
	}
	free(entries);
	return 0;
}

/* The lines whose counts are known, summed by path and line, into dump->lines and the files' windows on it. */
static int sum_lines(struct hrv_dump *dump, const uint32_t *rank)
{
	size_t count, known = 0, line_count = 0;
	const struct hrv_line *lines = hrv_model_lines(dump->codes.model, &count);
	struct ranked *ranked = malloc((count ? count : 1) * sizeof *ranked);

	dump->lines = malloc((count ? count : 1) * sizeof *dump->lines);
	if (!ranked || !dump->lines) {
		free(ranked);
		return HR_ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		if (lines[i].known)
			ranked[known++] = (struct ranked){rank[lines[i].file],
			                                  {lines[i].line, lines[i].hits, lines[i].last_tick}};
	for (size_t i = 0; i < known; i++)
		if (ranked[i].line.last_tick > dump->last_hit_tick)
			dump->last_hit_tick = ranked[i].line.last_tick;
	qsort(ranked, known, sizeof *ranked, by_file_and_line);
	for (size_t i = 0; i < known; i++) {
		struct hrv_dump_file *file = &dump->files[ranked[i].file];
		if (i > 0 && by_file_and_line(&ranked[i], &ranked[i - 1]) == 0) {
			add(&dump->lines[line_count - 1], &ranked[i].line);
			continue;
		}
		if (file->line_count++ == 0)
			file->lines = &dump->lines[line_count];
		dump->lines[line_count++] = ranked[i].line;
	}
	free(ranked);
	for (size_t i = 0; i < dump->file_count; i++)
		for (size_t n = 0; n < dump->files[i].line_count; n++)
			dump->files[i].hit_count += dump->files[i].lines[n].hits > 0;
	return 0;
}

/* Which of the hits are whose: the slots of a code object are all of one kind. */
static int sum_kinds(struct hrv_dump *dump, const uint32_t *rank)
{
	uint32_t slot_count;
	const struct hrv_slot *slots = hrv_model_slots(dump->codes.model, &slot_count);

	for (uint32_t i = 0; i < dump->codes.code_count; i++) {
		const struct hr_code *code = &dump->codes.codes[i];
		struct hrv_dump_file *file;
		struct hr_slot_info first;
		uint64_t hits = 0;
		if (code->slot_count == 0)
			continue;
		int err = hrv_reader_slot_infos(dump->program->reader, code->slot_first, 1, &first);
		if (err != 0)
			return err;
		for (uint32_t n = code->slot_first; n - code->slot_first < code->slot_count && n < slot_count; n++)
			hits += slots[n].hits;
		file = &dump->files[rank[code->file]];
		*(first.flags & HR_SLOT_PROBES ? &file->probe_hits : &file->event_hits) += hits;
	}
	return 0;
}

/* Files that are known from stacks only are no subject of counts. */
static int leave_out_untraced(struct hrv_dump *dump, const uint32_t *rank)
{
	size_t kept = 0;
	bool *traced = calloc(dump->file_count ? dump->file_count : 1, sizeof *traced);

	if (!traced)
		return HR_ENOMEM;
	for (uint32_t i = 0; i < dump->codes.file_count; i++)
		if (dump->codes.files[i].flags & HR_FILE_TRACED)
			traced[rank[i]] = true;
	for (size_t i = 0; i < dump->file_count; i++)
		if (traced[i] || dump->files[i].line_count > 0)
			dump->files[kept++] = dump->files[i];
	dump->file_count = kept;
	free(traced);
	return 0;
}

static int put_together(struct hrv_dump *dump)
{
	uint32_t *rank = malloc((dump->codes.file_count ? dump->codes.file_count : 1) * sizeof *rank);
	int err = rank ? rank_files(dump, rank) : HR_ENOMEM;

	if (err == 0)
		err = sum_lines(dump, rank);
	if (err == 0)
		err = sum_kinds(dump, rank);
	if (err == 0)
		err = leave_out_untraced(dump, rank);
	free(rank);
	return err;
}

int hrv_dump_read(const struct hrv_program *program, struct hrv_dump *out)
{
	bool changed;
	int err;

	*out = (struct hrv_dump){.program = program};
	if (!program->reader)
		return 0;
	/* Rows before code objects: see hrv_reader_count(). */
	if ((err = hrv_stacks_update(&out->stacks, program->reader, &changed)) != 0 ||
	    (err = hrv_codes_update(&out->codes, program->reader)) != 0 || (err = read_paths(out)) != 0 ||
	    (err = hrv_reader_status(program->reader, &out->status)) != 0)
		return err;
	hrv_moment_take(program, &out->codes, &out->status, &out->moment);
	hrv_moment_ask_kernel(&out->moment, program, &out->stacks);
	return put_together(out);
}

void hrv_dump_fini(struct hrv_dump *dump)
{
	for (uint32_t i = 0; dump->paths && i < dump->codes.file_count; i++)
		free(dump->paths[i]);
	free(dump->paths);
	free(dump->files);
	free(dump->lines);
	hrv_codes_fini(&dump->codes);
	hrv_stacks_fini(&dump->stacks);
}
