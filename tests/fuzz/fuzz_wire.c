/* fuzz_wire.c — the encoder of docs/wire.md over arbitrary frames.
 *
 * The input is a recipe: each number, text and count of the frame is taken from it in turn. Whatever they are, what
 * is encoded must be one whole value of msgpack, and its texts UTF-8. */
#include "hr_err.h"
#include "unpack.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define MANY 8u /* of each kind at most */

struct recipe {
	const uint8_t *at, *end;
};

static uint64_t number(struct recipe *in)
{
	uint64_t value = 0;
	size_t left = (size_t)(in->end - in->at), bytes = left < sizeof value ? left : sizeof value;

	memcpy(&value, in->at, bytes);
	in->at += bytes;
	/* Small ones too, which have other codes. */
	return value >> (value & 63);
}

static uint32_t index_or_none(struct recipe *in)
{
	uint64_t value = number(in);

	return value & 1 ? HR_INDEX_NONE : (uint32_t)(value >> 1);
}

static struct hrv_text text(struct recipe *in)
{
	size_t left = (size_t)(in->end - in->at), len = number(in) % 48;

	left = (size_t)(in->end - in->at);
	struct hrv_text text = {(const char *)in->at, len < left ? len : left};
	in->at += text.len_bytes;
	return text;
}

static size_t count(struct recipe *in)
{
	return number(in) % (MANY + 1);
}

static void put_programs(struct recipe *in, struct hrv_wire_program programs[MANY], struct hrv_wire_frame *frame)
{
	frame->has_programs = number(in) & 1;
	frame->program_count = count(in);
	for (size_t i = 0; i < frame->program_count; i++)
		programs[i] = (struct hrv_wire_program){.id = number(in),
		                                        .parent = number(in),
		                                        .pid = (uint32_t)number(in),
		                                        .python_hex = (uint32_t)number(in),
		                                        .life = (enum hrv_life)(number(in) % 5),
		                                        .why = text(in),
		                                        .name = text(in),
		                                        .argv = text(in),
		                                        .caller = text(in),
		                                        .start_ns = number(in),
		                                        .end_ns = number(in)};
	frame->programs = programs;
}

static void put_triples(struct recipe *in, struct hrv_triple triples[MANY], size_t *many)
{
	*many = count(in);
	for (size_t i = 0; i < *many; i++)
		triples[i] = (struct hrv_triple){number(in), number(in), number(in)};
}

/* All that a frame borrows. */
struct store {
	struct hrv_wire_program programs[MANY];
	struct hrv_wire_pulse pulses[MANY];
	struct hrv_wire_file files[MANY];
	struct hrv_triple totals[MANY], triples[MANY][MANY];
	struct hrv_wire_lines lines[MANY];
	struct hrv_wire_thread threads[MANY];
	struct hrv_wire_stack_frame frames[MANY][MANY];
	struct hrv_wire_note notes[MANY];
	struct hrv_wire_table tables[MANY];
};

static void put_thread(struct recipe *in, struct hrv_wire_thread *thread, struct hrv_wire_stack_frame frames[MANY])
{
	*thread = (struct hrv_wire_thread){.id = number(in),
	                                   .native = number(in),
	                                   .name = text(in),
	                                   .task = number(in) & 1,
	                                   .state = (enum hr_run_state)(number(in) % 8),
	                                   .since_tick = number(in),
	                                   .tick = number(in),
	                                   .depth = (uint32_t)number(in),
	                                   .elided_at = (uint32_t)number(in),
	                                   .frame_count = (uint32_t)count(in),
	                                   .frames = frames};
	for (uint32_t i = 0; i < thread->frame_count; i++)
		frames[i] = (struct hrv_wire_stack_frame){index_or_none(in), text(in),          (uint32_t)number(in),
		                                          index_or_none(in), index_or_none(in), index_or_none(in)};
}

static void put_detail(struct recipe *in, struct store *store, struct hrv_wire_detail *detail)
{
	static const char *const tables[] = {"slots", "strings", "codes"};

	*detail = (struct hrv_wire_detail){.id = number(in),
	                                   .full = number(in) & 1,
	                                   .gone = (number(in) & 7) == 7,
	                                   .tick = number(in),
	                                   .files = store->files,
	                                   .totals = store->totals,
	                                   .all = number(in) & 1,
	                                   .lines = store->lines,
	                                   .has_threads = number(in) & 1,
	                                   .threads = store->threads,
	                                   .has_drops = number(in) & 1,
	                                   .notes = store->notes,
	                                   .has_sampler = number(in) & 1,
	                                   .sampler_cpu_ms = (double)number(in),
	                                   .sampler_samples = number(in),
	                                   .tables = store->tables};
	detail->file_count = count(in);
	for (size_t i = 0; i < detail->file_count; i++) {
		uint64_t flags = number(in);
		store->files[i] = (struct hrv_wire_file){
		        (uint32_t)number(in), text(in), flags & 1, flags & 2, flags & 4, flags & 8};
	}
	put_triples(in, store->totals, &detail->total_count);
	detail->lines_count = detail->all ? count(in) : number(in) & 1;
	for (size_t i = 0; i < detail->lines_count; i++) {
		store->lines[i] = (struct hrv_wire_lines){
		        .file = (uint32_t)number(in), .full = number(in) & 1, .triples = store->triples[i]};
		put_triples(in, store->triples[i], &store->lines[i].count);
	}
	detail->thread_count = count(in);
	for (size_t i = 0; i < detail->thread_count; i++)
		put_thread(in, &store->threads[i], store->frames[i]);
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		detail->drops[i] = number(in);
	detail->note_count = count(in);
	for (size_t i = 0; i < detail->note_count; i++)
		store->notes[i] = (struct hrv_wire_note){(uint32_t)number(in), number(in), text(in)};
	detail->table_count = count(in);
	for (size_t i = 0; i < detail->table_count; i++)
		store->tables[i] = (struct hrv_wire_table){tables[i % 3], number(in), number(in)};
}

static void check(const struct hrv_buffer *out)
{
	struct hrv_text bytes = {out->bytes, out->len_bytes}, whole;
	struct hrv_unpack in = hrv_unpack_of(bytes), values = in;
	struct hrv_unpacked value;

	if (hrv_unpack_skip(&in, &whole) != 0 || in.at != in.end)
		abort();
	while (values.at != values.end)
		if (hrv_unpack_next(&values, &value) != 0 ||
		    (value.kind == HRV_UNPACK_TEXT && hrv_text_repaired_bytes(value.text) != value.text.len_bytes))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	static struct store store;
	struct recipe in = {bytes, bytes + len_bytes};
	struct hrv_wire_detail detail;
	struct hrv_buffer out = {0};
	struct hrv_wire_frame frame = {.now_ms = (double)number(&in), .more = number(&in) & 1};

	put_programs(&in, store.programs, &frame);
	frame.has_pulses = number(&in) & 1;
	frame.pulse_count = count(&in);
	for (size_t i = 0; i < frame.pulse_count; i++)
		store.pulses[i] = (struct hrv_wire_pulse){number(&in), number(&in), (uint32_t)number(&in)};
	frame.pulses = store.pulses;
	frame.has_viewer = number(&in) & 1;
	frame.viewer_cpu_ms = (double)number(&in);
	if (number(&in) & 1) {
		put_detail(&in, &store, &detail);
		frame.program = &detail;
	}
	if (hrv_wire_encode(&frame, &out) == 0)
		check(&out);
	hrv_buffer_fini(&out);
	return 0;
}
