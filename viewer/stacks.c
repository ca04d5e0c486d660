/* stacks.c — see stacks.h. */
#include "stacks.h"

#include "hr_err.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct hrv_stack *stack, const struct hrv_row *row)
{
	return stack->used && stack->generation == row->generation && stack->since_tick == row->since_tick &&
	       stack->depth == row->depth && stack->elided_at == row->elided_at && stack->run_state == row->run_state &&
	       stack->frame_count == row->frame_count && strcmp(stack->name, row->name) == 0 &&
	       (row->frame_count == 0 ||
	        memcmp(stack->frames, row->frames, row->frame_count * sizeof *stack->frames) == 0);
}

static int keep(struct hrv_stack *stack, const struct hrv_row *row)
{
	if (row->frame_count > 0) {
		struct hrv_frame *frames = realloc(stack->frames, row->frame_count * sizeof *frames);
		if (!frames)
			return HR_ENOMEM;
		memcpy(frames, row->frames, row->frame_count * sizeof *frames);
		stack->frames = frames;
	}
	stack->used = true;
	stack->generation = row->generation;
	stack->ident = row->ident;
	stack->native_id = row->native_id;
	stack->since_tick = row->since_tick;
	stack->depth = row->depth;
	stack->elided_at = row->elided_at;
	stack->run_state = row->run_state;
	stack->frame_count = row->frame_count;
	memcpy(stack->name, row->name, sizeof stack->name);
	return 0;
}

static int update_row(struct hrv_stack *stack, struct hrv_reader *reader, enum hr_kind kind, uint32_t index,
                      struct hrv_row *row, bool *changed)
{
	uint64_t generation, published;
	int err = hrv_reader_row_mark(reader, kind, index, &generation, &published);

	if (err != 0)
		return err;
	bool used = generation % 2 == 1 && published != 0;
	if (used && stack->used && stack->generation == generation && stack->seq == published)
		return 0;
	err = used ? hrv_reader_row(reader, kind, index, row) : HR_EGONE;
	if (err == HR_EGONE) {
		*changed = *changed || stack->used;
		stack->used = false;
		return 0;
	}
	if (err != 0)
		return err == HR_EAGAIN ? 0 : err;
	if (!is_same(stack, row)) {
		err = keep(stack, row);
		if (err != 0)
			return err;
		*changed = true;
	}
	stack->seq = row->seq;
	stack->tick = row->tick;
	stack->task = kind == HR_KIND_TASKS;
	return 0;
}

static int update_kind(struct hrv_stack **stacks, uint32_t *count, struct hrv_reader *reader, enum hr_kind kind,
                       struct hrv_row *row, bool *changed)
{
	uint32_t now;
	int err = hrv_reader_count(reader, kind, &now);

	if (err != 0)
		return err;
	if (now > *count) {
		struct hrv_stack *grown = realloc(*stacks, now * sizeof *grown);
		if (!grown)
			return HR_ENOMEM;
		memset(grown + *count, 0, (now - *count) * sizeof *grown);
		*stacks = grown;
		*count = now;
	}
	for (uint32_t i = 0; err == 0 && i < *count; i++)
		err = update_row(&(*stacks)[i], reader, kind, i, row, changed);
	return err;
}

int hrv_stacks_update(struct hrv_stacks *stacks, struct hrv_reader *reader, bool *changed)
{
	struct hrv_row row;
	int err;

	*changed = false;
	err = update_kind(&stacks->threads, &stacks->thread_count, reader, HR_KIND_THREADS, &row, changed);
	if (err == 0)
		err = update_kind(&stacks->tasks, &stacks->task_count, reader, HR_KIND_TASKS, &row, changed);
	return err;
}

static void free_kind(struct hrv_stack *stacks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(stacks[i].frames);
	free(stacks);
}

void hrv_stacks_fini(struct hrv_stacks *stacks)
{
	free_kind(stacks->threads, stacks->thread_count);
	free_kind(stacks->tasks, stacks->task_count);
	*stacks = (struct hrv_stacks){0};
}
