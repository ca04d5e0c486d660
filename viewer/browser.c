/* browser.c — see browser.h. */
#define _GNU_SOURCE /* POSIX_SPAWN_SETSID */
#include "browser.h"

#include "hr_err.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

/* What we ignore or block must not be ignored or blocked there. */
static void prepare(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions)
{
	sigset_t none, reset;

	sigemptyset(&none);
	sigemptyset(&reset);
	sigaddset(&reset, SIGPIPE);
	sigaddset(&reset, SIGHUP);
	sigaddset(&reset, SIGCHLD);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &reset);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
}

int hrv_browser_open(const char *url)
{
	const char *const candidates[] = {getenv("BROWSER"), "xdg-open", "sensible-browser", "x-www-browser"};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = HR_EGONE;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	prepare(&attributes, &actions);
	for (size_t i = 0; err != 0 && i < sizeof candidates / sizeof *candidates; i++) {
		char *argv[] = {(char *)candidates[i], (char *)url, NULL};
		pid_t pid;
		if (candidates[i] && candidates[i][0] &&
		    posix_spawnp(&pid, candidates[i], &actions, &attributes, argv, environ) == 0)
			err = 0;
	}
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}
