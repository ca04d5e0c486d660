/* samples.c — see samples.h. */
#include "samples.h"

#include "array.h"
#include "hr_err.h"

#include <stdlib.h>
#include <string.h>

/* ---- places and paths, each once ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ hash >> 32;
}

static uint64_t hash_place(const struct hrv_samples *samples, uint32_t index)
{
	return mix(mix(1, samples->places[index].code), samples->places[index].line);
}

static uint64_t hash_path(const struct hrv_samples *samples, uint32_t index)
{
	const struct hrv_path *path = &samples->paths[index];
	uint64_t hash = path->count;

	for (uint32_t i = 0; i < path->count; i++)
		hash = mix(hash, samples->steps[path->first + i]);
	return hash;
}

static bool same_place(const struct hrv_samples *samples, uint32_t a, uint32_t b)
{
	return memcmp(&samples->places[a], &samples->places[b], sizeof *samples->places) == 0;
}

static bool same_path(const struct hrv_samples *samples, uint32_t a, uint32_t b)
{
	const struct hrv_path *left = &samples->paths[a], *right = &samples->paths[b];

	return left->count == right->count && memcmp(samples->steps + left->first, samples->steps + right->first,
	                                             left->count * sizeof *samples->steps) == 0;
}

/* What places and paths have in common: the last item was just put behind the others. */
struct kind {
	uint64_t (*hash)(const struct hrv_samples *samples, uint32_t index);
	bool (*same)(const struct hrv_samples *samples, uint32_t a, uint32_t b);
};

static const struct kind place_kind = {hash_place, same_place}, path_kind = {hash_path, same_path};

/* Where an item equal to `index` stands in the table, or the empty place where it would. */
static uint32_t *find(const struct hrv_samples *samples, const struct kind *kind, uint32_t *table, size_t size,
                      uint32_t index)
{
	size_t at = kind->hash(samples, index) & (size - 1);

	while (table[at] != 0 && !kind->same(samples, table[at] - 1, index))
		at = (at + 1) & (size - 1);
	return &table[at];
}

/* The index of the item equal to the last, *count - 1, which is taken away when there was one before. */
static int settle(const struct hrv_samples *samples, const struct kind *kind, uint32_t **table, size_t *size,
                  size_t *count, uint32_t *out)
{
	if (*count * 2 > *size) {
		size_t grown_size = *size ? *size * 2 : 256;
		uint32_t *grown = calloc(grown_size, sizeof *grown);
		if (!grown)
			return HR_ENOMEM;
		for (uint32_t i = 0; i + 1 < *count; i++)
			*find(samples, kind, grown, grown_size, i) = i + 1;
		free(*table);
		*table = grown;
		*size = grown_size;
	}
	uint32_t *place = find(samples, kind, *table, *size, (uint32_t)*count - 1);
	if (*place != 0)
		--*count;
	else
		*place = (uint32_t)*count;
	*out = *place - 1;
	return 0;
}

static int place_of(struct hrv_samples *samples, uint32_t code, uint32_t line, uint32_t *out)
{
	int err = hrv_array_reserve(&samples->places, &samples->place_capacity, samples->place_count + 1,
	                            sizeof *samples->places);

	if (err != 0)
		return err;
	samples->places[samples->place_count++] = (struct hrv_place){code, line};
	return settle(samples, &place_kind, &samples->place_table, &samples->place_table_size, &samples->place_count,
	              out);
}

static int path_of(struct hrv_samples *samples, const struct hrv_stack *stack, uint32_t *out)
{
	size_t first = samples->step_count, before = samples->path_count;
	bool elided = stack->depth > stack->frame_count;
	int err;

	if ((err = hrv_array_reserve(&samples->steps, &samples->step_capacity, first + stack->frame_count + 1,
	                             sizeof *samples->steps)) != 0 ||
	    (err = hrv_array_reserve(&samples->paths, &samples->path_capacity, before + 1, sizeof *samples->paths)) !=
	            0)
		return err;
	uint32_t *step = samples->steps + first;
	for (uint32_t i = 0; err == 0 && i < stack->frame_count; i++) {
		if (elided && i == stack->elided_at)
			err = place_of(samples, HRV_CODE_ELIDED, HR_INDEX_NONE, step++);
		if (err == 0)
			err = place_of(samples, stack->frames[i].code, stack->frames[i].line, step++);
	}
	if (err != 0)
		return err;
	samples->paths[samples->path_count++] =
	        (struct hrv_path){(uint32_t)first, (uint32_t)(step - samples->steps - first)};
	err = settle(samples, &path_kind, &samples->path_table, &samples->path_table_size, &samples->path_count, out);
	if (err == 0 && samples->path_count > before)
		samples->step_count = (size_t)(step - samples->steps);
	return err;
}

/* ---- looks ---- */

/* The thread that has row `row` now. */
static int thread_of(struct hrv_samples *samples, uint32_t row, const struct hrv_stack *stack,
                     struct hrv_sampled_thread **out)
{
	size_t before = samples->row_capacity;
	int err = hrv_array_reserve(&samples->row_threads, &samples->row_capacity, (size_t)row + 1,
	                            sizeof *samples->row_threads);

	if (err != 0)
		return err;
	memset(samples->row_threads + before, 0, (samples->row_capacity - before) * sizeof *samples->row_threads);
	uint32_t *index = &samples->row_threads[row];
	if (*index == 0 || samples->threads[*index - 1].generation != stack->generation) {
		err = hrv_array_reserve(&samples->threads, &samples->thread_capacity, samples->thread_count + 1,
		                        sizeof *samples->threads);
		if (err != 0)
			return err;
		samples->threads[samples->thread_count++] = (struct hrv_sampled_thread){
		        .generation = stack->generation, .ident = stack->ident, .native_id = stack->native_id};
		*index = (uint32_t)samples->thread_count;
	}
	*out = &samples->threads[*index - 1];
	return 0;
}

static int take_look(struct hrv_samples *samples, uint32_t row, const struct hrv_stack *stack, uint64_t tick)
{
	struct hrv_sampled_thread *thread;
	uint32_t path;
	int err = thread_of(samples, row, stack, &thread);

	if (err != 0 || (err = path_of(samples, stack, &path)) != 0 ||
	    (err = hrv_array_reserve(&thread->samples, &thread->capacity, thread->count + 1,
	                             sizeof *thread->samples)) != 0)
		return err;
	uint64_t ticks = thread->count > 0 && tick > thread->tick ? tick - thread->tick : 0;
	struct hrv_sample *last = thread->count > 0 ? &thread->samples[thread->count - 1] : NULL;
	if (last && last->path == path && last->run_state == stack->run_state) {
		last->looks++;
		last->ticks += ticks;
	} else {
		thread->samples[thread->count++] = (struct hrv_sample){path, stack->run_state, 1, ticks};
	}
	thread->tick = tick;
	memcpy(thread->name, stack->name, sizeof thread->name);
	return 0;
}

int hrv_samples_take(struct hrv_samples *samples, const struct hrv_stacks *stacks, uint64_t tick)
{
	int err = 0;

	if (!samples->looked)
		samples->first_tick = tick;
	samples->looked = true;
	samples->last_tick = tick;
	for (uint32_t i = 0; err == 0 && i < stacks->thread_count; i++)
		if (stacks->threads[i].used)
			err = take_look(samples, i, &stacks->threads[i], tick);
	return err;
}

void hrv_samples_sum(const struct hrv_samples *samples, uint64_t *looks, uint64_t *ticks)
{
	*looks = *ticks = 0;
	for (size_t i = 0; i < samples->thread_count; i++)
		for (size_t n = 0; n < samples->threads[i].count; n++) {
			*looks += samples->threads[i].samples[n].looks;
			*ticks += samples->threads[i].samples[n].ticks;
		}
}

void hrv_samples_fini(struct hrv_samples *samples)
{
	for (size_t i = 0; i < samples->thread_count; i++)
		free(samples->threads[i].samples);
	free(samples->threads);
	free(samples->places);
	free(samples->paths);
	free(samples->steps);
	free(samples->place_table);
	free(samples->path_table);
	free(samples->row_threads);
	*samples = (struct hrv_samples){0};
}
