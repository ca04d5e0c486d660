/* pack.c — see pack.h. */
#include "pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int sink_write(void *data, const char *bytes, size_t len_bytes)
{
	struct hrv_pack_sink *sink = data;

	if (sink->err == 0)
		sink->err = hrv_buffer_append(sink->buffer, bytes, len_bytes);
	return sink->err;
}

void hrv_pack_init(msgpack_packer *pk, struct hrv_pack_sink *sink)
{
	msgpack_packer_init(pk, sink, sink_write);
}

void hrv_pack_word(msgpack_packer *pk, const char *word)
{
	size_t len_bytes = strlen(word);

	msgpack_pack_str(pk, len_bytes);
	msgpack_pack_str_body(pk, word, len_bytes);
}

void hrv_pack_bool(msgpack_packer *pk, bool value)
{
	if (value)
		msgpack_pack_true(pk);
	else
		msgpack_pack_false(pk);
}

void hrv_pack_id(msgpack_packer *pk, uint64_t instance)
{
	char digits[17];

	snprintf(digits, sizeof digits, "%016" PRIx64, instance);
	hrv_pack_word(pk, digits);
}

void hrv_pack_gone(msgpack_packer *pk, uint64_t instance)
{
	msgpack_pack_map(pk, 2);
	hrv_pack_word(pk, "id");
	hrv_pack_id(pk, instance);
	hrv_pack_word(pk, "gone");
	msgpack_pack_true(pk);
}
