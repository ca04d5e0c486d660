/* serve.c — see serve.h. */
#include "serve.h"

#include "access.h"
#include "browser.h"
#include "command.h"
#include "discover.h"
#include "hr_err.h"
#include "hr_retire.h"
#include "process.h"
#include "reuse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int hrv_serve_option(const char *command, int option, const char *value, struct hrv_serve_settings *settings)
{
	unsigned long number;

	switch (option) {
	case 'H':
		settings->server.host = value;
		break;
	case 'p':
		if (hrv_number_parse(command, "port", value, 0, UINT16_MAX, &number) != 0)
			return HRV_EXIT_USAGE;
		settings->server.port = (uint16_t)number;
		break;
	case 't':
		if (!hrv_token_is_usable(value))
			return hrv_fail_usage(command, "--token: letters, digits and -_.~ only, at least one");
		settings->server.token = strdup(value);
		if (!settings->server.token)
			return hrv_fail(command, "out of memory");
		memset(optarg, 'x', strlen(optarg)); /* everybody may read command lines (ps) */
		break;
	case 'f':
		if (hrv_number_parse(command, "ready-fd", value, 1, INT_MAX, &number) != 0)
			return HRV_EXIT_USAGE;
		settings->ready_fd = (int)number;
		/* Who waits for its end does not wait for a browser's. */
		if (number > STDERR_FILENO && fcntl(settings->ready_fd, F_SETFD, FD_CLOEXEC) != 0)
			return hrv_fail_usage(command, "--ready-fd %s: no such descriptor is open", value);
		break;
	case 'o':
		settings->open = true;
		break;
	case 's':
		if (hrv_number_parse(command, "show", value, 0, INT32_MAX, &number) != 0)
			return HRV_EXIT_USAGE;
		settings->show = (uint32_t)number;
		break;
	case 'r':
		settings->reuse = true;
		break;
	case 'm':
		settings->server.embed = true;
		break;
	case 'b':
		settings->background = true;
		break;
	case 'e':
		if (hrv_number_parse(command, "exit-with", value, 0, INT32_MAX, &number) != 0)
			return HRV_EXIT_USAGE;
		settings->exit_with = (uint32_t)number;
		break;
	}
	return HRV_EXIT_OK;
}

/* ---- what to serve and show ---- */

/* The program that was named must be there when hrview starts. */
static int check_program(const char *what)
{
	struct hrv_catalog catalog = {0};
	struct hrv_program *program;
	char why[HRV_FIND_WHY_BYTES];
	int err = hrv_catalog_look("", &catalog);

	if (err == 0 && (err = hrv_catalog_find(&catalog, what, &program, why)) != 0)
		hrv_fail("", "%s", why);
	hrv_catalog_fini(&catalog);
	return err;
}

/* "http://127.0.0.1:9999/": where people find it. Every address at once has none: the machine's name stands for it. */
static void format_url(const struct hrv_server_address *address, const char *token, char *out, size_t out_bytes)
{
	char host[256];

	snprintf(host, sizeof host, strchr(address->host, ':') ? "[%s]" : "%s", address->host);
	if (strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0) {
		gethostname(host, sizeof host - 1);
		host[sizeof host - 1] = '\0';
	}
	snprintf(out, out_bytes, "http://%s:%u/%s%s", host, address->port, token ? "?token=" : "", token ? token : "");
}

/* Appends the place of the program that is to be shown (web/src/route.ts), if it is there. */
static void add_place(uint32_t pid, char *url, size_t url_bytes)
{
	struct hrv_catalog catalog = {0};
	struct hrv_program *program;
	char why[HRV_FIND_WHY_BYTES], text[16];
	size_t used = strlen(url);

	snprintf(text, sizeof text, "%" PRIu32, pid);
	if (hrv_catalog_refresh(&catalog) == 0 && hrv_catalog_find(&catalog, text, &program, why) == 0)
		snprintf(url + used, url_bytes - used, "#/p/%016" PRIx64, program->id.instance);
	hrv_catalog_fini(&catalog);
}

/* Who reads there gets the address and then the end. */
static void tell_ready(int fd, const char *url)
{
	if (fd == 0)
		return;
	dprintf(fd, "%s\n", url);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void show(const struct hrv_serve_settings *settings, const char *url)
{
	char place[512];

	if (!settings->open)
		return;
	snprintf(place, sizeof place, "%s", url);
	if (settings->show != 0)
		add_place(settings->show, place, sizeof place);
	if (hrv_browser_open(place) != 0)
		hrv_fail("", "no browser was found (xdg-open is what most have); open %s yourself", place);
}

/* ---- background ---- */

/* Goes on in a child; the parent stays until detach() in it, or its end, and returns the exit code. -1: this is the
 * child, *ready is for detach(); or nobody waits for us, and no child is needed: so trace() starts us. Before any
 * thread is started. */
static int into_background(int *ready)
{
	int ends[2];
	char byte;

	if (getsid(0) == getpid())
		return -1;
	if (pipe(ends) != 0)
		return hrv_fail("", "cannot go into the background: %s", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		return hrv_fail("", "cannot go into the background: %s", strerror(errno));
	if (pid > 0) {
		close(ends[1]);
		return read(ends[0], &byte, 1) == 1 ? HRV_EXIT_OK : HRV_EXIT_FAILED;
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	setsid();
	*ready = ends[1];
	return -1;
}

/* Lets go of the terminal: whoever reads our output sees its end. */
static void detach(int ready)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (ready >= 0) {
		ssize_t told = write(ready, "", 1);
		(void)told; /* when the parent is gone nobody waits for the news */
		close(ready);
	}
}

/* ---- serving ---- */

static bool has_ended(uint32_t pid, uint64_t start_ticks)
{
	uint64_t now;

	return hrv_process_start(pid, &now) == HR_EGONE || (start_ticks != 0 && now != start_ticks);
}

/* Until SIGINT or SIGTERM comes, or the process that we go with has ended. */
static void wait_for_end(const sigset_t *signals, uint32_t pid)
{
	const struct timespec half_a_second = {.tv_nsec = 500000000};
	uint64_t start_ticks = 0;

	if (pid != 0 && hrv_process_start(pid, &start_ticks) != 0)
		return;
	for (;;) {
		int signal = pid ? sigtimedwait(signals, NULL, &half_a_second) : sigwaitinfo(signals, NULL);
		if (signal > 0 || (pid != 0 && has_ended(pid, start_ticks)))
			return;
	}
}

int hrv_serve(const char *command, struct hrv_serve_settings *settings)
{
	static char made_token[HRV_TOKEN_BYTES];
	struct hrv_server_address address;
	char why[HRV_SERVER_WHY_BYTES], url[512];
	sigset_t signals;
	int ready = -1;

	if (hrv_server_resolve(settings->server.host, &address, why) != 0)
		return hrv_fail_usage(command, "%s", why);
	address.port = settings->server.port;
	if (settings->server.only && check_program(settings->server.only) != 0)
		return HRV_EXIT_FAILED;
	if (!address.loopback && !settings->server.token) {
		if (hrv_token_make(made_token) != 0)
			return hrv_fail(command, "the system has no random numbers for a token");
		settings->server.token = made_token;
	}
	if (settings->background) {
		int code = into_background(&ready);
		if (code >= 0)
			return code;
	}
	hr_retire_old();
	if (!settings->open) /* a browser may have a sandbox that needs more rights than ours */
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	/* Before the server's threads are there, which inherit it. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* browsers are nobody's children */

	int err = hrv_server_start(&settings->server, &address, why);
	bool is_ours = err == HR_EEXIST && hrv_reuse_is_possible(&address, settings->reuse ? settings->show : 0);
	bool reused = is_ours && settings->reuse;
	if (is_ours && !reused) {
		format_url(&address, NULL, url, sizeof url);
		return hrv_fail(command,
		                "an hrview of yours serves %s already: open that, or give another port with --port N",
		                url);
	}
	if (err != 0 && !reused)
		return hrv_fail(command, "%s", why);
	format_url(&address, settings->server.token, url, sizeof url);
	fprintf(settings->background ? stderr : stdout, "%s\n", url);
	fflush(stdout);
	tell_ready(settings->ready_fd, url);
	show(settings, url);
	if (settings->background)
		detach(ready);
	if (!reused)
		wait_for_end(&signals, settings->exit_with);
	return HRV_EXIT_OK;
}
