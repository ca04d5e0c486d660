/* scratch.h — a segment's file for fuzzers: of one name, in a directory of its own that goes when the process ends. */
#ifndef HR_SCRATCH_H
#define HR_SCRATCH_H

#include "hr_layout.h"
#include "hr_name.h"

struct scratch {
	int dir_fd, file_fd;
	char file_name[HR_NAME_BYTES];
};

/* The only one, made when it is first asked for; ends the process when it cannot be. */
const struct scratch *scratch_get(void);

/* Writes to it. */
void scratch_put(const void *bytes, size_t len_bytes, size_t off);

/* What of a header must agree with the name, or nothing behind it would ever be reached. */
void scratch_put_right(struct hr_header *header);

#endif
