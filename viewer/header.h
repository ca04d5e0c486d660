/* header.h — is this a segment that can be read? Pure: judges a copy of the cold header, touches no mapping. */
#ifndef HRV_HEADER_H
#define HRV_HEADER_H

#include "hr_layout.h"

#define HRV_WHY_BYTES  192  /* room for a sentence on what is wrong */
#define HRV_FRAMES_MAX 1024 /* frames of a snapshot that are believed */
#define HRV_KIND_KNOWN 9    /* kinds below are read; HR_KIND_FORMULAS and later ones skipped */

/* The judged header: every offset in it may be used without a further look. */
struct hrv_layout {
	struct hr_header header;
	int section_of[HRV_KIND_KNOWN]; /* by kind: position in header.sections and in `used`, -1 not there */
};

/* HR_ECORRUPT, HR_EVERSION: `why` is a sentence that names the place; *out untouched.
 * `header_bytes` of the copy were read from a file of `file_bytes`. */
int hrv_header_judge(const void *bytes, size_t header_bytes, uint64_t file_bytes, struct hrv_layout *out,
                     char why[HRV_WHY_BYTES]);

#endif
