/* cmd_top.c — `hrview top`: a program's hottest lines and its threads in the terminal. */
#include "clock.h"
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "screen.h"
#include "top.h"
#include "top_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_NS UINT64_C(250000000) /* between two looks at the program */

enum { PLAIN_LINES = 20 };

static const char help[] =
        "usage: hrview top [PID|NAME]\n"
        "\n"
        "Shows the hottest lines of a program with bars, and what each of its threads does, in the terminal. Without\n"
        "PID or NAME the only program that lives. When the program ends, that is shown, and its last counts stay.\n"
        "\n"
        "Keys: r h f sort by hits a second, hits, file; arrows move; Enter opens the file, q or Esc closes it; Tab "
        "goes\n"
        "to the threads; p pauses; ? tells them all; q leaves. NO_COLOR is respected. Where the output is no "
        "terminal,\n"
        "or one whose cursor cannot be moved (TERM=dumb), the picture is printed once, after a second.\n"
        "\n"
        "  --help  this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

/* ---- which program ---- */

/* The only one that lives, else the only one at all. */
static int find_only(const struct hrv_catalog *catalog, struct hrv_program **out)
{
	struct hrv_program *living = NULL;
	size_t living_count = 0;

	for (size_t i = 0; i < catalog->count; i++)
		if (hrv_program_lives(catalog->programs[i])) {
			living = catalog->programs[i];
			living_count++;
		}
	if (living_count == 1 || (living_count == 0 && catalog->count == 1)) {
		*out = living ? living : catalog->programs[0];
		return 0;
	}
	if (catalog->count == 0)
		hrv_fail("top",
		         "no traced program; one begins with heartrate_shm.trace() or `python -m heartrate_shm`");
	else if (living_count == 0)
		hrv_fail("top", "no traced program lives; `hrview list` shows those that have ended");
	else
		fprintf(stderr, "hrview top: which program? Give a PID:\n");
	for (size_t i = 0; living_count > 0 && i < catalog->count; i++) {
		const struct hrv_program *program = catalog->programs[i];
		char *name = hrv_text_printable(program->name);
		if (hrv_program_lives(program))
			fprintf(stderr, "%10" PRIu32 "  %s\n", program->pid, name ? name : "?");
		free(name);
	}
	return HR_EGONE;
}

static int find(const struct hrv_catalog *catalog, const char *what, struct hrv_program **out)
{
	char why[HRV_FIND_WHY_BYTES];
	int err = what ? hrv_catalog_find(catalog, what, out, why) : find_only(catalog, out);

	if (err != 0) {
		if (what)
			hrv_fail("top", "%s", why);
		return err;
	}
	if ((*out)->reader)
		return 0;
	hrv_fail("top", "the segment of pid %" PRIu32 " cannot be read: %s", (*out)->pid, (*out)->why);
	return HR_ECORRUPT;
}

/* ---- without a terminal ---- */

static void print_line(struct hrv_top *top, const struct hrv_top_line *line)
{
	struct hrv_text text = hrv_top_statement(hrv_top_source(top, line->file), line->line);
	char rate[32], *statement = strndup(text.bytes, text.len_bytes), *printable = NULL;

	if (statement) {
		for (char *tab = statement; (tab = strchr(tab, '\t')); tab++)
			*tab = ' ';
		printable = hrv_text_printable(hrv_text_of(statement));
	}
	snprintf(rate, sizeof rate, "%.0f", line->hits_per_s);
	printf("%12" PRIu64 " %12s  %s:%" PRIu32 "  %s\n", line->hits, line->hits_per_s < 0 ? "-" : rate,
	       hrv_top_path(top, line->file), line->line, printable ? printable : "");
	free(printable);
	free(statement);
}

static int print_once(struct hrv_top *top, const struct hrv_program *program)
{
	const struct timespec second = {.tv_sec = 1};
	const struct hrv_top_line *lines;
	const struct hrv_top_thread *threads;
	char first[HRV_TOP_HEAD_BYTES], second_line[HRV_TOP_HEAD_BYTES];
	size_t count;
	int err = hrv_top_look(top);

	if (err == 0 && hrv_program_lives(program)) {
		nanosleep(&second, NULL);
		err = hrv_top_look(top);
	}
	if (err == 0)
		err = hrv_top_lines(top, HRV_TOP_BY_RATE, &lines, &count);
	if (err != 0)
		return err;
	hrv_top_head(top, program, first, second_line);
	printf("%s\n%s\n\n%12s %12s  %s\n", first, second_line, "HITS", "HITS/S", "FILE:LINE");
	for (size_t i = 0; i < count && i < PLAIN_LINES; i++)
		print_line(top, &lines[i]);
	printf("\nTHREADS\n");
	threads = hrv_top_threads(top, &count);
	for (size_t i = 0; i < count; i++) {
		printf("%s, %s", threads[i].name, threads[i].words);
		if (threads[i].file != HR_INDEX_NONE && threads[i].line != HR_INDEX_NONE)
			printf("  %s:%" PRIu32, hrv_top_path(top, threads[i].file), threads[i].line);
		putchar('\n');
	}
	return 0;
}

/* ---- in the terminal ---- */

/* Until the user leaves. A program that has ended is not looked at again: it stays as it was. */
static int watch(struct hrv_top *top, const struct hrv_program *program)
{
	struct hrv_top_view view = {0};
	uint64_t looked_ns = 0;
	bool ended = false;
	int err = 0, key;

	do {
		uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
		if (!view.paused && !ended && now - looked_ns >= LOOK_NS) {
			looked_ns = now;
			err = hrv_top_look(top);
			ended = !hrv_program_lives(program);
		}
		if (err == 0)
			err = hrv_top_draw(top, program, &view);
		if (err != 0)
			return err;
		uint64_t age = hrv_clock_ns(CLOCK_MONOTONIC) - looked_ns;
		key = hrv_screen_key(age < LOOK_NS ? (int)((LOOK_NS - age) / 1000000) + 1 : (int)(LOOK_NS / 1000000));
	} while (key != HRV_KEY_END && hrv_top_press(top, &view, key));
	return 0;
}

static int show(struct hrv_program *program)
{
	struct hrv_top *top;
	int err = hrv_top_new(program, &top);

	if (err != 0)
		return hrv_fail("top", "%s", hr_err_text(err));
	if (!hrv_screen_is_possible() || hrv_screen_begin() != 0) {
		err = print_once(top, program);
	} else {
		err = watch(top, program);
		hrv_screen_end();
	}
	hrv_top_free(top);
	if (err == 0)
		return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("top", "the output could not be written");
	return hrv_fail("top", "%s", err == HR_ECORRUPT ? hrv_reader_why(program->reader) : hr_err_text(err));
}

int hrv_command_top(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_catalog catalog = {0};
	struct hrv_program *program;
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option != 'h')
			return hrv_fail_option("top", option, argv);
		fputs(help, stdout);
		return HRV_EXIT_OK;
	}
	if (optind + 1 < argc)
		return hrv_fail_usage("top", "one pid or name is enough");
	int code = HRV_EXIT_FAILED;
	if (hrv_catalog_look("top", &catalog) == 0 &&
	    find(&catalog, optind < argc ? argv[optind] : NULL, &program) == 0)
		code = show(program);
	hrv_catalog_fini(&catalog);
	return code;
}
