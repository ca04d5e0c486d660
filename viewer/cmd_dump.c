/* cmd_dump.c — `hrview dump PID`: what is known of one program, at this moment or as it left it, in a format of choice.
 */
#include "command.h"
#include "discover.h"
#include "export.h"
#include "hr_err.h"
#include "replace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
        "usage: hrview dump PID|NAME [--format FORMAT] [--seconds N] [--output FILE | --watch FILE]\n"
        "\n"
        "Prints how often each line was hit, and every thread's stack, outermost frame first; of a program that has\n"
        "ended, as it left them. Of several programs with that pid the one that lives, else the newest.\n"
        "\n"
        "  --format text|json|lcov|cobertura|html|pprof|speedscope  (default text)\n"
        "                 text, json: counts of lines that were hit, stacks, what could not be recorded.\n"
        "                 lcov, cobertura: counts of all lines that can be hit, of files on disk; for genhtml,\n"
        "                 editors and coverage services. No functions and no branches: those are not counted.\n"
        "                 html: one file for a colleague: all sources with counts and bars; loads and runs nothing.\n"
        "                 pprof (gzipped profile.proto), speedscope: profiles of all threads' stacks, of which the\n"
        "                 program has the newest only: a live one's are gathered for some seconds, up to 20 looks a\n"
        "                 second; of one that has ended there is one look, at its last stacks\n"
        "  --seconds N    how long stacks are gathered (default 5); Ctrl-C ends it sooner, with what there is\n"
        "  --output FILE  writes FILE instead, all of it or nothing\n"
        "  --watch FILE   keeps FILE fresh, once a second while something changes (a profile: of the last N seconds,\n"
        "                 when they are over), until the program ends or stops being traced, or until SIGINT or\n"
        "                 SIGTERM; FILE then has the last counts\n"
        "  --help         this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

struct job {
	const struct hrv_export *format;
	unsigned long seconds;
	const char *file; /* NULL: standard output */
	bool watch;
	sigset_t signals; /* that end it */
	bool signalled;   /* one has come */
};

static int make(struct hrv_program *program, struct job *job, struct hrv_buffer *out)
{
	out->len_bytes = 0;
	return hrv_export_make(job->format, program, job->seconds, &job->signals, &job->signalled, out);
}

/* An exit code. */
static int put(const struct job *job, const struct hrv_buffer *out)
{
	char why[HRV_REPLACE_WHY_BYTES];

	if (job->file)
		return hrv_replace(job->file, out->bytes, out->len_bytes, why) == 0 ? HRV_EXIT_OK
		                                                                    : hrv_fail("dump", "%s", why);
	if (fwrite(out->bytes, 1, out->len_bytes, stdout) != out->len_bytes || fflush(stdout) != 0)
		return hrv_fail("dump", "the output could not be written: %s", strerror(errno));
	return HRV_EXIT_OK;
}

static int explain(struct hrv_catalog *catalog, struct hrv_program *program, int err)
{
	if (err == HR_ECORRUPT)
		hrv_catalog_condemn(catalog, program);
	if (!program->reader)
		return hrv_fail("dump", "the segment of pid %" PRIu32 " cannot be read: %s", program->pid,
		                program->why);
	return hrv_fail("dump", "%s", hr_err_text(err));
}

static int dump_once(struct hrv_catalog *catalog, struct hrv_program *program, struct job *job)
{
	struct hrv_buffer out = {0};
	int err = make(program, job, &out);
	int code = err == 0 && program->reader ? put(job, &out) : explain(catalog, program, err);

	hrv_buffer_fini(&out);
	return code;
}

/* Stacks have taken their time to gather; counts are looked at again a second later. */
static void wait_for_next(struct job *job)
{
	const struct timespec second = {.tv_sec = 1};

	if (!job->format->write_samples)
		job->signalled = sigtimedwait(&job->signals, NULL, &second) > 0;
}

static int dump_again_and_again(struct hrv_catalog *catalog, struct hrv_program *program, struct job *job)
{
	struct hrv_buffer written = {0}, out = {0};
	int code = HRV_EXIT_OK;

	for (bool first = true; code == HRV_EXIT_OK; first = false) {
		/* Before the counts are read: those of a program that has ended are its last. */
		if (program->reader && (program->life = hrv_reader_life(program->reader)) == HRV_CORRUPT)
			hrv_catalog_condemn(catalog, program);
		bool last = job->signalled || !hrv_program_lives(program);
		int err = make(program, job, &out);
		if (err != 0 || !program->reader) {
			code = explain(catalog, program, err);
			break;
		}
		bool same = out.len_bytes == written.len_bytes &&
		            (out.len_bytes == 0 || memcmp(out.bytes, written.bytes, out.len_bytes) == 0);
		if (first || !same) {
			struct hrv_buffer spare = written;
			code = put(job, &out);
			written = out;
			out = spare;
		}
		if (first && code == HRV_EXIT_OK && isatty(STDERR_FILENO))
			fprintf(stderr, "hrview dump: %s is kept fresh until pid %" PRIu32 " ends; Ctrl-C ends this\n",
			        job->file, program->pid);
		/* A profile that the program's end has cut short is its last: the next would be of one look. */
		if (last || (job->format->write_samples && (job->signalled || !hrv_program_lives(program))))
			break;
		wait_for_next(job);
	}
	hrv_buffer_fini(&written);
	hrv_buffer_fini(&out);
	return code;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct job *job)
{
	static const struct option options[] = {
	        {"format", required_argument, NULL, 'f'}, {"seconds", required_argument, NULL, 's'},
	        {"output", required_argument, NULL, 'o'}, {"watch", required_argument, NULL, 'w'},
	        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			job->format = hrv_export_find(optarg);
			if (!job->format)
				return hrv_fail_usage("dump", "--format %s: there is no such format", optarg);
			break;
		case 's':
			if (hrv_number_parse("dump", "seconds", optarg, 1, 86400, &job->seconds) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 'o':
		case 'w':
			if (job->file)
				return hrv_fail_usage("dump", "--output and --watch: one file is enough");
			job->file = optarg;
			job->watch = option == 'w';
			break;
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		default:
			return hrv_fail_option("dump", option, argv);
		}
	}
	if (job->seconds != 0 && !job->format->write_samples)
		return hrv_fail_usage("dump", "--seconds is for pprof and speedscope; counts are those of the moment");
	if (job->seconds == 0)
		job->seconds = 5;
	if (job->format->binary && !job->file && isatty(STDOUT_FILENO))
		return hrv_fail_usage("dump", "%s is nothing for a terminal: give --output FILE", job->format->name);
	if (optind + 1 != argc)
		return hrv_fail_usage("dump", optind == argc ? "which program? a pid or a name is needed"
		                                             : "one pid or name is enough");
	return -1;
}

int hrv_command_dump(int argc, char **argv)
{
	struct job job = {.format = hrv_export_find("text")}; /* all zero is an empty set of signals */
	struct hrv_catalog catalog = {0};
	struct hrv_program *program;
	char why[HRV_FIND_WHY_BYTES];
	int code = parse(argc, argv, &job);

	if (code >= 0)
		return code;
	if (job.watch || job.format->write_samples) {
		sigaddset(&job.signals, SIGINT);
		sigaddset(&job.signals, SIGTERM);
		sigprocmask(SIG_BLOCK, &job.signals, NULL);
	}
	if (hrv_catalog_look("dump", &catalog) != 0)
		return HRV_EXIT_FAILED;
	if (hrv_catalog_find(&catalog, argv[optind], &program, why) != 0)
		code = hrv_fail("dump", "%s", why);
	else
		code = job.watch ? dump_again_and_again(&catalog, program, &job) : dump_once(&catalog, program, &job);
	hrv_catalog_fini(&catalog);
	return code;
}
