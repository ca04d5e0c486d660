/* lead.h — what a page shows first when its reader has named no file: the text comes with the program's first frame, so
 * that the first picture need not wait for another question. */
#ifndef HRV_LEAD_H
#define HRV_LEAD_H

#include "buffer.h"
#include "discover.h"
#include "wire.h"

/* A larger text is left to be asked for: counts and stacks would wait for it. */
#define HRV_LEAD_MAX_BYTES (UINT64_C(256) << 10)

/* What such a frame borrows. All zero is empty; the caller ends `text`. */
struct hrv_lead {
	struct hrv_buffer text;
	struct hrv_wire_source source;
};

/* Puts the text of the traced file that called trace() into `detail`, the first frame of `program` with its files, when
 * there is such a file and it can be read. Else the page asks, and hears why. HR_ENOMEM. */
int hrv_lead_source(const struct hrv_program *program, struct hrv_wire_detail *detail, struct hrv_lead *lead);

#endif
