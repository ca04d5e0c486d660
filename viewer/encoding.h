/* encoding.h — Python source bytes to UTF-8: PEP 263 declarations, byte order marks, bytes that are neither. Pure. */
#ifndef HRV_ENCODING_H
#define HRV_ENCODING_H

#include "buffer.h"
#include "text.h"

#define HRV_ENCODING_BYTES 64

/* The encoding that the first two lines declare (PEP 263), as iconv(3) may know it; "utf-8" when they declare none or
 * there is a byte order mark. */
void hrv_encoding_of(struct hrv_text source, char out[HRV_ENCODING_BYTES]);

/* Appends the source as UTF-8, without a byte order mark. What cannot be decoded becomes U+FFFD, an encoding that is
 * not known here is read as UTF-8; line endings stay. HR_ENOMEM. */
int hrv_encoding_decode(struct hrv_text source, struct hrv_buffer *out);

/* Appends what is meant to be UTF-8, U+FFFD where it is not. HR_ENOMEM. */
int hrv_encoding_repair(struct hrv_text source, struct hrv_buffer *out);

#endif
