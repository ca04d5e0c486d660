/* fuzz_reader.c — the reader over arbitrary bytes.
 *
 * Built with clang it is a libFuzzer target (fuzz_reader CORPUS_DIR); with replay.c it reads each file that it is given
 * once, so that every compiler's sanitizers see the corpus. The input is the segment; the fields that must agree
 * with its name are put right, or nothing behind them would ever be reached. */
#include "read_all.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	const struct scratch *scratch = scratch_get();
	struct hr_header header;

	if (ftruncate(scratch->file_fd, 0) != 0)
		abort();
	scratch_put(bytes, len_bytes, 0);
	if (len_bytes >= sizeof header) {
		memcpy(&header, bytes, sizeof header);
		scratch_put_right(&header);
		scratch_put(&header, sizeof header, 0);
	}
	read_all(scratch->dir_fd, scratch->file_name);
	return 0;
}
