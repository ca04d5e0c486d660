/* python.h — the Python that a process runs, and the tracer's package that lies beside this hrview for it. */
#ifndef HRV_PYTHON_H
#define HRV_PYTHON_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hrv_python {
	uint32_t pid;
	int minor;          /* of CPython 3.minor */
	char exe[PATH_MAX]; /* its interpreter, as /proc/PID/exe has it */
	uid_t uid;          /* the process's, effective */
	gid_t gid;
	bool trusted; /* nobody but root could have written the interpreter, or put it where it is */
};

/* HR_EGONE: there is no such process; HR_EPERM: it may not be looked at; HR_EARG: it does not run CPython 3. */
int hrv_python_find(uint32_t pid, struct hrv_python *out);

/* The folder that holds heartrate_shm with an extension for 3.minor: where this hrview lies in it (a wheel), where the
 * build puts it, or in the prefix where hrview is installed. HR_EGONE: there is none; `out` is then where it was looked
 * for. */
int hrv_python_packages(int minor, char out[PATH_MAX]);

#endif
