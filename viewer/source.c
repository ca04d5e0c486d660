/* source.c — see source.h. */
#define _GNU_SOURCE /* O_PATH */
#include "source.h"

#include "encoding.h"
#include "hr_err.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int refuse(int err, char why[HRV_SOURCE_WHY_BYTES], const char *format,
                                                        ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, HRV_SOURCE_WHY_BYTES, format, args);
	va_end(args);
	return err;
}

/* ---- whose files ---- */

/* The root directory that a program's paths begin at, and who looks. */
struct root {
	int fd;       /* O_PATH */
	bool foreign; /* not ours: a container's */
	uid_t uid;    /* the program's user, as seen from here */
	gid_t gid;    /* its group; with a foreign root only */
};

/* Through process `pid`, which must be the program, or see the segment where the program has it: a pid may be given
 * again. */
static int open_root_of(struct hrv_reader *reader, uint32_t pid, bool is_program, struct root *out)
{
	const struct hr_header *header = hrv_reader_header(reader);
	char path[64];
	struct stat process, shm;
	uint64_t start_ticks;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/root", pid);
	out->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0)
		return errno == EACCES || errno == EPERM ? HR_EPERM : HR_EGONE;
	snprintf(path, sizeof path, "/proc/%" PRIu32, pid);
	bool right = stat(path, &process) == 0 &&
	             (is_program ? hrv_process_start(pid, &start_ticks) == 0 && start_ticks == header->start_ticks
	                         : fstatat(out->fd, "dev/shm", &shm, AT_SYMLINK_NOFOLLOW) == 0 &&
	                                   shm.st_dev == hrv_reader_device(reader));
	if (!right) {
		close(out->fd);
		return HR_EGONE;
	}
	out->foreign = true;
	out->gid = process.st_gid;
	return 0;
}

/* The root of the program's paths: ours, but for a program in a container, or with a root of its own. */
static int open_root(struct hrv_reader *reader, const char *path, struct root *out, char why[HRV_SOURCE_WHY_BYTES])
{
	uint32_t pid = hrv_reader_pid(reader), neighbour = hrv_reader_neighbour(reader);
	bool elsewhere = hrv_reader_is_elsewhere(reader);
	int err = HR_EGONE;

	*out = (struct root){.uid = hrv_reader_owner(reader)};
	if (!elsewhere && (pid == 0 || hrv_process_sees_our_files(pid))) {
		out->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return out->fd >= 0 ? 0 : refuse(HR_EIO, why, "/: %s", strerror(errno));
	}
	if (pid != 0)
		err = open_root_of(reader, pid, true, out);
	if (err == HR_EGONE && neighbour != 0)
		err = open_root_of(reader, neighbour, false, out);
	if (err == HR_EPERM)
		return refuse(err, why,
		              "%.120s is a file of a container that may not be looked into: run hrview as root", path);
	return err == 0 ? 0
	                : refuse(HR_EPERM, why, "%.120s is a file of another container, which cannot be seen from here",
	                         path);
}

/* ---- root on a user's behalf ---- */

/* This thread's file system identity while root reads for a user. The calls are the kernel's own: the library's
 * setgroups() would change all threads. */
struct disguise {
	bool worn;
	int group_count;
	gid_t groups[64];
};

static void disguise_off(struct disguise *disguise)
{
	if (!disguise->worn)
		return;
	setfsuid(0);
	setfsgid(getegid());
	syscall(SYS_setgroups, disguise->group_count, disguise->groups);
}

/* The group of the program's user. Our list of users knows nothing of a container's. */
static bool group_of(const struct root *root, gid_t *out)
{
	struct passwd entry, *user = NULL;
	char text[1024];

	if (root->foreign) {
		*out = root->gid;
		return true;
	}
	if (getpwuid_r(root->uid, &entry, text, sizeof text, &user) != 0 || !user)
		return false;
	*out = user->pw_gid;
	return true;
}

/* False: it cannot be had, and nothing may be read. */
static bool disguise_on(const struct root *root, struct disguise *disguise)
{
	gid_t gid;

	disguise->worn = false;
	if (geteuid() != 0 || root->uid == 0)
		return true;
	disguise->group_count = getgroups(64, disguise->groups);
	if (disguise->group_count < 0 || !group_of(root, &gid) || syscall(SYS_setgroups, 0, NULL) != 0)
		return false;
	disguise->worn = true;
	setfsgid(gid);
	setfsuid(root->uid);
	if (setfsuid((uid_t)-1) != (int)root->uid || setfsgid((gid_t)-1) != (int)gid) {
		disguise_off(disguise);
		return false;
	}
	return true;
}

/* ---- opening ---- */

/* Walks an absolute path component by component, following no link. The descriptor (O_PATH) or -1 (errno). ".." leads
 * out of a foreign root as links do. */
static int walk(const struct root *root, const char *path)
{
	int at = fcntl(root->fd, F_DUPFD_CLOEXEC, 0);

	while (at >= 0) {
		char name[NAME_MAX + 1];
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		if (len == 0)
			break;
		bool up = root->foreign && len == 2 && path[0] == '.' && path[1] == '.';
		if (len > NAME_MAX || up) {
			close(at);
			errno = up ? ENOTDIR : ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		/* With O_PATH a link is opened itself; as a directory it then fails with ENOTDIR. */
		int next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (*path ? O_DIRECTORY : 0));
		int saved = errno;
		close(at);
		errno = saved;
		at = next;
	}
	return at;
}

/* The same with all links followed, those of a foreign root inside it (Linux 5.6; older ones follow none). */
static int follow(const struct root *root, const char *path)
{
	const struct open_how how = {
	        .flags = O_PATH | O_CLOEXEC,
	        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (!root->foreign)
		return open(path, O_PATH | O_CLOEXEC);
	return (int)syscall(SYS_openat2, root->fd, path, &how, sizeof how);
}

/* Opens a regular file for reading. *linked: the path leads through a symbolic link. */
static int open_regular(const struct root *root, const char *path, struct stat *st, bool *linked, int *fd_out,
                        char why[HRV_SOURCE_WHY_BYTES])
{
	char by_number[32];
	int at = walk(root, path);

	*linked = at < 0 ? errno == ENOTDIR : fstat(at, st) == 0 && S_ISLNK(st->st_mode);
	if (*linked) {
		if (at >= 0)
			close(at);
		at = follow(root, path);
	}
	if (at < 0)
		return errno == EACCES || errno == EPERM ? refuse(HR_EPERM, why, "%.160s may not be read", path)
		                                         : refuse(HR_EGONE, why, "%.160s: %s", path, strerror(errno));
	/* Looked at before it is opened: opening a device or a FIFO could do something. */
	if (fstat(at, st) != 0 || !S_ISREG(st->st_mode)) {
		close(at);
		return refuse(HR_EPERM, why, "%.160s is not a regular file", path);
	}
	snprintf(by_number, sizeof by_number, "/proc/self/fd/%d", at);
	int fd = open(by_number, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int saved = errno;
	close(at);
	if (fd < 0)
		return saved == EACCES || saved == EPERM ? refuse(HR_EPERM, why, "%.160s may not be read", path)
		                                         : refuse(HR_EIO, why, "%.160s: %s", path, strerror(saved));
	*fd_out = fd;
	return 0;
}

static int read_all(int fd, uint64_t size, struct hrv_buffer *out)
{
	int err = hrv_buffer_reserve(out, size + 1);

	if (err != 0)
		return err;
	while (out->len_bytes <= size) {
		ssize_t n = read(fd, out->bytes + out->len_bytes, size + 1 - out->len_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return HR_EIO;
		if (n == 0)
			break;
		out->len_bytes += (size_t)n;
	}
	return 0;
}

/* The bytes of `path` as the program's user may read them. */
static int read_path(const struct root *root, const char *path, struct hrv_buffer *out, struct stat *st, bool *linked,
                     char why[HRV_SOURCE_WHY_BYTES])
{
	struct disguise disguise;
	int fd = -1;

	if (!disguise_on(root, &disguise))
		return refuse(HR_EPERM, why, "the user of the program (uid %" PRIu32 ") is not known here",
		              (uint32_t)root->uid);
	int err = open_regular(root, path, st, linked, &fd, why);
	disguise_off(&disguise);
	if (err != 0)
		return err;
	if ((uint64_t)st->st_size > HRV_SOURCE_MAX_BYTES)
		err = refuse(HR_EPERM, why, "%.160s has %jd bytes; up to %" PRIu64 " are shown", path,
		             (intmax_t)st->st_size, HRV_SOURCE_MAX_BYTES);
	else if ((err = read_all(fd, (uint64_t)st->st_size, out)) != 0)
		refuse(err, why, "%.160s: %s", path, hr_err_text(err));
	close(fd);
	return err;
}

/* ---- what was loaded, and what is there ---- */

uint64_t hrv_source_hash(const char *bytes, size_t len_bytes)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static bool same_stat(const struct hr_file *file, const struct stat *st)
{
	return (uint64_t)st->st_size == file->size_bytes &&
	       st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec == file->mtime_ns;
}

static bool same_content(const struct hr_file *file, const struct stat *st, const struct hrv_buffer *bytes)
{
	if (file->hash != 0)
		return bytes->len_bytes == file->size_bytes &&
		       hrv_source_hash(bytes->bytes, bytes->len_bytes) == file->hash;
	return same_stat(file, st);
}

static bool stat_path(const struct root *root, const char *path, struct stat *st)
{
	int fd = follow(root, path);
	bool found = fd >= 0 && fstat(fd, st) == 0;

	if (fd >= 0)
		close(fd);
	return found;
}

static bool is_another(const struct root *root, const struct hr_file *file, const char *path)
{
	struct hrv_buffer bytes = {0};
	char why[HRV_SOURCE_WHY_BYTES];
	struct stat st;
	bool linked, changed = true;

	if (!stat_path(root, path, &st))
		return true;
	if (same_stat(file, &st))
		return false;
	if (file->hash == 0 || (uint64_t)st.st_size != file->size_bytes || file->size_bytes > HRV_SOURCE_MAX_BYTES)
		return true;
	if (read_path(root, path, &bytes, &st, &linked, why) == 0)
		changed = !same_content(file, &st, &bytes);
	hrv_buffer_fini(&bytes);
	return changed;
}

bool hrv_source_is_changed(struct hrv_reader *reader, const struct hr_file *file, const char *path)
{
	char why[HRV_SOURCE_WHY_BYTES];
	struct root root;

	if (!(file->flags & HR_FILE_ON_DISK) || (file->flags & HR_FILE_SOURCE) ||
	    open_root(reader, path, &root, why) != 0)
		return false;
	bool changed = is_another(&root, file, path);
	close(root.fd);
	return changed;
}

static int load_from_disk(struct hrv_reader *reader, const struct hr_file *file, const char *path,
                          struct hrv_buffer *text, bool *changed, char why[HRV_SOURCE_WHY_BYTES])
{
	struct hrv_buffer bytes = {0};
	struct root root;
	struct stat st;
	bool linked;
	int err = open_root(reader, path, &root, why);

	if (err != 0)
		return err;
	err = read_path(&root, path, &bytes, &st, &linked, why);
	close(root.fd);
	if (err != 0)
		goto done;
	bool same = same_content(file, &st, &bytes);
	if (linked && !same) {
		err = refuse(HR_EPERM, why,
		             "%.140s leads through a symbolic link, and no longer to the file that was loaded", path);
		goto done;
	}
	size_t before = text->len_bytes;
	err = hrv_encoding_decode((struct hrv_text){bytes.bytes, bytes.len_bytes}, text);
	if (err != 0) {
		text->len_bytes = before;
		refuse(err, why, "%s", hr_err_text(err));
		goto done;
	}
	*changed = !same;
done:
	hrv_buffer_fini(&bytes);
	return err;
}

/* What the program itself has put into the segment is UTF-8 but for bytes that were no characters. */
static int load_carried(struct hrv_reader *reader, const struct hr_file *file, struct hrv_buffer *text,
                        char why[HRV_SOURCE_WHY_BYTES])
{
	struct hrv_buffer bytes = {0};
	size_t before = text->len_bytes;
	int err = hrv_reader_string(reader, file->source, &bytes);

	if (err == 0)
		err = hrv_encoding_repair((struct hrv_text){bytes.bytes, bytes.len_bytes}, text);
	hrv_buffer_fini(&bytes);
	if (err == 0)
		return 0;
	text->len_bytes = before;
	return refuse(err, why, "%s", err == HR_ECORRUPT ? hrv_reader_why(reader) : hr_err_text(err));
}

int hrv_source_load(struct hrv_reader *reader, uint32_t index, struct hrv_buffer *text, bool *changed,
                    char why[HRV_SOURCE_WHY_BYTES])
{
	struct hrv_buffer path = {0};
	struct hr_file file;
	uint32_t count;
	int err;

	if ((err = hrv_reader_count(reader, HR_KIND_FILES, &count)) != 0)
		return refuse(err, why, "%s", hrv_reader_why(reader));
	if (index >= count)
		return refuse(HR_EGONE, why, "the program has no file %" PRIu32, index);
	if ((err = hrv_reader_files(reader, index, 1, &file)) != 0 ||
	    (err = hrv_reader_string(reader, file.path, &path)) != 0 || (err = hrv_buffer_append(&path, "", 1)) != 0) {
		refuse(err, why, "%s", err == HR_ECORRUPT ? hrv_reader_why(reader) : hr_err_text(err));
		goto done;
	}
	if (file.flags & HR_FILE_SOURCE) {
		err = load_carried(reader, &file, text, why);
		if (err == 0)
			*changed = false;
	} else if (!(file.flags & HR_FILE_ON_DISK)) {
		err = refuse(HR_EGONE, why, "%.160s is not a file, and the program could not give its text",
		             path.bytes);
	} else if (path.bytes[0] != '/' || strlen(path.bytes) + 1 != path.len_bytes) {
		err = refuse(HR_EPERM, why, "%.160s is not an absolute path", path.bytes);
	} else {
		err = load_from_disk(reader, &file, path.bytes, text, changed, why);
	}
done:
	hrv_buffer_fini(&path);
	return err;
}
