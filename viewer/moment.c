/* moment.c — see moment.h. */
#include "moment.h"

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
	struct timespec now;

	if (hrv_reader_is_elsewhere(program->reader))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	return now_ns > header->start_monotonic_ns ? (now_ns - header->start_monotonic_ns) / 1000000 : 0;
}

void hrv_moment_take(const struct hrv_program *program, const struct hrv_status *status, struct hrv_moment *out)
{
	uint64_t start_ns = hrv_reader_header(program->reader)->start_realtime_ns;
	uint64_t now = hrv_program_lives(program) ? ticks_now(program) : 0;

	*out = (struct hrv_moment){.tick = status->tick, .lives = hrv_program_lives(program)};
	out->stopped = program->life == HRV_LIVE && hrv_process_is_stopped(program->pid);
	if (now > status->tick) {
		out->tick = now;
		out->silent_ms = !out->stopped && now - status->tick >= SILENT_MS ? now - status->tick : 0;
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

uint64_t hrv_moment_still_ms(const struct hrv_moment *moment, const struct hrv_stack *stack)
{
	uint64_t until = moment->silent_ms > 0 ? moment->tick : stack->tick;

	return until > stack->since_tick ? until - stack->since_tick : 0;
}

enum hrv_stillness hrv_moment_stillness(const struct hrv_moment *moment, const struct hrv_stack *stack)
{
	if (hrv_moment_still_ms(moment, stack) < HRV_STUCK_MS || stack->frame_count == 0)
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

	hrv_span_format(hrv_moment_still_ms(moment, stack), span);
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
