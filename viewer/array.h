/* array.h — arrays that grow by doubling. */
#ifndef HRV_ARRAY_H
#define HRV_ARRAY_H

#include <stddef.h>

/* Makes room for `count` items of `item_bytes` in the array that the pointer at `items_in_out` points to (NULL: none
 * yet), which has room for *capacity. HR_ENOMEM: it is as it was. */
int hrv_array_reserve(void *items_in_out, size_t *capacity, size_t count, size_t item_bytes);

#endif
