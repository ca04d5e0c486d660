/* buffer.h — a growing run of bytes, reused from frame to frame. */
#ifndef HRV_BUFFER_H
#define HRV_BUFFER_H

#include <stddef.h>

/* All zero is an empty buffer. */
struct hrv_buffer {
	char *bytes;
	size_t len_bytes;
	size_t capacity_bytes;
};

/* HR_ENOMEM: nothing was appended. */
int hrv_buffer_append(struct hrv_buffer *buffer, const void *bytes, size_t len_bytes);

/* The same with a terminated text, without its terminator. */
int hrv_buffer_append_text(struct hrv_buffer *buffer, const char *text);

/* Makes room for `more` bytes behind those there are. HR_ENOMEM. */
int hrv_buffer_reserve(struct hrv_buffer *buffer, size_t more);

void hrv_buffer_fini(struct hrv_buffer *buffer);

#endif
