/* source.h — the source text of a file in a segment's table, and who may have it.
 *
 * Only what a program's table names is ever read, and of the disk only regular files up to HRV_SOURCE_MAX_BYTES that
 * the program's user may read. A path is walked without following symbolic links; one that leads through a link is
 * served only while it still is the very file that the program loaded, so that a link put there later shows nothing
 * new. */
#ifndef HRV_SOURCE_H
#define HRV_SOURCE_H

#include "buffer.h"
#include "reader.h"

#include <stdbool.h>
#include <stdint.h>

#define HRV_SOURCE_MAX_BYTES (UINT64_C(16) << 20)
#define HRV_SOURCE_WHY_BYTES 256

/* Appends the text of file `index`, as UTF-8, to `text`. *changed: it is not what the program loaded. HR_EGONE,
 * HR_EPERM, HR_ECORRUPT, HR_EIO, HR_ENOMEM: `why` is a sentence; nothing was appended. */
int hrv_source_load(struct hrv_reader *reader, uint32_t index, struct hrv_buffer *text, bool *changed,
                    char why[HRV_SOURCE_WHY_BYTES]);

/* Is the file on disk another than the one that was loaded? `path` is its terminated path. Cheap: a stat(), and the
 * content only when it was touched without a change of size. */
bool hrv_source_is_changed(struct hrv_reader *reader, const struct hr_file *file, const char *path);

/* FNV-1a 64, as in struct hr_file. */
uint64_t hrv_source_hash(const char *bytes, size_t len_bytes);

#endif
