/* replace.h — a file whose readers never see half of it. */
#ifndef HRV_REPLACE_H
#define HRV_REPLACE_H

#include <stddef.h>

#define HRV_REPLACE_WHY_BYTES 512

/* Puts `bytes` in the place of what `path` holds, or makes it: written under a temporary name in the same directory and
 * renamed. Mode and target of a link stay as they are. HR_EPERM: there is something there that is no regular file;
 * HR_EIO: it cannot be written; HR_ENOMEM. `why` is a sentence, and what was there is as before. */
int hrv_replace(const char *path, const void *bytes, size_t len_bytes, char why[HRV_REPLACE_WHY_BYTES]);

#endif
