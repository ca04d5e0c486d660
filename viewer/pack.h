/* pack.h — msgpack into a buffer: what msgpack-c leaves to its users. */
#ifndef HRV_PACK_H
#define HRV_PACK_H

#include "buffer.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

/* What a packer writes to: once an append fails nothing more is tried, and `err` says so. */
struct hrv_pack_sink {
	struct hrv_buffer *buffer;
	int err;
};

void hrv_pack_init(msgpack_packer *pk, struct hrv_pack_sink *sink);

void hrv_pack_word(msgpack_packer *pk, const char *word);
void hrv_pack_bool(msgpack_packer *pk, bool value);

/* An instance: 16 hexadecimal digits. */
void hrv_pack_id(msgpack_packer *pk, uint64_t instance);

/* The map of a program that is gone (docs/wire.md). */
void hrv_pack_gone(msgpack_packer *pk, uint64_t instance);

#endif
