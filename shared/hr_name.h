/* hr_name.h — how a segment is called.
 *
 * A segment is the file HR_SHM_DIR "/heartrate_shm.UID.PID.INSTANCE": uid and pid in decimal, instance as 16 lower
 * case hexadecimal digits. While it is being filled a dot stands before the name, so that nobody finds it. The
 * name is a hint for people and for listing; what counts is the header (a pid is not an identity). */
#ifndef HR_NAME_H
#define HR_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define HR_SHM_DIR     "/dev/shm"
#define HR_NAME_PREFIX "heartrate_shm."
#define HR_NAME_BYTES  64 /* room for any name, dot and terminator included */

struct hr_name {
	uint32_t uid;
	uint32_t pid;
	uint64_t instance; /* never 0 */
	bool unfinished;   /* the name with the dot */
};

/* Writes the file name (no directory) into `out`. */
void hr_name_format(const struct hr_name *name, char out[HR_NAME_BYTES]);

/* Parses a file name found in HR_SHM_DIR. Only what hr_name_format() writes is accepted: HR_EARG otherwise, with
 * *out untouched. */
int hr_name_parse(const char *file_name, struct hr_name *out);

#endif
