/* cmd_clean.c — `hrview clean`: removes what ended programs of this user have left. */
#include "command.h"
#include "discover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
        "usage: hrview clean\n"
        "\n"
        "Removes the segments that your ended programs have left in " HR_SHM_DIR ". What lives stays.\n"
        "\n"
        "  --help  this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

/* A segment that cannot be read may be that of a living program of another version: its lock tells. */
static bool is_locked(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) != 0;
}

/* True when it was removed; its memory is added up. */
static bool remove_ended(int dir_fd, const struct hrv_program *program, uint64_t *bytes)
{
	struct stat st;

	if (program->id.uid != geteuid() || hrv_program_lives(program))
		return false;
	int fd = openat(dir_fd, program->file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool removed = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	               !(program->life == HRV_CORRUPT && is_locked(fd)) && unlinkat(dir_fd, program->file_name, 0) == 0;
	if (removed)
		*bytes += (uint64_t)st.st_blocks * 512;
	close(fd);
	return removed;
}

int hrv_command_clean(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_catalog catalog = {0};
	uint64_t bytes = 0;
	size_t count = 0;
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option != 'h')
			return hrv_fail_option("clean", option, argv);
		fputs(help, stdout);
		return HRV_EXIT_OK;
	}
	if (optind < argc)
		return hrv_fail_usage("clean", "what is %s?", argv[optind]);
	if (hrv_catalog_look("clean", &catalog) != 0)
		return HRV_EXIT_FAILED;
	int dir_fd = open(HR_SHM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return hrv_fail("clean", HR_SHM_DIR ": %s", strerror(errno));
	for (size_t i = 0; i < catalog.count; i++)
		count += remove_ended(dir_fd, catalog.programs[i], &bytes);
	close(dir_fd);
	hrv_catalog_fini(&catalog);
	printf("%zu ended program%s removed, %.1f MB\n", count, count == 1 ? "" : "s", (double)bytes / 1e6);
	return HRV_EXIT_OK;
}
