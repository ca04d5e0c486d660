/* fuzz_recording.c — the reader of recordings over arbitrary bytes.
 *
 * Built with clang it is a libFuzzer target (fuzz_recording CORPUS_DIR); with replay.c it reads each file that it is
 * given once. The input is the recording; its magic and the checksums of its records are put right, or nothing
 * behind them would ever be reached. */
#define _GNU_SOURCE /* memfd_create */
#include "read_recording.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES_MAX (1 << 20)

static int file_fd = -1;
static char path[32];

static void put_right(uint8_t *bytes, size_t len_bytes)
{
	size_t off = HRV_RECORDING_FIRST_OFF;

	if (len_bytes < off)
		return;
	memcpy(bytes, HRV_RECORDING_MAGIC, 8);
	bytes[8] = HRV_RECORDING_VERSION;
	memset(bytes + 9, 0, 7);
	while (len_bytes - off >= HRV_RECORD_HEAD_BYTES) {
		unsigned char head[HRV_RECORD_HEAD_BYTES];
		struct hrv_record record;
		uint8_t *payload = bytes + off + sizeof head;
		memcpy(head, bytes + off, sizeof head);
		if (hrv_record_decode(head, &record) != 0 || record.payload_bytes > len_bytes - off - sizeof head)
			return;
		uint32_t checksum =
		        hrv_record_checksum_more(hrv_record_checksum_begin(head), payload, record.payload_bytes);
		hrv_record_put_number(bytes + off, 4, checksum);
		off += sizeof head + record.payload_bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	static uint8_t mended[BYTES_MAX];

	if (len_bytes > sizeof mended)
		return 0;
	if (file_fd < 0) {
		file_fd = memfd_create("recording", MFD_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", file_fd);
	}
	memcpy(mended, bytes, len_bytes);
	put_right(mended, len_bytes);
	if (file_fd < 0 || ftruncate(file_fd, 0) != 0 || pwrite(file_fd, mended, len_bytes, 0) != (ssize_t)len_bytes)
		abort();
	read_recording(path);
	return 0;
}
