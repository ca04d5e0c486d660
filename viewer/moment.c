/* moment.c — see moment.h. */
#include "moment.h"

#include "clock.h"
#include "process.h"
#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* The sampler moves the tick every 10 ms; on a busy machine it may be late. */
#define SILENT_MS UINT64_C(1000)

/* Milliseconds since the program's start, or 0 when its clock is not ours (time namespaces). */
static uint64_t ticks_now(const struct hrv_program *program)
{
	const struct hr_header *header = hrv_reader_header(program->reader);
	uint64_t now_ns = hrv_clock_ns(CLOCK_MONOTONIC);

	if (hrv_reader_is_elsewhere(program->reader))
		return 0;
	return now_ns > header->start_monotonic_ns ? (now_ns - header->start_monotonic_ns) / 1000000 : 0;
}

void hrv_moment_take(const struct hrv_program *program, const struct hrv_codes *codes, const struct hrv_status *status,
                     struct hrv_moment *out)
{
	uint64_t start_ns = hrv_reader_header(program->reader)->start_realtime_ns;
	uint64_t now = hrv_program_lives(program) ? ticks_now(program) : 0;

	*out = (struct hrv_moment){.tick = status->tick, .lives = hrv_program_lives(program), .codes = codes};
	out->stopped = program->life == HRV_LIVE && hrv_process_is_stopped(program->pid);
	if (now > status->tick && !out->stopped) {
		out->tick = now;
		out->silent_ms = now - status->tick >= SILENT_MS ? now - status->tick : 0;
	}
	out->realtime_ns = start_ns != 0 ? start_ns + out->tick * 1000000 : 0;
}

void hrv_moment_ask_kernel(const struct hrv_moment *moment, const struct hrv_program *program,
                           struct hrv_stacks *stacks)
{
	if (moment->silent_ms == 0 || program->life != HRV_LIVE)
		return;
	for (uint32_t i = 0; i < stacks->thread_count; i++)
		if (stacks->threads[i].used)
			stacks->threads[i].run_state = hrv_thread_state(program->pid, stacks->threads[i].native_id);
}

/* For how long the stack has been the same. */
static uint64_t still_ms(const struct hrv_moment *moment, const struct hrv_stack *stack)
{
	uint64_t since = stack->since_tick;
	const struct hrv_codes *codes = moment->codes;

	for (uint32_t i = 0; i < stack->frame_count; i++) {
		const struct hrv_frame *frame = &stack->frames[i];
		const struct hrv_line *line =
		        frame->code < codes->code_count
		                ? hrv_model_find(codes->model, codes->codes[frame->code].file, frame->line)
		                : NULL;
		if (line && line->last_tick > since)
			since = line->last_tick;
	}
	return moment->tick > since ? moment->tick - since : 0;
}

enum hrv_stillness hrv_moment_stillness(const struct hrv_moment *moment, const struct hrv_stack *stack)
{
	if (still_ms(moment, stack) < HRV_STUCK_MS || stack->frame_count == 0)
		return HRV_MOVES;
	return stack->run_state == HR_RUN_RUNNING    ? HRV_STUCK
	       : stack->run_state == HR_RUN_SLEEPING ? HRV_IDLE
	                                             : HRV_MOVES;
}

void hrv_moment_words(const struct hrv_moment *moment, const struct hrv_stack *stack, const char *path,
                      char out[HRV_WORDS_BYTES])
{
	const struct hrv_frame *frame = stack->frame_count > 0 ? &stack->frames[stack->frame_count - 1] : NULL;
	char span[HRV_SPAN_BYTES];

	hrv_span_format(still_ms(moment, stack), span);
	switch (hrv_moment_stillness(moment, stack)) {
	case HRV_STUCK:
		if (!path || frame->line == HR_INDEX_NONE)
			snprintf(out, HRV_WORDS_BYTES, "stuck for %s", span);
		else if (moment->silent_ms > 0)
			snprintf(out, HRV_WORDS_BYTES, "stuck for %s, last seen at %s:%" PRIu32, span, path,
			         frame->line);
		else
			snprintf(out, HRV_WORDS_BYTES, "stuck at %s:%" PRIu32 " for %s", path, frame->line, span);
		break;
	case HRV_IDLE:
		snprintf(out, HRV_WORDS_BYTES, "idle for %s", span);
		break;
	case HRV_MOVES:
		snprintf(out, HRV_WORDS_BYTES, "%s", hrv_run_state_name(stack->run_state));
		break;
	}
}

/* " at 2026-11-27 21:05:50" in local time, "" when it is not known. */
static void format_time(const char *what, uint64_t realtime_ns, char out[64])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm local;
	char text[40];

	out[0] = '\0';
	if (realtime_ns != 0 && localtime_r(&seconds, &local) && strftime(text, sizeof text, "%F %T", &local) > 0)
		snprintf(out, 64, "%s%s", what, text);
}

void hrv_life_words(const struct hrv_program *program, const struct hrv_moment *moment, uint64_t last_hit_tick,
                    char out[HRV_LIFE_WORDS_BYTES])
{
	struct hrv_wire_program wire;
	char time[64] = "", span[HRV_SPAN_BYTES], more[128] = "";

	hrv_program_describe(program, &wire);
	if (wire.life == HRV_CLOSED) {
		format_time(" at ", wire.end_ns, more);
	} else if (wire.life == HRV_DEAD) {
		format_time(", last sign of life ", moment->realtime_ns, time);
		snprintf(more, sizeof more, ": killed or crashed%s", time);
	} else if (moment->stopped) {
		snprintf(more, sizeof more, ", stopped by a signal");
	} else if (moment->silent_ms >= HRV_STUCK_MS) {
		hrv_span_format(moment->silent_ms, span);
		snprintf(more, sizeof more, ", C code has held the interpreter's lock for %s", span);
	} else if (last_hit_tick != HR_TICK_NEVER && moment->tick >= last_hit_tick + HRV_STUCK_MS) {
		hrv_span_format(moment->tick - last_hit_tick, span);
		snprintf(more, sizeof more, ", idle: no line was hit for %s", span);
	}
	snprintf(out, HRV_LIFE_WORDS_BYTES, "%s%s%.*s%s", hrv_life_name(wire.life), wire.why.len_bytes > 0 ? ": " : "",
	         (int)wire.why.len_bytes, wire.why.bytes, more);
}

void hrv_span_format(uint64_t ms, char out[HRV_SPAN_BYTES])
{
	uint64_t s = ms / 1000;

	if (s < 120)
		snprintf(out, HRV_SPAN_BYTES, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(out, HRV_SPAN_BYTES, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, HRV_SPAN_BYTES, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(out, HRV_SPAN_BYTES, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}
