/* refuse.c — LD_PRELOAD: the n-th call of one function fails, counting only calls that come from our extension.
 *
 * REFUSE function, REFUSE_NTH n (from 1; 0 none), REFUSE_EVER 1: all later ones too, REFUSE_ERRNO, REFUSE_COUNT file
 * that gets the number of calls at exit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static const char *wanted;
static unsigned nth, calls;
static int ever, error, ready;
static uintptr_t low, high; /* where our extension's code is; 0: not loaded yet */

__attribute__((constructor)) static void init(void)
{
	wanted = getenv("REFUSE");
	nth = getenv("REFUSE_NTH") ? (unsigned)atoi(getenv("REFUSE_NTH")) : 0;
	ever = getenv("REFUSE_EVER") != NULL;
	error = getenv("REFUSE_ERRNO") ? atoi(getenv("REFUSE_ERRNO")) : ENOMEM;
	ready = wanted != NULL;
}

__attribute__((destructor)) static void fini(void)
{
	const char *path = getenv("REFUSE_COUNT");
	FILE *file = ready && path ? fopen(path, "w") : NULL;
	if (file) {
		fprintf(file, "%u\n", calls);
		fclose(file);
	}
}

static int find(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	if (!strstr(info->dlpi_name, "/_tracer."))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
			low = info->dlpi_addr + part->p_vaddr;
			high = low + part->p_memsz;
		}
	}
	return 1;
}

static int refused(const char *name, const void *from)
{
	static __thread int inside;

	if (!ready || inside || strcmp(name, wanted) != 0)
		return 0;
	if (low == 0) {
		Dl_info where;
		inside = 1;
		if (dladdr(from, &where) && where.dli_fname && strstr(where.dli_fname, "/_tracer."))
			dl_iterate_phdr(find, NULL);
		inside = 0;
	}
	if ((uintptr_t)from < low || (uintptr_t)from >= high)
		return 0;
	unsigned call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (nth == 0 || (call != nth && !(ever && call > nth)))
		return 0;
	errno = error;
	return 1;
}

#define REFUSED(name) refused(#name, __builtin_return_address(0))
#define REAL(name)    ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t bytes)
{
	return REFUSED(malloc) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return REFUSED(calloc) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *at, size_t bytes)
{
	return REFUSED(realloc) ? NULL : __libc_realloc(at, bytes);
}

char *strdup(const char *text)
{
	return REFUSED(strdup) ? NULL : REAL(strdup)(text);
}

int madvise(void *at, size_t bytes, int advice)
{
	return REFUSED(madvise) ? -1 : REAL(madvise)(at, bytes, advice);
}

int posix_fallocate(int fd, off_t off, off_t bytes)
{
	return REFUSED(posix_fallocate) ? error : REAL(posix_fallocate)(fd, off, bytes);
}

int ftruncate(int fd, off_t bytes)
{
	return REFUSED(ftruncate) ? -1 : REAL(ftruncate)(fd, bytes);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t off)
{
	return REFUSED(mmap) ? MAP_FAILED : REAL(mmap)(at, bytes, protection, flags, fd, off);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return REFUSED(open) ? -1 : REAL(open)(path, flags, mode);
}

int flock(int fd, int operation)
{
	return REFUSED(flock) ? -1 : ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(fd, operation);
}

int rename(const char *old, const char *new)
{
	return REFUSED(rename) ? -1 : REAL(rename)(old, new);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	return REFUSED(pthread_create) ? error : REAL(pthread_create)(thread, attributes, run, arg);
}
