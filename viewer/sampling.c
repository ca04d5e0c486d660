/* sampling.c — see sampling.h. */
#include "sampling.h"
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* The tracer looks every 50 ms at most; whoever looks five times as often misses none. */
#define PERIOD_NS 10000000
/* It says anew how far it is, and asks whether the program lives, about this often. */
#define ROUNDS_TOLD 50

/* Takes the stacks in when the tracer has looked since *passes. */
static int look(struct hrv_reader *reader, struct hrv_stacks *stacks, struct hrv_samples *samples, uint64_t *passes)
{
	struct hrv_status status;
	bool changed;
	int err = hrv_reader_status(reader, &status);

	if (err != 0 || status.samples == *passes)
		return err;
	*passes = status.samples;
	err = hrv_stacks_update(stacks, reader, &changed);
	return err == 0 ? hrv_samples_take(samples, stacks, status.tick) : err;
}

int hrv_sampling_run(struct hrv_program *program, unsigned long seconds, const sigset_t *signals,
                     struct hrv_samples *samples, bool *signalled_out)
{
	const struct timespec period = {.tv_nsec = PERIOD_NS};
	uint64_t begun = hrv_clock_ns(CLOCK_MONOTONIC), length = seconds * UINT64_C(1000000000), passes = UINT64_MAX,
	         gone = 0;
	bool told = signals && isatty(STDERR_FILENO);
	struct hrv_stacks stacks = {0};
	int err = 0;

	*signalled_out = false;
	for (unsigned long round = 0; program->reader; round++) {
		if (round % ROUNDS_TOLD == 0)
			program->life = hrv_reader_life(program->reader);
		err = look(program->reader, &stacks, samples, &passes);
		if (err != 0 || !hrv_program_lives(program) || gone >= length)
			break;
		if (told && round % ROUNDS_TOLD == 0)
			fprintf(stderr, "\rsampling pid %" PRIu32 ": %" PRIu64 " of %lu s ", program->pid,
			        gone / 1000000000, seconds);
		if (signals)
			*signalled_out = sigtimedwait(signals, NULL, &period) > 0;
		else
			nanosleep(&period, NULL);
		if (*signalled_out)
			break;
		gone = hrv_clock_ns(CLOCK_MONOTONIC) - begun;
	}
	if (told && passes != UINT64_MAX)
		fprintf(stderr, "\r\033[K");
	hrv_stacks_fini(&stacks);
	return err;
}
