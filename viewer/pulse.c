/* pulse.c — see pulse.h. */
#include "pulse.h"

#include "model.h"

/* Slots in one go: these and their infos stay in the processor's first cache. */
#define PIECE 512

static int sum_slots(struct hrv_reader *reader, uint64_t *out)
{
	static const struct hrv_slot never_hit[PIECE];
	static const uint64_t no_sums[PIECE / HRV_SLOT_BLOCK];
	struct hrv_slot_change hit[PIECE];
	struct hr_slot_info infos[PIECE];
	uint32_t slot_count, info_count, hit_count;
	uint64_t sum = 0;
	int err;

	if ((err = hrv_reader_count(reader, HR_KIND_SLOTS, &slot_count)) != 0 ||
	    (err = hrv_reader_count(reader, HR_KIND_SLOT_INFOS, &info_count)) != 0)
		return err;
	uint32_t limit = slot_count < info_count ? slot_count : info_count;
	for (uint32_t first = 0; first < limit; first += PIECE) {
		uint32_t n = limit - first < PIECE ? limit - first : PIECE;
		if ((err = hrv_reader_slot_changes(reader, first, n, never_hit, no_sums, hit, &hit_count)) != 0 ||
		    (err = hrv_reader_slot_infos(reader, first, n, infos)) != 0)
			return err;
		for (uint32_t i = 0; i < hit_count; i++)
			if (hrv_slot_is_known(&infos[hit[i].index - first]))
				sum += hit[i].now.hits;
	}
	*out = sum;
	return 0;
}

int hrv_pulse_threads(struct hrv_reader *reader, uint32_t *out)
{
	uint32_t rows, threads = 0;
	int err = hrv_reader_count(reader, HR_KIND_THREADS, &rows);

	for (uint32_t i = 0; err == 0 && i < rows; i++) {
		uint64_t generation, published;
		err = hrv_reader_row_mark(reader, HR_KIND_THREADS, i, &generation, &published);
		threads += err == 0 && generation % 2 == 1 && published != 0;
	}
	if (err == 0)
		*out = threads;
	return err;
}

int hrv_pulse_read(struct hrv_reader *reader, struct hrv_pulse *out)
{
	struct hrv_pulse pulse;
	int err = hrv_pulse_threads(reader, &pulse.threads);

	if (err == 0)
		err = sum_slots(reader, &pulse.hits);
	if (err == 0)
		*out = pulse;
	return err;
}
