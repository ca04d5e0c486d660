/* array.c — see array.h. */
#include "array.h"

#include "hr_err.h"

#include <stdlib.h>

int hrv_array_reserve(void *items_in_out, size_t *capacity, size_t count, size_t item_bytes)
{
	void **items = items_in_out;
	size_t wanted = *capacity ? *capacity : 64;

	if (count <= *capacity)
		return 0;
	while (wanted < count)
		wanted *= 2;
	void *grown = realloc(*items, wanted * item_bytes);
	if (!grown)
		return HR_ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}
