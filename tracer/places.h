/* places.h — where code stands in its source: the location table of code objects, from 3.11 on, entry by entry.
 *
 * The format is CPython's Objects/locations.md (PEP 657). Read by us and not by PyCode_Addr2Location() and co_lines(),
 * because no objects are made and no rarely used pages of the interpreter are touched. */
#ifndef HRT_PLACES_H
#define HRT_PLACES_H

#include "pycompat.h"

/* A piece of source: lines 1-based, columns 0-based in UTF-8 bytes; -1 what is unknown. */
struct hrt_position {
	int line, end_line, col, end_col;
};

#if HRT_HAVE_PLACES
/* A pass over one code object's table; to be read: `position` of the next `units` code units. */
struct hrt_places {
	struct hrt_position position;
	unsigned units;

	const unsigned char *at, *end;
	int line;
};

/* The code object must outlive the pass. */
void hrt_places_begin(struct hrt_places *places, PyCodeObject *py_code);

/* Goes to the next entry: true; false at the end, and where the table is none that a compiler makes. */
bool hrt_places_next(struct hrt_places *places);
#endif

#endif
