/* buffer.c — see buffer.h. */
#include "buffer.h"

#include "hr_err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int hrv_buffer_reserve(struct hrv_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity_bytes ? buffer->capacity_bytes : 1024;

	if (more <= buffer->capacity_bytes - buffer->len_bytes)
		return 0;
	if (more > SIZE_MAX / 2 - buffer->len_bytes)
		return HR_ENOMEM;
	while (capacity - buffer->len_bytes < more)
		capacity *= 2;
	char *bytes = realloc(buffer->bytes, capacity);
	if (!bytes)
		return HR_ENOMEM;
	buffer->bytes = bytes;
	buffer->capacity_bytes = capacity;
	return 0;
}

int hrv_buffer_append(struct hrv_buffer *buffer, const void *bytes, size_t len_bytes)
{
	if (len_bytes == 0)
		return 0;
	int err = hrv_buffer_reserve(buffer, len_bytes);
	if (err != 0)
		return err;
	memcpy(buffer->bytes + buffer->len_bytes, bytes, len_bytes);
	buffer->len_bytes += len_bytes;
	return 0;
}

int hrv_buffer_append_text(struct hrv_buffer *buffer, const char *text)
{
	return hrv_buffer_append(buffer, text, strlen(text));
}

void hrv_buffer_fini(struct hrv_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct hrv_buffer){0};
}
