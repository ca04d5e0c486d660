/* export_text.c — a dump for people to read. See export.h. */
#include "export.h"
#include "hr_err.h"
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>

/* What a program says of itself, for a terminal; NULL is unknown. */
static void put_text(struct hrv_out *out, const char *text)
{
	char *printable = hrv_text_printable(hrv_text_of(text ? text : "?"));

	hrv_out(out, "%s", printable ? printable : "?");
	free(printable);
}

static void put_file(struct hrv_out *out, const struct hrv_dump_file *file)
{
	hrv_out(out, "\n");
	put_text(out, file->path);
	hrv_out(out, "\n");
	if (file->hit_count == 0)
		hrv_out(out, "        no line was hit\n");
	for (size_t i = 0; i < file->line_count; i++)
		if (file->lines[i].hits > 0)
			hrv_out(out, "%7" PRIu32 "  %" PRIu64 "\n", file->lines[i].line, file->lines[i].hits);
}

static void put_frame(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	char *function = hrv_dump_function(dump, frame);

	hrv_out(out, "    ");
	put_text(out, hrv_dump_path(dump, frame));
	if (frame->line != HR_INDEX_NONE)
		hrv_out(out, ":%" PRIu32, frame->line);
	hrv_out(out, " ");
	put_text(out, function);
	hrv_out(out, "\n");
	free(function);
}

static void put_stack(struct hrv_out *out, const struct hrv_dump *dump, const struct hrv_stack *stack)
{
	char words[HRV_WORDS_BYTES];
	const char *path = stack->frame_count > 0 ? hrv_dump_path(dump, &stack->frames[stack->frame_count - 1]) : NULL;

	hrv_moment_words(&dump->moment, stack, path, words);
	hrv_out(out, "\n%s ", stack->task ? "task" : "thread");
	put_text(out, stack->name);
	hrv_out(out, " (%" PRIu64 "), ", stack->ident);
	put_text(out, words);
	hrv_out(out, "\n");
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

int hrv_export_text(const struct hrv_dump *dump, struct hrv_buffer *buffer)
{
	const struct hrv_program *program = dump->program;
	struct hrv_wire_program wire;
	struct hrv_out out = {buffer, 0};
	char life[HRV_LIFE_WORDS_BYTES], python[HRV_PYTHON_BYTES], *name = hrv_text_printable(program->name);

	if (!name)
		return HR_ENOMEM;
	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	hrv_life_words(program, &dump->moment, dump->last_hit_tick, life);
	hrv_out(&out, "%s, pid %" PRIu32 ", %s, Python %s\n", name, wire.pid, life, python);
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
