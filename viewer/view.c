/* view.c — see view.h. */
#include "view.h"

#include "clock.h"
#include "codes.h"
#include "discover.h"
#include "hr_err.h"
#include "lead.h"
#include "pulse.h"
#include "source.h"
#include "stacks.h"
#include "tables.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CATALOG_AGE_NS UINT64_C(200000000) /* programs appear within half a second of trace() */
#define PULSE_AGE_NS   UINT64_C(500000000) /* the list of programs is read by people */
/* Room in a frame. What does not fit comes with the next ones; stacks are cut in their middle, and wait for a frame
 * that has room for them. */
#define STACKS_MAX_BYTES   (UINT64_C(1) << 20)
#define FUNCTION_MAX_BYTES 1024u /* of a name in a stack */
#define ARGV_MAX_BYTES     4096u
#define FILE_BYTES         64u /* an entry on the wire without its text, at most */
#define NOTE_BYTES         32u
#define THREAD_BYTES       256u
#define FRAME_BYTES        32u

#define FILE_AGE_NS   UINT64_C(1000000000) /* how often the watched file is looked at for changes */
#define HEALTH_AGE_NS UINT64_C(1000000000) /* how often tables and our own cost are told */

/* The program that is watched: what has been read of it and sent. */
struct watched {
	uint64_t instance; /* 0 none */
	uint32_t file;     /* HR_INDEX_NONE none */
	bool all;          /* the lines of every file, not of that one alone */
	bool sent;         /* a frame of it has been */
	bool stacks_due;   /* they have changed since they were sent */
	struct hrv_codes codes;
	struct hrv_stacks stacks;
	uint32_t files_sent, notes_sent;
	bool *file_changed; /* what was sent, by file */
	uint64_t file_looked_ns;
	uint64_t drops_sent[HR_DROP_MAX];
	uint64_t samples_sent;
	uint64_t tables_looked_ns;
	struct hrv_wire_table tables[HRV_TABLES_MAX]; /* as they were sent */
};

/* Arrays that a frame borrows, reused from frame to frame. */
struct scratch {
	struct hrv_buffer texts;
	struct hrv_buffer programs;     /* struct hrv_wire_program */
	struct hrv_buffer pulses;       /* struct hrv_wire_pulse */
	struct hrv_buffer files;        /* struct hrv_wire_file */
	struct hrv_buffer threads;      /* struct hrv_wire_thread */
	struct hrv_buffer stack_frames; /* struct hrv_wire_stack_frame */
	struct hrv_buffer notes;        /* struct hrv_wire_note */
	struct hrv_lead lead;
};

struct hrv_view {
	const char *only; /* NULL: all */
	struct hrv_catalog catalog;
	uint64_t catalog_looked_ns;
	bool programs_sent;
	uint64_t changes_sent; /* of the catalog */
	uint64_t pulse_looked_ns;
	uint64_t cost_told_ns;
	struct watched watched;
	struct scratch scratch;
};

int hrv_view_new(const char *only, struct hrv_view **out)
{
	struct hrv_view *view = calloc(1, sizeof *view);

	if (!view)
		return HR_ENOMEM;
	view->only = only;
	view->watched.file = HR_INDEX_NONE;
	*out = view;
	return 0;
}

int hrv_view_new_of(uint64_t instance, struct hrv_view **out)
{
	int err = hrv_view_new(NULL, out);

	if (err == 0)
		(*out)->catalog.only = instance;
	return err;
}

static bool is_shown(const struct hrv_view *view, const struct hrv_program *program)
{
	return !view->only || hrv_program_matches(program, view->only);
}

static void unwatch(struct watched *watched)
{
	hrv_codes_fini(&watched->codes);
	hrv_stacks_fini(&watched->stacks);
	free(watched->file_changed);
	*watched = (struct watched){.file = HR_INDEX_NONE};
}

void hrv_view_free(struct hrv_view *view)
{
	if (!view)
		return;
	unwatch(&view->watched);
	hrv_catalog_fini(&view->catalog);
	hrv_buffer_fini(&view->scratch.texts);
	hrv_buffer_fini(&view->scratch.programs);
	hrv_buffer_fini(&view->scratch.pulses);
	hrv_buffer_fini(&view->scratch.files);
	hrv_buffer_fini(&view->scratch.threads);
	hrv_buffer_fini(&view->scratch.stack_frames);
	hrv_buffer_fini(&view->scratch.notes);
	hrv_buffer_fini(&view->scratch.lead.text);
	free(view);
}

/* ---- texts: borrowed from one growing buffer, so given out as offsets until the frame is complete ---- */

static int put_text(struct hrv_view *view, struct hrv_reader *reader, struct hr_str str, struct hrv_text *out)
{
	struct hrv_buffer *texts = &view->scratch.texts;
	size_t at = texts->len_bytes;
	int err = hrv_reader_string(reader, str, texts);

	if (err == 0)
		*out = (struct hrv_text){(const char *)(uintptr_t)at, str.len_bytes};
	return err;
}

static struct hr_str shorter(struct hr_str str, uint32_t max_bytes)
{
	return (struct hr_str){str.off, str.len_bytes < max_bytes ? str.len_bytes : max_bytes};
}

static void settle_text(const struct hrv_view *view, struct hrv_text *text)
{
	text->bytes = text->len_bytes > 0 ? view->scratch.texts.bytes + (uintptr_t)text->bytes : "";
}

/* ---- the list ---- */

static int put_programs(struct hrv_view *view, struct hrv_wire_frame *frame)
{
	struct hrv_buffer *programs = &view->scratch.programs;

	programs->len_bytes = 0;
	for (size_t i = 0; i < view->catalog.count; i++) {
		struct hrv_wire_program program;
		if (!is_shown(view, view->catalog.programs[i]))
			continue;
		hrv_program_describe(view->catalog.programs[i], &program);
		if (program.argv.len_bytes > ARGV_MAX_BYTES)
			program.argv.len_bytes = ARGV_MAX_BYTES;
		int err = hrv_buffer_append(programs, &program, sizeof program);
		if (err != 0)
			return err;
	}
	frame->has_programs = true;
	frame->programs = (const struct hrv_wire_program *)programs->bytes;
	frame->program_count = programs->len_bytes / sizeof *frame->programs;
	return 0;
}

/* The pulse of each program that can be read. One that turns out to be corrupt is condemned: the list says why. */
static int put_pulses(struct hrv_view *view, struct hrv_wire_frame *frame)
{
	struct hrv_buffer *pulses = &view->scratch.pulses;

	pulses->len_bytes = 0;
	for (size_t i = 0; i < view->catalog.count; i++) {
		struct hrv_program *program = view->catalog.programs[i];
		struct hrv_pulse pulse;
		if (!program->reader || !is_shown(view, program))
			continue;
		int err = hrv_pulse_read(program->reader, &pulse);
		if (err == HR_ECORRUPT || err == HR_EARG) {
			hrv_catalog_condemn(&view->catalog, program);
			continue;
		}
		struct hrv_wire_pulse entry = {program->id.instance, pulse.hits, pulse.threads};
		if (err != 0 || (err = hrv_buffer_append(pulses, &entry, sizeof entry)) != 0)
			return err;
	}
	frame->has_pulses = true;
	frame->pulses = (const struct hrv_wire_pulse *)pulses->bytes;
	frame->pulse_count = pulses->len_bytes / sizeof *frame->pulses;
	return 0;
}

/* ---- the program ---- */

static int put_file(struct hrv_view *view, struct hrv_reader *reader, uint32_t index)
{
	struct watched *watched = &view->watched;
	const struct hr_file *file = &watched->codes.files[index];
	struct hrv_wire_file entry = {
	        .index = index,
	        .traced = file->flags & HR_FILE_TRACED,
	        .disk = file->flags & HR_FILE_ON_DISK,
	        .source = file->flags & (HR_FILE_ON_DISK | HR_FILE_SOURCE),
	        .changed = watched->file_changed[index],
	};
	int err = put_text(view, reader, file->path, &entry.path);

	return err == 0 ? hrv_buffer_append(&view->scratch.files, &entry, sizeof entry) : err;
}

static int look_at_file(struct hrv_view *view, struct hrv_reader *reader, uint32_t index)
{
	struct watched *watched = &view->watched;
	struct hrv_buffer path = {0};
	int err = hrv_reader_string(reader, watched->codes.files[index].path, &path);

	if (err == 0)
		err = hrv_buffer_append(&path, "", 1);
	if (err == 0)
		watched->file_changed[index] = hrv_source_is_changed(reader, &watched->codes.files[index], path.bytes);
	hrv_buffer_fini(&path);
	return err;
}

/* Takes what an entry needs from a frame's room. False: it must wait for the next frame; the first of a frame never. */
static bool take_room(size_t *room, size_t bytes)
{
	if (bytes > *room && *room < HRV_WIRE_FRAME_MAX_BYTES)
		return false;
	*room -= bytes < *room ? bytes : *room;
	return true;
}

static int put_files(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail, size_t *room,
                     bool *more)
{
	struct watched *watched = &view->watched;
	uint32_t count = watched->codes.file_count;
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
	int err = 0;

	view->scratch.files.len_bytes = 0;
	if (count > watched->files_sent) {
		bool *changed = realloc(watched->file_changed, count * sizeof *changed);
		if (!changed)
			return HR_ENOMEM;
		watched->file_changed = changed;
	}
	if (watched->file < watched->files_sent && now - watched->file_looked_ns >= FILE_AGE_NS) {
		bool before = watched->file_changed[watched->file];
		watched->file_looked_ns = now;
		err = look_at_file(view, reader, watched->file);
		if (err == 0 && watched->file_changed[watched->file] != before)
			err = put_file(view, reader, watched->file);
	}
	for (; err == 0 && watched->files_sent < count; watched->files_sent++) {
		*more = !take_room(room, FILE_BYTES + watched->codes.files[watched->files_sent].path.len_bytes);
		if (*more)
			break;
		err = look_at_file(view, reader, watched->files_sent);
		if (err == 0)
			err = put_file(view, reader, watched->files_sent);
	}
	detail->file_count = view->scratch.files.len_bytes / sizeof *detail->files;
	return err;
}

/* The innermost and outermost `keep` frames of a stack, half and half; and on the wire not more than this. */
static size_t stack_bytes(const struct hrv_codes *codes, const struct hrv_stack *stack, uint32_t keep)
{
	size_t bytes = THREAD_BYTES;

	for (uint32_t i = 0; i < stack->frame_count; i++) {
		if (i >= (keep + 1) / 2 && i + keep / 2 < stack->frame_count)
			continue;
		bytes += FRAME_BYTES;
		if (stack->frames[i].code < codes->code_count)
			bytes += shorter(codes->codes[stack->frames[i].code].qualname, FUNCTION_MAX_BYTES).len_bytes;
	}
	return bytes;
}

static int put_stack(struct hrv_view *view, struct hrv_reader *reader, const struct hrv_stack *stack, uint32_t keep)
{
	const struct hrv_codes *codes = &view->watched.codes;
	struct hrv_wire_thread thread = {
	        .id = stack->ident,
	        .native = stack->native_id,
	        .name = {stack->name, strlen(stack->name)},
	        .task = stack->task,
	        .state = stack->run_state,
	        .since_tick = stack->since_tick,
	        .tick = stack->tick,
	        .depth = stack->depth,
	        .elided_at = stack->elided_at,
	        .frame_count = stack->frame_count,
	};
	uint32_t outer = stack->frame_count, inner = 0;
	int err = 0;

	if (stack->frame_count > keep) {
		thread.frame_count = keep;
		thread.elided_at = outer = (keep + 1) / 2;
		inner = keep / 2;
	}
	for (uint32_t i = 0; err == 0 && i < stack->frame_count; i++) {
		if (i >= outer && i + inner < stack->frame_count)
			continue;
		const struct hrv_frame *from = &stack->frames[i];
		struct hrv_wire_stack_frame frame = {
		        .file = HR_INDEX_NONE,
		        .line = from->line,
		        .end_line = from->end_line,
		        .col = from->col,
		        .end_col = from->end_col,
		};
		if (from->code < codes->code_count) {
			const struct hr_code *code = &codes->codes[from->code];
			frame.file = code->file < codes->file_count ? code->file : HR_INDEX_NONE;
			err = put_text(view, reader, shorter(code->qualname, FUNCTION_MAX_BYTES), &frame.function);
		}
		if (err == 0)
			err = hrv_buffer_append(&view->scratch.stack_frames, &frame, sizeof frame);
	}
	return err == 0 ? hrv_buffer_append(&view->scratch.threads, &thread, sizeof thread) : err;
}

/* The stack of row `i`, threads first; NULL: the row is not in use. */
static const struct hrv_stack *stack_at(const struct hrv_stacks *stacks, uint32_t i)
{
	const struct hrv_stack *stack =
	        i < stacks->thread_count ? &stacks->threads[i] : &stacks->tasks[i - stacks->thread_count];

	return stack->used ? stack : NULL;
}

static int put_stacks(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail, size_t *room)
{
	const struct hrv_stacks *stacks = &view->watched.stacks;
	uint32_t count = stacks->thread_count + stacks->task_count, keep = UINT32_MAX;
	size_t bytes;
	int err = 0;

	/* As many frames of each as fit. */
	do {
		bytes = 0;
		for (uint32_t i = 0; i < count; i++)
			if (stack_at(stacks, i))
				bytes += stack_bytes(&view->watched.codes, stack_at(stacks, i), keep);
		keep = bytes <= STACKS_MAX_BYTES ? keep : keep > 1024 ? 128 : keep / 2;
	} while (bytes > STACKS_MAX_BYTES && keep > 0);
	view->scratch.threads.len_bytes = 0;
	view->scratch.stack_frames.len_bytes = 0;
	for (uint32_t i = 0; err == 0 && i < count; i++) {
		const struct hrv_stack *stack = stack_at(stacks, i);
		if (stack && take_room(room, stack_bytes(&view->watched.codes, stack, keep)))
			err = put_stack(view, reader, stack, keep);
	}
	detail->has_threads = true;
	detail->thread_count = view->scratch.threads.len_bytes / sizeof *detail->threads;
	return err;
}

static int put_notes(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail, size_t *room,
                     bool *more)
{
	struct watched *watched = &view->watched;
	uint32_t count;
	int err = hrv_reader_count(reader, HR_KIND_NOTES, &count);

	view->scratch.notes.len_bytes = 0;
	for (; err == 0 && watched->notes_sent < count; watched->notes_sent++) {
		struct hr_note note;
		if ((err = hrv_reader_notes(reader, watched->notes_sent, 1, &note)) != 0)
			break;
		*more = !take_room(room, NOTE_BYTES + note.text.len_bytes);
		if (*more)
			break;
		struct hrv_wire_note entry = {.kind = note.kind, .tick = note.tick};
		if ((err = put_text(view, reader, note.text, &entry.text)) == 0)
			err = hrv_buffer_append(&view->scratch.notes, &entry, sizeof entry);
	}
	detail->note_count = view->scratch.notes.len_bytes / sizeof *detail->notes;
	return err;
}

static int put_status(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail)
{
	struct watched *watched = &view->watched;
	struct hrv_status status;
	int err = hrv_reader_status(reader, &status);

	if (err != 0)
		return err;
	detail->tick = status.tick;
	detail->has_drops = memcmp(status.drops, watched->drops_sent, sizeof status.drops) != 0;
	memcpy(detail->drops, status.drops, sizeof status.drops);
	memcpy(watched->drops_sent, status.drops, sizeof status.drops);
	detail->has_sampler = status.samples != watched->samples_sent;
	detail->sampler_cpu_ms = (double)status.sampler_cpu_ns / 1e6;
	detail->sampler_samples = watched->samples_sent = status.samples;
	return 0;
}

static int put_tables(struct watched *watched, struct hrv_reader *reader, struct hrv_wire_detail *detail)
{
	struct hrv_wire_table tables[HRV_TABLES_MAX] = {0};
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
	size_t count;

	if (watched->tables_looked_ns != 0 && now - watched->tables_looked_ns < HEALTH_AGE_NS)
		return 0;
	watched->tables_looked_ns = now;
	int err = hrv_tables_read(reader, &watched->stacks, tables, &count);
	if (err != 0 || memcmp(tables, watched->tables, sizeof tables) == 0)
		return err;
	memcpy(watched->tables, tables, sizeof tables);
	detail->tables = watched->tables;
	detail->table_count = count;
	return 0;
}

/* Texts and arrays no longer move: what was given as an offset becomes a pointer. */
static void settle(struct hrv_view *view, struct hrv_wire_detail *detail)
{
	struct scratch *scratch = &view->scratch;
	struct hrv_wire_file *files = (struct hrv_wire_file *)scratch->files.bytes;
	struct hrv_wire_thread *threads = (struct hrv_wire_thread *)scratch->threads.bytes;
	struct hrv_wire_stack_frame *frames = (struct hrv_wire_stack_frame *)scratch->stack_frames.bytes;
	struct hrv_wire_note *notes = (struct hrv_wire_note *)scratch->notes.bytes;

	for (size_t i = 0; i < detail->file_count; i++)
		settle_text(view, &files[i].path);
	for (size_t i = 0; i < detail->note_count; i++)
		settle_text(view, &notes[i].text);
	for (size_t i = 0, at = 0; i < detail->thread_count; i++) {
		threads[i].frames = frames ? frames + at : NULL;
		for (uint32_t n = 0; n < threads[i].frame_count; n++)
			settle_text(view, &frames[at++].function);
	}
	detail->files = files;
	detail->threads = threads;
	detail->notes = notes;
}

/* Puts what is new, as far as there is room, in an order in which everything comes with or after what it refers to.
 * *more: the next frame has the rest. */
static int put_news(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail, bool *more)
{
	struct watched *watched = &view->watched;
	size_t room = HRV_WIRE_FRAME_MAX_BYTES;
	int err;

	*more = false;
	if ((err = put_files(view, reader, detail, &room, more)) != 0 || *more ||
	    (err = put_notes(view, reader, detail, &room, more)) != 0 || *more)
		return err;
	*more = watched->stacks_due && room < STACKS_MAX_BYTES;
	if (watched->stacks_due && !*more) {
		if ((err = put_stacks(view, reader, detail, &room)) != 0)
			return err;
		watched->stacks_due = false;
	}
	if (!*more && (err = hrv_model_take_totals(watched->codes.model, room / HRV_WIRE_TRIPLE_BYTES, &detail->totals,
	                                           &detail->total_count, more)) != 0)
		return err;
	room -= detail->total_count * HRV_WIRE_TRIPLE_BYTES;
	return *more ? 0
	             : hrv_model_take_lines(watched->codes.model, room / HRV_WIRE_TRIPLE_BYTES, &detail->lines,
	                                    &detail->lines_count, more);
}

static int put_detail(struct hrv_view *view, struct hrv_reader *reader, struct hrv_wire_detail *detail, bool *more)
{
	struct watched *watched = &view->watched;
	bool stacks_changed = false;
	int err;

	view->scratch.texts.len_bytes = 0;
	/* Rows first: the code objects that they name were published before them. */
	if ((err = hrv_stacks_update(&watched->stacks, reader, &stacks_changed)) != 0 ||
	    (err = hrv_codes_update(&watched->codes, reader)) != 0)
		return err;
	watched->stacks_due |= stacks_changed || !watched->sent;
	if ((err = put_news(view, reader, detail, more)) != 0 || (err = put_status(view, reader, detail)) != 0 ||
	    (err = put_tables(watched, reader, detail)) != 0)
		return err;
	settle(view, detail);
	watched->sent = true;
	return 0;
}

static struct hrv_program *wanted_program(const struct hrv_view *view, uint64_t instance)
{
	struct hrv_program *program = hrv_catalog_by_instance(&view->catalog, instance);
	return program && is_shown(view, program) ? program : NULL;
}

static void watch_lines(struct watched *watched, const struct hrv_wire_request *request)
{
	if (request->all && !watched->all)
		hrv_model_watch_all(watched->codes.model);
	else if (!request->all && (watched->all || watched->file != request->file))
		hrv_model_watch(watched->codes.model, request->file);
	watched->all = request->all;
	watched->file = request->file;
}

/* Fills `detail`. A program whose segment turns out to be corrupt is condemned: the list says why. */
static int answer_program(struct hrv_view *view, const struct hrv_wire_request *request, struct hrv_wire_detail *detail,
                          bool *more)
{
	struct watched *watched = &view->watched;
	struct hrv_program *program = wanted_program(view, request->program);
	int err;

	*detail = (struct hrv_wire_detail){.id = request->program, .all = request->all};
	if (watched->instance != request->program || request->full) {
		unwatch(watched);
		watched->instance = request->program;
	}
	detail->gone = !program;
	if (!program || !program->reader) {
		detail->full = true;
		return 0;
	}
	detail->full = !watched->sent;
	if (!watched->codes.model && (err = hrv_model_new(&watched->codes.model)) != 0)
		return err;
	watch_lines(watched, request);
	err = put_detail(view, program->reader, detail, more);
	if (err == 0 && request->lead && detail->full)
		return hrv_lead_source(program, detail, &view->scratch.lead);
	if (err != HR_ECORRUPT && err != HR_EARG)
		return err;
	hrv_catalog_condemn(&view->catalog, program);
	unwatch(watched);
	*detail = (struct hrv_wire_detail){.id = request->program, .full = true};
	*more = false;
	return 0;
}

int hrv_view_answer(struct hrv_view *view, const struct hrv_wire_request *request, struct hrv_buffer *out)
{
	struct hrv_wire_frame frame = {.now_ms = (double)(hrv_clock_ns(CLOCK_REALTIME) / 1000) / 1000};
	struct hrv_wire_detail detail;
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
	int err;

	if (view->catalog_looked_ns == 0 || request->full || now - view->catalog_looked_ns >= CATALOG_AGE_NS) {
		view->catalog_looked_ns = now;
		if ((err = hrv_catalog_refresh(&view->catalog)) != 0)
			return err;
	}
	struct hrv_wire_request asked = *request;
	if (asked.lead && asked.program == 0)
		asked.program = hrv_catalog_only(&view->catalog, view->only);
	if (asked.program != 0) {
		if ((err = answer_program(view, &asked, &detail, &frame.more)) != 0)
			return err;
		frame.program = &detail;
	} else {
		unwatch(&view->watched);
		if (view->pulse_looked_ns == 0 || request->full || now - view->pulse_looked_ns >= PULSE_AGE_NS) {
			view->pulse_looked_ns = now;
			if ((err = put_pulses(view, &frame)) != 0)
				return err;
		}
	}
	if (!view->programs_sent || request->full || view->changes_sent != view->catalog.changes) {
		if ((err = put_programs(view, &frame)) != 0)
			return err;
		view->programs_sent = true;
		view->changes_sent = view->catalog.changes;
	}
	/* Not into a recording: there it would be the recorder's. */
	if (view->catalog.only == 0 &&
	    (view->cost_told_ns == 0 || request->full || now - view->cost_told_ns >= HEALTH_AGE_NS)) {
		view->cost_told_ns = now;
		frame.has_viewer = true;
		frame.viewer_cpu_ms = (double)(hrv_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000) / 1000;
	}
	out->len_bytes = 0;
	return hrv_wire_encode(&frame, out);
}

const struct hrv_program *hrv_view_program(const struct hrv_view *view, uint64_t instance)
{
	return wanted_program(view, instance);
}
