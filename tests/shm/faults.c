/* faults.c — see faults.h. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

const char *const fault_names[FAULT_COUNT] = {
#define X(name) #name,
        FAULTS(X)
#undef X
};

static struct {
	int on, ever_after, error;
	enum fault fault;
	unsigned nth, calls;
} armed;

void fault_arm(enum fault fault, unsigned nth, int error, int ever_after)
{
	armed.fault = fault;
	armed.nth = nth;
	armed.error = error;
	armed.ever_after = ever_after;
	armed.calls = 0;
	armed.on = 1;
}

unsigned fault_disarm(void)
{
	armed.on = 0;
	return armed.calls;
}

static int fails(enum fault fault)
{
	if (!armed.on || armed.fault != fault)
		return 0;
	armed.calls++;
	if (armed.calls != armed.nth && !(armed.ever_after && armed.calls > armed.nth))
		return 0;
	errno = armed.error;
	return armed.error;
}

int __real_madvise(void *at, size_t bytes, int advice);
int __real_posix_fallocate(int fd, off_t off, off_t bytes);
int __real_ftruncate(int fd, off_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t off);
int __real_open(const char *path, int flags, mode_t mode);
int __real_flock(int fd, int operation);
int __real_fchmod(int fd, mode_t mode);
int __real_rename(const char *old, const char *new);
void *__real_calloc(size_t count, size_t bytes);

int __wrap_madvise(void *at, size_t bytes, int advice);
int __wrap_posix_fallocate(int fd, off_t off, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t off);
int __wrap_open(const char *path, int flags, ...);
int __wrap_flock(int fd, int operation);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_rename(const char *old, const char *new);
void *__wrap_calloc(size_t count, size_t bytes);

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	return fails(FAULT_madvise) ? -1 : __real_madvise(at, bytes, advice);
}

/* Returns its error and leaves errno alone. */
int __wrap_posix_fallocate(int fd, off_t off, off_t bytes)
{
	int error = fails(FAULT_posix_fallocate);
	return error ? error : __real_posix_fallocate(fd, off, bytes);
}

int __wrap_ftruncate(int fd, off_t bytes)
{
	return fails(FAULT_ftruncate) ? -1 : __real_ftruncate(fd, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t off)
{
	return fails(FAULT_mmap) ? (void *)-1 : __real_mmap(at, bytes, protection, flags, fd, off);
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list args;
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return fails(FAULT_open) ? -1 : __real_open(path, flags, mode);
}

int __wrap_flock(int fd, int operation)
{
	return fails(FAULT_flock) ? -1 : __real_flock(fd, operation);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails(FAULT_fchmod) ? -1 : __real_fchmod(fd, mode);
}

int __wrap_rename(const char *old, const char *new)
{
	return fails(FAULT_rename) ? -1 : __real_rename(old, new);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails(FAULT_calloc) ? NULL : __real_calloc(count, bytes);
}
