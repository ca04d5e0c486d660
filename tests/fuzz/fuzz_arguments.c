/* fuzz_arguments.c — hrview's command line.
 *
 * The input is the arguments, a line each. Behind them there is nothing: no program is found, no process is there, no
 * address can be served (the functions below stand in for those that would look), so nothing is done. */
#include "browser.h"
#include "heap.h"
#include "hr_err.h"
#include "reuse.h"
#include "server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

static jmp_buf ended;
static int exit_code;

static _Noreturn void leave(int code)
{
	exit_code = code;
	longjmp(ended, 1);
}

#define main        hrview
#define _exit(code) leave(code)
int hrview(int argc, char **argv);
#include "main.c"
#undef main
#undef _exit

#define ARGUMENTS_MAX 32

/* What a command leaves to the process's end is no leak. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* ---- what is not there ---- */

struct hrv_catalog;
int __wrap_hrv_catalog_refresh(struct hrv_catalog *catalog);
int __wrap_hrv_process_start(uint32_t pid, uint64_t *ticks_out);

int __wrap_hrv_catalog_refresh(struct hrv_catalog *catalog)
{
	(void)catalog;
	errno = ENOENT;
	return HR_EIO;
}

int __wrap_hrv_process_start(uint32_t pid, uint64_t *ticks_out)
{
	(void)pid;
	(void)ticks_out;
	return HR_EGONE;
}

void hrv_heap_keep_small(char **argv)
{
	(void)argv;
}

int hrv_server_resolve(const char *host, struct hrv_server_address *out, char why[HRV_SERVER_WHY_BYTES])
{
	(void)out;
	snprintf(why, HRV_SERVER_WHY_BYTES, "--host %s: there is no network", host);
	return HR_EARG;
}

int hrv_server_start(const struct hrv_server_options *options, struct hrv_server_address *address,
                     char why[HRV_SERVER_WHY_BYTES])
{
	(void)options;
	(void)address;
	(void)why;
	abort();
}

bool hrv_reuse_is_possible(const struct hrv_server_address *address, uint32_t pid)
{
	(void)address;
	(void)pid;
	abort();
}

int hrv_browser_open(const char *url)
{
	(void)url;
	abort();
}

/* ---- the fuzzer ---- */

/* Not inlined: longjmp() finds what its caller had in registers as it was. */
__attribute__((noinline)) static void run(int argc, char **argv)
{
	optind = 0; /* glibc's getopt begins anew */
	if (setjmp(ended) == 0)
		hrview(argc, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	char *text = malloc(len_bytes + 1), *argv[ARGUMENTS_MAX + 2] = {(char[]){"hrview"}};
	int argc = 1;

	if (!text)
		abort();
	memcpy(text, bytes, len_bytes);
	text[len_bytes] = '\0';
	for (char *rest = text, *argument; argc <= ARGUMENTS_MAX && (argument = strsep(&rest, "\n"));)
		argv[argc++] = argument;
	run(argc, argv);
	if (exit_code < 0 || exit_code > 2)
		abort();
	free(text);
	return 0;
}
