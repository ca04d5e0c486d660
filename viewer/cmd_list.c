/* cmd_list.c — `hrview list`: all traced programs of this user, children below the program that started them. */
#include "clock.h"
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "json.h"
#include "process.h"
#include "pulse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WATCHED_NS 500000000 /* between the two looks that tell hits a second */
#define DEPTH_MAX  16

static const char help[] =
        "usage: hrview list [--format text|json]\n"
        "\n"
        "Lists your traced programs, those that have ended too; children stand below the program that started them.\n"
        "Root sees everybody's, and those in containers. Takes half a second when one lives, to see how fast.\n"
        "\n"
        "  --format text|json  a table (default), or {\"programs\": [...]}\n"
        "  --help              this\n"
        "\n"
        "STATE is live; idle (live, and no line was hit meanwhile); stopped (by a signal); closed (ended well, or\n"
        "tracing was stopped); dead (killed or crashed); unknown (it cannot be seen from here); corrupt. Where "
        "several\n"
        "have one PID, it is given as PID@ID, which every command takes. What is not known is -.\n"
        "\n"
        "Exit code: 0 also when there is none, 1 when it cannot be done, 2 when the command line is wrong.\n";

/* A program as it is listed. */
struct row {
	struct hrv_program *program;
	struct hrv_wire_program wire;
	struct row *parent;
	int depth;
	bool known; /* the numbers are */
	uint64_t hits, files;
	uint32_t threads;
	double hits_per_s;
	bool has_rate;
};

struct table {
	struct hrv_catalog catalog;
	struct row *rows; /* in the order of the list */
	size_t count;
};

/* ---- what is known ---- */

static int count_files(struct hrv_reader *reader, uint64_t *out)
{
	uint32_t count;
	uint64_t traced = 0;
	int err = hrv_reader_count(reader, HR_KIND_FILES, &count);

	for (uint32_t i = 0; err == 0 && i < count; i++) {
		struct hr_file file;
		err = hrv_reader_files(reader, i, 1, &file);
		traced += err == 0 && (file.flags & HR_FILE_TRACED);
	}
	if (err == 0)
		*out = traced;
	return err;
}

/* A segment that turns out to be corrupt is listed as such. */
static void look(struct table *table, struct row *row)
{
	struct hrv_pulse pulse;
	int err;

	if (!row->program->reader)
		return;
	if ((err = hrv_pulse_read(row->program->reader, &pulse)) == 0 &&
	    (err = count_files(row->program->reader, &row->files)) == 0) {
		row->known = true;
		row->hits = pulse.hits;
		row->threads = pulse.threads;
	} else if (err == HR_ECORRUPT) {
		hrv_catalog_condemn(&table->catalog, row->program);
	}
	hrv_program_describe(row->program, &row->wire);
}

static void measure_rates(struct table *table)
{
	const struct timespec pause = {.tv_nsec = WATCHED_NS};
	uint64_t begin = hrv_clock_ns(CLOCK_MONOTONIC);
	bool any = false;

	for (size_t i = 0; i < table->count; i++)
		any = any || (table->rows[i].known && hrv_program_lives(table->rows[i].program));
	if (!any)
		return;
	nanosleep(&pause, NULL);
	for (size_t i = 0; i < table->count; i++) {
		struct row *row = &table->rows[i];
		struct hrv_pulse pulse;
		if (!row->known || !hrv_program_lives(row->program) ||
		    hrv_pulse_read(row->program->reader, &pulse) != 0)
			continue;
		row->hits_per_s =
		        (double)(pulse.hits - row->hits) / ((double)(hrv_clock_ns(CLOCK_MONOTONIC) - begin) / 1e9);
		row->has_rate = true;
		row->hits = pulse.hits;
	}
}

/* ---- order ---- */

static bool has_family_that_lives(const struct table *table, const struct row *of)
{
	if (hrv_program_lives(of->program))
		return true;
	for (size_t i = 0; i < table->count; i++)
		for (const struct row *up = &table->rows[i]; up; up = up->parent)
			if (up == of && hrv_program_lives(table->rows[i].program))
				return true;
	return false;
}

/* Parents by instance. A segment may claim anything, a circle too: no chain is followed further than DEPTH_MAX. */
static void find_parents(struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		struct row *row = &table->rows[i];
		for (size_t n = 0; row->wire.parent != 0 && n < table->count; n++)
			if (table->rows[n].program->id.instance == row->wire.parent && n != i)
				row->parent = &table->rows[n];
	}
	for (size_t i = 0; i < table->count; i++) {
		struct row *row = &table->rows[i];
		for (const struct row *up = row->parent; up && row->depth <= DEPTH_MAX; up = up->parent)
			row->depth++;
		if (row->depth > DEPTH_MAX) {
			row->parent = NULL;
			row->depth = 0;
		}
	}
}

static size_t put_family(const struct table *table, const struct row *row, struct row *ordered, size_t at)
{
	ordered[at] = *row;
	ordered[at++].parent = NULL; /* it stands in what is being replaced */
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].parent == row)
			at = put_family(table, &table->rows[i], ordered, at);
	return at;
}

/* Families in which one lives first, each oldest first as the catalog has them; every child below its parent. */
static int put_in_order(struct table *table)
{
	struct row *ordered = calloc(table->count ? table->count : 1, sizeof *ordered);
	size_t at = 0;

	if (!ordered)
		return HR_ENOMEM;
	find_parents(table);
	for (int living = 1; living >= 0; living--)
		for (size_t i = 0; i < table->count; i++)
			if (!table->rows[i].parent && has_family_that_lives(table, &table->rows[i]) == living)
				at = put_family(table, &table->rows[i], ordered, at);
	free(table->rows);
	table->rows = ordered;
	table->count = at;
	return 0;
}

static int table_read(struct table *table)
{
	table->count = table->catalog.count;
	table->rows = calloc(table->count ? table->count : 1, sizeof *table->rows);
	if (!table->rows)
		return HR_ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		table->rows[i].program = table->catalog.programs[i];
		hrv_program_describe(table->rows[i].program, &table->rows[i].wire);
		look(table, &table->rows[i]);
	}
	measure_rates(table);
	return put_in_order(table);
}

static void table_fini(struct table *table)
{
	free(table->rows);
	hrv_catalog_fini(&table->catalog);
}

/* ---- text ---- */

/* "3d04h", "2h05m", "1m40s", "12s" */
static void format_age(uint64_t seconds, char out[16])
{
	unsigned long s = (unsigned long)seconds;

	if (s >= 86400)
		snprintf(out, 16, "%lud%02luh", s / 86400 % 100000, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(out, 16, "%luh%02lum", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(out, 16, "%lum%02lus", s / 60, s % 60);
	else
		snprintf(out, 16, "%lus", s);
}

static const char *state_of(const struct row *row)
{
	if (row->program->life != HRV_LIVE)
		return hrv_life_name(row->program->life);
	if (hrv_process_is_stopped(row->program->pid))
		return "stopped";
	return row->has_rate && row->hits_per_s == 0 ? "idle" : "live";
}

static bool shares_pid(const struct table *table, const struct row *row)
{
	size_t same = 0;

	for (size_t i = 0; i < table->count; i++)
		same += table->rows[i].program->pid == row->program->pid;
	return same > 1;
}

static int print_name(const struct row *row)
{
	const struct hrv_program *program = row->program;
	char *name = hrv_text_printable(program->reader ? row->wire.name : row->wire.why);

	if (!name)
		return HR_ENOMEM;
	printf("%*s%s%s", row->depth > 1 ? 3 * (row->depth - 1) : 0, "", row->depth > 0 ? "└─ " : "", name);
	free(name);
	if (program->reader && hrv_reader_is_elsewhere(program->reader)) {
		if (program->life == HRV_LIVE)
			printf("  (in a container, pid %" PRIu32 " there)", program->id.pid);
		else
			printf("  (in another pid namespace)");
	}
	putchar('\n');
	return 0;
}

static int print_row(const struct table *table, const struct row *row, uint64_t now_ns)
{
	char pid[24], age[16] = "-", rate[24] = "-", files[24] = "-", threads[16] = "-", python[HRV_PYTHON_BYTES];
	int used = snprintf(pid, sizeof pid, "%" PRIu32, row->program->pid);

	if (shares_pid(table, row))
		snprintf(pid + used, sizeof pid - (size_t)used, "@%04" PRIx64, row->program->id.instance >> 48);
	if (row->wire.start_ns != 0 && now_ns > row->wire.start_ns)
		format_age((now_ns - row->wire.start_ns) / 1000000000, age);
	if (row->has_rate)
		snprintf(rate, sizeof rate, "%.0f", row->hits_per_s);
	if (row->known) {
		snprintf(files, sizeof files, "%" PRIu64, row->files);
		/* What has ended has no threads, but stacks. */
		if (hrv_program_lives(row->program))
			snprintf(threads, sizeof threads, "%" PRIu32, row->threads);
	}
	hrv_python_format(row->wire.python_hex, python);
	printf("%10s  %-7s %7s %10s %5s %7s  %-7s ", pid, state_of(row), age, rate, files, threads,
	       *python ? python : "-");
	return print_name(row);
}

static int print_table(const struct table *table)
{
	uint64_t now_ns = hrv_clock_ns(CLOCK_REALTIME);

	if (table->count == 0) {
		fprintf(stderr, "hrview list: no traced program; one begins with heartrate_shm.trace() or "
		                "`python -m heartrate_shm`\n");
		return HRV_EXIT_OK;
	}
	printf("%10s  %-7s %7s %10s %5s %7s  %-7s %s\n", "PID", "STATE", "AGE", "HITS/S", "FILES", "THREADS", "PYTHON",
	       "NAME");
	for (size_t i = 0; i < table->count; i++)
		if (print_row(table, &table->rows[i], now_ns) != 0)
			return hrv_fail("list", "%s", hr_err_text(HR_ENOMEM));
	return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("list", "the output could not be written");
}

/* ---- JSON: the programs as everywhere, with the numbers; null is what is not known ---- */

static struct json_t *number(bool known, double value)
{
	return !known                               ? json_null()
	       : value == (double)(json_int_t)value ? json_integer((json_int_t)value)
	                                            : json_real(value);
}

static json_t *table_json(const struct table *table)
{
	json_t *root = json_object(), *programs = json_array();

	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];
		json_t *program = hrv_json_program(row->program);
		bool lives = hrv_program_lives(row->program);
		if (json_object_set_new(program, "hits", number(row->known, (double)row->hits)) != 0 ||
		    json_object_set_new(program, "hits_per_s", number(row->has_rate, row->hits_per_s)) != 0 ||
		    json_object_set_new(program, "files", number(row->known, (double)row->files)) != 0 ||
		    json_object_set_new(program, "threads", number(row->known && lives, row->threads)) != 0 ||
		    json_array_append_new(programs, program) != 0)
			goto fail;
	}
	if (json_object_set_new(root, "programs", programs) == 0)
		return root;
	programs = NULL;
fail:
	json_decref(programs);
	json_decref(root);
	return NULL;
}

int hrv_command_list(int argc, char **argv)
{
	static const struct option options[] = {
	        {"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct table table = {0};
	enum hrv_format format = HRV_FORMAT_TEXT;
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (hrv_format_parse("list", optarg, &format) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		default:
			return hrv_fail_option("list", option, argv);
		}
	}
	if (optind < argc)
		return hrv_fail_usage("list", "what is %s?", argv[optind]);
	if (hrv_catalog_look("list", &table.catalog) != 0)
		return HRV_EXIT_FAILED;
	int err = table_read(&table), code;
	if (err != 0)
		code = hrv_fail("list", "%s", hr_err_text(err));
	else if (format == HRV_FORMAT_JSON)
		code = hrv_print_json("list", table_json(&table));
	else
		code = print_table(&table);
	table_fini(&table);
	return code;
}
