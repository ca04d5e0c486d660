/* out.c — see out.h. */
#include "out.h"

#include "hr_err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void hrv_out_bytes(struct hrv_out *out, const void *bytes, size_t len_bytes)
{
	if (out->err == 0)
		out->err = hrv_buffer_append(out->buffer, bytes, len_bytes);
}

void hrv_out(struct hrv_out *out, const char *format, ...)
{
	struct hrv_buffer *buffer = out->buffer;
	va_list args, again;

	if (out->err != 0)
		return;
	va_start(args, format);
	va_copy(again, args);
	int needed = vsnprintf(NULL, 0, format, args);
	out->err = needed < 0 ? HR_ENOMEM : hrv_buffer_reserve(buffer, (size_t)needed + 1);
	if (out->err == 0) {
		vsnprintf(buffer->bytes + buffer->len_bytes, (size_t)needed + 1, format, again);
		buffer->len_bytes += (size_t)needed;
	}
	va_end(again);
	va_end(args);
}

static const char *escaped(const char *at, size_t left)
{
	switch (*at) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
	case '\n':
		return NULL;
	case '\xEF': /* U+FFFE and U+FFFF; their first byte is replaced, and the rest passed over by the caller */
		return left > 2 && at[1] == '\xBF' && (unsigned char)at[2] >= 0xBE ? "\xEF\xBF\xBD" : NULL;
	default:
		return (unsigned char)*at < 0x20 ? "\xEF\xBF\xBD" : NULL;
	}
}

void hrv_out_markup(struct hrv_out *out, const char *text, size_t len_bytes)
{
	size_t plain = 0; /* where the run of bytes begins that go as they are */

	for (size_t i = 0; i < len_bytes; i++) {
		const char *instead = escaped(text + i, len_bytes - i);
		if (!instead)
			continue;
		hrv_out_bytes(out, text + plain, i - plain);
		hrv_out_bytes(out, instead, strlen(instead));
		i += text[i] == '\xEF' ? 2 : 0;
		plain = i + 1;
	}
	hrv_out_bytes(out, text + plain, len_bytes - plain);
}

void hrv_count_format(unsigned long long count, char text[HRV_COUNT_BYTES])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", count);
	char *to = text;

	for (int i = 0; i < len; i++) {
		*to++ = digits[i];
		if (i + 1 < len && (len - 1 - i) % 3 == 0)
			*to++ = ',';
	}
	*to = '\0';
}
