/* cmd_diff.c — `hrview diff A B`: which lines were hit more or less often in B than in A. */
#include "command.h"
#include "diff.h"
#include "discover.h"
#include "dump.h"
#include "hr_err.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "usage: hrview diff PID|FILE PID|FILE [--format text|json]\n"
                           "\n"
                           "Tells which lines were hit more or less often in the second than in the first. Each is a "
                           "traced program, by its\n"
                           "pid, as it is now or as it left, or a file written by `hrview dump --format json` (\"-\": "
                           "standard input). Lines are\n"
                           "compared by path and number, so the sources should be the same.\n"
                           "\n"
                           "  --format text|json  for people (default), or for programs\n"
                           "  --help              this\n"
                           "\n"
                           "Exit code, as of diff: 0 when all counts are equal, 1 when some differ, 2 when it cannot "
                           "be told (the message\n"
                           "says why).\n";

/* diff(1)'s. */
enum { EXIT_EQUAL = 0, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2 };

/* ---- the two sides ---- */

/* NULL, with a line on stderr. */
static json_t *load_file(const char *path)
{
	char why[HRV_DIFF_WHY_BYTES];
	json_error_t error;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

	json_t *json = file ? json_loadf(file, 0, &error) : NULL;
	bool unread = !file || ferror(file); /* to jansson a read that fails is an end */
	if (unread)
		hrv_fail("diff", "%s: %s", path, strerror(errno));
	else if (!json)
		hrv_fail("diff", "%s is no JSON: line %d: %s", path, error.line, error.text);
	if (file && file != stdin)
		fclose(file);
	if (unread || !json) {
		json_decref(json);
		return NULL;
	}
	if (hrv_diff_judge(json, why) == 0)
		return json;
	hrv_fail("diff", "%s was not written by `hrview dump --format json`: %s", path, why);
	json_decref(json);
	return NULL;
}

/* The same; `catalog` is read when it is needed first. */
static json_t *load_program(struct hrv_catalog *catalog, const char *pid)
{
	struct hrv_program *program;
	struct hrv_dump dump;
	char why[HRV_FIND_WHY_BYTES];
	json_t *json = NULL;

	if (hrv_catalog_look("diff", catalog) != 0)
		return NULL;
	if (hrv_catalog_find(catalog, pid, &program, why) != 0) {
		hrv_fail("diff", "%s", why);
		return NULL;
	}
	int err = hrv_dump_read(program, &dump);
	if (err == HR_ECORRUPT)
		hrv_catalog_condemn(catalog, program);
	if (!program->reader)
		hrv_fail("diff", "the segment of pid %s cannot be read: %s", pid, program->why);
	else if (err != 0 || !(json = hrv_json_dump(&dump)))
		hrv_fail("diff", "%s", hr_err_text(err != 0 ? err : HR_ENOMEM));
	hrv_dump_fini(&dump);
	return json;
}

static json_t *load(struct hrv_catalog *catalog, const char *what)
{
	size_t digits = strspn(what, "0123456789");

	return digits > 0 && (what[digits] == '\0' || what[digits] == '@') ? load_program(catalog, what)
	                                                                   : load_file(what);
}

/* ---- out ---- */

static int print_text(const struct hrv_diff *diff)
{
	const char *path = NULL;

	for (size_t i = 0; i < diff->count; i++) {
		const struct hrv_diff_line *line = &diff->lines[i];
		bool more = line->after > line->before;
		if (!path || strcmp(path, line->path) != 0)
			printf("%s%s\n", path ? "\n" : "", line->path);
		path = line->path;
		printf("%7" PRIu32 "  %12" PRIu64 " -> %12" PRIu64 "  %c%" PRIu64 "\n", line->line, line->before,
		       line->after, more ? '+' : '-', more ? line->after - line->before : line->before - line->after);
	}
	printf("%s%zu line%s hit more often, %zu less often, %zu equally\n", path ? "\n" : "", diff->more,
	       diff->more == 1 ? "" : "s", diff->fewer, diff->same);
	return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("diff", "the output could not be written");
}

/* "name", "pid", "id" and "state" of a dump, so far as it has them. */
static json_t *side_json(json_t *dump)
{
	static const char *const keys[] = {"name", "pid", "id", "state"};
	json_t *side = json_object();

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (json_object_get(dump, keys[i]))
			json_object_set(side, keys[i], json_object_get(dump, keys[i]));
	return side;
}

/* NULL: out of memory. */
static json_t *files_json(const struct hrv_diff *diff)
{
	json_t *files = json_array(), *lines = NULL;
	bool whole = files != NULL;
	char number[16];

	for (size_t i = 0; i < diff->count; i++) {
		const struct hrv_diff_line *line = &diff->lines[i];
		if (i == 0 || strcmp(line->path, diff->lines[i - 1].path) != 0) {
			json_t *file = json_pack("{ss, s{}}", "path", line->path, "lines");
			lines = json_object_get(file, "lines");
			whole &= json_array_append_new(files, file) == 0;
		}
		snprintf(number, sizeof number, "%" PRIu32, line->line);
		json_t *hits = json_pack("[I, I]", (json_int_t)line->before, (json_int_t)line->after);
		whole &= json_object_set_new(lines, number, hits) == 0;
	}
	if (whole)
		return files;
	json_decref(files);
	return NULL;
}

static int print_json(const struct hrv_diff *diff, json_t *before, json_t *after)
{
	return hrv_print_json("diff",
	                      json_pack("{so, so, so, sI, sI, sI}", "before", side_json(before), "after",
	                                side_json(after), "files", files_json(diff), "more", (json_int_t)diff->more,
	                                "fewer", (json_int_t)diff->fewer, "same", (json_int_t)diff->same));
}

static int print_diff(json_t *before, json_t *after, enum hrv_format format)
{
	struct hrv_diff diff;
	int code = EXIT_TROUBLE, err = hrv_diff_make(before, after, &diff);

	if (err != 0)
		hrv_fail("diff", "%s", hr_err_text(err));
	else if ((format == HRV_FORMAT_JSON ? print_json(&diff, before, after) : print_text(&diff)) == HRV_EXIT_OK)
		code = diff.count > 0 ? EXIT_DIFFERENT : EXIT_EQUAL;
	hrv_diff_fini(&diff);
	return code;
}

int hrv_command_diff(int argc, char **argv)
{
	static const struct option options[] = {
	        {"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_catalog catalog = {0};
	enum hrv_format format = HRV_FORMAT_TEXT;
	int option, code = EXIT_TROUBLE;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (hrv_format_parse("diff", optarg, &format) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		default:
			return hrv_fail_option("diff", option, argv);
		}
	}
	if (optind + 2 != argc)
		return hrv_fail_usage("diff", "two are compared: each a pid or a file");
	json_t *before = load(&catalog, argv[optind]);
	json_t *after = before ? load(&catalog, argv[optind + 1]) : NULL;
	if (after)
		code = print_diff(before, after, format);
	json_decref(before);
	json_decref(after);
	hrv_catalog_fini(&catalog);
	return code;
}
