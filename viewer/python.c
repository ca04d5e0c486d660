/* python.c — see python.h. */
#include "python.h"

#include "hr_err.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the process ---- */

/* N of "python3.N" in `text` behind `mark`, or -1. */
static int minor_behind(const char *text, const char *mark)
{
	const char *at = strstr(text, mark);

	if (!at || at[strlen(mark)] < '0' || at[strlen(mark)] > '9')
		return -1;
	return atoi(at + strlen(mark));
}

/* By what it has mapped: libpython3.N, or a module of that version's own library. */
static int minor_from_maps(uint32_t pid)
{
	char path[64], *line = NULL;
	size_t capacity = 0;
	int minor = -1;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return -1;
	while (minor < 0 && getline(&line, &capacity, maps) > 0) {
		minor = minor_behind(line, "/libpython3.");
		if (minor < 0 && strstr(line, "/lib-dynload/"))
			minor = minor_behind(line, "/python3.");
	}
	free(line);
	fclose(maps);
	return minor;
}

/* Is the path, and every folder that it lies in, root's alone to write? */
static bool is_roots(const char *path)
{
	char part[PATH_MAX];
	struct stat st;

	for (size_t len = strlen(path); len > 0 && len < sizeof part; len--) {
		if (len < strlen(path) && path[len] != '/' && len > 1)
			continue;
		memcpy(part, path, len);
		part[len] = '\0';
		if (lstat(part, &st) != 0 || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
			return false;
	}
	return true;
}

int hrv_python_find(uint32_t pid, struct hrv_python *out)
{
	static const char deleted[] = " (deleted)";
	struct hrv_python python = {.pid = pid};
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%" PRIu32, pid);
	if (stat(path, &st) != 0)
		return HR_EGONE;
	python.uid = st.st_uid;
	python.gid = st.st_gid;
	snprintf(path, sizeof path, "/proc/%" PRIu32 "/exe", pid);
	ssize_t len = readlink(path, python.exe, sizeof python.exe - 1);
	if (len < 0)
		return errno == ENOENT ? HR_EARG : HR_EPERM; /* a kernel thread, a zombie; another's */
	python.exe[len] = '\0';
	/* An interpreter that was upgraded meanwhile: the new one of that name has its library, and the same version.
	 */
	size_t suffix = sizeof deleted - 1;
	if ((size_t)len > suffix && strcmp(python.exe + len - suffix, deleted) == 0)
		python.exe[(size_t)len - suffix] = '\0';
	const char *name = strrchr(python.exe, '/');
	python.minor = minor_behind(name ? name : "", "/python3.");
	if (python.minor < 0)
		python.minor = minor_from_maps(pid);
	if (python.minor < 0)
		return HR_EARG;
	python.trusted = is_roots(python.exe);
	*out = python;
	return 0;
}

/* ---- the package ---- */

static bool has_extension(const char *packages, int minor)
{
	char path[PATH_MAX + 32], prefix[64];
	bool found = false;

	snprintf(path, sizeof path, "%s/heartrate_shm", packages);
	int len = snprintf(prefix, sizeof prefix, "_tracer.cpython-3%d-", minor);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(dir));)
		found = strncmp(entry->d_name, prefix, (size_t)len) == 0;
	closedir(dir);
	return found;
}

int hrv_python_packages(int minor, char out[PATH_MAX])
{
	char own[PATH_MAX / 2], version[32], *slash;
	ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);

	own[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 2; up++) /* bin/hrview, heartrate_shm/hrview: from what that folder lies in */
		if ((slash = strrchr(own, '/')))
			*slash = '\0';
	snprintf(version, sizeof version, "/lib/python3.%d", minor);
	const char *const places[][2] = {
	        {"", ""},                           /* a wheel's */
	        {"/python", ""},                    /* the build's */
	        {version, "/site-packages"},        /* a prefix's */
	        {version, "/dist-packages"},        /* the same on Debian */
	        {"/lib/python3", "/dist-packages"}, /* Debian's own packages, for all versions */
	};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(out, PATH_MAX, "%s%s%s", own, places[i][0], places[i][1]);
		if (has_extension(out, minor))
			return 0;
	}
	snprintf(out, PATH_MAX, "%s", own);
	return HR_EGONE;
}
