/* recording.h — a recording, read (docs/wire.md, "Recordings").
 *
 * Nothing of the file is believed: lengths, checksums, order and index are judged, and a file without a usable index is
 * read through once. The frames are those of the wire; only that each is one whole map of msgpack is known of them. All
 * functions may be called from several threads at once, also while the file is truncated or written to. */
#ifndef HRV_RECORDING_H
#define HRV_RECORDING_H

#include "buffer.h"
#include "record.h"
#include "text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HRV_RECORDING_WHY_BYTES 512

struct hrv_recording;

struct hrv_recording_facts {
	double start_ms; /* since 1970 */
	uint64_t duration_ms;
	uint64_t frames; /* from the first key frame on */
	uint64_t bytes;  /* where the last record ends */
	const struct hrv_record_key *keys;
	size_t key_count;        /* at least one */
	bool torn;               /* it was not ended, or is damaged from `bytes` on */
	uint64_t torn_bytes;     /* that are there, and no record */
	uint64_t instance;       /* of the program */
	struct hrv_text program; /* its map in the list as msgpack, as it was last told; it can be made JSON */
};

/* Opens the recording `path`; *out is closed with hrv_recording_close(). HR_ECORRUPT: it is none, or has no whole
 * frame; HR_EVERSION; HR_EIO: it cannot be read; HR_ENOMEM: `why` is a sentence. */
int hrv_recording_open(const char *path, struct hrv_recording **out, char why[HRV_RECORDING_WHY_BYTES]);
void hrv_recording_close(struct hrv_recording *recording);

const struct hrv_recording_facts *hrv_recording_facts(const struct hrv_recording *recording);

/* What /api/recording answers, and the program as in /api/programs. NULL: out of memory. */
json_t *hrv_recording_json(const struct hrv_recording *recording);
json_t *hrv_recording_program_json(const struct hrv_recording *recording);

/* Does a key frame's record begin at `off`? */
bool hrv_recording_is_key(const struct hrv_recording *recording, uint64_t off);

/* The first frame of a record at *off or after it, in place of what `frame` held; *off is moved behind it. HR_EGONE:
 * there is none below `limit`; HR_ECORRUPT: what is there is no record, or no frame; HR_EIO, HR_ENOMEM. */
int hrv_recording_frame(const struct hrv_recording *recording, uint64_t *off, uint64_t limit, struct hrv_record *record,
                        struct hrv_buffer *frame);

/* The text of file `index` in the program's table, in place of what `text` held. HR_EGONE: it was not recorded;
 * HR_ECORRUPT, HR_EIO, HR_ENOMEM: `why` is a sentence. */
int hrv_recording_source(const struct hrv_recording *recording, uint32_t file, struct hrv_buffer *text, bool *changed,
                         char why[HRV_RECORDING_WHY_BYTES]);

#endif
