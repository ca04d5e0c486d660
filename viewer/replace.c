/* replace.c — see replace.h. */
#include "replace.h"

#include "hr_err.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t len_bytes)
{
	while (len_bytes > 0) {
		ssize_t n = write(fd, bytes, len_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return HR_EIO;
		bytes += n;
		len_bytes -= (size_t)n;
	}
	return 0;
}

/* What open(…, 0666) would give. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

int hrv_replace(const char *path, const void *bytes, size_t len_bytes, char why[HRV_REPLACE_WHY_BYTES])
{
	char target[PATH_MAX], temporary[PATH_MAX + 32];
	struct stat st;
	mode_t mode = usual_mode();
	int err = HR_EIO;

	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode)) {
			snprintf(why, HRV_REPLACE_WHY_BYTES, "%.400s is not a regular file", path);
			return HR_EPERM;
		}
		mode = st.st_mode & 0777;
	}
	/* Where a link leads; a file that is not there yet has no such path. */
	if (!realpath(path, target))
		snprintf(target, sizeof target, "%s", path);
	const char *slash = strrchr(target, '/');
	int dir_bytes = slash ? (int)(slash + 1 - target) : 0;
	snprintf(temporary, sizeof temporary, "%.*s.hrview-XXXXXX", dir_bytes, target);
	int fd = mkstemp(temporary);
	if (fd < 0) {
		snprintf(why, HRV_REPLACE_WHY_BYTES, "%.400s cannot be written: %s", path, strerror(errno));
		return HR_EIO;
	}
	if (write_all(fd, bytes, len_bytes) == 0 && fchmod(fd, mode) == 0 && rename(temporary, target) == 0)
		err = 0;
	if (err != 0) {
		snprintf(why, HRV_REPLACE_WHY_BYTES, "%.400s cannot be written: %s", path, strerror(errno));
		unlink(temporary);
	}
	if (close(fd) != 0 && err == 0) {
		snprintf(why, HRV_REPLACE_WHY_BYTES, "%.400s cannot be written: %s", path, strerror(errno));
		err = HR_EIO;
	}
	return err;
}
