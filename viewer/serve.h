/* serve.h — serving a page until a signal comes: what `hrview` and `hrview replay` do. */
#ifndef HRV_SERVE_H
#define HRV_SERVE_H

#include "server.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

struct hrv_serve_settings {
	struct hrv_server_options server;
	bool open, reuse, background;
	uint32_t show, exit_with; /* pids, 0 none */
	int ready_fd;             /* 0 none */
};

#define HRV_SERVE_DEFAULTS                                                                                             \
	{                                                                                                              \
		.server = {.host = HRV_DEFAULT_HOST, .port = HRV_DEFAULT_PORT }                                        \
	}

/* For getopt_long(): what says where to serve, and to whom. */
#define HRV_SERVE_OPTIONS                                                                                              \
	{"host", required_argument, NULL, 'H'}, {"port", required_argument, NULL, 'p'},                                \
	        {"token", required_argument, NULL, 't'}, {"ready-fd", required_argument, NULL, 'f'},                   \
	{                                                                                                              \
		"open", no_argument, NULL, 'o'                                                                         \
	}

/* Takes one of those in, or "show" 's', "reuse" 'r', "background" 'b', "exit-with" 'e', "embed" 'm'. HRV_EXIT_USAGE:
 * its value is wrong, and a line on stderr says so. To be called while getopt_long() goes through the command line: a
 * token is made unreadable there. */
int hrv_serve_option(const char *command, int option, const char *value, struct hrv_serve_settings *settings);

/* Serves until SIGINT or SIGTERM comes and returns the exit code; the server's threads still run then, so that the
 * process must end by _exit(). */
int hrv_serve(const char *command, struct hrv_serve_settings *settings);

#endif
