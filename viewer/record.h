/* record.h — the bytes of a recording (docs/wire.md, "Recordings"): what its writer and its reader agree on. Pure. */
#ifndef HRV_RECORD_H
#define HRV_RECORD_H

#include <stddef.h>
#include <stdint.h>

/* The file's head: the magic, the version, zeros up to the first record. */
#define HRV_RECORDING_MAGIC     "\x89hrrec\r\n" /* as PNG's: shows what text mode did to a file */
#define HRV_RECORDING_VERSION   1
#define HRV_RECORDING_FIRST_OFF 16

#define HRV_RECORD_HEAD_BYTES 20
#define HRV_RECORD_MAX_BYTES  (UINT32_C(64) << 20) /* a payload; more is none of ours */
#define HRV_RECORD_AT_MAX_MS  (UINT64_C(1) << 48)  /* likewise */

enum hrv_record_kind {
	HRV_RECORD_BEGIN = 1, /* the first, and once */
	HRV_RECORD_KEY,       /* a frame that stands for itself */
	HRV_RECORD_DELTA,     /* one that adds to those before it */
	HRV_RECORD_SOURCE,    /* the text of a file */
	HRV_RECORD_INDEX,     /* the last */
};

/* A record's head. */
struct hrv_record {
	enum hrv_record_kind kind;
	uint32_t payload_bytes;
	uint64_t at_ms; /* since the recording's start; does not go back */
};

/* A key frame, as the index has it. */
struct hrv_record_key {
	uint64_t at_ms;
	uint64_t off;   /* of its record */
	uint64_t frame; /* frames before it */
};

/* BEGIN: the start, then the program's map in the list as msgpack. */
#define HRV_RECORD_BEGIN_BYTES 8

/* SOURCE: these, then the text. */
#define HRV_RECORD_SOURCE_BYTES   8
#define HRV_RECORD_SOURCE_CHANGED 1u /* not what the program loaded */
#define HRV_RECORD_SOURCE_MISSING 2u /* the text says why there is none */

/* INDEX: numbers of frames, milliseconds, key frames and sources; those; its own offset and a magic, by which it is
 * found from the end of the file. */
#define HRV_RECORD_INDEX_BYTES        24
#define HRV_RECORD_INDEX_KEY_BYTES    24
#define HRV_RECORD_INDEX_SOURCE_BYTES 12
#define HRV_RECORD_END_BYTES          16
#define HRV_RECORDING_END_MAGIC       "hrrecend"

/* Little-endian numbers of `bytes` bytes. */
void hrv_record_put_number(unsigned char *at, size_t bytes, uint64_t number);
uint64_t hrv_record_number(const unsigned char *at, size_t bytes);

/* The head, with its checksum over the rest of the head and the payload. */
void hrv_record_encode(const struct hrv_record *record, const void *payload, unsigned char head[HRV_RECORD_HEAD_BYTES]);

/* HR_ECORRUPT: no record begins like that. */
int hrv_record_decode(const unsigned char head[HRV_RECORD_HEAD_BYTES], struct hrv_record *out);

/* The checksum that the head names, and what there is: begun over the head, gone on with over the payload. */
uint32_t hrv_record_checksum(const unsigned char head[HRV_RECORD_HEAD_BYTES]);
uint32_t hrv_record_checksum_begin(const unsigned char head[HRV_RECORD_HEAD_BYTES]);
uint32_t hrv_record_checksum_more(uint32_t checksum, const void *bytes, size_t len_bytes);

#endif
