/* places.c — see places.h. */
#include "places.h"

#if HRT_HAVE_PLACES

static unsigned read_varint(struct hrt_places *places)
{
	unsigned value = 0, shift = 0;

	while (places->at < places->end) {
		unsigned char byte = *places->at++;
		if (shift < 32)
			value |= (unsigned)(byte & 63) << shift;
		shift += 6;
		if (!(byte & 64))
			break;
	}
	return value;
}

/* Tables made by hand may lead anywhere: sums wrap. */
static int moved(int line, unsigned by)
{
	return (int)((unsigned)line + by);
}

static unsigned read_signed(struct hrt_places *places)
{
	unsigned value = read_varint(places);
	return value & 1 ? -(value >> 1) : value >> 1;
}

void hrt_places_begin(struct hrt_places *places, PyCodeObject *py_code)
{
	PyObject *py_table = hrt_py_linetable(py_code);

	places->at = (const unsigned char *)PyBytes_AS_STRING(py_table);
	places->end = places->at + PyBytes_GET_SIZE(py_table);
	places->line = py_code->co_firstlineno;
}

bool hrt_places_next(struct hrt_places *places)
{
	struct hrt_position at = {-1, -1, -1, -1};

	if (places->at == places->end || !(*places->at & 128))
		return false;
	unsigned char first = *places->at++;
	unsigned kind = first >> 3 & 15;
	places->units = (first & 7) + 1u;
	if (kind == 14) {
		at.line = places->line = moved(places->line, read_signed(places));
		at.end_line = moved(at.line, read_varint(places));
		at.col = moved(-1, read_varint(places));
		at.end_col = moved(-1, read_varint(places));
	} else if (kind == 13) {
		at.line = at.end_line = places->line = moved(places->line, read_signed(places));
	} else if (kind >= 10 && kind <= 12 && places->end - places->at >= 2) {
		at.line = at.end_line = places->line = moved(places->line, kind - 10);
		at.col = *places->at++;
		at.end_col = *places->at++;
	} else if (kind < 10 && places->end - places->at >= 1) {
		unsigned char second = *places->at++;
		at.line = at.end_line = places->line;
		at.col = (int)(kind << 3 | second >> 4);
		at.end_col = at.col + (second & 15);
	} else if (kind != 15) {
		return false;
	}
	places->position = at;
	return true;
}

#endif
