/* tables.h — how full a segment's tables are: what finds no room in them is not recorded. */
#ifndef HRV_TABLES_H
#define HRV_TABLES_H

#include "reader.h"
#include "stacks.h"
#include "wire.h"

#define HRV_TABLES_MAX 7

/* Fills in at most HRV_TABLES_MAX tables, those that the segment has. Rows of threads and tasks are used again, so that
 * those in use count, from `stacks`. HR_ECORRUPT leaves hrv_reader_why(). */
int hrv_tables_read(struct hrv_reader *reader, const struct hrv_stacks *stacks, struct hrv_wire_table *out,
                    size_t *count_out);

#endif
