/* cmd_attach.c — `hrview attach PID`: a program that runs already is traced from now on. */
#include "clock.h"
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "inject.h"
#include "process.h"
#include "python.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MINOR 14 /* PEP 768 */
#define LOOK_NS     50000000
#define PATIENCE_NS UINT64_C(3000000000) /* before it is said why nothing happens */
#define SEGMENT_NS  UINT64_C(5000000000) /* until what was begun is to be seen */

static const char help[] =
        "usage: hrview attach PID [--all | --files PATTERN ...] [--name NAME]\n"
        "\n"
        "Begins to trace a program that runs already: Python 3.14 or newer, without a change to it (PEP 768's\n"
        "sys.remote_exec). Needs the right to trace the process, as a debugger does. Python begins when its main\n"
        "thread comes to its next line; this waits for it, or until Ctrl-C. Without --files or --all: the script\n"
        "itself, and files that say \"# heartrate\" somewhere.\n"
        "\n"
        "  --files PATTERN  files whose path contains PATTERN, and the script; may be given several times\n"
        "  --all            every file\n"
        "  --name NAME      what viewers call the program; default: its own name\n"
        "  --help           this\n"
        "\n"
        "Exit code: 0 once it is traced, 1 when it cannot be done (the message says why), 2 when the command line is\n"
        "wrong.\n";

struct wish {
	uint32_t pid;
	bool every;
	const char *name; /* NULL: its own */
	const char **patterns;
	size_t pattern_count;
};

/* ---- may it be done? ---- */

static bool is_traced(uint32_t pid)
{
	struct hrv_catalog catalog = {0};
	bool found = false;

	if (hrv_catalog_refresh(&catalog) == 0)
		for (size_t i = 0; i < catalog.count; i++)
			found = found || (catalog.programs[i]->pid == pid && hrv_program_lives(catalog.programs[i]));
	hrv_catalog_fini(&catalog);
	return found;
}

/* An exit code, after a line on stderr; -1: it may be tried. */
static int check(const struct wish *wish, struct hrv_python *python, char packages[PATH_MAX])
{
	uint32_t pid = wish->pid;
	uint64_t start_ticks;

	if (hrv_process_start(pid, &start_ticks) == HR_EGONE)
		return hrv_fail("attach", "there is no process %" PRIu32, pid);
	if (is_traced(pid))
		return hrv_fail("attach",
		                "process %" PRIu32 " is traced already: `hrview %" PRIu32 "` or `hrview top %" PRIu32
		                "` shows it",
		                pid, pid, pid);
	int err = hrv_python_find(pid, python);
	uid_t owner;
	if (hrv_process_owner(pid, &owner) == 0 && owner != geteuid() && geteuid() != 0) {
		const struct passwd *user = getpwuid(owner);
		return hrv_fail("attach",
		                "process %" PRIu32 " belongs to another user (%s): run hrview as that user, or root",
		                pid, user ? user->pw_name : "uid unknown here");
	}
	if (err == HR_EPERM)
		return hrv_fail("attach",
		                "process %" PRIu32 " may not be looked at (it has more rights than you, or has "
		                "said that it is not to be traced): run hrview as root",
		                pid);
	if (err != 0)
		return hrv_fail("attach", "process %" PRIu32 " does not run CPython", pid);
	if (python->minor < FIRST_MINOR)
		return hrv_fail("attach",
		                "process %" PRIu32 " runs Python 3.%d, and attaching needs 3.%d or newer: start it by "
		                "`python3.%d -m heartrate_shm`, or let it call heartrate_shm.trace()",
		                pid, python->minor, FIRST_MINOR, python->minor);
	if (!hrv_process_sees_our_files(pid))
		return hrv_fail("attach",
		                "process %" PRIu32 " sees other files than hrview (it is in a container, or has a "
		                "root of its own): run `hrview attach` there",
		                pid);
	if (hrv_python_packages(python->minor, packages) != 0)
		return hrv_fail("attach",
		                "process %" PRIu32 " runs Python 3.%d, for which the heartrate_shm beside this hrview "
		                "(%s) is not built: ./dev build --python %s, or pip install it with that Python",
		                pid, python->minor, packages, python->exe);
	return -1;
}

/* What /proc/sys/kernel/yama/ptrace_scope says; -1: the system has no such rule. */
static int ptrace_scope(void)
{
	int scope = -1;
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");

	if (!file)
		return -1;
	if (fscanf(file, "%d", &scope) != 1)
		scope = -1;
	fclose(file);
	return scope;
}

static int explain_refusal(const struct hrv_python *python, int err, const char *why)
{
	uint32_t pid = python->pid;
	int scope = ptrace_scope();

	if (err == HR_EARG)
		return hrv_fail("attach",
		                "process %" PRIu32 " does not let itself be debugged (it was started with "
		                "PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug, or built so): start it "
		                "by `python -m heartrate_shm` (%s)",
		                pid, why);
	if (err != HR_EPERM)
		return hrv_fail("attach", "process %" PRIu32 ": %s", pid, why);
	if (scope == 3)
		return hrv_fail("attach",
		                "the system lets nobody trace processes until it is restarted "
		                "(kernel.yama.ptrace_scope is 3): start the program by `python -m heartrate_shm`");
	if (scope > 0)
		return hrv_fail("attach",
		                "no right to trace process %" PRIu32 " (kernel.yama.ptrace_scope is %d): run `sudo "
		                "hrview attach %" PRIu32 "`%s",
		                pid, scope, pid,
		                scope == 1 ? ", or allow it by `sudo sysctl kernel.yama.ptrace_scope=0`" : "");
	return hrv_fail("attach",
	                "no right to trace process %" PRIu32 " (%s): run hrview as root; a container needs "
	                "--cap-add=SYS_PTRACE",
	                pid, why);
}

/* ---- doing it ---- */

/* Lines for the program: the package's _attach.begin(patterns, every, name, result), and nothing left behind. When it
 * cannot be imported they tell that themselves. */
static int put_lines(const struct wish *wish, const char *packages, const struct hrv_injection *injection,
                     struct hrv_buffer *out)
{
	int err = hrv_buffer_append_text(out, "try:\n"
	                                      "    import sys\n"
	                                      "    packages = ");

	if (err == 0 && (err = hrv_inject_quote(out, packages)) == 0 &&
	    (err = hrv_buffer_append_text(out, "\n    result = ")) == 0)
		err = hrv_inject_quote(out, injection->result);
	if (err == 0)
		err = hrv_buffer_append_text(out, "\n"
		                                  "    sys.path.insert(0, packages)\n"
		                                  "    try:\n"
		                                  "        from heartrate_shm import _attach\n"
		                                  "    finally:\n"
		                                  "        sys.path.remove(packages)\n"
		                                  "        sys.path_importer_cache.pop(packages, None)\n"
		                                  "    _attach.begin([");
	for (size_t i = 0; err == 0 && i < wish->pattern_count; i++)
		if ((err = hrv_inject_quote(out, wish->patterns[i])) == 0)
			err = hrv_buffer_append_text(out, ", ");
	if (err == 0)
		err = hrv_buffer_append_text(out, wish->every ? "], True, " : "], False, ");
	if (err == 0)
		err = wish->name ? hrv_inject_quote(out, wish->name) : hrv_buffer_append_text(out, "None");
	if (err == 0)
		err = hrv_buffer_append_text(
		        out, ", result)\n"
		             "except BaseException as error:\n"
		             "    import os\n"
		             "    with open(result + '.new', 'w', encoding='utf-8', errors='replace') as file:\n"
		             "        file.write('%s: %s' % (type(error).__name__, error))\n"
		             "    os.rename(result + '.new', result)\n");
	return err;
}

static void say_why_it_takes_long(uint32_t pid)
{
	if (hrv_process_is_stopped(pid))
		fprintf(stderr,
		        "hrview attach: process %" PRIu32
		        " is stopped by a signal; it begins when it goes on (kill -CONT)\n",
		        pid);
	else if (hrv_thread_state(pid, pid) == HR_RUN_SLEEPING)
		fprintf(stderr,
		        "hrview attach: process %" PRIu32 " waits in a system call (for input, a lock, a sleep); it "
		        "begins as soon as its main thread goes on\n",
		        pid);
	else
		fprintf(stderr,
		        "hrview attach: the main thread of process %" PRIu32 " is in C code; it begins as soon as "
		        "that returns\n",
		        pid);
}

/* Until the program has told how it went: 0 with its words. HR_EGONE: it has ended; HR_EAGAIN: one of `signals`, which
 * are blocked, asks for the end. */
static int await(const struct hrv_python *python, const struct hrv_injection *injection, uint64_t start_ticks,
                 const sigset_t *signals, char said[HRV_INJECT_WHY_BYTES])
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t begin = hrv_clock_ns(CLOCK_MONOTONIC), told_ns = 0, now_ticks;
	bool terminal = isatty(STDERR_FILENO), explained = false;
	int err = HR_EAGAIN;

	while ((err = hrv_inject_result(injection, said)) == HR_EAGAIN) {
		uint64_t waited = hrv_clock_ns(CLOCK_MONOTONIC) - begin;
		if (hrv_process_start(python->pid, &now_ticks) != 0 || now_ticks != start_ticks) {
			/* It may have told just before. */
			err = hrv_inject_result(injection, said) == 0 ? 0 : HR_EGONE;
			break;
		}
		if (waited >= PATIENCE_NS && !explained) {
			say_why_it_takes_long(python->pid);
			explained = true;
		}
		if (explained && terminal && waited - told_ns >= UINT64_C(1000000000)) {
			fprintf(stderr, "\rwaiting for %" PRIu64 " s, Ctrl-C gives up ", waited / 1000000000);
			told_ns = waited;
		}
		if (sigtimedwait(signals, NULL, &pause) > 0)
			break;
	}
	if (told_ns > 0)
		fputc('\n', stderr);
	return err;
}

/* The program has begun: its segment is there at once. */
static int await_segment(uint32_t pid)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t begin = hrv_clock_ns(CLOCK_MONOTONIC);

	while (!is_traced(pid)) {
		if (hrv_clock_ns(CLOCK_MONOTONIC) - begin > SEGMENT_NS)
			return hrv_fail("attach",
			                "process %" PRIu32
			                " says that it is traced, but its segment is not to be seen in " HR_SHM_DIR,
			                pid);
		nanosleep(&pause, NULL);
	}
	printf("process %" PRIu32 " is traced: `hrview %" PRIu32 "` or `hrview top %" PRIu32 "` shows it\n", pid, pid,
	       pid);
	return HRV_EXIT_OK;
}

static int attach(const struct wish *wish)
{
	struct hrv_python python;
	struct hrv_injection injection;
	struct hrv_buffer lines = {0};
	char packages[PATH_MAX], why[HRV_INJECT_WHY_BYTES] = "";
	uint64_t start_ticks = 0;
	sigset_t signals;
	int code = check(wish, &python, packages);

	if (code >= 0)
		return code;
	if (hrv_process_start(wish->pid, &start_ticks) != 0)
		return hrv_fail("attach", "process %" PRIu32 " has ended", wish->pid);
	/* From here on something lies about that must be cleaned up. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (hrv_inject_begin(&python, &injection, why) != 0)
		return hrv_fail("attach", "%s", why);
	int err = put_lines(wish, packages, &injection, &lines);
	if (err == 0)
		err = hrv_inject_ask(&python, packages, &injection, &lines, why);
	hrv_buffer_fini(&lines);
	if (err != 0) {
		hrv_inject_end(&injection, false);
		return err == HR_ENOMEM ? hrv_fail("attach", "%s", hr_err_text(err))
		                        : explain_refusal(&python, err, why);
	}
	err = await(&python, &injection, start_ticks, &signals, why);
	hrv_inject_end(&injection, err == HR_EAGAIN);
	if (err == HR_EGONE)
		return hrv_fail("attach", "process %" PRIu32 " has ended before it could be traced", wish->pid);
	if (err == HR_EAGAIN)
		return hrv_fail("attach", "given up; process %" PRIu32 " runs on untraced", wish->pid);
	if (why[0] != '\0') {
		char *printable = hrv_text_printable(hrv_text_of(why));
		hrv_fail("attach", "process %" PRIu32 " could not be traced: %s", wish->pid,
		         printable ? printable : "");
		free(printable);
		return HRV_EXIT_FAILED;
	}
	return await_segment(wish->pid);
}

int hrv_command_attach(int argc, char **argv)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'},
	                                        {"files", required_argument, NULL, 'f'},
	                                        {"name", required_argument, NULL, 'n'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	struct wish wish = {.patterns = calloc((size_t)argc, sizeof *wish.patterns)};
	int option, code;

	if (!wish.patterns)
		return hrv_fail("attach", "%s", hr_err_text(HR_ENOMEM));
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			wish.every = true;
			break;
		case 'f':
			wish.patterns[wish.pattern_count++] = optarg;
			break;
		case 'n':
			wish.name = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			free(wish.patterns);
			return HRV_EXIT_OK;
		default:
			free(wish.patterns);
			return hrv_fail_option("attach", option, argv);
		}
	}
	if (optind + 1 != argc)
		code = hrv_fail_usage("attach",
		                      optind == argc ? "which process? a pid is needed" : "one pid is enough");
	else if ((wish.pid = hrv_pid_parse(argv[optind])) == 0)
		code = hrv_fail_usage("attach", "%s is not a pid", argv[optind]);
	else if (wish.every && wish.pattern_count > 0)
		code = hrv_fail_usage("attach", "--all and --files: one of the two");
	else
		code = attach(&wish);
	free(wish.patterns);
	return code;
}
