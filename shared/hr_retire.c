/* hr_retire.c — see hr_retire.h.
 *
 * Owns the question which ended segments are worth keeping. A writer holds its segment's flock for life: who can
 * take the lock sees an ended one. Reads with pread() only, so that a truncated file cannot raise SIGBUS in a traced
 * program. */
#include "hr_retire.h"

#include "hr_layout.h"
#include "hr_name.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ended {
	char file_name[HR_NAME_BYTES];
	uint64_t last_life_ns; /* CLOCK_REALTIME of the last sign of life */
	uint64_t held_bytes;
};

struct ended_list {
	struct ended *items;
	size_t count, capacity;
};

static uint64_t timespec_ns(struct timespec time)
{
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* The tick stands still when the program ends, well or not, so it dates the end of both. */
static uint64_t last_life_ns(int fd, const struct stat *st)
{
	struct hr_header header;
	uint64_t tick;

	if (pread(fd, &header, sizeof header, 0) != sizeof header || header.magic != HR_MAGIC ||
	    header.major != HR_LAYOUT_MAJOR || header.control_off > (uint64_t)st->st_size ||
	    pread(fd, &tick, sizeof tick, (off_t)(header.control_off + offsetof(struct hr_control, tick))) !=
	            sizeof tick)
		return timespec_ns(st->st_ctim);
	return header.start_realtime_ns + tick * 1000000;
}

static bool unfinished_for_long(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - st->st_mtim.tv_sec > HR_RETIRE_UNFINISHED_S;
}

/* True with *out filled when `file_name` is a segment of this user's that has ended. */
static bool is_ended(int dir_fd, const char *file_name, struct ended *out)
{
	struct hr_name name;
	struct stat st;
	bool ended = false;

	if (hr_name_parse(file_name, &name) != 0 || name.uid != geteuid())
		return false;
	int fd = openat(dir_fd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		goto done;
	/* A young dot-name is left alone before its lock is touched: its maker is about to take it. */
	if (name.unfinished && !unfinished_for_long(&st))
		goto done;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		goto done;
	strcpy(out->file_name, file_name); /* it fits: hr_name_parse() took it */
	out->last_life_ns = name.unfinished ? 0 : last_life_ns(fd, &st);
	out->held_bytes = (uint64_t)st.st_blocks * 512;
	ended = true;
done:
	close(fd);
	return ended;
}

static bool list_add(struct ended_list *list, const struct ended *item)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct ended *items = realloc(list->items, capacity * sizeof *items);
		if (!items)
			return false;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *item;
	return true;
}

static int newest_first(const void *left, const void *right)
{
	const struct ended *a = left, *b = right;
	return (a->last_life_ns < b->last_life_ns) - (a->last_life_ns > b->last_life_ns);
}

void hr_retire_old(void)
{
	hr_retire_dir(HR_SHM_DIR);
}

void hr_retire_dir(const char *path)
{
	struct ended_list list = {0};
	uint64_t held_bytes = 0, kept = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct ended item;
		if (is_ended(dirfd(dir), entry->d_name, &item) && !list_add(&list, &item))
			break;
	}
	if (list.count > 0)
		qsort(list.items, list.count, sizeof *list.items, newest_first);
	for (size_t i = 0; i < list.count; i++) {
		const struct ended *item = &list.items[i];
		held_bytes += item->held_bytes;
		bool keep = item->file_name[0] != '.' &&
		            (kept == 0 || (kept < HR_RETIRE_KEEP_COUNT && held_bytes <= HR_RETIRE_KEEP_BYTES));
		if (keep)
			kept++;
		else
			unlinkat(dirfd(dir), item->file_name, 0);
	}
	free(list.items);
	closedir(dir);
}
