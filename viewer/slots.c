/* slots.c — which slots are others than they were: what a frame of a large program costs. See reader.h.
 *
 * Nearly all slots are as they were. So blocks are told apart by their sums first, which reads the slots and little
 * else; what was seen is looked at, far apart in memory, for those few that differ. Neither loop branches on what it
 * finds, so that the loads of many blocks are under way at once. */
#include "hr_atomic.h"
#include "reader.h"

#define PIECE_BLOCKS   512u /* stay in the first cache from one loop to the next */
#define PREFETCH_BYTES 2048 /* measured: 1024 and 4096 are no better */

static inline uint64_t slot_sum(const unsigned char *at)
{
	const struct hr_slot *slot = (const struct hr_slot *)at;
	return hr_load64(&slot->hits) + hr_load64(&slot->last_tick);
}

static_assert(HRV_SLOT_BLOCK == 4, "find_blocks() adds four");

/* Of `count` whole blocks at `from` the numbers of those whose sum is another: *out, as many as are returned. */
static inline uint32_t find_blocks(const unsigned char *from, size_t stride, const uint64_t *sums, uint32_t count,
                                   uint32_t *out)
{
	uint32_t found = 0;

	for (uint32_t block = 0; block < count; block++, from += HRV_SLOT_BLOCK * stride) {
		__builtin_prefetch(from + PREFETCH_BYTES);
		uint64_t sum = slot_sum(from) + slot_sum(from + stride) + slot_sum(from + 2 * stride) +
		               slot_sum(from + 3 * stride);
		out[found] = block;
		found += sum != sums[block];
	}
	return found;
}

/* Those of slots [at, end) that differ; returns how many. */
static inline uint32_t find_slots(const unsigned char *from, size_t stride, uint32_t at, uint32_t end,
                                  const struct hrv_slot *seen, uint32_t first, struct hrv_slot_change *out)
{
	uint32_t found = 0;

	for (; at < end; at++) {
		const struct hr_slot *slot = (const struct hr_slot *)(from + at * stride);
		struct hrv_slot now = {hr_load64(&slot->hits), hr_load64(&slot->last_tick)};
		out[found] = (struct hrv_slot_change){first + at, now};
		found += (now.hits != seen[at].hits) | (now.last_tick != seen[at].last_tick);
	}
	return found;
}

uint32_t hrv_slots_compare(const unsigned char *from, size_t stride, uint32_t first, uint32_t count,
                           const struct hrv_slot *seen, const uint64_t *sums, struct hrv_slot_change *changed)
{
	uint32_t blocks[PIECE_BLOCKS], changed_count = 0, whole = count / HRV_SLOT_BLOCK;

	for (uint32_t done = 0; done < whole; done += PIECE_BLOCKS) {
		const unsigned char *piece = from + (size_t)done * HRV_SLOT_BLOCK * stride;
		uint32_t n = whole - done < PIECE_BLOCKS ? whole - done : PIECE_BLOCKS;
		/* The stride of today's layout as a constant: a fifth less. */
		n = stride == sizeof(struct hr_slot)
		            ? find_blocks(piece, sizeof(struct hr_slot), sums + done, n, blocks)
		            : find_blocks(piece, stride, sums + done, n, blocks);
		for (uint32_t i = 0; i < n; i++)
			__builtin_prefetch(&seen[(size_t)(done + blocks[i]) * HRV_SLOT_BLOCK]);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = (done + blocks[i]) * HRV_SLOT_BLOCK;
			changed_count +=
			        find_slots(from, stride, at, at + HRV_SLOT_BLOCK, seen, first, changed + changed_count);
		}
	}
	return changed_count +
	       find_slots(from, stride, whole * HRV_SLOT_BLOCK, count, seen, first, changed + changed_count);
}
