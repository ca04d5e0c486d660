/* out.h — a text that is put together piece by piece; what goes wrong is asked for once, at the end. */
#ifndef HRV_OUT_H
#define HRV_OUT_H

#include "buffer.h"

struct hrv_out {
	struct hrv_buffer *buffer;
	int err; /* 0, or HR_ENOMEM: from then on nothing is appended */
};

void hrv_out_bytes(struct hrv_out *out, const void *bytes, size_t len_bytes);
__attribute__((format(printf, 2, 3))) void hrv_out(struct hrv_out *out, const char *format, ...);

/* Text for XML and HTML, in an element or a quoted attribute: & < > " ' escaped; what XML 1.0 does not allow, and CR,
 * which a parser would change, becomes U+FFFD. `text` is UTF-8. */
void hrv_out_markup(struct hrv_out *out, const char *text, size_t len_bytes);

/* "12,345,678" */
#define HRV_COUNT_BYTES 32
void hrv_count_format(unsigned long long count, char text[HRV_COUNT_BYTES]);

#endif
