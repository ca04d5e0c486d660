/* scratch.c — see scratch.h. */
#define _GNU_SOURCE
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PID      4711u
#define INSTANCE UINT64_C(0x1122334455667788)

static struct scratch scratch = {.dir_fd = -1, .file_fd = -1};
static char dir[] = HR_SHM_DIR "/hr_fuzz_XXXXXX"; /* mkdtemp() puts its own in place of the Xs */

static void clear_away(void)
{
	unlinkat(scratch.dir_fd, scratch.file_name, 0);
	rmdir(dir);
}

const struct scratch *scratch_get(void)
{
	struct hr_name name = {.uid = geteuid(), .pid = PID, .instance = INSTANCE};

	if (scratch.file_fd >= 0)
		return &scratch;
	hr_name_format(&name, scratch.file_name);
	if (!mkdtemp(dir) || (scratch.dir_fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    (scratch.file_fd = openat(scratch.dir_fd, scratch.file_name, O_RDWR | O_CREAT | O_EXCL, 0600)) < 0) {
		perror(dir);
		exit(1);
	}
	atexit(clear_away);
	return &scratch;
}

void scratch_put(const void *bytes, size_t len_bytes, size_t off)
{
	if (pwrite(scratch.file_fd, bytes, len_bytes, (off_t)off) != (ssize_t)len_bytes)
		abort();
}

void scratch_put_right(struct hr_header *header)
{
	header->uid = geteuid();
	header->pid = PID;
	header->instance = INSTANCE;
}
