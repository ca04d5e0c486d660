/* recorder.h — a recording, written (docs/wire.md, "Recordings").
 *
 * By appending alone, a whole record at a time, so that whatever ends the writer leaves all but the last one readable.
 * After an error the file has been cut back to its last whole record. */
#ifndef HRV_RECORDER_H
#define HRV_RECORDER_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct hrv_recorder;

/* Begins a recording in the empty regular file `fd`, which stays the caller's. `program` is its map in the list as
 * msgpack (hrv_wire_encode_program()). Ended with hrv_recorder_free(). HR_EIO (errno), HR_ENOMEM, as all below. */
int hrv_recorder_begin(int fd, uint64_t start_realtime_ns, struct hrv_text program, struct hrv_recorder **out);
void hrv_recorder_free(struct hrv_recorder *recorder);

/* Is the next frame to be a key frame? The first is; later ones so that to go to any moment little must be read, but
 * key frames are no more than half of the file. */
bool hrv_recorder_wants_key(const struct hrv_recorder *recorder, uint64_t at_ms);

/* `at_ms` counts from the start; `more`: the next frame has the rest of this one. */
int hrv_recorder_put_frame(struct hrv_recorder *recorder, bool key, bool more, uint64_t at_ms, struct hrv_text frame);

/* The text of a file in the program's table, with HRV_RECORD_SOURCE_… */
int hrv_recorder_put_source(struct hrv_recorder *recorder, uint64_t at_ms, uint32_t file, uint32_t flags,
                            struct hrv_text text);

/* Appends the index. Nothing may follow. */
int hrv_recorder_end(struct hrv_recorder *recorder, uint64_t at_ms);

uint64_t hrv_recorder_frames(const struct hrv_recorder *recorder);
uint64_t hrv_recorder_bytes(const struct hrv_recorder *recorder);

#endif
