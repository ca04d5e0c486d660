/* process.c — see process.h. */
#include "process.h"

#include "hr_boot.h"
#include "hr_err.h"
#include "hr_layout.h"

#include <dirent.h>
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

#define STAT_BYTES 1024

static int read_stat_at(const char *path, char text[STAT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? HR_EGONE : HR_EIO;
	ssize_t n = read(fd, text, STAT_BYTES - 1);
	int saved = errno;
	close(fd);
	if (n < 0)
		return saved == ESRCH ? HR_EGONE : HR_EIO;
	text[n] = '\0';
	return 0;
}

static int read_stat(uint32_t pid, char text[STAT_BYTES])
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
	return read_stat_at(path, text);
}

int hrv_process_start(uint32_t pid, uint64_t *ticks_out)
{
	char text[STAT_BYTES];
	int err = read_stat(pid, text);

	if (err != 0)
		return err;
	const char *state = field(text, FIELD_STATE), *threads = field(text, FIELD_THREADS);
	const char *start = field(text, FIELD_START);
	if (!start)
		return HR_EIO;
	/* A zombie whose main thread alone has ended still runs its others. */
	if ((*state == 'Z' || *state == 'X') && atol(threads) <= 1)
		return HR_EGONE;
	*ticks_out = hr_boot_ticks(strtoull(start, NULL, 10));
	return 0;
}

bool hrv_process_is_stopped(uint32_t pid)
{
	char text[STAT_BYTES];
	const char *state = read_stat(pid, text) == 0 ? field(text, FIELD_STATE) : NULL;

	return state && (*state == 'T' || *state == 't');
}

uint32_t hrv_thread_state(uint32_t pid, uint64_t tid)
{
	char path[80], text[STAT_BYTES];

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task/%" PRIu64 "/stat", pid, tid);
	const char *state = read_stat_at(path, text) == 0 ? field(text, FIELD_STATE) : NULL;
	switch (state ? *state : '\0') {
	case 'R':
		return HR_RUN_RUNNING;
	case 'S':
	case 'D':
	case 'I':
		return HR_RUN_SLEEPING;
	case 'T':
	case 't':
		return HR_RUN_STOPPED;
	default:
		return HR_RUN_UNKNOWN;
	}
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

bool hrv_process_sees_our_files(uint32_t pid)
{
	static const char *const things[] = {"root/.", "ns/mnt"};
	char path[64];
	struct stat ours, theirs;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/%" PRIu32 "/%s", pid, things[i]);
		if (stat(path, &theirs) != 0)
			return true;
		snprintf(path, sizeof path, "/proc/self/%s", things[i]);
		if (stat(path, &ours) != 0 || ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
			return false;
	}
	return true;
}

uint64_t hrv_process_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

/* Its pid in the innermost of its pid namespaces: the last number of the line NSpid in /proc/PID/status. 0 unknown. */
static uint32_t innermost_pid(uint32_t pid)
{
	char path[64], line[512];
	uint32_t innermost = 0;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/status", pid);
	FILE *status = fopen(path, "re");
	if (!status)
		return 0;
	while (innermost == 0 && fgets(line, sizeof line, status)) {
		const char *last = strncmp(line, "NSpid:", 6) == 0 ? strrchr(line, '\t') : NULL;
		if (last)
			innermost = (uint32_t)strtoul(last, NULL, 10);
	}
	fclose(status);
	return innermost;
}

bool hrv_process_is(uint32_t pid, const struct hrv_process_id *id)
{
	char path[64];
	struct stat ns;
	uint64_t start_ticks;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/ns/pid", pid);
	return stat(path, &ns) == 0 && ns.st_ino == id->pidns_inode && innermost_pid(pid) == id->pid &&
	       hrv_process_start(pid, &start_ticks) == 0 && (id->start_ticks == 0 || id->start_ticks == start_ticks);
}

int hrv_process_each(int (*visit)(void *arg, uint32_t pid), void *arg)
{
	DIR *proc = opendir("/proc");
	int result = 0;

	if (!proc)
		return 0;
	for (struct dirent *entry; result == 0 && (entry = readdir(proc));)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			result = visit(arg, (uint32_t)strtoul(entry->d_name, NULL, 10));
	closedir(proc);
	return result;
}

int hrv_process_uid_here(uint32_t pid, uint32_t uid, uid_t *out)
{
	char path[64];
	uint32_t there, here, count;
	int err = HR_EGONE;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/uid_map", pid);
	FILE *map = fopen(path, "re");
	if (!map)
		return HR_EGONE;
	while (err != 0 && fscanf(map, "%" SCNu32 " %" SCNu32 " %" SCNu32, &there, &here, &count) == 3) {
		if (uid >= there && uid - there < count) {
			*out = here + (uid - there);
			err = 0;
		}
	}
	fclose(map);
	return err;
}
