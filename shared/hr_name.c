/* hr_name.c — see hr_name.h. */
#include "hr_name.h"

#include "hr_err.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void hr_name_format(const struct hr_name *name, char out[HR_NAME_BYTES])
{
	snprintf(out, HR_NAME_BYTES, "%s" HR_NAME_PREFIX "%" PRIu32 ".%" PRIu32 ".%016" PRIx64,
	         name->unfinished ? "." : "", name->uid, name->pid, name->instance);
}

int hr_name_parse(const char *file_name, struct hr_name *out)
{
	struct hr_name name = {.unfinished = file_name[0] == '.'};
	char again[HR_NAME_BYTES];

	if (sscanf(file_name + name.unfinished, HR_NAME_PREFIX "%" SCNu32 ".%" SCNu32 ".%" SCNx64, &name.uid, &name.pid,
	           &name.instance) != 3 ||
	    name.instance == 0)
		return HR_EARG;
	/* Written back it must be the same: no signs, spaces, leading zeros or tails that sscanf lets pass. */
	hr_name_format(&name, again);
	if (strcmp(again, file_name) != 0)
		return HR_EARG;
	*out = name;
	return 0;
}
