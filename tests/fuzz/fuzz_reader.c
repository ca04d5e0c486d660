/* fuzz_reader.c — the reader over arbitrary bytes.
 *
 * Built with clang it is a libFuzzer target (fuzz_reader CORPUS_DIR); with replay.c it reads each file that it is given
 * once, so that every compiler's sanitizers see the corpus. The input is the segment; the fields that must agree
 * with its name are put right, or nothing behind them would ever be reached. */
#include "hr_layout.h"
#include "hr_name.h"
#include "read_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID      4711u
#define INSTANCE UINT64_C(0x1122334455667788)

static int dir_fd = -1, file_fd = -1;
static char file_name[HR_NAME_BYTES];
static char dir[] = HR_SHM_DIR "/hr_fuzz_XXXXXX";

static void clear_away(void)
{
	unlinkat(dir_fd, file_name, 0);
	rmdir(dir);
}

static void begin(void)
{
	struct hr_name name = {.uid = geteuid(), .pid = PID, .instance = INSTANCE};

	hr_name_format(&name, file_name);
	if (!mkdtemp(dir) || (dir_fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    (file_fd = openat(dir_fd, file_name, O_RDWR | O_CREAT | O_EXCL, 0600)) < 0) {
		perror(dir);
		exit(1);
	}
	atexit(clear_away);
}

static void put(const void *bytes, size_t len_bytes, size_t off)
{
	if (pwrite(file_fd, bytes, len_bytes, (off_t)off) != (ssize_t)len_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct hr_header header;

	if (file_fd < 0)
		begin();
	if (ftruncate(file_fd, 0) != 0)
		abort();
	put(bytes, len_bytes, 0);
	if (len_bytes >= sizeof header) {
		memcpy(&header, bytes, sizeof header);
		header.uid = geteuid();
		header.pid = PID;
		header.instance = INSTANCE;
		put(&header, sizeof header, 0);
	}
	read_all(dir_fd, file_name);
	return 0;
}
