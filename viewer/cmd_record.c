/* cmd_record.c — `hrview record PID`: what a program does from now on, into a file. */
#include "clock.h"
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "record.h"
#include "recorder.h"
#include "source.h"
#include "unpack.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_RATE_HZ 20.0
#define PROGRESS_AGE_MS 500
#define PARTS_MAX       256 /* of the last frame: a program may change faster than it can be told */
#define NAMES_TRIED     1000
#define PATH_BYTES      4096

static const char help[] =
        "usage: hrview record PID|NAME [-o FILE] [options]\n"
        "\n"
        "Records a program until it ends or stops being traced, or until Ctrl-C: the counts of all lines, the stacks\n"
        "and the texts of its files, frame by frame. `hrview replay FILE` shows it, on any machine. Only you can read\n"
        "FILE; what was written is readable whatever ends hrview.\n"
        "\n"
        "  -o FILE        where to; without it NAME-PID.hrrec here, or NAME-PID-2.hrrec if that is there already\n"
        "  --output FILE  the same\n"
        "  --force        replaces FILE if it is there\n"
        "  --rate HZ      frames a second, from 0.1 to 100 (default 20)\n"
        "  --seconds N    ends after N seconds\n"
        "  --help         this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

/* What is to be done, and how far it is. */
struct job {
	const char *what;      /* pid or name */
	char path[PATH_BYTES]; /* empty: still to be chosen */
	bool force;
	double rate_hz, seconds; /* seconds: 0 no end */

	int fd;
	uint64_t instance;
	uint32_t pid;
	struct hrv_view *view;
	struct hrv_recorder *recorder;
	struct hrv_buffer frame;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	uint32_t sources;  /* files whose text has been put */
	bool terminal;     /* progress is shown */
	uint64_t shown_ms;
};

static uint64_t at_ms(const struct job *job)
{
	return (hrv_clock_ns(CLOCK_MONOTONIC) - job->start_ns) / 1000000;
}

/* ---- words ---- */

/* "1.3 MB" */
static void format_bytes(uint64_t bytes, char out[32])
{
	if (bytes < 1000000)
		snprintf(out, 32, "%.1f kB", (double)bytes / 1e3);
	else if (bytes < 1000000000)
		snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
	else
		snprintf(out, 32, "%.2f GB", (double)bytes / 1e9);
}

/* "12.3 s, 246 frames, 1.3 MB" */
static void format_progress(const struct job *job, uint64_t at, char out[128])
{
	char bytes[32];

	format_bytes(hrv_recorder_bytes(job->recorder), bytes);
	snprintf(out, 128, "%.1f s, %" PRIu64 " frames, %s", (double)at / 1e3, hrv_recorder_frames(job->recorder),
	         bytes);
}

static void show_progress(struct job *job, uint64_t at)
{
	char text[128];

	if (!job->terminal || at - job->shown_ms < PROGRESS_AGE_MS)
		return;
	job->shown_ms = at;
	format_progress(job, at, text);
	fprintf(stderr, "\r%s\x1b[K", text);
}

static void clear_progress(const struct job *job)
{
	if (job->terminal)
		fputs("\r\x1b[K", stderr);
}

/* Writing has failed: what there is stays. */
static int fail_writing(const struct job *job, int err)
{
	int saved = errno;
	char text[128];

	clear_progress(job);
	if (!job->recorder)
		return hrv_fail("record", "%s: %s", job->path, err == HR_EIO ? strerror(saved) : hr_err_text(err));
	format_progress(job, at_ms(job), text);
	return hrv_fail("record", "%s: %s; what was recorded till then (%s) can be replayed", job->path,
	                err == HR_EIO ? strerror(saved) : hr_err_text(err), text);
}

/* ---- where to ---- */

static int create(struct job *job)
{
	struct stat st;

	job->fd = open(job->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (job->force ? 0 : O_EXCL),
	               0600);
	if (job->fd < 0)
		return -errno;
	if (fstat(job->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(job->fd);
		return -EINVAL;
	}
	return ftruncate(job->fd, 0) == 0 ? 0 : -errno;
}

/* NAME-PID.hrrec, with what is no letter or digit of a name made an underscore. */
static int create_named(struct job *job, const struct hrv_program *program)
{
	char name[64] = "program";
	size_t len = program->name.len_bytes < sizeof name - 1 ? program->name.len_bytes : sizeof name - 1;
	int rc = -EEXIST;

	if (len > 0) {
		memcpy(name, program->name.bytes, len);
		name[len] = '\0';
	}
	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c) ||
		    (c == name && (*c == '.' || *c == '-')))
			*c = '_';
	for (int n = 1; rc == -EEXIST && n <= NAMES_TRIED; n++) {
		snprintf(job->path, sizeof job->path, n == 1 ? "%s-%" PRIu32 ".hrrec" : "%s-%" PRIu32 "-%d.hrrec", name,
		         job->pid, n);
		rc = create(job);
	}
	return rc;
}

/* An exit code, -1: go on. */
static int open_file(struct job *job, const struct hrv_program *program)
{
	int rc = job->path[0] ? create(job) : create_named(job, program);

	if (rc == -EEXIST)
		return hrv_fail("record", "%s is there already: give another name, or --force to replace it",
		                job->path);
	if (rc == -EINVAL)
		return hrv_fail("record", "%s is not a regular file", job->path);
	if (rc != 0)
		return hrv_fail("record", "%s: %s", job->path, strerror(-rc));
	return -1;
}

/* ---- frames ---- */

static int put_sources(struct job *job, const struct hrv_program *program, uint64_t at)
{
	struct hrv_buffer text = {0};
	uint32_t count;
	int err = hrv_reader_count(program->reader, HR_KIND_FILES, &count);

	for (; err == 0 && job->sources < count; job->sources++) {
		char why[HRV_SOURCE_WHY_BYTES];
		bool changed = false;
		uint32_t flags = 0;
		text.len_bytes = 0;
		if (hrv_source_load(program->reader, job->sources, &text, &changed, why) != 0) {
			flags = HRV_RECORD_SOURCE_MISSING;
			err = hrv_buffer_append(&text, why, strlen(why));
		}
		if (changed)
			flags |= HRV_RECORD_SOURCE_CHANGED;
		if (err == 0)
			err = hrv_recorder_put_source(job->recorder, at, job->sources, flags,
			                              (struct hrv_text){text.bytes, text.len_bytes});
	}
	hrv_buffer_fini(&text);
	return err == HR_ECORRUPT ? 0 : err; /* the next frame will say so */
}

/* What has become of the program as the last frame found it; NULL: it goes on. */
static const char *end_of(const struct hrv_program *program)
{
	if (!program)
		return "what it had left was removed";
	switch (program->life) {
	case HRV_LIVE:
	case HRV_UNKNOWN:
		return NULL;
	case HRV_CORRUPT:
		return "its segment cannot be read any more";
	case HRV_DEAD:
		return "the program was killed or has crashed";
	case HRV_CLOSED:
		break;
	}
	return "the program has ended, or tracing was stopped";
}

/* Records a frame; *end as end_of(), *more: the next one has the rest of it. */
static int record_frame(struct job *job, bool key, bool *more, const char **end)
{
	uint64_t at = at_ms(job);
	struct hrv_wire_request request = {.full = key, .all = true, .file = HR_INDEX_NONE, .program = job->instance};
	int err = hrv_view_answer(job->view, &request, &job->frame);

	if (err != 0)
		return err;
	const struct hrv_program *program = hrv_view_program(job->view, job->instance);
	*end = end_of(program);
	*more = false;
	if (!program) /* the frame only says that it is gone */
		return 0;
	struct hrv_text frame = {job->frame.bytes, job->frame.len_bytes}, value;
	*more = hrv_unpack_find(hrv_unpack_of(frame), "more", &value);
	err = hrv_recorder_put_frame(job->recorder, key, *more, at, frame);
	if (err == 0 && program->reader)
		err = put_sources(job, program, at);
	show_progress(job, at);
	return err;
}

/* Waits until a frame is due. True: a signal has come instead. */
static bool wait_until(uint64_t due_ns, const sigset_t *signals)
{
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
	uint64_t left = due_ns > now ? due_ns - now : 0;
	struct timespec span = {(time_t)(left / 1000000000), (long)(left % 1000000000)};

	return sigtimedwait(signals, NULL, &span) > 0;
}

/* Until the program ends, a signal comes, or the time is over. */
static int record_frames(struct job *job, const sigset_t *signals, const char **end)
{
	uint64_t step_ns = (uint64_t)(1e9 / job->rate_hz), due_ns = job->start_ns;
	uint64_t last_ns = job->seconds > 0 ? job->start_ns + (uint64_t)(job->seconds * 1e9) : UINT64_MAX;
	bool over = false, key = false, more = false;
	int err = 0;

	while (!over) {
		key = hrv_recorder_wants_key(job->recorder, at_ms(job));
		err = record_frame(job, key, &more, end);
		if (err != 0 || (*end && !more))
			break;
		/* The rest comes at once; what was missed is not made up for. */
		uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
		due_ns = more || due_ns + step_ns < now ? now : due_ns + step_ns;
		over = wait_until(due_ns < last_ns ? due_ns : last_ns, signals) || due_ns >= last_ns;
	}
	/* The last frame stands for itself, so that the last state is there at once. */
	for (int parts = 0; err == 0 && parts < PARTS_MAX && (parts == 0 ? !(*end && key) : more); parts++)
		err = record_frame(job, parts == 0, &more, end);
	return err;
}

/* `program` as for hrv_recorder_begin(). */
static int record_program(struct job *job, struct hrv_text program)
{
	const char *end = NULL;
	char text[128];
	sigset_t signals;

	/* From here on a signal ends the recording well. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the file's size is then EFBIG */

	job->start_ns = hrv_clock_ns(CLOCK_MONOTONIC);
	int err = hrv_recorder_begin(job->fd, hrv_clock_ns(CLOCK_REALTIME), program, &job->recorder);
	if (err == 0)
		err = hrv_view_new_of(job->instance, &job->view);
	if (err == 0)
		err = record_frames(job, &signals, &end);
	if (err == 0)
		err = hrv_recorder_end(job->recorder, at_ms(job));
	if (err != 0)
		return fail_writing(job, err);
	clear_progress(job);
	format_progress(job, at_ms(job), text);
	printf("%s: %s%s%s\n", job->path, text, end ? "; " : "", end ? end : "");
	return fflush(stdout) == 0 ? HRV_EXIT_OK : hrv_fail("record", "the output could not be written");
}

/* Finds the program, opens the file and encodes the program's map in the list. The catalog, which holds all segments
 * there are, is needed no longer then. An exit code, -1: go on. */
static int begin(struct job *job, struct hrv_catalog *catalog, struct hrv_buffer *map)
{
	struct hrv_program *program;
	struct hrv_wire_program wire;
	char why[HRV_FIND_WHY_BYTES];

	if (hrv_catalog_find(catalog, job->what, &program, why) != 0)
		return hrv_fail("record", "%s", why);
	if (!program->reader)
		return hrv_fail("record", "the segment of pid %" PRIu32 " cannot be read: %s", program->id.pid,
		                program->why);
	job->instance = program->id.instance;
	job->pid = program->id.pid;
	hrv_program_describe(program, &wire);
	int err = hrv_wire_encode_program(&wire, map);
	return err == 0 ? open_file(job, program) : hrv_fail("record", "%s", hr_err_text(err));
}

static int record(struct job *job)
{
	struct hrv_catalog catalog = {0};
	struct hrv_buffer map = {0};
	int code = hrv_catalog_look("record", &catalog) == 0 ? begin(job, &catalog, &map) : HRV_EXIT_FAILED;

	hrv_catalog_fini(&catalog);
	if (code < 0) {
		job->terminal = isatty(STDERR_FILENO);
		code = record_program(job, (struct hrv_text){map.bytes, map.len_bytes});
		hrv_view_free(job->view);
		hrv_recorder_free(job->recorder);
		hrv_buffer_fini(&job->frame);
		close(job->fd);
	}
	hrv_buffer_fini(&map);
	return code;
}

/* ---- options ---- */

/* A number from `low` to `high`, or HR_EARG with a line on stderr. */
static int parse_number(const char *option, const char *text, double low, double high, double *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value < low || value > high) {
		hrv_fail_usage("record", "--%s %s: a number from %g to %g is needed", option, text, low, high);
		return HR_EARG;
	}
	*out = value;
	return 0;
}

int hrv_command_record(int argc, char **argv)
{
	static const struct option options[] = {
	        {"output", required_argument, NULL, 'o'}, {"force", no_argument, NULL, 'f'},
	        {"rate", required_argument, NULL, 'r'},   {"seconds", required_argument, NULL, 's'},
	        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	struct job job = {.rate_hz = DEFAULT_RATE_HZ};
	int option;

	while ((option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			if (optarg[0] == '\0' || strlen(optarg) >= sizeof job.path)
				return hrv_fail_usage("record", "--output: the name of a file is needed");
			strcpy(job.path, optarg);
			break;
		case 'f':
			job.force = true;
			break;
		case 'r':
			if (parse_number("rate", optarg, 0.1, 100, &job.rate_hz) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 's':
			if (parse_number("seconds", optarg, 0.001, 1e9, &job.seconds) != 0)
				return HRV_EXIT_USAGE;
			break;
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		default:
			return hrv_fail_option("record", option, argv);
		}
	}
	if (optind + 1 != argc)
		return hrv_fail_usage("record", optind == argc ? "which program? a pid or a name is needed"
		                                               : "one pid or name is enough");
	job.what = argv[optind];
	return record(&job);
}
