/* main.c — hrview: options and subcommands. */
#include "command.h"
#include "heap.h"
#include "hr_layout.h"
#include "serve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
        {"list", "your traced programs", hrv_command_list},
        {"dump", "counts and stacks of one, for people and in formats of other tools", hrv_command_dump},
        {"diff", "which lines of two were hit more or less often", hrv_command_diff},
        {"record", "what a program does from now on, into a file", hrv_command_record},
        {"replay", "the page of such a file", hrv_command_replay},
        {"top", "the hottest lines and the threads of one, in the terminal", hrv_command_top},
        {"attach", "a program that runs already is traced from now on", hrv_command_attach},
        {"clean", "removes what ended programs have left", hrv_command_clean},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

/* The shells' completions (viewer/completion) read this and each command's help: a line that begins with two blanks is
 * a command or an option with its value, and two blanks end that. */
static const char usage[] =
        "usage: hrview [PID|NAME] [options]\n"
        "       hrview COMMAND ...\n"
        "\n"
        "Serves a page that shows your Python programs running: those that called heartrate_shm.trace() or were\n"
        "started with `python -m heartrate_shm`. With PID or NAME only that one. Prints the page's address.\n"
        "\n"
        "Commands, each with --help:\n";

static const char help[] =
        "\n"
        "  --host H       address to serve on (default 127.0.0.1). Another than this machine's own loopback needs a\n"
        "                 token; one is made and printed in the address unless --token gives it\n"
        "  --port N       port (default 9999); 0 takes any free one\n"
        "  --token T      lets in who has it, besides you\n"
        "  --ready-fd N   writes the address to descriptor N once the page is served, and closes it: for scripts\n"
        "  --open         shows the page in a browser\n"
        "  --show PID     the program that --open shows\n"
        "  --reuse        an hrview of yours that is on the port already will do\n"
        "  --background   returns once the page is served, with the address on standard error; hrview goes on without\n"
        "                 the terminal. What leads a session of its own already just lets go of its terminal\n"
        "  --exit-with PID  ends when that process ends\n"
        "  --embed        pages of this machine (localhost and 127.0.0.1, any port) may show this one in a frame: "
        "what\n"
        "                 %%heartrate in a notebook does\n"
        "  --version      version, and which segment layout it reads\n"
        "  --help         this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

static void print_help(void)
{
	fputs(usage, stdout);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-13s  %s\n", commands[i].name, commands[i].summary);
	fputs(help, stdout);
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct hrv_serve_settings *settings)
{
	static const struct option options[] = {
	        HRV_SERVE_OPTIONS,
	        {"show", required_argument, NULL, 's'},
	        {"reuse", no_argument, NULL, 'r'},
	        {"background", no_argument, NULL, 'b'},
	        {"exit-with", required_argument, NULL, 'e'},
	        {"embed", no_argument, NULL, 'm'},
	        {"version", no_argument, NULL, 'v'},
	        {"help", no_argument, NULL, 'h'},
	        {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'v':
			printf("hrview %s, reads segment layout %d\n", HR_VERSION, HR_LAYOUT_MAJOR);
			return HRV_EXIT_OK;
		case 'h':
			print_help();
			return HRV_EXIT_OK;
		case '?':
		case ':':
			return hrv_fail_option("", option, argv);
		default:
			if (hrv_serve_option("", option, optarg, settings) != HRV_EXIT_OK)
				return HRV_EXIT_USAGE;
		}
	}
	if (optind + 1 < argc)
		return hrv_fail_usage("", "what is %s? one PID or NAME is enough", argv[optind + 1]);
	if (optind < argc)
		settings->server.only = argv[optind];
	return -1;
}

int main(int argc, char **argv)
{
	struct hrv_serve_settings settings = HRV_SERVE_DEFAULTS;
	int (*run)(int, char **) = NULL;
	int code;

	for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			run = commands[i].run;
	if (!run || run == hrv_command_replay) /* what serves */
		hrv_heap_keep_small(argv);
	if (run) {
		code = run(argc - 1, argv + 1);
	} else {
		code = parse(argc, argv, &settings);
		if (code < 0)
			code = hrv_serve("", &settings);
	}
	/* Not exit(): the server's threads still run (server.c). */
	fflush(stdout);
	_exit(code);
}
