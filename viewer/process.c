/* process.c — see process.h. */
#include "process.h"

#include "hr_err.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* proc(5) counts from 1; field 3 is the first behind the command's name, which may hold blanks and parentheses. */
enum { FIELD_STATE = 3, FIELD_THREADS = 20, FIELD_START = 22 };

static const char *field(const char *stat_text, int number)
{
	const char *at = strrchr(stat_text, ')');

	for (int n = FIELD_STATE - 1; at && n < number; n++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at;
}

int hrv_process_start(uint32_t pid, uint64_t *ticks_out)
{
	char path[64], text[1024];

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? HR_EGONE : HR_EIO;
	ssize_t n = read(fd, text, sizeof text - 1);
	int saved = errno;
	close(fd);
	if (n < 0)
		return saved == ESRCH ? HR_EGONE : HR_EIO;
	text[n] = '\0';
	const char *state = field(text, FIELD_STATE), *threads = field(text, FIELD_THREADS);
	const char *start = field(text, FIELD_START);
	if (!start)
		return HR_EIO;
	/* A zombie whose main thread alone has ended still runs its others. */
	if ((*state == 'Z' || *state == 'X') && atol(threads) <= 1)
		return HR_EGONE;
	*ticks_out = strtoull(start, NULL, 10);
	return 0;
}

int hrv_process_owner(uint32_t pid, uid_t *out)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%" PRIu32, pid);
	if (stat(path, &st) != 0)
		return HR_EGONE;
	*out = st.st_uid;
	return 0;
}

bool hrv_process_maps(uint32_t pid, const char *path_prefix)
{
	char path[64], *line = NULL;
	size_t capacity = 0, prefix_bytes = strlen(path_prefix);
	bool found = false;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return false;
	while (!found && getline(&line, &capacity, maps) > 0) {
		const char *mapped = strchr(line, '/'); /* the first one begins the path */
		found = mapped && strncmp(mapped, path_prefix, prefix_bytes) == 0;
	}
	free(line);
	fclose(maps);
	return found;
}

uint64_t hrv_process_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}
