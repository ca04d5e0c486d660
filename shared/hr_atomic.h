/* hr_atomic.h — all memory-order code of the project.
 *
 * Owns: how a counter is bumped, how `used` is published, how a stack snapshot is written and copied. Everything
 * here works on the types of hr_layout.h and knows neither CPython nor the viewer.
 */
#ifndef HR_ATOMIC_H
#define HR_ATOMIC_H

#include "hr_layout.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static inline uint64_t hr_load64(const _Atomic uint64_t *p)
{
	return atomic_load_explicit((_Atomic uint64_t *)p, memory_order_relaxed);
}

static inline uint32_t hr_load32(const _Atomic uint32_t *p)
{
	return atomic_load_explicit((_Atomic uint32_t *)p, memory_order_relaxed);
}

static inline void hr_put64(_Atomic uint64_t *p, uint64_t value)
{
	atomic_store_explicit(p, value, memory_order_relaxed);
}

static inline void hr_put32(_Atomic uint32_t *p, uint32_t value)
{
	atomic_store_explicit(p, value, memory_order_relaxed);
}

/* Adds to a counter that only this thread writes (the GIL sees to it): a load and a store, 0.4 ns where a locked
 * add costs 5.6. The one place to change for a free-threaded interpreter. */
static inline void hr_count(_Atomic uint64_t *counter, uint64_t n)
{
	hr_put64(counter, hr_load64(counter) + n);
}

/* A line was hit: every counter write of every backend goes through here. */
static inline void hr_slot_hit(struct hr_slot *slot, const _Atomic uint64_t *tick)
{
	hr_count(&slot->hits, 1);
	hr_put64(&slot->last_tick, hr_load64(tick));
}

/* Publishes elements [.., used) of a section. Pairs with hr_used_load(). */
static inline void hr_used_publish(_Atomic uint64_t *used, uint64_t value)
{
	atomic_store_explicit(used, value, memory_order_release);
}

static inline uint64_t hr_used_load(const _Atomic uint64_t *used)
{
	return atomic_load_explicit((_Atomic uint64_t *)used, memory_order_acquire);
}

/* Pairs with hr_state_load(): what was written before LIVE or CLOSED is seen by who sees it. */
static inline void hr_state_publish(_Atomic uint32_t *state, enum hr_state value)
{
	atomic_store_explicit(state, value, memory_order_release);
}

static inline uint32_t hr_state_load(const _Atomic uint32_t *state)
{
	return atomic_load_explicit((_Atomic uint32_t *)state, memory_order_acquire);
}

/* Rows. Taking: fill ident and native_id, published = 0, then make the generation odd (release). Giving back: make
 * it even. A reader loads the generation (acquire), copies, and asks again with hr_row_same(). */
static inline void hr_row_take(struct hr_row *row, uint64_t ident, uint64_t native_id)
{
	/* The release fence keeps the stores below behind the even generation that the last owner left. */
	atomic_thread_fence(memory_order_release);
	hr_put64(&row->ident, ident);
	hr_put64(&row->native_id, native_id);
	hr_put64(&row->published, 0);
	atomic_store_explicit(&row->generation, hr_load64(&row->generation) + 1, memory_order_release);
}

static inline void hr_row_give_back(struct hr_row *row)
{
	atomic_store_explicit(&row->generation, hr_load64(&row->generation) + 1, memory_order_release);
}

static inline uint64_t hr_row_generation(const struct hr_row *row)
{
	return atomic_load_explicit((_Atomic uint64_t *)&row->generation, memory_order_acquire);
}

static inline bool hr_row_same(const struct hr_row *row, uint64_t generation)
{
	atomic_thread_fence(memory_order_acquire); /* the copies before it stay before the load */
	return hr_load64(&row->generation) == generation;
}

/* Snapshots. The writer fills slot seq % HR_RING between begin and publish; the slot's own seq is 0 meanwhile, so a
 * reader that was overtaken by HR_RING publications sees that its copy is torn and tries again with the newest. */
static inline void hr_snapshot_begin(struct hr_snapshot *snapshot)
{
	hr_put64(&snapshot->seq, 0);
	atomic_thread_fence(memory_order_release); /* pairs with the fence in hr_snapshot_whole() */
}

static inline void hr_snapshot_publish(struct hr_row *row, struct hr_snapshot *snapshot, uint64_t seq)
{
	atomic_store_explicit(&snapshot->seq, seq, memory_order_release);  /* pairs with hr_snapshot_seq() */
	atomic_store_explicit(&row->published, seq, memory_order_release); /* pairs with hr_row_published() */
}

static inline uint64_t hr_row_published(const struct hr_row *row)
{
	return atomic_load_explicit((_Atomic uint64_t *)&row->published, memory_order_acquire);
}

static inline uint64_t hr_snapshot_seq(const struct hr_snapshot *snapshot)
{
	return atomic_load_explicit((_Atomic uint64_t *)&snapshot->seq, memory_order_acquire);
}

/* True when what was copied since hr_snapshot_seq() returned `seq` is all of publication `seq`. */
static inline bool hr_snapshot_whole(const struct hr_snapshot *snapshot, uint64_t seq)
{
	atomic_thread_fence(memory_order_acquire);
	return hr_load64(&snapshot->seq) == seq;
}

/* Thread names travel as atomic words so that a torn read is a wrong name for the checks above, never a data race.
 * `name` is cut at a whole UTF-8 character. */
static inline void hr_name_put(_Atomic uint64_t words[HR_THREAD_NAME_BYTES / 8], const char *name, size_t len_bytes)
{
	uint64_t local[HR_THREAD_NAME_BYTES / 8] = {0};
	if (len_bytes > sizeof local - 1) {
		len_bytes = sizeof local - 1;
		while (len_bytes > 0 && ((unsigned char)name[len_bytes] & 0xC0) == 0x80)
			len_bytes--;
	}
	memcpy(local, name, len_bytes);
	for (size_t i = 0; i < HR_THREAD_NAME_BYTES / 8; i++)
		hr_put64(&words[i], local[i]);
}

/* `out` is always terminated. */
static inline void hr_name_load(const _Atomic uint64_t words[HR_THREAD_NAME_BYTES / 8], char out[HR_THREAD_NAME_BYTES])
{
	uint64_t local[HR_THREAD_NAME_BYTES / 8];
	for (size_t i = 0; i < HR_THREAD_NAME_BYTES / 8; i++)
		local[i] = hr_load64(&words[i]);
	memcpy(out, local, HR_THREAD_NAME_BYTES);
	out[HR_THREAD_NAME_BYTES - 1] = '\0';
}

#endif
