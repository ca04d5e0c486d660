/* cmd_list.c — `hrview list`: all traced programs of this user. */
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] = "usage: hrview list [--format text|json]\n"
                           "\n"
                           "Lists your traced programs, those that have ended too.\n"
                           "\n"
                           "  --format text|json  a table (default), or {\"programs\": [...]}\n"
                           "  --help              this\n"
                           "\n"
                           "STATE is live; closed (ended well, or tracing was stopped); dead (killed or crashed);\n"
                           "unknown (of another pid namespace); corrupt.\n";

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

static int print_row(const struct hrv_program *program, uint64_t now_ns)
{
	struct hrv_wire_program wire;
	char age[16] = "-", python[HRV_PYTHON_BYTES];

	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	if (wire.start_ns != 0 && now_ns > wire.start_ns)
		format_age((now_ns - wire.start_ns) / 1000000000, age);
	struct hrv_text label = program->life == HRV_CORRUPT ? wire.why : wire.name;
	char *text = hrv_text_repair(label);
	if (!text)
		return HR_ENOMEM;
	printf("%10" PRIu32 "  %-8s %8s  %-10s  %s\n", wire.pid, hrv_life_name(wire.life), age, python, text);
	free(text);
	return 0;
}

static int print_table(const struct hrv_catalog *catalog)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (catalog->count == 0) {
		fprintf(stderr, "hrview list: no traced program; one begins with heartrate_shm.trace() or "
		                "`python -m heartrate_shm`\n");
		return HRV_EXIT_OK;
	}
	printf("%10s  %-8s %8s  %-10s  %s\n", "PID", "STATE", "AGE", "PYTHON", "NAME");
	for (size_t i = 0; i < catalog->count; i++)
		if (print_row(catalog->programs[i],
		              (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec) != 0)
			return hrv_fail("list", "%s", hr_err_text(HR_ENOMEM));
	return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("list", "the output could not be written");
}

int hrv_command_list(int argc, char **argv)
{
	static const struct option options[] = {
	        {"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_catalog catalog = {0};
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
	int err = hrv_catalog_refresh(&catalog);
	if (err != 0)
		return hrv_fail("list", HR_SHM_DIR ": %s", err == HR_EIO ? strerror(errno) : hr_err_text(err));
	int code = format == HRV_FORMAT_JSON ? hrv_print_json("list", hrv_json_programs(&catalog, NULL))
	                                     : print_table(&catalog);
	hrv_catalog_fini(&catalog);
	return code;
}
