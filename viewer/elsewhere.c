/* elsewhere.c — see elsewhere.h. */
#define _GNU_SOURCE /* O_PATH */
#include "elsewhere.h"

#include "buffer.h"
#include "hr_err.h"
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- containers ---- */

struct containers {
	int (*visit)(void *arg, const struct hrv_container *container);
	void *arg;
	uint64_t pidns;         /* ours */
	struct hrv_buffer seen; /* dev_t: ours, and those visited */
};

static bool is_seen(const struct containers *containers, dev_t device)
{
	const dev_t *seen = (const dev_t *)containers->seen.bytes;

	for (size_t i = 0; i < containers->seen.len_bytes / sizeof *seen; i++)
		if (seen[i] == device)
			return true;
	return false;
}

static int look_into(void *arg, uint32_t pid)
{
	struct containers *containers = arg;
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/ns/pid", pid);
	if (stat(path, &st) != 0 || st.st_ino == containers->pidns)
		return 0;
	/* No link of the container's leads us anywhere: each step is opened by itself. */
	snprintf(path, sizeof path, "/proc/%" PRIu32 "/root", pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dev = root >= 0 ? openat(root, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int shm = dev >= 0 ? openat(dev, "shm", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int err = 0;
	if (shm >= 0 && fstat(shm, &st) == 0 && !is_seen(containers, st.st_dev)) {
		const struct hrv_container container = {.shm_fd = shm, .pid = pid};
		err = hrv_buffer_append(&containers->seen, &st.st_dev, sizeof st.st_dev);
		if (err == 0)
			err = containers->visit(containers->arg, &container);
	}
	if (shm >= 0)
		close(shm);
	if (dev >= 0)
		close(dev);
	if (root >= 0)
		close(root);
	return err;
}

int hrv_containers_each(int (*visit)(void *arg, const struct hrv_container *container), void *arg)
{
	struct containers containers = {.visit = visit, .arg = arg, .pidns = hrv_process_pidns()};
	struct stat own;
	int err = 0;

	if (containers.pidns == 0)
		return 0;
	if (stat(HR_SHM_DIR, &own) == 0)
		err = hrv_buffer_append(&containers.seen, &own.st_dev, sizeof own.st_dev);
	if (err == 0)
		err = hrv_process_each(look_into, &containers);
	hrv_buffer_fini(&containers.seen);
	return err;
}

/* ---- segments without a name ---- */

#define SAMPLER_NAME "heartrate_shm\n" /* tracer/sampler.c */

struct unnamed {
	int (*visit)(void *arg, const struct hrv_unnamed *unnamed);
	void *arg;
};

/* Reading maps costs up to a millisecond a process, the names of its threads some microseconds. */
static bool has_sampler(uint32_t pid)
{
	char path[64], name[32];
	bool found = false;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(tasks));) {
		snprintf(path, sizeof path, "%.20s/comm", entry->d_name);
		int fd = entry->d_name[0] == '.' ? -1 : openat(dirfd(tasks), path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, name, sizeof name - 1) : 0;
		if (fd >= 0)
			close(fd);
		name[n > 0 ? n : 0] = '\0';
		found = strcmp(name, SAMPLER_NAME) == 0;
	}
	closedir(tasks);
	return found;
}

/* A line of maps(5) that maps a removed segment from its beginning: its range "START-END", and the name. */
static bool parse_mapping(const char *line, char range[40], char file_name[HR_NAME_BYTES])
{
	static const char prefix[] = HR_SHM_DIR "/", suffix[] = " (deleted)\n";
	const char *path = strchr(line, '/'), *end = path ? strstr(path, suffix) : NULL;
	unsigned long long offset;

	if (!end || strncmp(path, prefix, sizeof prefix - 1) != 0 ||
	    sscanf(line, "%39s %*s %llx", range, &offset) != 2 || offset != 0)
		return false;
	path += sizeof prefix - 1;
	if (end - path >= HR_NAME_BYTES)
		return false;
	memcpy(file_name, path, (size_t)(end - path));
	file_name[end - path] = '\0';
	return true;
}

static int look_at_maps(void *arg, uint32_t pid)
{
	const struct unnamed *unnamed = arg;
	char path[96], range[40], *line = NULL;
	size_t capacity = 0;
	uid_t owner;
	int err = 0;

	if (hrv_process_owner(pid, &owner) != 0 || (owner != geteuid() && geteuid() != 0) || !has_sampler(pid))
		return 0;
	snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (err == 0 && getline(&line, &capacity, maps) > 0) {
		struct hrv_unnamed found = {.pid = pid};
		struct hr_name name;
		if (!parse_mapping(line, range, found.file_name) || hr_name_parse(found.file_name, &name) != 0 ||
		    name.unfinished)
			continue;
		snprintf(path, sizeof path, "/proc/%" PRIu32 "/map_files/%s", pid, range);
		found.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		err = unnamed->visit(unnamed->arg, &found);
	}
	free(line);
	fclose(maps);
	return err;
}

int hrv_unnamed_each(int (*visit)(void *arg, const struct hrv_unnamed *unnamed), void *arg)
{
	struct unnamed unnamed = {visit, arg};

	return hrv_process_each(look_at_maps, &unnamed);
}
