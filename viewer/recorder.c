/* recorder.c — see recorder.h. */
#include "recorder.h"

#include "buffer.h"
#include "hr_err.h"
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_AGE_MS     10000
#define KEY_SPAN_BYTES (UINT64_C(4) << 20)

struct hrv_recorder {
	int fd;
	uint64_t bytes; /* of whole records, and the head */
	uint64_t frames;
	uint64_t key_at_ms, key_bytes; /* of the last key frame, with its rest */
	bool in_key;                   /* its rest comes still */
	uint64_t since_key_bytes;
	struct hrv_buffer keys;    /* as in the index */
	struct hrv_buffer sources; /* same */
	struct hrv_buffer record;  /* the one being made */
};

uint64_t hrv_recorder_frames(const struct hrv_recorder *recorder)
{
	return recorder->frames;
}

uint64_t hrv_recorder_bytes(const struct hrv_recorder *recorder)
{
	return recorder->bytes;
}

void hrv_recorder_free(struct hrv_recorder *recorder)
{
	if (!recorder)
		return;
	hrv_buffer_fini(&recorder->keys);
	hrv_buffer_fini(&recorder->sources);
	hrv_buffer_fini(&recorder->record);
	free(recorder);
}

static int write_all(struct hrv_recorder *recorder, const char *bytes, size_t len_bytes)
{
	size_t done = 0;

	while (done < len_bytes) {
		ssize_t n = write(recorder->fd, bytes + done, len_bytes - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int saved = errno;
			/* If even this fails, readers leave the half record out. */
			int rc = ftruncate(recorder->fd, (off_t)recorder->bytes);
			(void)rc;
			errno = saved;
			return HR_EIO;
		}
		done += (size_t)n;
	}
	recorder->bytes += len_bytes;
	return 0;
}

/* The record is `first` and then `rest`. */
static int put(struct hrv_recorder *recorder, enum hrv_record_kind kind, uint64_t at_ms, struct hrv_text first,
               struct hrv_text rest)
{
	static const unsigned char no_head[HRV_RECORD_HEAD_BYTES];
	struct hrv_buffer *out = &recorder->record;
	int err;

	if (rest.len_bytes > HRV_RECORD_MAX_BYTES - first.len_bytes)
		return HR_ENOMEM;
	out->len_bytes = 0;
	if ((err = hrv_buffer_append(out, no_head, sizeof no_head)) != 0 ||
	    (err = hrv_buffer_append(out, first.bytes, first.len_bytes)) != 0 ||
	    (err = hrv_buffer_append(out, rest.bytes, rest.len_bytes)) != 0)
		return err;
	struct hrv_record record = {kind, (uint32_t)(first.len_bytes + rest.len_bytes), at_ms};
	hrv_record_encode(&record, out->bytes + sizeof no_head, (unsigned char *)out->bytes);
	return write_all(recorder, out->bytes, out->len_bytes);
}

int hrv_recorder_begin(int fd, uint64_t start_realtime_ns, struct hrv_text program, struct hrv_recorder **out)
{
	unsigned char head[HRV_RECORDING_FIRST_OFF] = {0}, start[HRV_RECORD_BEGIN_BYTES];
	struct hrv_recorder *recorder = calloc(1, sizeof *recorder);
	int err;

	if (!recorder)
		return HR_ENOMEM;
	recorder->fd = fd;
	memcpy(head, HRV_RECORDING_MAGIC, 8);
	hrv_record_put_number(head + 8, 4, HRV_RECORDING_VERSION);
	hrv_record_put_number(start, sizeof start, start_realtime_ns / 1000);
	if ((err = write_all(recorder, (const char *)head, sizeof head)) != 0 ||
	    (err = put(recorder, HRV_RECORD_BEGIN, 0, (struct hrv_text){(const char *)start, sizeof start}, program)) !=
	            0) {
		hrv_recorder_free(recorder);
		return err;
	}
	*out = recorder;
	return 0;
}

bool hrv_recorder_wants_key(const struct hrv_recorder *recorder, uint64_t at_ms)
{
	if (recorder->keys.len_bytes == 0)
		return true;
	return !recorder->in_key && recorder->since_key_bytes >= recorder->key_bytes &&
	       (at_ms - recorder->key_at_ms >= KEY_AGE_MS || recorder->since_key_bytes >= KEY_SPAN_BYTES);
}

int hrv_recorder_put_frame(struct hrv_recorder *recorder, bool key, bool more, uint64_t at_ms, struct hrv_text frame)
{
	unsigned char entry[HRV_RECORD_INDEX_KEY_BYTES];
	int err;

	hrv_record_put_number(entry, 8, at_ms);
	hrv_record_put_number(entry + 8, 8, recorder->bytes);
	hrv_record_put_number(entry + 16, 8, recorder->frames);
	if ((key && (err = hrv_buffer_reserve(&recorder->keys, sizeof entry)) != 0) ||
	    (err = put(recorder, key ? HRV_RECORD_KEY : HRV_RECORD_DELTA, at_ms, frame, HRV_TEXT(""))) != 0)
		return err;
	recorder->frames++;
	if (key) {
		hrv_buffer_append(&recorder->keys, entry, sizeof entry); /* there is room */
		recorder->key_at_ms = at_ms;
		recorder->key_bytes = recorder->since_key_bytes = 0;
		recorder->in_key = true;
	}
	*(recorder->in_key ? &recorder->key_bytes : &recorder->since_key_bytes) += frame.len_bytes;
	recorder->in_key &= more;
	return 0;
}

int hrv_recorder_put_source(struct hrv_recorder *recorder, uint64_t at_ms, uint32_t file, uint32_t flags,
                            struct hrv_text text)
{
	unsigned char head[HRV_RECORD_SOURCE_BYTES], entry[HRV_RECORD_INDEX_SOURCE_BYTES];
	int err;

	hrv_record_put_number(head, 4, file);
	hrv_record_put_number(head + 4, 4, flags);
	hrv_record_put_number(entry, 4, file);
	hrv_record_put_number(entry + 4, 8, recorder->bytes);
	if ((err = hrv_buffer_reserve(&recorder->sources, sizeof entry)) != 0 ||
	    (err = put(recorder, HRV_RECORD_SOURCE, at_ms, (struct hrv_text){(const char *)head, sizeof head}, text)) !=
	            0)
		return err;
	return hrv_buffer_append(&recorder->sources, entry, sizeof entry);
}

int hrv_recorder_end(struct hrv_recorder *recorder, uint64_t at_ms)
{
	unsigned char head[HRV_RECORD_INDEX_BYTES], end[HRV_RECORD_END_BYTES];
	struct hrv_buffer rest = {0};
	int err;

	hrv_record_put_number(head, 8, recorder->frames);
	hrv_record_put_number(head + 8, 8, at_ms);
	hrv_record_put_number(head + 16, 4, recorder->keys.len_bytes / HRV_RECORD_INDEX_KEY_BYTES);
	hrv_record_put_number(head + 20, 4, recorder->sources.len_bytes / HRV_RECORD_INDEX_SOURCE_BYTES);
	hrv_record_put_number(end, 8, recorder->bytes);
	memcpy(end + 8, HRV_RECORDING_END_MAGIC, 8);
	if ((err = hrv_buffer_append(&rest, recorder->keys.bytes, recorder->keys.len_bytes)) == 0 &&
	    (err = hrv_buffer_append(&rest, recorder->sources.bytes, recorder->sources.len_bytes)) == 0 &&
	    (err = hrv_buffer_append(&rest, end, sizeof end)) == 0)
		err = put(recorder, HRV_RECORD_INDEX, at_ms, (struct hrv_text){(const char *)head, sizeof head},
		          (struct hrv_text){rest.bytes, rest.len_bytes});
	hrv_buffer_fini(&rest);
	return err;
}
