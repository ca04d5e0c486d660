/* export_text.c — a dump for people to read. See export.h. */
#include "export.h"
#include "hr_err.h"
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static void put_file(struct hrv_out *out, const struct hrv_dump_file *file)
{
	hrv_out(out, "\n%s\n", file->path);
	if (file->hit_count == 0)
		hrv_out(out, "        no line was hit\n");
	for (size_t i = 0; i < file->line_count; i++)
		if (file->lines[i].hits > 0)
			hrv_out(out, "%7" PRIu32 "  %" PRIu64 "\n", file->lines[i].line, file->lines[i].hits);
}

static void put_frame(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	const char *path = hrv_dump_path(dump, frame);
	char *function = hrv_dump_function(dump, frame);

	hrv_out(out, "    %s", path ? path : "?");
	if (frame->line != HR_INDEX_NONE)
		hrv_out(out, ":%" PRIu32, frame->line);
	hrv_out(out, " %s\n", function ? function : "?");
	free(function);
}

static void put_stack(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_stack *stack)
{
	char *name = hrv_text_repair(hrv_text_of(stack->name)), words[HRV_WORDS_BYTES];
	const char *path = stack->frame_count > 0 ? hrv_dump_path(dump, &stack->frames[stack->frame_count - 1]) : NULL;

	hrv_moment_words(&dump->moment, stack, path, words);
	hrv_out(out, "\n%s %s (%" PRIu64 "), %s\n", stack->task ? "task" : "thread", name ? name : "?", stack->ident,
	        words);
	free(name);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		if (i == stack->elided_at && stack->depth > stack->frame_count)
			hrv_out(out, "    ... %" PRIu32 " more ...\n", stack->depth - stack->frame_count);
		put_frame(out, dump, &stack->frames[i]);
	}
}

static void put_stacks(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_stack *stacks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (stacks[i].used)
			put_stack(out, dump, &stacks[i]);
}

static void put_time(struct hrv_out *out, const char *what, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm local;
	char text[64];

	if (realtime_ns != 0 && localtime_r(&seconds, &local) && strftime(text, sizeof text, "%F %T", &local) > 0)
		hrv_out(out, "%s%s", what, text);
}

/* What is known of its end, or of its standing still. */
static void put_life(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_wire_program *wire)
{
	const struct hrv_moment *moment = &dump->moment;
	char span[HRV_SPAN_BYTES];

	hrv_out(out, "%s%s%.*s", hrv_life_name(wire->life), wire->why.len_bytes > 0 ? ": " : "",
	        (int)wire->why.len_bytes, wire->why.bytes);
	if (wire->life == HRV_CLOSED)
		put_time(out, " at ", wire->end_ns);
	else if (wire->life == HRV_DEAD) {
		hrv_out(out, ": killed or crashed");
		put_time(out, ", last sign of life ", moment->realtime_ns);
	} else if (moment->stopped) {
		hrv_out(out, ", stopped by a signal");
	} else if (moment->silent_ms >= HRV_STUCK_MS) {
		hrv_span_format(moment->silent_ms, span);
		hrv_out(out, ", C code has held the interpreter's lock for %s", span);
	} else if (dump->last_hit_tick != HR_TICK_NEVER && moment->tick >= dump->last_hit_tick + HRV_STUCK_MS) {
		hrv_span_format(moment->tick - dump->last_hit_tick, span);
		hrv_out(out, ", idle: no line was hit for %s", span);
	}
}

int hrv_export_text(const struct hrv_dump *dump, struct hrv_buffer *buffer)
{
	const struct hrv_program *program = dump->program;
	struct hrv_wire_program wire;
	struct hrv_out out = {buffer, 0};
	char python[HRV_PYTHON_BYTES], *name = hrv_text_repair(program->name);

	if (!name)
		return HR_ENOMEM;
	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	hrv_out(&out, "%s, pid %" PRIu32 ", ", name, wire.pid);
	put_life(&out, dump, &wire);
	hrv_out(&out, ", Python %s\n", python);
	free(name);
	for (size_t i = 0; i < dump->file_count; i++)
		put_file(&out, &dump->files[i]);
	put_stacks(&out, dump, dump->stacks.threads, dump->stacks.thread_count);
	put_stacks(&out, dump, dump->stacks.tasks, dump->stacks.task_count);
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		if (dump->status.drops[i] > 0 && hrv_drop_name(i))
			hrv_out(&out, "\nnot recorded: %" PRIu64 " %s\n", dump->status.drops[i], hrv_drop_name(i));
	return out.err;
}
