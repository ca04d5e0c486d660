/* recording.c — see recording.h. */
#include "recording.h"

#include "hr_err.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX      (UINT32_C(1) << 20)
#define SOURCES_MAX   (UINT32_C(1) << 20)
#define PROGRAM_BYTES (UINT32_C(4) << 20) /* of the program's map: arguments can be long */

struct source {
	uint32_t file;
	uint64_t off;
};

struct hrv_recording {
	int fd;
	struct hrv_recording_facts facts;
	struct hrv_buffer keys;    /* struct hrv_record_key */
	struct hrv_buffer sources; /* struct source */
	struct hrv_buffer program;
};

__attribute__((format(printf, 3, 4))) static int refuse(int err, char why[HRV_RECORDING_WHY_BYTES], const char *format,
                                                        ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, HRV_RECORDING_WHY_BYTES, format, args);
	va_end(args);
	return err;
}

const struct hrv_recording_facts *hrv_recording_facts(const struct hrv_recording *recording)
{
	return &recording->facts;
}

void hrv_recording_close(struct hrv_recording *recording)
{
	if (!recording)
		return;
	if (recording->fd >= 0)
		close(recording->fd);
	hrv_buffer_fini(&recording->keys);
	hrv_buffer_fini(&recording->sources);
	hrv_buffer_fini(&recording->program);
	free(recording);
}

/* ---- records ---- */

static int read_at(int fd, uint64_t off, void *out, size_t len_bytes)
{
	size_t done = 0;

	while (done < len_bytes) {
		ssize_t n = pread(fd, (char *)out + done, len_bytes - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? HR_EIO : HR_ECORRUPT; /* it was truncated meanwhile */
		done += (size_t)n;
	}
	return 0;
}

/* The head of the record at `off`, which must end below `limit`. */
static int read_head(int fd, uint64_t off, uint64_t limit, unsigned char head[HRV_RECORD_HEAD_BYTES],
                     struct hrv_record *record)
{
	int err;

	if (off > limit || limit - off < HRV_RECORD_HEAD_BYTES)
		return HR_ECORRUPT;
	if ((err = read_at(fd, off, head, HRV_RECORD_HEAD_BYTES)) != 0 || (err = hrv_record_decode(head, record)) != 0)
		return err;
	return record->payload_bytes > limit - off - HRV_RECORD_HEAD_BYTES ? HR_ECORRUPT : 0;
}

static uint64_t end_of(uint64_t off, const struct hrv_record *record)
{
	return off + HRV_RECORD_HEAD_BYTES + record->payload_bytes;
}

/* The payload of a record whose head was read, in place of what `out` held. */
static int read_payload(int fd, uint64_t off, const unsigned char head[HRV_RECORD_HEAD_BYTES],
                        const struct hrv_record *record, struct hrv_buffer *out)
{
	int err;

	out->len_bytes = 0;
	if ((err = hrv_buffer_reserve(out, (size_t)record->payload_bytes + 1)) != 0 ||
	    (err = read_at(fd, off + HRV_RECORD_HEAD_BYTES, out->bytes, record->payload_bytes)) != 0)
		return err;
	out->len_bytes = record->payload_bytes;
	uint32_t checksum = hrv_record_checksum_more(hrv_record_checksum_begin(head), out->bytes, out->len_bytes);
	return checksum == hrv_record_checksum(head) ? 0 : HR_ECORRUPT;
}

static int read_record(int fd, uint64_t off, uint64_t limit, struct hrv_record *record, struct hrv_buffer *payload)
{
	unsigned char head[HRV_RECORD_HEAD_BYTES];
	int err = read_head(fd, off, limit, head, record);

	return err == 0 ? read_payload(fd, off, head, record, payload) : err;
}

/* One whole map, with room for a key more in its head, which is what the server adds. */
static bool is_frame(const struct hrv_buffer *payload)
{
	struct hrv_unpack in = hrv_unpack_of((struct hrv_text){payload->bytes, payload->len_bytes});
	struct hrv_text whole;

	return payload->len_bytes > 0 && (unsigned char)payload->bytes[0] >= 0x80 &&
	       (unsigned char)payload->bytes[0] < 0x8F && hrv_unpack_skip(&in, &whole) == 0 && in.at == in.end;
}

int hrv_recording_frame(const struct hrv_recording *recording, uint64_t *off, uint64_t limit, struct hrv_record *record,
                        struct hrv_buffer *frame)
{
	uint64_t at = *off;

	if (limit > recording->facts.bytes)
		limit = recording->facts.bytes;
	while (at < limit) {
		int err = read_record(recording->fd, at, recording->facts.bytes, record, frame);
		if (err != 0)
			return err;
		at = end_of(at, record);
		if (record->kind != HRV_RECORD_KEY && record->kind != HRV_RECORD_DELTA)
			continue; /* its sum was looked at: it is none of a frame that is damaged */
		*off = at;
		return is_frame(frame) ? 0 : HR_ECORRUPT;
	}
	return HR_EGONE;
}

/* ---- the index ---- */

static void set_lists(struct hrv_recording *recording)
{
	recording->facts.keys = (const struct hrv_record_key *)recording->keys.bytes;
	recording->facts.key_count = recording->keys.len_bytes / sizeof(struct hrv_record_key);
}

/* Takes an index in; HR_ECORRUPT: it says what cannot be. Records that it names are looked at when they are read. */
static int take_index(struct hrv_recording *recording, uint64_t index_off, const struct hrv_buffer *payload)
{
	const unsigned char *at = (const unsigned char *)payload->bytes;
	size_t fixed = HRV_RECORD_INDEX_BYTES + HRV_RECORD_END_BYTES;

	if (payload->len_bytes < fixed)
		return HR_ECORRUPT;
	uint64_t frames = hrv_record_number(at, 8), duration_ms = hrv_record_number(at + 8, 8);
	uint64_t keys = hrv_record_number(at + 16, 4), sources = hrv_record_number(at + 20, 4);
	struct hrv_record_key last = {0};
	if (keys == 0 || keys > KEYS_MAX || sources > SOURCES_MAX || duration_ms > HRV_RECORD_AT_MAX_MS ||
	    frames > index_off / HRV_RECORD_HEAD_BYTES ||
	    payload->len_bytes != fixed + keys * HRV_RECORD_INDEX_KEY_BYTES + sources * HRV_RECORD_INDEX_SOURCE_BYTES)
		return HR_ECORRUPT;
	at += HRV_RECORD_INDEX_BYTES;
	for (uint64_t i = 0; i < keys; i++, at += HRV_RECORD_INDEX_KEY_BYTES) {
		struct hrv_record_key key = {hrv_record_number(at, 8), hrv_record_number(at + 8, 8),
		                             hrv_record_number(at + 16, 8)};
		if (key.off < HRV_RECORDING_FIRST_OFF || key.off >= index_off || key.at_ms > duration_ms ||
		    key.frame >= frames || (i == 0 && key.frame != 0) ||
		    (i > 0 && (key.at_ms < last.at_ms || key.off <= last.off || key.frame <= last.frame)))
			return HR_ECORRUPT;
		last = key;
		int err = hrv_buffer_append(&recording->keys, &key, sizeof key);
		if (err != 0)
			return err;
	}
	for (uint64_t i = 0; i < sources; i++, at += HRV_RECORD_INDEX_SOURCE_BYTES) {
		struct source source = {(uint32_t)hrv_record_number(at, 4), hrv_record_number(at + 4, 8)};
		int err = hrv_buffer_append(&recording->sources, &source, sizeof source);
		if (err != 0)
			return err;
	}
	recording->facts.frames = frames;
	recording->facts.duration_ms = duration_ms;
	return 0;
}

/* Finds the index from the end of the file. HR_ECORRUPT: there is none that can be used. */
static int read_index(struct hrv_recording *recording, uint64_t size)
{
	unsigned char end[HRV_RECORD_END_BYTES];
	struct hrv_buffer payload = {0};
	struct hrv_record record;
	int err;

	if (size < HRV_RECORDING_FIRST_OFF + HRV_RECORD_END_BYTES)
		return HR_ECORRUPT;
	if ((err = read_at(recording->fd, size - sizeof end, end, sizeof end)) != 0)
		return err;
	uint64_t off = hrv_record_number(end, 8);
	if (memcmp(end + 8, HRV_RECORDING_END_MAGIC, 8) != 0)
		return HR_ECORRUPT;
	err = read_record(recording->fd, off, size, &record, &payload);
	if (err == 0 && (record.kind != HRV_RECORD_INDEX || end_of(off, &record) != size))
		err = HR_ECORRUPT;
	if (err == 0)
		err = take_index(recording, off, &payload);
	hrv_buffer_fini(&payload);
	recording->facts.bytes = off;
	return err;
}

/* ---- without an index ---- */

/* Takes a record of the file in; HR_ECORRUPT: it cannot stand there. */
static int take_record(struct hrv_recording *recording, uint64_t off, const struct hrv_record *record,
                       const struct hrv_buffer *payload)
{
	struct hrv_recording_facts *facts = &recording->facts;
	struct hrv_record_key key = {record->at_ms, off, facts->frames};
	size_t keys = recording->keys.len_bytes / sizeof key;
	int err = 0;

	if (record->at_ms < facts->duration_ms)
		return HR_ECORRUPT;
	switch (record->kind) {
	case HRV_RECORD_KEY:
		if (keys == KEYS_MAX || !is_frame(payload))
			return HR_ECORRUPT;
		err = hrv_buffer_append(&recording->keys, &key, sizeof key);
		facts->frames++;
		break;
	case HRV_RECORD_DELTA:
		if (keys == 0 || !is_frame(payload))
			return HR_ECORRUPT;
		facts->frames++;
		break;
	case HRV_RECORD_SOURCE: {
		if (payload->len_bytes < HRV_RECORD_SOURCE_BYTES ||
		    recording->sources.len_bytes / sizeof(struct source) == SOURCES_MAX)
			return HR_ECORRUPT;
		struct source source = {(uint32_t)hrv_record_number((const unsigned char *)payload->bytes, 4), off};
		err = hrv_buffer_append(&recording->sources, &source, sizeof source);
		break;
	}
	case HRV_RECORD_BEGIN:
	case HRV_RECORD_INDEX: /* one that could not be used: all after it is no recording any more */
		return HR_ECORRUPT;
	}
	facts->duration_ms = record->at_ms;
	return err;
}

/* Reads all records from `off` on up to the first that is none. */
static int scan(struct hrv_recording *recording, uint64_t off, uint64_t size)
{
	struct hrv_buffer payload = {0};
	struct hrv_record record;
	int err = 0;

	recording->keys.len_bytes = recording->sources.len_bytes = 0;
	recording->facts.frames = recording->facts.duration_ms = 0;
	while (off < size) {
		err = read_record(recording->fd, off, size, &record, &payload);
		if (err == 0)
			err = take_record(recording, off, &record, &payload);
		if (err != 0)
			break;
		off = end_of(off, &record);
	}
	hrv_buffer_fini(&payload);
	recording->facts.bytes = off;
	recording->facts.torn = true;
	recording->facts.torn_bytes = size - off;
	return err == HR_ECORRUPT ? 0 : err;
}

/* ---- the program ---- */

/* Keeps the map as what is known of the program, if it is one, and of the instance that is known already. */
static int take_program(struct hrv_recording *recording, struct hrv_text map)
{
	struct hrv_unpack in = hrv_unpack_of(map);
	unsigned long long instance = 0;
	char rest;
	int err = HR_ECORRUPT;

	if (map.len_bytes > PROGRAM_BYTES)
		return HR_ECORRUPT;
	json_t *json = hrv_unpack_json(&in);
	const char *id = json_string_value(json_object_get(json, "id"));
	if (in.at == in.end && id && strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16 &&
	    sscanf(id, "%llx%c", &instance, &rest) == 1 && instance != 0 &&
	    (recording->facts.instance == 0 || recording->facts.instance == instance)) {
		recording->program.len_bytes = 0;
		err = hrv_buffer_append(&recording->program, map.bytes, map.len_bytes);
		recording->facts.instance = instance;
		recording->facts.program = (struct hrv_text){recording->program.bytes, recording->program.len_bytes};
	}
	json_decref(json);
	return err;
}

/* The frames from the last key frame on may know more of the program than the beginning did: how it ended. */
static int update_program(struct hrv_recording *recording)
{
	const struct hrv_recording_facts *facts = &recording->facts;
	uint64_t off = facts->keys[facts->key_count - 1].off;
	struct hrv_buffer frame = {0};
	struct hrv_record record;
	int err;

	while ((err = hrv_recording_frame(recording, &off, facts->bytes, &record, &frame)) == 0) {
		struct hrv_text list, first;
		struct hrv_unpacked head;
		struct hrv_unpack in = hrv_unpack_of((struct hrv_text){frame.bytes, frame.len_bytes});
		if (!hrv_unpack_find(in, "programs", &list))
			continue;
		in = hrv_unpack_of(list);
		if (hrv_unpack_next(&in, &head) == 0 && head.kind == HRV_UNPACK_ARRAY && head.count == 1 &&
		    hrv_unpack_skip(&in, &first) == 0)
			take_program(recording, first);
	}
	hrv_buffer_fini(&frame);
	return err == HR_ENOMEM || err == HR_EIO ? err : 0;
}

/* ---- opening ---- */

static int read_begin(struct hrv_recording *recording, uint64_t size, uint64_t *next_off)
{
	struct hrv_buffer payload = {0};
	struct hrv_record record;
	int err = read_record(recording->fd, HRV_RECORDING_FIRST_OFF, size, &record, &payload);

	if (err == 0 && (record.kind != HRV_RECORD_BEGIN || payload.len_bytes < HRV_RECORD_BEGIN_BYTES))
		err = HR_ECORRUPT;
	if (err == 0) {
		recording->facts.start_ms =
		        (double)hrv_record_number((const unsigned char *)payload.bytes, HRV_RECORD_BEGIN_BYTES) / 1000;
		err = take_program(recording, (struct hrv_text){payload.bytes + HRV_RECORD_BEGIN_BYTES,
		                                                payload.len_bytes - HRV_RECORD_BEGIN_BYTES});
		*next_off = end_of(HRV_RECORDING_FIRST_OFF, &record);
	}
	hrv_buffer_fini(&payload);
	return err;
}

static int open_regular(const char *path, int *fd_out, uint64_t *size_out, char why[HRV_RECORDING_WHY_BYTES])
{
	/* O_NONBLOCK: a FIFO must not make us wait; it is refused then. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		refuse(HR_EIO, why, "%.300s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return HR_EIO;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(HR_ECORRUPT, why, "%.300s is not a regular file", path);
	}
	*fd_out = fd;
	*size_out = (uint64_t)st.st_size;
	return 0;
}

int hrv_recording_open(const char *path, struct hrv_recording **out, char why[HRV_RECORDING_WHY_BYTES])
{
	unsigned char head[HRV_RECORDING_FIRST_OFF];
	struct hrv_recording *recording = calloc(1, sizeof *recording);
	uint64_t size = 0, off = 0;
	int err;

	if (!recording)
		return refuse(HR_ENOMEM, why, "out of memory");
	recording->fd = -1;
	if ((err = open_regular(path, &recording->fd, &size, why)) != 0)
		goto fail;
	if (size < sizeof head || read_at(recording->fd, 0, head, sizeof head) != 0 ||
	    memcmp(head, HRV_RECORDING_MAGIC, 8) != 0) {
		err = refuse(HR_ECORRUPT, why, "%.300s is not a recording: `hrview record` makes them", path);
		goto fail;
	}
	uint64_t version = hrv_record_number(head + 8, 4);
	if (version != HRV_RECORDING_VERSION) {
		err = refuse(HR_EVERSION, why,
		             "%.300s has version %" PRIu64 ", and this hrview reads version %d: replay it with the "
		             "hrview that recorded it",
		             path, version, HRV_RECORDING_VERSION);
		goto fail;
	}
	if ((err = read_begin(recording, size, &off)) == 0 && (err = read_index(recording, size)) == HR_ECORRUPT)
		err = scan(recording, off, size);
	set_lists(recording);
	if (err == 0 && recording->facts.key_count == 0)
		err = HR_ECORRUPT;
	if (err == 0)
		err = update_program(recording);
	if (err == HR_ECORRUPT)
		refuse(err, why,
		       "%.300s is a recording without a whole frame: it was cut off, or is damaged, near its "
		       "beginning",
		       path);
	else if (err != 0)
		refuse(err, why, "%.300s: %s", path, err == HR_EIO ? strerror(errno) : hr_err_text(err));
	if (err != 0)
		goto fail;
	*out = recording;
	return 0;
fail:
	hrv_recording_close(recording);
	return err;
}

/* ---- what is in it ---- */

bool hrv_recording_is_key(const struct hrv_recording *recording, uint64_t off)
{
	size_t low = 0, high = recording->facts.key_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (recording->facts.keys[middle].off < off)
			low = middle + 1;
		else
			high = middle;
	}
	return low < recording->facts.key_count && recording->facts.keys[low].off == off;
}

int hrv_recording_source(const struct hrv_recording *recording, uint32_t file, struct hrv_buffer *text, bool *changed,
                         char why[HRV_RECORDING_WHY_BYTES])
{
	const struct source *sources = (const struct source *)recording->sources.bytes;
	size_t count = recording->sources.len_bytes / sizeof *sources, i = 0;
	struct hrv_record record;

	while (i < count && sources[i].file != file)
		i++;
	if (i == count)
		return refuse(HR_EGONE, why, "the text of this file is not in the recording");
	int err = read_record(recording->fd, sources[i].off, recording->facts.bytes, &record, text);
	if (err == 0 && (record.kind != HRV_RECORD_SOURCE || text->len_bytes < HRV_RECORD_SOURCE_BYTES ||
	                 hrv_record_number((const unsigned char *)text->bytes, 4) != file))
		err = HR_ECORRUPT;
	if (err != 0)
		return refuse(err, why, "%s",
		              err == HR_ECORRUPT ? "the recording is damaged where this text was" : hr_err_text(err));
	uint64_t flags = hrv_record_number((const unsigned char *)text->bytes + 4, 4);
	text->len_bytes -= HRV_RECORD_SOURCE_BYTES;
	memmove(text->bytes, text->bytes + HRV_RECORD_SOURCE_BYTES, text->len_bytes);
	if (flags & HRV_RECORD_SOURCE_MISSING)
		return refuse(HR_EGONE, why, "%.*s", (int)text->len_bytes, text->bytes);
	*changed = flags & HRV_RECORD_SOURCE_CHANGED;
	return 0;
}

/* ---- JSON ---- */

json_t *hrv_recording_program_json(const struct hrv_recording *recording)
{
	struct hrv_unpack in = hrv_unpack_of(recording->facts.program);

	return hrv_unpack_json(&in);
}

json_t *hrv_recording_json(const struct hrv_recording *recording)
{
	const struct hrv_recording_facts *facts = &recording->facts;
	json_t *keys = json_array();

	for (size_t i = 0; keys && i < facts->key_count; i++) {
		const struct hrv_record_key *key = &facts->keys[i];
		json_t *entry =
		        json_pack("[I,I,I]", (json_int_t)key->at_ms, (json_int_t)key->off, (json_int_t)key->frame);
		if (json_array_append_new(keys, entry) != 0) {
			json_decref(keys);
			keys = NULL;
		}
	}
	return json_pack("{s:i,s:o,s:f,s:I,s:I,s:I,s:o,s:b}", "version", HRV_RECORDING_VERSION, "program",
	                 hrv_recording_program_json(recording), "start", facts->start_ms, "duration_ms",
	                 (json_int_t)facts->duration_ms, "frames", (json_int_t)facts->frames, "bytes",
	                 (json_int_t)facts->bytes, "keyframes", keys, "torn", facts->torn);
}
