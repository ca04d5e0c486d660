/* model.h — from slots to lines: sums by line and file, and what has changed since the last look.
 *
 * Pure: takes copies, knows no mapping. Foreign values are judged here: a code object that claims slots of another, or
 * more than there are, is HR_ECORRUPT. A line any of whose slots carries a flag that this version does not know has no
 * count that could be shown, and is left out. */
#ifndef HRV_MODEL_H
#define HRV_MODEL_H

#include "hr_layout.h"
#include "reader.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hrv_model;

/* A line of a file: the sum over its code objects. */
struct hrv_line {
	uint64_t hits;
	uint64_t last_tick;
	uint32_t file;
	uint32_t line;
	bool known; /* false: not to be shown */
	bool dirty; /* the model's: among the changed lines of a watched file */
};

/* May its count be shown? A flag that this version does not know may mean anything. */
bool hrv_slot_is_known(const struct hr_slot_info *info);

int hrv_model_new(struct hrv_model **out);
void hrv_model_free(struct hrv_model *model);

/* Adds a code object with its slots' infos; its slots lie below `slot_limit`, its file is below `file_limit`. */
int hrv_model_add_code(struct hrv_model *model, const struct hr_code *code, const struct hr_slot_info *infos,
                       uint32_t slot_limit, uint32_t file_limit);

/* The slots as they were last taken in, *count_out of them: those of all code objects lie below. */
const struct hrv_slot *hrv_model_slots(const struct hrv_model *model, uint32_t *count_out);

/* The sums of their blocks, see hrv_reader_slot_changes(). */
const uint64_t *hrv_model_sums(const struct hrv_model *model);

/* Takes in what has changed since. Slots of no code object are passed over. */
void hrv_model_update(struct hrv_model *model, const struct hrv_slot_change *changes, uint32_t count);

/* All lines, in no order; borrowed until the next call that changes the model. */
const struct hrv_line *hrv_model_lines(const struct hrv_model *model, size_t *count_out);

/* One of them, or NULL when no such line can be hit; borrowed as above. */
const struct hrv_line *hrv_model_find(const struct hrv_model *model, uint32_t file, uint32_t line);

/* From now on changes of this file's lines are collected. HR_INDEX_NONE: of none. */
void hrv_model_watch(struct hrv_model *model, uint32_t file);

/* The same for the lines of every file. */
void hrv_model_watch_all(struct hrv_model *model);

/* The lines of the watched file that have changed since the last call, in one entry, which may be empty; with
 * hrv_model_watch_all() an entry for each file with changes. A file's first entry since the watch began is full. At
 * most `max` lines: *more_out when there are others, which the next call gives first. All is borrowed until then. */
int hrv_model_take_lines(struct hrv_model *model, size_t max, const struct hrv_wire_lines **out, size_t *count_out,
                         bool *more_out);

/* The totals of files that have changed since the last call, `max` and *more_out as above. */
int hrv_model_take_totals(struct hrv_model *model, size_t max, const struct hrv_triple **out, size_t *count_out,
                          bool *more_out);

#endif
