/* elsewhere.c — see elsewhere.h. */
#define _GNU_SOURCE /* O_PATH */
#include "elsewhere.h"

#include "buffer.h"
#include "clock.h"
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- other pid namespaces ---- */

/* A process of another pid namespace than ours. */
struct neighbour {
	ino_t pidns;
	uint32_t pid;
	dev_t device; /* of its /dev/shm; 0: it is ours, or one that another neighbour shows already */
};

/* One look at all processes for all connections of an hrview; 0.8 ms for 130 of them, half a percent of a core at most.
 */
#define SCAN_AGE_NS UINT64_C(200000000) /* programs appear within half a second of trace() */
#define SCAN_REST   200                 /* times as long as it took */

static struct {
	pthread_mutex_t lock;
	struct hrv_buffer neighbours; /* struct neighbour */
	uint64_t next_ns;             /* when to look again, CLOCK_MONOTONIC; 0 never looked */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct neighbour *neighbours_of(const struct hrv_buffer *neighbours, size_t *count)
{
	*count = neighbours->len_bytes / sizeof(struct neighbour);
	return (const struct neighbour *)neighbours->bytes;
}

static ino_t pidns_of(uint32_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/ns/pid", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The /dev/shm that process `pid` sees, or -1. It is opened anew each time: a descriptor that is kept would keep the
 * files of a container that has ended. No link of the container's leads us anywhere: each step is opened by itself. */
static int open_shm(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/root", pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dev = root >= 0 ? openat(root, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int shm = dev >= 0 ? openat(dev, "shm", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (dev >= 0)
		close(dev);
	if (root >= 0)
		close(root);
	return shm;
}

static bool is_new(const struct hrv_buffer *neighbours, dev_t device)
{
	size_t count;
	const struct neighbour *neighbour = neighbours_of(neighbours, &count);
	struct stat own;

	for (size_t i = 0; i < count; i++)
		if (neighbour[i].device == device)
			return false;
	return stat(HR_SHM_DIR, &own) != 0 || own.st_dev != device;
}

static int look_into(void *arg, uint32_t pid)
{
	struct hrv_buffer *neighbours = arg;
	struct neighbour neighbour = {.pidns = pidns_of(pid), .pid = pid};
	struct stat st;

	if (neighbour.pidns == 0 || neighbour.pidns == hrv_process_pidns())
		return 0;
	int shm = open_shm(pid);
	if (shm >= 0 && fstat(shm, &st) == 0 && is_new(neighbours, st.st_dev))
		neighbour.device = st.st_dev;
	if (shm >= 0)
		close(shm);
	return hrv_buffer_append(neighbours, &neighbour, sizeof neighbour);
}

/* Has a process by which we know a /dev/shm gone? Another of the container may be there. */
static bool are_stale(const struct hrv_buffer *neighbours)
{
	size_t count;
	const struct neighbour *neighbour = neighbours_of(neighbours, &count);

	for (size_t i = 0; i < count; i++)
		if (neighbour[i].device != 0 && pidns_of(neighbour[i].pid) != neighbour[i].pidns)
			return true;
	return false;
}

/* A copy of what is known, after a look at all processes when it is time for one. */
static int copy_neighbours(struct hrv_buffer *out)
{
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC);
	int err = 0;

	pthread_mutex_lock(&known.lock);
	if (now >= known.next_ns || are_stale(&known.neighbours)) {
		uint64_t start = hrv_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		known.neighbours.len_bytes = 0;
		err = hrv_process_each(look_into, &known.neighbours);
		uint64_t rest = SCAN_REST * (hrv_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start);
		known.next_ns = now + (rest > SCAN_AGE_NS ? rest : SCAN_AGE_NS);
	}
	if (err == 0)
		err = hrv_buffer_append(out, known.neighbours.bytes, known.neighbours.len_bytes);
	pthread_mutex_unlock(&known.lock);
	return err;
}

int hrv_containers_each(int (*visit)(void *arg, const struct hrv_container *container), void *arg)
{
	struct hrv_buffer neighbours = {0};
	int err = hrv_process_pidns() != 0 ? copy_neighbours(&neighbours) : 0;
	size_t count;
	const struct neighbour *neighbour = neighbours_of(&neighbours, &count);

	for (size_t i = 0; err == 0 && i < count; i++) {
		if (neighbour[i].device == 0)
			continue;
		const struct hrv_container container = {.shm_fd = open_shm(neighbour[i].pid), .pid = neighbour[i].pid};
		if (container.shm_fd < 0)
			continue;
		err = visit(arg, &container);
		close(container.shm_fd);
	}
	hrv_buffer_fini(&neighbours);
	return err;
}

uint32_t hrv_neighbour_find(const struct hrv_process_id *id)
{
	struct hrv_buffer neighbours = {0};
	int err = copy_neighbours(&neighbours);
	size_t count;
	const struct neighbour *neighbour = neighbours_of(&neighbours, &count);
	uint32_t found = 0;

	for (size_t i = 0; err == 0 && found == 0 && i < count; i++)
		if (neighbour[i].pidns == id->pidns_inode && hrv_process_is(neighbour[i].pid, id))
			found = neighbour[i].pid;
	hrv_buffer_fini(&neighbours);
	return found;
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
