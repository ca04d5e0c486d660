/* cmd_dump.c — `hrview dump PID`: the counts and stacks of one program, at this moment or as it left them. */
#include "command.h"
#include "discover.h"
#include "dump.h"
#include "hr_err.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
        "usage: hrview dump PID|NAME [--format text|json]\n"
        "\n"
        "Prints how often each line was hit, and every thread's stack, outermost frame first; of a program that has\n"
        "ended, as it left them. Of several programs with that pid the one that lives, else the newest.\n"
        "\n"
        "  --format text|json  for people (default), or for programs\n"
        "  --help              this\n";

static void print_files(const struct hrv_dump *dump)
{
	for (size_t i = 0; i < dump->file_count; i++) {
		const struct hrv_dump_file *file = &dump->files[i];
		printf("\n%s\n", file->path);
		if (file->line_count == 0)
			printf("        no line was hit\n");
		for (size_t n = 0; n < file->line_count; n++)
			printf("%7" PRIu32 "  %" PRIu64 "\n", file->lines[n].line, file->lines[n].hits);
	}
}

static void print_frame(const struct hrv_dump *dump, const struct hrv_frame *frame)
{
	const char *path = hrv_dump_path(dump, frame);
	char *function = hrv_dump_function(dump, frame);

	printf("    %s", path ? path : "?");
	if (frame->line != HR_INDEX_NONE)
		printf(":%" PRIu32, frame->line);
	printf(" %s\n", function ? function : "?");
	free(function);
}

static int print_stack(const struct hrv_dump *dump, const struct hrv_stack *stack)
{
	char *name = hrv_text_repair(hrv_text_of(stack->name));

	if (!name)
		return HR_ENOMEM;
	printf("\n%s %s (%" PRIu64 "), %s\n", stack->task ? "task" : "thread", name, stack->ident,
	       hrv_run_state_name(stack->run_state));
	free(name);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		if (i == stack->elided_at && stack->depth > stack->frame_count)
			printf("    ... %" PRIu32 " more ...\n", stack->depth - stack->frame_count);
		print_frame(dump, &stack->frames[i]);
	}
	return 0;
}

static int print_stacks(const struct hrv_dump *dump, const struct hrv_stack *stacks, uint32_t count)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < count; i++)
		if (stacks[i].used)
			err = print_stack(dump, &stacks[i]);
	return err;
}

static int print_text(const struct hrv_dump *dump)
{
	const struct hrv_program *program = dump->program;
	struct hrv_wire_program wire;
	char python[HRV_PYTHON_BYTES], *name = hrv_text_repair(program->name);
	int err = name ? 0 : HR_ENOMEM;

	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	if (err == 0)
		printf("%s, pid %" PRIu32 ", %s%s%.*s, Python %s\n", name, wire.pid, hrv_life_name(wire.life),
		       wire.why.len_bytes > 0 ? ": " : "", (int)wire.why.len_bytes, wire.why.bytes, python);
	free(name);
	print_files(dump);
	if (err == 0)
		err = print_stacks(dump, dump->stacks.threads, dump->stacks.thread_count);
	if (err == 0)
		err = print_stacks(dump, dump->stacks.tasks, dump->stacks.task_count);
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		if (dump->status.drops[i] > 0 && hrv_drop_name(i))
			printf("\nnot recorded: %" PRIu64 " %s\n", dump->status.drops[i], hrv_drop_name(i));
	if (err != 0)
		return hrv_fail("dump", "%s", hr_err_text(err));
	return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("dump", "the output could not be written");
}

static int dump_program(struct hrv_catalog *catalog, struct hrv_program *program, enum hrv_format format)
{
	struct hrv_dump dump;
	int code = HRV_EXIT_FAILED;
	int err = hrv_dump_read(program, &dump);

	if (err == HR_ECORRUPT)
		hrv_catalog_condemn(catalog, program);
	if (program->life == HRV_CORRUPT)
		hrv_fail("dump", "the segment of pid %" PRIu32 " cannot be read: %s", program->id.pid, program->why);
	else if (err != 0)
		hrv_fail("dump", "%s", hr_err_text(err));
	else
		code = format == HRV_FORMAT_JSON ? hrv_print_json("dump", hrv_json_dump(&dump)) : print_text(&dump);
	hrv_dump_fini(&dump);
	return code;
}

int hrv_command_dump(int argc, char **argv)
{
	static const struct option options[] = {
	        {"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_catalog catalog = {0};
	struct hrv_program *program;
	enum hrv_format format = HRV_FORMAT_TEXT;
	char why[HRV_FIND_WHY_BYTES];
	int option, code;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (hrv_format_parse("dump", optarg, &format) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		default:
			return hrv_fail_option("dump", option, argv);
		}
	}
	if (optind + 1 != argc)
		return hrv_fail_usage("dump", optind == argc ? "which program? a pid or a name is needed"
		                                             : "one pid or name is enough");
	int err = hrv_catalog_refresh(&catalog);
	if (err != 0)
		return hrv_fail("dump", HR_SHM_DIR ": %s", err == HR_EIO ? strerror(errno) : hr_err_text(err));
	if (hrv_catalog_find(&catalog, argv[optind], &program, why) != 0)
		code = hrv_fail("dump", "%s", why);
	else
		code = dump_program(&catalog, program, format);
	hrv_catalog_fini(&catalog);
	return code;
}
