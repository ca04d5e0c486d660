/* unpack.c — see unpack.h and https://github.com/msgpack/msgpack/blob/master/spec.md. */
#include "unpack.h"

#include "hr_err.h"

#include <string.h>

#define DEPTH_MAX 8

struct hrv_unpack hrv_unpack_of(struct hrv_text bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.bytes;

	return (struct hrv_unpack){at, bytes.len_bytes ? at + bytes.len_bytes : at}; /* NULL + 0 is undefined */
}

/* A big-endian number of `len` bytes. */
static int take_number(struct hrv_unpack *in, size_t len, uint64_t *out)
{
	uint64_t number = 0;

	if ((size_t)(in->end - in->at) < len)
		return HR_ECORRUPT;
	for (size_t i = 0; i < len; i++)
		number = number << 8 | *in->at++;
	*out = number;
	return 0;
}

static int take_text(struct hrv_unpack *in, uint64_t len, struct hrv_unpacked *out)
{
	if (len > (uint64_t)(in->end - in->at))
		return HR_ECORRUPT;
	out->kind = HRV_UNPACK_TEXT;
	out->text = (struct hrv_text){(const char *)in->at, (size_t)len};
	in->at += len;
	return 0;
}

static void set_signed(struct hrv_unpacked *out, int64_t value)
{
	out->kind = value < 0 ? HRV_UNPACK_INT : HRV_UNPACK_UINT;
	out->negative = value;
}

static int take_real(struct hrv_unpack *in, size_t len, struct hrv_unpacked *out)
{
	uint64_t bits;
	int err = take_number(in, len, &bits);

	if (err != 0)
		return err;
	out->kind = HRV_UNPACK_REAL;
	if (len == 8) {
		memcpy(&out->real, &bits, sizeof out->real);
	} else {
		uint32_t short_bits = (uint32_t)bits;
		float real;
		memcpy(&real, &short_bits, sizeof real);
		out->real = (double)real;
	}
	return 0;
}

/* What begins with a byte from 0xC0 to 0xDF. */
static int take_long(struct hrv_unpack *in, unsigned char code, struct hrv_unpacked *out)
{
	uint64_t number = 0;
	int err;

	switch (code) {
	case 0xC0:
		out->kind = HRV_UNPACK_NIL;
		return 0;
	case 0xC2:
	case 0xC3:
		out->kind = HRV_UNPACK_BOOL;
		out->number = code & 1;
		return 0;
	case 0xCA:
		return take_real(in, 4, out);
	case 0xCB:
		return take_real(in, 8, out);
	case 0xCC:
	case 0xCD:
	case 0xCE:
	case 0xCF:
		out->kind = HRV_UNPACK_UINT;
		return take_number(in, (size_t)1 << (code - 0xCC), &out->number);
	case 0xD0:
	case 0xD1:
	case 0xD2:
	case 0xD3: {
		size_t len = (size_t)1 << (code - 0xD0);
		if ((err = take_number(in, len, &number)) != 0)
			return err;
		uint64_t sign = UINT64_C(1) << (8 * len - 1);
		set_signed(out, (int64_t)((number ^ sign) - sign));
		return 0;
	}
	case 0xD9:
	case 0xDA:
	case 0xDB:
		if ((err = take_number(in, (size_t)1 << (code - 0xD9), &number)) != 0)
			return err;
		return take_text(in, number, out);
	case 0xDC:
	case 0xDD:
	case 0xDE:
	case 0xDF:
		if ((err = take_number(in, code & 1 ? 4 : 2, &number)) != 0)
			return err;
		out->kind = code < 0xDE ? HRV_UNPACK_ARRAY : HRV_UNPACK_MAP;
		out->count = (uint32_t)number;
		return 0;
	default:
		return HR_ECORRUPT;
	}
}

int hrv_unpack_next(struct hrv_unpack *in, struct hrv_unpacked *out)
{
	struct hrv_unpack rest = *in;
	struct hrv_unpacked value = {0};
	int err = 0;

	if (rest.at >= rest.end)
		return HR_ECORRUPT;
	unsigned char code = *rest.at++;
	if (code < 0x80 || code >= 0xE0) {
		set_signed(&value, code < 0x80 ? code : code - 256);
	} else if (code < 0xA0) {
		value.kind = code < 0x90 ? HRV_UNPACK_MAP : HRV_UNPACK_ARRAY;
		value.count = code & 0xF;
	} else if (code < 0xC0) {
		err = take_text(&rest, code & 0x1F, &value);
	} else {
		err = take_long(&rest, code, &value);
	}
	if (err != 0)
		return err;
	*in = rest;
	*out = value;
	return 0;
}

int hrv_unpack_skip(struct hrv_unpack *in, struct hrv_text *out)
{
	struct hrv_unpack rest = *in;
	struct hrv_unpacked value;

	/* Each value takes a byte at least: more can be due only of what does not end. */
	for (uint64_t due = 1; due > 0; due--) {
		int err = hrv_unpack_next(&rest, &value);
		if (err != 0)
			return err;
		if (value.kind == HRV_UNPACK_ARRAY)
			due += value.count;
		else if (value.kind == HRV_UNPACK_MAP)
			due += 2 * (uint64_t)value.count;
		if (due - 1 > (uint64_t)(rest.end - rest.at))
			return HR_ECORRUPT;
	}
	*out = (struct hrv_text){(const char *)in->at, (size_t)(rest.at - in->at)};
	*in = rest;
	return 0;
}

bool hrv_unpack_find(struct hrv_unpack in, const char *key, struct hrv_text *out)
{
	struct hrv_unpacked map, name;
	struct hrv_text value;

	if (hrv_unpack_next(&in, &map) != 0 || map.kind != HRV_UNPACK_MAP)
		return false;
	for (uint32_t i = 0; i < map.count; i++) {
		if (hrv_unpack_next(&in, &name) != 0 || name.kind != HRV_UNPACK_TEXT ||
		    hrv_unpack_skip(&in, &value) != 0)
			return false;
		if (name.text.len_bytes == strlen(key) && memcmp(name.text.bytes, key, strlen(key)) == 0) {
			*out = value;
			return true;
		}
	}
	return false;
}

/* ---- JSON ---- */

static json_t *value_json(struct hrv_unpack *in, int depth);

static json_t *array_json(struct hrv_unpack *in, uint32_t count, int depth)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, value_json(in, depth)) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *map_json(struct hrv_unpack *in, uint32_t count, int depth)
{
	json_t *object = json_object();
	struct hrv_unpacked key;

	for (uint32_t i = 0; object && i < count; i++) {
		char name[64];
		if (hrv_unpack_next(in, &key) != 0 || key.kind != HRV_UNPACK_TEXT || key.text.len_bytes >= sizeof name)
			goto bad;
		memcpy(name, key.text.bytes, key.text.len_bytes);
		name[key.text.len_bytes] = '\0';
		if (json_object_set_new(object, name, value_json(in, depth)) != 0)
			goto bad;
	}
	return object;
bad:
	json_decref(object);
	return NULL;
}

static json_t *value_json(struct hrv_unpack *in, int depth)
{
	struct hrv_unpacked value;

	if (depth == DEPTH_MAX || hrv_unpack_next(in, &value) != 0)
		return NULL;
	switch (value.kind) {
	case HRV_UNPACK_NIL:
		return json_null();
	case HRV_UNPACK_BOOL:
		return json_boolean(value.number);
	case HRV_UNPACK_UINT:
		return json_integer(value.number <= INT64_MAX ? (json_int_t)value.number : INT64_MAX);
	case HRV_UNPACK_INT:
		return json_integer(value.negative);
	case HRV_UNPACK_REAL:
		return json_real(value.real);
	case HRV_UNPACK_TEXT:
		return json_stringn(value.text.bytes, value.text.len_bytes);
	case HRV_UNPACK_ARRAY:
		return array_json(in, value.count, depth + 1);
	case HRV_UNPACK_MAP:
		return map_json(in, value.count, depth + 1);
	}
	return NULL;
}

json_t *hrv_unpack_json(struct hrv_unpack *in)
{
	return value_json(in, 0);
}
