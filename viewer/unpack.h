/* unpack.h — msgpack of a foreign file, read in place.
 *
 * msgpack-c's unpacker builds objects of 24 bytes for values of one, so that a file decides how much memory is taken;
 * this takes none. The types of docs/wire.md alone are known: no binary, no extension. Pure. */
#ifndef HRV_UNPACK_H
#define HRV_UNPACK_H

#include "text.h"

#include <jansson.h>
#include <stdint.h>

/* Where to read on, and where it ends; copied freely. */
struct hrv_unpack {
	const unsigned char *at, *end;
};

enum hrv_unpack_kind {
	HRV_UNPACK_NIL,
	HRV_UNPACK_BOOL,
	HRV_UNPACK_UINT,
	HRV_UNPACK_INT, /* below 0 */
	HRV_UNPACK_REAL,
	HRV_UNPACK_TEXT,
	HRV_UNPACK_ARRAY, /* its items follow */
	HRV_UNPACK_MAP,   /* its keys and values follow, in turn */
};

struct hrv_unpacked {
	enum hrv_unpack_kind kind;
	union {
		uint64_t number; /* BOOL too */
		int64_t negative;
		double real;
		struct hrv_text text; /* borrowed from the input */
		uint32_t count;       /* of items, or of pairs */
	};
};

struct hrv_unpack hrv_unpack_of(struct hrv_text bytes);

/* The next value, or the head of an array or map; `in` stands behind it. HR_ECORRUPT: there is none. */
int hrv_unpack_next(struct hrv_unpack *in, struct hrv_unpacked *out);

/* The next value with all that is in it: its bytes. HR_ECORRUPT: it does not end. */
int hrv_unpack_skip(struct hrv_unpack *in, struct hrv_text *out);

/* The bytes of the value of `key` in the map at `in`; false: there is no such key, or no map. */
bool hrv_unpack_find(struct hrv_unpack in, const char *key, struct hrv_text *out);

/* The value as JSON; NULL: nested deeper than anything of the wire, no UTF-8, no number of JSON, or out of memory. */
json_t *hrv_unpack_json(struct hrv_unpack *in);

#endif
