/* heap.c — see heap.h. */
#include "heap.h"

#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define NO_CACHES "glibc.malloc.tcache_count=0"
#define USERS_MAX 1024

/* False: the variable does not end with our setting. */
static bool take_back(void)
{
	const char *value = getenv("GLIBC_TUNABLES");
	size_t users_len =
	        value && strlen(value) >= strlen(NO_CACHES) ? strlen(value) - strlen(NO_CACHES) : USERS_MAX + 1;
	char users[USERS_MAX + 1];

	if (users_len > USERS_MAX || strcmp(value + users_len, NO_CACHES) != 0)
		return false;
	if (users_len == 0) {
		unsetenv("GLIBC_TUNABLES");
	} else {
		snprintf(users, sizeof users, "%.*s", (int)users_len - 1, value); /* without the colon between */
		setenv("GLIBC_TUNABLES", users, 1);
	}
	return true;
}

/* Not as an argument of the dynamic loader, which would take our options for its own; nor with rights that its user has
 * not: the loader takes the variable away then. */
static bool can_be_executed_so(void)
{
	return getauxval(AT_BASE) != 0 && getauxval(AT_SECURE) == 0;
}

void hrv_heap_keep_small(char **argv)
{
	const char *users = getenv("GLIBC_TUNABLES");
	char value[USERS_MAX + sizeof NO_CACHES], path[PATH_MAX];

	mallopt(M_ARENA_MAX, 1);
	if (take_back() || !can_be_executed_so())
		return;
	int bytes = snprintf(value, sizeof value, "%s%s" NO_CACHES, users ? users : "", users && *users ? ":" : "");
	ssize_t path_bytes = readlink("/proc/self/exe", path, sizeof path - 1);
	if (bytes >= (int)sizeof value || path_bytes < 0)
		return;
	path[path_bytes] = '\0'; /* the file's own name, for ps to show */
	setenv("GLIBC_TUNABLES", value, 1);
	execv(path, argv);
	take_back();
}
