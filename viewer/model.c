/* model.c — see model.h. */
#include "model.h"

#include "array.h"
#include "hr_err.h"

#include <stdlib.h>
#include <string.h>

#define NO_LINE UINT32_MAX

/* Flags whose meaning is known: none yet, HR_SLOT_DERIVED is kept for later. */
#define KNOWN_FLAGS ((uint32_t)HR_SLOT_PROBES)

/* An array that grows by doubling. */
struct list {
	void *items;
	size_t count, capacity;
};

struct total {
	uint64_t hits;
	uint64_t last_tick;
	bool dirty;
	bool lines_given; /* while all files are watched: an entry of its lines has been */
	uint32_t entry;   /* take_lines(): one more than the index of its entry, 0 none */
};

struct hrv_model {
	struct list slots;       /* struct hrv_slot: as seen last */
	struct list sums;        /* uint64_t: of each HRV_SLOT_BLOCK slots */
	struct list slot_lines;  /* uint32_t: index into lines, NO_LINE none; as long as slots */
	struct list lines;       /* struct hrv_line */
	uint32_t *line_table;    /* (file, line) to index into lines; open addressing, NO_LINE empty */
	size_t line_table_size;  /* a power of two, 0 none */
	struct list totals;      /* struct total, by file */
	struct list dirty_files; /* uint32_t */
	struct list dirty_lines; /* uint32_t: of watched files */
	struct list lent_lines;  /* struct hrv_triple: what take_lines() lent */
	struct list lent_files;  /* struct hrv_wire_lines: same, by file; room for all files */
	struct list lent_totals; /* struct hrv_triple: what take_totals() lent */
	bool watched_all;        /* every file is watched, else one or none */
	uint32_t watched;        /* that one */
	bool watched_given;      /* an entry of its lines has been */
	bool starts_over;        /* all lines of files not given yet are to be in dirty_lines */
};

static int list_reserve(struct list *list, size_t count, size_t item_bytes)
{
	return hrv_array_reserve(&list->items, &list->capacity, count, item_bytes);
}

bool hrv_slot_is_known(const struct hr_slot_info *info)
{
	return (info->flags & ~KNOWN_FLAGS) == 0;
}

int hrv_model_new(struct hrv_model **out)
{
	struct hrv_model *model = calloc(1, sizeof *model);

	if (!model)
		return HR_ENOMEM;
	model->watched = HR_INDEX_NONE;
	*out = model;
	return 0;
}

void hrv_model_free(struct hrv_model *model)
{
	if (!model)
		return;
	free(model->slots.items);
	free(model->sums.items);
	free(model->slot_lines.items);
	free(model->lines.items);
	free(model->line_table);
	free(model->totals.items);
	free(model->dirty_files.items);
	free(model->dirty_lines.items);
	free(model->lent_lines.items);
	free(model->lent_files.items);
	free(model->lent_totals.items);
	free(model);
}

const struct hrv_slot *hrv_model_slots(const struct hrv_model *model, uint32_t *count_out)
{
	*count_out = (uint32_t)model->slots.count;
	return model->slots.items;
}

const uint64_t *hrv_model_sums(const struct hrv_model *model)
{
	return model->sums.items;
}

const struct hrv_line *hrv_model_lines(const struct hrv_model *model, size_t *count_out)
{
	*count_out = model->lines.count;
	return model->lines.items;
}

/* ---- the table of lines ---- */

static size_t hash_of(uint32_t file, uint32_t line)
{
	uint64_t key = ((uint64_t)file << 32 | line) * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing */
	return (size_t)(key >> 24);
}

/* Where (file, line) stands in the table, or the empty place where it would. */
static uint32_t *table_place(const struct hrv_model *model, uint32_t file, uint32_t line)
{
	const struct hrv_line *lines = model->lines.items;
	size_t mask = model->line_table_size - 1, at = hash_of(file, line) & mask;

	while (model->line_table[at] != NO_LINE) {
		const struct hrv_line *there = &lines[model->line_table[at]];
		if (there->file == file && there->line == line)
			break;
		at = (at + 1) & mask;
	}
	return &model->line_table[at];
}

const struct hrv_line *hrv_model_find(const struct hrv_model *model, uint32_t file, uint32_t line)
{
	uint32_t index = model->line_table_size > 0 ? *table_place(model, file, line) : NO_LINE;

	return index == NO_LINE ? NULL : (const struct hrv_line *)model->lines.items + index;
}

static int table_grow(struct hrv_model *model)
{
	size_t size = model->line_table_size ? 2 * model->line_table_size : 1024;
	uint32_t *table = malloc(size * sizeof *table);
	const struct hrv_line *lines = model->lines.items;

	if (!table)
		return HR_ENOMEM;
	memset(table, 0xFF, size * sizeof *table);
	free(model->line_table);
	model->line_table = table;
	model->line_table_size = size;
	for (size_t i = 0; i < model->lines.count; i++)
		*table_place(model, lines[i].file, lines[i].line) = (uint32_t)i;
	return 0;
}

/* ---- what has changed ---- */

static bool is_watched(const struct hrv_model *model, uint32_t file)
{
	return model->watched_all || file == model->watched;
}

/* Whether an entry of a watched file's lines has been given. */
static bool *given_of(struct hrv_model *model, uint32_t file)
{
	return model->watched_all ? &((struct total *)model->totals.items)[file].lines_given : &model->watched_given;
}

/* Room was made when the line and the file were added: each is in its list once at most. */
static void mark_line(struct hrv_model *model, uint32_t index)
{
	struct hrv_line *line = &((struct hrv_line *)model->lines.items)[index];

	if (!is_watched(model, line->file) || line->dirty)
		return;
	line->dirty = true;
	((uint32_t *)model->dirty_lines.items)[model->dirty_lines.count++] = index;
}

static void mark_file(struct hrv_model *model, uint32_t file)
{
	struct total *total = &((struct total *)model->totals.items)[file];

	if (total->dirty)
		return;
	total->dirty = true;
	((uint32_t *)model->dirty_files.items)[model->dirty_files.count++] = file;
}

static int line_of(struct hrv_model *model, uint32_t file, uint32_t line, uint32_t *out)
{
	int err;

	if (model->lines.count * 2 >= model->line_table_size && (err = table_grow(model)) != 0)
		return err;
	uint32_t *place = table_place(model, file, line);
	if (*place == NO_LINE) {
		size_t count = model->lines.count + 1;
		if ((err = list_reserve(&model->lines, count, sizeof(struct hrv_line))) != 0 ||
		    (err = list_reserve(&model->dirty_lines, count, sizeof(uint32_t))) != 0)
			return err;
		((struct hrv_line *)model->lines.items)[model->lines.count] =
		        (struct hrv_line){.file = file, .line = line, .known = true};
		*place = (uint32_t)model->lines.count++;
		mark_line(model, *place);
	}
	*out = *place;
	return 0;
}

static int total_of(struct hrv_model *model, uint32_t file)
{
	size_t count = (size_t)file + 1;
	int err;

	if (model->totals.count >= count)
		return 0;
	if ((err = list_reserve(&model->totals, count, sizeof(struct total))) != 0 ||
	    (err = list_reserve(&model->dirty_files, count, sizeof(uint32_t))) != 0 ||
	    (err = list_reserve(&model->lent_files, count, sizeof(struct hrv_wire_lines))) != 0)
		return err;
	memset((struct total *)model->totals.items + model->totals.count, 0,
	       (count - model->totals.count) * sizeof(struct total));
	model->totals.count = count;
	return 0;
}

/* ---- in ---- */

static int slots_grow(struct hrv_model *model, size_t count)
{
	size_t blocks = (count + HRV_SLOT_BLOCK - 1) / HRV_SLOT_BLOCK;
	int err;

	if (count <= model->slots.count)
		return 0;
	if ((err = list_reserve(&model->slots, count, sizeof(struct hrv_slot))) != 0 ||
	    (err = list_reserve(&model->slot_lines, count, sizeof(uint32_t))) != 0 ||
	    (err = list_reserve(&model->sums, blocks, sizeof(uint64_t))) != 0)
		return err;
	memset((uint64_t *)model->sums.items + model->sums.count, 0, (blocks - model->sums.count) * sizeof(uint64_t));
	model->sums.count = blocks;
	size_t more = count - model->slots.count;
	memset((struct hrv_slot *)model->slots.items + model->slots.count, 0, more * sizeof(struct hrv_slot));
	memset((uint32_t *)model->slot_lines.items + model->slots.count, 0xFF, more * sizeof(uint32_t));
	model->slots.count = model->slot_lines.count = count;
	return 0;
}

/* The line's count is no longer to be believed: the total of its file loses it. */
static void disown(struct hrv_model *model, struct hrv_line *line)
{
	if (!line->known)
		return;
	line->known = false;
	((struct total *)model->totals.items)[line->file].hits -= line->hits;
	mark_file(model, line->file);
	if (is_watched(model, line->file)) {
		*given_of(model, line->file) = false; /* the count that was given must go */
		model->starts_over = true;
	}
}

int hrv_model_add_code(struct hrv_model *model, const struct hr_code *code, const struct hr_slot_info *infos,
                       uint32_t slot_limit, uint32_t file_limit)
{
	int err;

	if (code->slot_count == 0)
		return 0;
	if (code->slot_first > slot_limit || code->slot_count > slot_limit - code->slot_first ||
	    code->file >= file_limit)
		return HR_ECORRUPT;
	if ((err = slots_grow(model, (size_t)code->slot_first + code->slot_count)) != 0 ||
	    (err = total_of(model, code->file)) != 0)
		return err;
	uint32_t *slot_lines = (uint32_t *)model->slot_lines.items + code->slot_first;
	for (uint32_t i = 0; i < code->slot_count; i++) {
		uint32_t index;
		if (slot_lines[i] != NO_LINE)
			return HR_ECORRUPT;
		err = line_of(model, code->file, infos[i].line, &index);
		if (err != 0)
			return err;
		slot_lines[i] = index;
		if (!hrv_slot_is_known(&infos[i]))
			disown(model, &((struct hrv_line *)model->lines.items)[index]);
	}
	mark_file(model, code->file);
	return 0;
}

static void take_slot(struct hrv_model *model, uint32_t at, const struct hrv_slot *slot)
{
	struct hrv_slot *before = &((struct hrv_slot *)model->slots.items)[at];
	uint32_t index = ((uint32_t *)model->slot_lines.items)[at];

	if (index == NO_LINE)
		return;
	struct hrv_line *line = &((struct hrv_line *)model->lines.items)[index];
	struct total *total = &((struct total *)model->totals.items)[line->file];
	uint64_t more = slot->hits - before->hits; /* modulo 2^64, should a writer ever count down */

	((uint64_t *)model->sums.items)[at / HRV_SLOT_BLOCK] += more + (slot->last_tick - before->last_tick);
	*before = *slot;
	line->hits += more;
	if (slot->last_tick > line->last_tick)
		line->last_tick = slot->last_tick;
	if (!line->known)
		return;
	total->hits += more;
	if (line->last_tick > total->last_tick)
		total->last_tick = line->last_tick;
	mark_line(model, index);
	mark_file(model, line->file);
}

void hrv_model_update(struct hrv_model *model, const struct hrv_slot_change *changes, uint32_t count)
{
	const uint32_t *slot_lines = model->slot_lines.items;
	const struct hrv_line *lines = model->lines.items;

	/* They lie far apart in memory: all are on their way before the first is needed. */
	for (uint32_t i = 0; i < count; i++)
		if (changes[i].index < model->slots.count && slot_lines[changes[i].index] != NO_LINE)
			__builtin_prefetch(&lines[slot_lines[changes[i].index]]);
	for (uint32_t i = 0; i < count; i++)
		if (changes[i].index < model->slots.count)
			take_slot(model, changes[i].index, &changes[i].now);
}

/* ---- out ---- */

static void watch(struct hrv_model *model, bool all, uint32_t file)
{
	struct hrv_line *lines = model->lines.items;
	struct total *totals = model->totals.items;
	const uint32_t *dirty = model->dirty_lines.items;

	for (size_t i = 0; i < model->dirty_lines.count; i++)
		lines[dirty[i]].dirty = false;
	model->dirty_lines.count = 0;
	model->watched_all = all;
	model->watched = file;
	model->watched_given = false;
	for (size_t i = 0; i < model->totals.count; i++)
		totals[i].lines_given = false;
	model->starts_over = true;
}

void hrv_model_watch(struct hrv_model *model, uint32_t file)
{
	watch(model, false, file);
}

void hrv_model_watch_all(struct hrv_model *model)
{
	watch(model, true, HR_INDEX_NONE);
}

static void start_over(struct hrv_model *model)
{
	const struct hrv_line *lines = model->lines.items;

	for (size_t i = 0; model->starts_over && i < model->lines.count; i++)
		if (is_watched(model, lines[i].file) && !*given_of(model, lines[i].file))
			mark_line(model, (uint32_t)i);
	model->starts_over = false;
}

/* The entry of a file's lines, made when this is its first. */
static struct hrv_wire_lines *entry_of(struct hrv_model *model, uint32_t file)
{
	struct hrv_wire_lines *entries = model->lent_files.items;
	struct total *total = &((struct total *)model->totals.items)[file];

	if (total->entry == 0) {
		bool *given = given_of(model, file);
		entries[model->lent_files.count++] = (struct hrv_wire_lines){.file = file, .full = !*given};
		total->entry = (uint32_t)model->lent_files.count;
		*given = true;
	}
	return &entries[total->entry - 1];
}

/* How many of a list of uint32_t are taken now. */
static size_t take_count(const struct list *list, size_t max, bool *more_out)
{
	*more_out = list->count > max;
	return *more_out ? max : list->count;
}

static void drop_first(struct list *list, size_t count)
{
	uint32_t *items = list->items;

	list->count -= count;
	if (list->count > 0)
		memmove(items, items + count, list->count * sizeof *items);
}

int hrv_model_take_lines(struct hrv_model *model, size_t max, const struct hrv_wire_lines **out, size_t *count_out,
                         bool *more_out)
{
	struct hrv_line *lines = model->lines.items;
	const uint32_t *dirty = model->dirty_lines.items;

	start_over(model);
	size_t taken = take_count(&model->dirty_lines, max, more_out);
	int err = list_reserve(&model->lent_lines, taken, sizeof(struct hrv_triple));
	if (err == 0)
		err = list_reserve(&model->lent_files, 1, sizeof(struct hrv_wire_lines));
	if (err != 0)
		return err;
	struct hrv_triple *triples = model->lent_lines.items;
	struct hrv_wire_lines *entries = model->lent_files.items;
	model->lent_files.count = 0;
	for (size_t i = 0; i < taken; i++)
		entry_of(model, lines[dirty[i]].file)->count += lines[dirty[i]].known;
	/* Each entry has its run of triples, filled from its end. */
	size_t end = 0;
	for (size_t i = 0; i < model->lent_files.count; i++) {
		end += entries[i].count;
		entries[i].triples = triples + end;
	}
	for (size_t i = taken; i-- > 0;) {
		struct hrv_line *line = &lines[dirty[i]];
		line->dirty = false;
		if (line->known)
			triples[--entry_of(model, line->file)->triples - triples] =
			        (struct hrv_triple){line->line, line->hits, line->last_tick};
	}
	drop_first(&model->dirty_lines, taken);
	for (size_t i = 0; i < model->lent_files.count; i++)
		((struct total *)model->totals.items)[entries[i].file].entry = 0;
	if (!model->watched_all && model->watched != HR_INDEX_NONE && model->lent_files.count == 0) {
		entries[model->lent_files.count++] =
		        (struct hrv_wire_lines){.file = model->watched, .full = !model->watched_given};
		model->watched_given = true;
	}
	*out = entries;
	*count_out = model->lent_files.count;
	return 0;
}

int hrv_model_take_totals(struct hrv_model *model, size_t max, const struct hrv_triple **out, size_t *count_out,
                          bool *more_out)
{
	struct total *totals = model->totals.items;
	const uint32_t *dirty = model->dirty_files.items;
	size_t taken = take_count(&model->dirty_files, max, more_out);
	int err = list_reserve(&model->lent_totals, taken, sizeof(struct hrv_triple));

	if (err != 0)
		return err;
	struct hrv_triple *triples = model->lent_totals.items;
	for (size_t i = 0; i < taken; i++) {
		struct total *total = &totals[dirty[i]];
		total->dirty = false;
		triples[i] = (struct hrv_triple){dirty[i], total->hits, total->last_tick};
	}
	drop_first(&model->dirty_files, taken);
	*count_out = taken;
	*out = triples;
	return 0;
}
