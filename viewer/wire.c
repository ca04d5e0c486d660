/* wire.c — see wire.h and docs/wire.md, whose order of keys this follows. */
#include "wire.h"

#include "hr_err.h"
#include "pack.h"

#include <stdio.h>
#include <string.h>

int hrv_wire_decode_request(const void *bytes, size_t len_bytes, struct hrv_wire_request *out)
{
	const unsigned char *at = bytes;
	struct hrv_wire_request request = {0};

	if (len_bytes != HRV_WIRE_REQUEST_BYTES || at[0] != HRV_WIRE_VERSION || at[1] > 7 || at[2] != 0 || at[3] != 0)
		return HR_EARG;
	request.full = at[1] & 1;
	request.all = at[1] & 2;
	request.lead = at[1] & 4;
	for (int i = 3; i >= 0; i--)
		request.file = request.file << 8 | at[4 + i];
	for (int i = 7; i >= 0; i--)
		request.program = request.program << 8 | at[8 + i];
	*out = request;
	return 0;
}

void hrv_python_format(uint32_t hex, char out[HRV_PYTHON_BYTES])
{
	static const char *const levels[16] = {[0xA] = "a", [0xB] = "b", [0xC] = "rc"};
	const char *level = levels[hex >> 4 & 0xF];

	out[0] = '\0';
	if (hex == 0)
		return;
	int n = snprintf(out, HRV_PYTHON_BYTES, "%u.%u.%u", hex >> 24, hex >> 16 & 0xFF, hex >> 8 & 0xFF);
	if (level)
		snprintf(out + n, HRV_PYTHON_BYTES - (size_t)n, "%s%u", level, hex & 0xF);
}

const char *hrv_drop_name(size_t drop)
{
	static const char *const names[HR_DROP_COUNT] = {
	        [HR_DROP_HITS] = "hits",       [HR_DROP_CODES] = "codes",     [HR_DROP_FILES] = "files",
	        [HR_DROP_STRINGS] = "strings", [HR_DROP_THREADS] = "threads", [HR_DROP_TASKS] = "tasks",
	        [HR_DROP_SOURCES] = "sources", [HR_DROP_NOTES] = "notes",     [HR_DROP_MEMORY] = "memory",
	        [HR_DROP_FRAMES] = "frames",
	};
	return drop < HR_DROP_COUNT ? names[drop] : NULL;
}

const char *hrv_note_name(uint32_t kind)
{
	switch (kind) {
	case HR_NOTE_FILTER_RAISED:
		return "filter";
	case HR_NOTE_TAKEN_OVER:
		return "taken-over";
	case HR_NOTE_RESUMED:
		return "resumed";
	default:
		return "trouble";
	}
}

const char *hrv_run_state_name(uint32_t state)
{
	switch (state) {
	case HR_RUN_RUNNING:
		return "running";
	case HR_RUN_SLEEPING:
		return "sleeping";
	case HR_RUN_STOPPED:
		return "stopped";
	default:
		return "unknown";
	}
}

static void put_text(msgpack_packer *pk, struct hrv_text text)
{
	struct hrv_text piece;

	msgpack_pack_str(pk, hrv_text_repaired_bytes(text));
	while (hrv_text_next_piece(&text, &piece))
		msgpack_pack_str_body(pk, piece.bytes, piece.len_bytes);
}

/* HR_INDEX_NONE is -1 on the wire. */
static void put_index(msgpack_packer *pk, uint32_t index)
{
	msgpack_pack_int64(pk, index == HR_INDEX_NONE ? -1 : (int64_t)index);
}

static void put_time_ms(msgpack_packer *pk, uint64_t ns)
{
	msgpack_pack_double(pk, (double)(ns / 1000) / 1000);
}

static void put_arguments(msgpack_packer *pk, struct hrv_text argv)
{
	size_t count = 0;

	for (size_t i = 0; i < argv.len_bytes; i++)
		count += argv.bytes[i] == '\0' || i + 1 == argv.len_bytes;
	msgpack_pack_array(pk, count);
	while (argv.len_bytes > 0) {
		size_t len = strnlen(argv.bytes, argv.len_bytes);
		put_text(pk, (struct hrv_text){argv.bytes, len});
		len += len < argv.len_bytes;
		argv.bytes += len;
		argv.len_bytes -= len;
	}
}

static void put_program(msgpack_packer *pk, const struct hrv_wire_program *program)
{
	char python[HRV_PYTHON_BYTES];

	hrv_python_format(program->python_hex, python);
	msgpack_pack_map(pk, 10 + (program->why.len_bytes > 0));
	hrv_pack_word(pk, "id");
	hrv_pack_id(pk, program->id);
	hrv_pack_word(pk, "pid");
	msgpack_pack_uint32(pk, program->pid);
	hrv_pack_word(pk, "name");
	put_text(pk, program->name);
	hrv_pack_word(pk, "state");
	hrv_pack_word(pk, hrv_life_name(program->life));
	if (program->why.len_bytes > 0) {
		hrv_pack_word(pk, "why");
		put_text(pk, program->why);
	}
	hrv_pack_word(pk, "argv");
	put_arguments(pk, program->argv);
	hrv_pack_word(pk, "python");
	hrv_pack_word(pk, python);
	hrv_pack_word(pk, "parent");
	if (program->parent)
		hrv_pack_id(pk, program->parent);
	else
		msgpack_pack_nil(pk);
	hrv_pack_word(pk, "start");
	put_time_ms(pk, program->start_ns);
	hrv_pack_word(pk, "end");
	if (program->end_ns)
		put_time_ms(pk, program->end_ns);
	else
		msgpack_pack_nil(pk);
	hrv_pack_word(pk, "caller");
	put_text(pk, program->caller);
}

static void put_pulses(msgpack_packer *pk, const struct hrv_wire_pulse *pulses, size_t count)
{
	msgpack_pack_array(pk, 3 * count);
	for (size_t i = 0; i < count; i++) {
		hrv_pack_id(pk, pulses[i].id);
		msgpack_pack_uint64(pk, pulses[i].hits);
		msgpack_pack_uint32(pk, pulses[i].threads);
	}
}

/* An unsigned integer in its shortest form, as msgpack_pack_uint64() has it; returns where the next one goes. */
static char *put_uint(char *at, uint64_t value)
{
	int log2_bytes = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;

	if (value < 0x80) {
		*at = (char)value;
		return at + 1;
	}
	*at++ = (char)(0xCC + log2_bytes); /* uint 8, 16, 32, 64 */
	for (int shift = 8 * ((1 << log2_bytes) - 1); shift >= 0; shift -= 8)
		*at++ = (char)(value >> shift);
	return at;
}

/* Straight into the buffer: a call of the packer's for each number was a tenth of what a frame costs. */
static void put_triples(msgpack_packer *pk, const struct hrv_triple *triples, size_t count)
{
	struct hrv_pack_sink *sink = pk->data;

	msgpack_pack_array(pk, 3 * count);
	if (sink->err == 0)
		sink->err = hrv_buffer_reserve(sink->buffer, count * HRV_WIRE_TRIPLE_BYTES);
	if (sink->err != 0)
		return;
	char *at = sink->buffer->bytes + sink->buffer->len_bytes;
	for (size_t i = 0; i < count; i++)
		at = put_uint(put_uint(put_uint(at, triples[i].which), triples[i].hits), triples[i].last_tick);
	sink->buffer->len_bytes = (size_t)(at - sink->buffer->bytes);
}

static void put_files(msgpack_packer *pk, const struct hrv_wire_file *files, size_t count)
{
	msgpack_pack_array(pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_map(pk, 6);
		hrv_pack_word(pk, "i");
		msgpack_pack_uint32(pk, files[i].index);
		hrv_pack_word(pk, "path");
		put_text(pk, files[i].path);
		hrv_pack_word(pk, "traced");
		hrv_pack_bool(pk, files[i].traced);
		hrv_pack_word(pk, "disk");
		hrv_pack_bool(pk, files[i].disk);
		hrv_pack_word(pk, "source");
		hrv_pack_bool(pk, files[i].source);
		hrv_pack_word(pk, "changed");
		hrv_pack_bool(pk, files[i].changed);
	}
}

static void put_thread(msgpack_packer *pk, const struct hrv_wire_thread *thread)
{
	msgpack_pack_map(pk, 10);
	hrv_pack_word(pk, "id");
	msgpack_pack_uint64(pk, thread->id);
	hrv_pack_word(pk, "native");
	msgpack_pack_uint64(pk, thread->native);
	hrv_pack_word(pk, "name");
	put_text(pk, thread->name);
	hrv_pack_word(pk, "task");
	hrv_pack_bool(pk, thread->task);
	hrv_pack_word(pk, "state");
	hrv_pack_word(pk, hrv_run_state_name(thread->state));
	hrv_pack_word(pk, "since");
	msgpack_pack_uint64(pk, thread->since_tick);
	hrv_pack_word(pk, "tick");
	msgpack_pack_uint64(pk, thread->tick);
	hrv_pack_word(pk, "depth");
	msgpack_pack_uint32(pk, thread->depth);
	hrv_pack_word(pk, "elided_at");
	msgpack_pack_uint32(pk, thread->elided_at);
	hrv_pack_word(pk, "frames");
	msgpack_pack_array(pk, thread->frame_count);
	for (uint32_t i = 0; i < thread->frame_count; i++) {
		const struct hrv_wire_stack_frame *frame = &thread->frames[i];
		msgpack_pack_array(pk, 6);
		put_index(pk, frame->file);
		put_text(pk, frame->function);
		put_index(pk, frame->line);
		put_index(pk, frame->end_line);
		put_index(pk, frame->col);
		put_index(pk, frame->end_col);
	}
}

static void put_drops(msgpack_packer *pk, const uint64_t drops[HR_DROP_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < HR_DROP_MAX; i++)
		count += drops[i] > 0 && hrv_drop_name(i);
	msgpack_pack_map(pk, count);
	for (size_t i = 0; i < HR_DROP_MAX; i++) {
		if (drops[i] == 0 || !hrv_drop_name(i))
			continue;
		hrv_pack_word(pk, hrv_drop_name(i));
		msgpack_pack_uint64(pk, drops[i]);
	}
}

static void put_notes(msgpack_packer *pk, const struct hrv_wire_note *notes, size_t count)
{
	msgpack_pack_array(pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_array(pk, 3);
		hrv_pack_word(pk, hrv_note_name(notes[i].kind));
		msgpack_pack_uint64(pk, notes[i].tick);
		put_text(pk, notes[i].text);
	}
}

static void put_tables(msgpack_packer *pk, const struct hrv_wire_table *tables, size_t count)
{
	msgpack_pack_map(pk, count);
	for (size_t i = 0; i < count; i++) {
		hrv_pack_word(pk, tables[i].name);
		msgpack_pack_array(pk, 2);
		msgpack_pack_uint64(pk, tables[i].used);
		msgpack_pack_uint64(pk, tables[i].capacity);
	}
}

static void put_lines_of(msgpack_packer *pk, const struct hrv_wire_lines *lines, size_t count)
{
	msgpack_pack_array(pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_array(pk, 3);
		msgpack_pack_uint32(pk, lines[i].file);
		hrv_pack_bool(pk, lines[i].full);
		put_triples(pk, lines[i].triples, lines[i].count);
	}
}

static void put_source(msgpack_packer *pk, const struct hrv_wire_source *source)
{
	msgpack_pack_map(pk, 3);
	hrv_pack_word(pk, "file");
	msgpack_pack_uint32(pk, source->file);
	hrv_pack_word(pk, "text");
	put_text(pk, source->text);
	hrv_pack_word(pk, "changed");
	hrv_pack_bool(pk, source->changed);
}

static void put_detail(msgpack_packer *pk, const struct hrv_wire_detail *detail)
{
	bool has_lines = detail->lines_count > 0;

	if (detail->gone) {
		hrv_pack_gone(pk, detail->id);
		return;
	}
	msgpack_pack_map(pk, 3u + (detail->file_count > 0) + (detail->total_count > 0) +
	                             (has_lines ? (detail->all ? 1u : 3u) : 0) + detail->has_threads +
	                             detail->has_drops + (detail->note_count > 0) + detail->has_sampler +
	                             (detail->table_count > 0) + (detail->source != NULL));
	hrv_pack_word(pk, "id");
	hrv_pack_id(pk, detail->id);
	hrv_pack_word(pk, "full");
	hrv_pack_bool(pk, detail->full);
	hrv_pack_word(pk, "tick");
	msgpack_pack_uint64(pk, detail->tick);
	if (detail->file_count > 0) {
		hrv_pack_word(pk, "files");
		put_files(pk, detail->files, detail->file_count);
	}
	if (detail->total_count > 0) {
		hrv_pack_word(pk, "totals");
		put_triples(pk, detail->totals, detail->total_count);
	}
	if (has_lines && detail->all) {
		hrv_pack_word(pk, "linesOf");
		put_lines_of(pk, detail->lines, detail->lines_count);
	} else if (has_lines) {
		hrv_pack_word(pk, "file");
		msgpack_pack_uint32(pk, detail->lines->file);
		hrv_pack_word(pk, "linesFull");
		hrv_pack_bool(pk, detail->lines->full);
		hrv_pack_word(pk, "lines");
		put_triples(pk, detail->lines->triples, detail->lines->count);
	}
	if (detail->has_threads) {
		hrv_pack_word(pk, "threads");
		msgpack_pack_array(pk, detail->thread_count);
		for (size_t i = 0; i < detail->thread_count; i++)
			put_thread(pk, &detail->threads[i]);
	}
	if (detail->has_drops) {
		hrv_pack_word(pk, "drops");
		put_drops(pk, detail->drops);
	}
	if (detail->note_count > 0) {
		hrv_pack_word(pk, "notes");
		put_notes(pk, detail->notes, detail->note_count);
	}
	if (detail->has_sampler) {
		hrv_pack_word(pk, "sampler");
		msgpack_pack_map(pk, 2);
		hrv_pack_word(pk, "cpu_ms");
		msgpack_pack_double(pk, detail->sampler_cpu_ms);
		hrv_pack_word(pk, "samples");
		msgpack_pack_uint64(pk, detail->sampler_samples);
	}
	if (detail->table_count > 0) {
		hrv_pack_word(pk, "tables");
		put_tables(pk, detail->tables, detail->table_count);
	}
	if (detail->source) {
		hrv_pack_word(pk, "source");
		put_source(pk, detail->source);
	}
}

int hrv_wire_encode(const struct hrv_wire_frame *frame, struct hrv_buffer *out)
{
	struct hrv_pack_sink sink = {.buffer = out};
	msgpack_packer pk;

	hrv_pack_init(&pk, &sink);
	msgpack_pack_map(&pk, 2u + frame->more + frame->has_programs + frame->has_pulses + (frame->program != NULL) +
	                              frame->has_viewer);
	hrv_pack_word(&pk, "v");
	msgpack_pack_int(&pk, HRV_WIRE_VERSION);
	hrv_pack_word(&pk, "now");
	msgpack_pack_double(&pk, frame->now_ms);
	if (frame->more) {
		hrv_pack_word(&pk, "more");
		msgpack_pack_true(&pk);
	}
	if (frame->has_programs) {
		hrv_pack_word(&pk, "programs");
		msgpack_pack_array(&pk, frame->program_count);
		for (size_t i = 0; i < frame->program_count; i++)
			put_program(&pk, &frame->programs[i]);
	}
	if (frame->has_pulses) {
		hrv_pack_word(&pk, "pulse");
		put_pulses(&pk, frame->pulses, frame->pulse_count);
	}
	if (frame->program) {
		hrv_pack_word(&pk, "program");
		put_detail(&pk, frame->program);
	}
	if (frame->has_viewer) {
		hrv_pack_word(&pk, "viewer");
		msgpack_pack_map(&pk, 1);
		hrv_pack_word(&pk, "cpu_ms");
		msgpack_pack_double(&pk, frame->viewer_cpu_ms);
	}
	return sink.err;
}

int hrv_wire_encode_program(const struct hrv_wire_program *program, struct hrv_buffer *out)
{
	struct hrv_pack_sink sink = {.buffer = out};
	msgpack_packer pk;

	hrv_pack_init(&pk, &sink);
	put_program(&pk, program);
	return sink.err;
}
