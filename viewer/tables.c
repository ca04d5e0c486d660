/* tables.c — see tables.h. */
#include "tables.h"

static uint32_t rows_in_use(const struct hrv_stack *stacks, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += stacks[i].used;
	return used;
}

static int used_of(struct hrv_reader *reader, const struct hrv_stacks *stacks, enum hr_kind kind, uint32_t *out)
{
	if (kind == HR_KIND_THREADS)
		*out = rows_in_use(stacks->threads, stacks->thread_count);
	else if (kind == HR_KIND_TASKS)
		*out = rows_in_use(stacks->tasks, stacks->task_count);
	else
		return hrv_reader_count(reader, kind, out);
	return 0;
}

int hrv_tables_read(struct hrv_reader *reader, const struct hrv_stacks *stacks, struct hrv_wire_table *out,
                    size_t *count_out)
{
	static const char *const names[] = {
	        [HR_KIND_STRINGS] = "strings", [HR_KIND_FILES] = "files",     [HR_KIND_CODES] = "codes",
	        [HR_KIND_SLOTS] = "slots",     [HR_KIND_THREADS] = "threads", [HR_KIND_TASKS] = "tasks",
	        [HR_KIND_NOTES] = "notes",
	};
	const struct hr_header *header = hrv_reader_header(reader);
	size_t count = 0;

	for (uint32_t i = 0; i < header->section_count && count < HRV_TABLES_MAX; i++) {
		const struct hr_section *section = &header->sections[i];
		uint32_t used;
		if (section->kind >= sizeof names / sizeof *names || !names[section->kind])
			continue;
		int err = used_of(reader, stacks, section->kind, &used);
		if (err != 0)
			return err;
		out[count++] = (struct hrv_wire_table){names[section->kind], used, section->capacity};
	}
	*count_out = count;
	return 0;
}
