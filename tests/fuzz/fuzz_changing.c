/* fuzz_changing.c — the reader over a segment that somebody changes while it is read.
 *
 * The input is what is done to the segment, and the segment. The one who does it is a timer's signal on the reader's
 * own thread, every 30 us: so it comes between any two instructions of the reader, on one processor too. */
#define _GNU_SOURCE
#include "read_all.h"
#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHANGES  16u
#define EVERY_NS 30000

/* Each is made and taken back in turn. */
struct change {
	uint32_t off; /* into the segment */
	uint8_t kind; /* of four: bytes to write, or 0: the file ends at `off` */
	uint8_t unused[3];
	uint64_t value;
};
static_assert(sizeof(struct change) == 16, "no padding in the corpus");

static const struct scratch *scratch; /* NULL before the first input */
static timer_t timer;

static uint8_t segment[1 << 20];
static size_t segment_bytes;
static struct change changes[CHANGES];
static volatile sig_atomic_t turn;

static void restore(size_t off, size_t len_bytes)
{
	if (off < segment_bytes)
		scratch_put(segment + off, len_bytes < segment_bytes - off ? len_bytes : segment_bytes - off, off);
}

static void change(int number)
{
	(void)number;
	const struct change *what = &changes[(unsigned)turn / 2 % CHANGES];
	size_t off = segment_bytes ? what->off % segment_bytes : 0, widths[] = {0, 1, 4, 8},
	       width = widths[what->kind % 4];

	if (turn++ % 2 == 1)
		restore(off, width ? width : segment_bytes - off);
	else if (width)
		scratch_put(&what->value, width, off);
	else if (ftruncate(scratch->file_fd, (off_t)off) != 0)
		abort();
}

static void begin(void)
{
	struct sigaction action = {.sa_handler = change, .sa_flags = SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};

	scratch = scratch_get();
	if (sigaction(SIGRTMIN, &action, NULL) != 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
		perror("timer");
		exit(1);
	}
}

static void tick(long every_ns)
{
	struct itimerspec spec = {.it_interval.tv_nsec = every_ns, .it_value.tv_nsec = every_ns};

	if (timer_settime(timer, 0, &spec, NULL) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct hr_header header;

	if (len_bytes < sizeof changes || len_bytes - sizeof changes > sizeof segment)
		return 0;
	if (!scratch)
		begin();
	memcpy(changes, bytes, sizeof changes);
	segment_bytes = len_bytes - sizeof changes;
	memcpy(segment, bytes + sizeof changes, segment_bytes);
	if (segment_bytes >= sizeof header) {
		memcpy(&header, segment, sizeof header);
		scratch_put_right(&header);
		memcpy(segment, &header, sizeof header);
	}
	turn = 0;
	if (ftruncate(scratch->file_fd, 0) != 0)
		abort();
	restore(0, segment_bytes);
	tick(EVERY_NS);
	for (int i = 0; i < 2; i++)
		read_all(scratch->dir_fd, scratch->file_name);
	tick(0);
	return 0;
}
