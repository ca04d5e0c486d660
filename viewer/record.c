/* record.c — see record.h. */
#include "record.h"

#include "hr_err.h"

#include <zlib.h>

/* The head: checksum, length, kind (4 bytes each), time (8). */
enum { LENGTH_AT = 4, KIND_AT = 8, TIME_AT = 12 };

void hrv_record_put_number(unsigned char *at, size_t bytes, uint64_t number)
{
	for (size_t i = 0; i < bytes; i++, number >>= 8)
		at[i] = (unsigned char)number;
}

uint64_t hrv_record_number(const unsigned char *at, size_t bytes)
{
	uint64_t number = 0;

	while (bytes-- > 0)
		number = number << 8 | at[bytes];
	return number;
}

uint32_t hrv_record_checksum(const unsigned char head[HRV_RECORD_HEAD_BYTES])
{
	return (uint32_t)hrv_record_number(head, LENGTH_AT);
}

uint32_t hrv_record_checksum_begin(const unsigned char head[HRV_RECORD_HEAD_BYTES])
{
	return hrv_record_checksum_more(0, head + LENGTH_AT, HRV_RECORD_HEAD_BYTES - LENGTH_AT);
}

uint32_t hrv_record_checksum_more(uint32_t checksum, const void *bytes, size_t len_bytes)
{
	return (uint32_t)crc32_z(checksum, bytes, len_bytes);
}

void hrv_record_encode(const struct hrv_record *record, const void *payload, unsigned char head[HRV_RECORD_HEAD_BYTES])
{
	hrv_record_put_number(head + LENGTH_AT, 4, record->payload_bytes);
	hrv_record_put_number(head + KIND_AT, 4, (uint64_t)record->kind);
	hrv_record_put_number(head + TIME_AT, 8, record->at_ms);
	hrv_record_put_number(
	        head, 4, hrv_record_checksum_more(hrv_record_checksum_begin(head), payload, record->payload_bytes));
}

int hrv_record_decode(const unsigned char head[HRV_RECORD_HEAD_BYTES], struct hrv_record *out)
{
	uint64_t kind = hrv_record_number(head + KIND_AT, 4), length = hrv_record_number(head + LENGTH_AT, 4);
	uint64_t at_ms = hrv_record_number(head + TIME_AT, 8);

	if (kind < HRV_RECORD_BEGIN || kind > HRV_RECORD_INDEX || length > HRV_RECORD_MAX_BYTES ||
	    at_ms > HRV_RECORD_AT_MAX_MS)
		return HR_ECORRUPT;
	*out = (struct hrv_record){
	        .kind = (enum hrv_record_kind)kind,
	        .payload_bytes = (uint32_t)length,
	        .at_ms = at_ms,
	};
	return 0;
}
