/* export_pprof.c — gzipped profile.proto of github.com/google/pprof. See export.h.
 *
 * Protocol buffers, what of them is needed: a field is its number and kind in one varint, then a varint, or a length
 * and so many bytes. A message inside another is written into a buffer of its own first, for its length. */
#include "export.h"
#include "hr_err.h"
#include "out.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Field numbers of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NS = 9,
	PROFILE_DURATION_NS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	VALUE_TYPE = 1,
	VALUE_UNIT = 2,
	SAMPLE_LOCATIONS = 1,
	SAMPLE_VALUES = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_TEXT = 2,
	LABEL_NUMBER = 3,
	MAPPING_ID = 1,
	MAPPING_FILE = 5,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILES = 8,
	MAPPING_HAS_LINES = 9,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_NUMBER = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_FILE = 4,
	FUNCTION_FIRST_LINE = 5,
};

/* The profile under way. */
struct profile {
	const struct hrv_dump *dump;
	struct hrv_out out;      /* the profile */
	struct hrv_buffer inner; /* a message in it, */
	struct hrv_buffer list;  /* and one in that */
	uint64_t string_count;
};

static void put_varint(struct hrv_out *out, uint64_t value)
{
	unsigned char bytes[10];
	size_t count = 0;

	do {
		bytes[count++] = (unsigned char)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
		value >>= 7;
	} while (value != 0);
	hrv_out_bytes(out, bytes, count);
}

static void put_number(struct hrv_out *out, int field, uint64_t value)
{
	put_varint(out, (uint64_t)field << 3);
	put_varint(out, value);
}

static void put_bytes(struct hrv_out *out, int field, const void *bytes, size_t len_bytes)
{
	put_varint(out, (uint64_t)field << 3 | 2);
	put_varint(out, len_bytes);
	hrv_out_bytes(out, bytes, len_bytes);
}

/* An empty message in the profile, or in that. */
static struct hrv_out begin(struct hrv_buffer *message)
{
	message->len_bytes = 0;
	return (struct hrv_out){message, 0};
}

static void end(struct hrv_out *out, int field, const struct hrv_out *message)
{
	if (out->err == 0)
		out->err = message->err;
	put_bytes(out, field, message->buffer->bytes, message->buffer->len_bytes);
}

/* Puts a text into the string table and returns its index there. */
static uint64_t put_string(struct profile *profile, const char *text)
{
	put_bytes(&profile->out, PROFILE_STRING, text, strlen(text));
	return profile->string_count++;
}

static void put_value_type(struct profile *profile, int field, uint64_t type, uint64_t unit)
{
	struct hrv_out message = begin(&profile->inner);

	put_number(&message, VALUE_TYPE, type);
	put_number(&message, VALUE_UNIT, unit);
	end(&profile->out, field, &message);
}

static void put_mapping(struct profile *profile)
{
	char *executable = hrv_text_repair(profile->dump->program->executable);
	uint64_t name = put_string(profile, executable ? executable : "");
	struct hrv_out message = begin(&profile->inner);

	put_number(&message, MAPPING_ID, 1);
	put_number(&message, MAPPING_FILE, name);
	put_number(&message, MAPPING_HAS_FUNCTIONS, 1);
	put_number(&message, MAPPING_HAS_FILES, 1);
	put_number(&message, MAPPING_HAS_LINES, 1);
	end(&profile->out, PROFILE_MAPPING, &message);
	free(executable);
}

/* A function for each code object that stacks show, and one for what is not known; its id is the code's index + 1, or
 * one of those behind. None has a system name: when it equals the name, pprof takes <module> for C++ and cuts it. */
static uint64_t function_id(const struct hrv_dump *dump, uint32_t code)
{
	if (code < dump->codes.code_count)
		return (uint64_t)code + 1;
	return (uint64_t)dump->codes.code_count + (code == HRV_CODE_ELIDED ? 1 : 2);
}

static void put_function(struct profile *profile, const struct hrv_place *place)
{
	const struct hrv_dump *dump = profile->dump;
	struct hrv_frame frame = {.code = place->code};
	const char *path = hrv_dump_path(dump, &frame);
	char *name = hrv_export_function(dump, place->code);
	uint64_t name_string = put_string(profile, name ? name : "?"),
	         path_string = put_string(profile, path ? path : "");
	struct hrv_out message = begin(&profile->inner);

	put_number(&message, FUNCTION_ID, function_id(dump, place->code));
	put_number(&message, FUNCTION_NAME, name_string);
	put_number(&message, FUNCTION_FILE, path_string);
	if (place->code < dump->codes.code_count)
		put_number(&message, FUNCTION_FIRST_LINE, dump->codes.codes[place->code].first_line);
	end(&profile->out, PROFILE_FUNCTION, &message);
	free(name);
}

static int put_functions(struct profile *profile, const struct hrv_samples *samples)
{
	uint64_t count = (uint64_t)profile->dump->codes.code_count + 3;
	bool *there = calloc(count, sizeof *there);

	if (!there)
		return HR_ENOMEM;
	for (size_t i = 0; i < samples->place_count; i++) {
		uint64_t id = function_id(profile->dump, samples->places[i].code);
		if (!there[id])
			put_function(profile, &samples->places[i]);
		there[id] = true;
	}
	free(there);
	return 0;
}

static void put_location(struct profile *profile, uint64_t id, const struct hrv_place *place)
{
	struct hrv_out message = begin(&profile->inner), line = begin(&profile->list);

	put_number(&line, LINE_FUNCTION, function_id(profile->dump, place->code));
	if (place->line != HR_INDEX_NONE)
		put_number(&line, LINE_NUMBER, place->line);
	put_number(&message, LOCATION_ID, id);
	put_number(&message, LOCATION_MAPPING, 1);
	end(&message, LOCATION_LINE, &line);
	end(&profile->out, PROFILE_LOCATION, &message);
}

static void put_label(struct profile *profile, struct hrv_out *sample, uint64_t key, int kind, uint64_t value)
{
	struct hrv_out label = begin(&profile->list);

	put_number(&label, LABEL_KEY, key);
	put_number(&label, kind, value);
	end(sample, SAMPLE_LABEL, &label);
}

/* What labels need of the string table. */
struct labels {
	uint64_t thread, id, state, states[HR_RUN_STOPPED + 1];
};

static void put_sample(struct profile *profile, const struct hrv_samples *samples, const struct hrv_sample *from,
                       const struct labels *labels, uint64_t name, uint64_t native_id, bool timed)
{
	const struct hrv_path *path = &samples->paths[from->path];
	struct hrv_out sample = begin(&profile->inner), list = begin(&profile->list);

	for (uint32_t i = path->count; i-- > 0;) /* innermost first */
		put_varint(&list, (uint64_t)samples->steps[path->first + i] + 1);
	end(&sample, SAMPLE_LOCATIONS, &list);
	list = begin(&profile->list);
	put_varint(&list, from->looks);
	if (timed)
		put_varint(&list, from->ticks * 1000000);
	end(&sample, SAMPLE_VALUES, &list);
	put_label(profile, &sample, labels->thread, LABEL_TEXT, name);
	if (native_id != 0)
		put_label(profile, &sample, labels->id, LABEL_NUMBER, native_id);
	if (from->run_state <= HR_RUN_STOPPED)
		put_label(profile, &sample, labels->state, LABEL_TEXT, labels->states[from->run_state]);
	end(&profile->out, PROFILE_SAMPLE, &sample);
}

static void put_samples(struct profile *profile, const struct hrv_samples *samples, bool timed)
{
	struct labels labels = {.thread = put_string(profile, "thread"),
	                        .id = put_string(profile, "thread_id"),
	                        .state = put_string(profile, "state")};

	for (uint32_t state = 0; state <= HR_RUN_STOPPED; state++)
		labels.states[state] = put_string(profile, hrv_run_state_name(state));
	for (size_t i = 0; i < samples->thread_count; i++) {
		const struct hrv_sampled_thread *thread = &samples->threads[i];
		char *name = hrv_text_repair(hrv_text_of(thread->name));
		uint64_t name_string = put_string(profile, name ? name : "?");
		free(name);
		for (size_t n = 0; n < thread->count; n++)
			put_sample(profile, samples, &thread->samples[n], &labels, name_string, thread->native_id,
			           timed);
	}
}

static void put_profile(struct profile *profile, const struct hrv_samples *samples)
{
	struct hrv_reader *reader = profile->dump->program->reader;
	uint64_t looks, ticks;

	hrv_samples_sum(samples, &looks, &ticks);
	put_string(profile, ""); /* the first is that by definition */
	uint64_t samples_string = put_string(profile, "samples"), count = put_string(profile, "count");
	uint64_t wall = put_string(profile, "wall"), nanoseconds = put_string(profile, "nanoseconds");
	put_value_type(profile, PROFILE_SAMPLE_TYPE, samples_string, count);
	if (ticks > 0) { /* the last type is the one that pprof shows by itself */
		put_value_type(profile, PROFILE_SAMPLE_TYPE, wall, nanoseconds);
		put_value_type(profile, PROFILE_PERIOD_TYPE, wall, nanoseconds);
		put_number(&profile->out, PROFILE_PERIOD, ticks * 1000000 / looks);
		put_number(&profile->out, PROFILE_DURATION_NS, (samples->last_tick - samples->first_tick) * 1000000);
	}
	if (reader)
		put_number(&profile->out, PROFILE_TIME_NS,
		           hrv_reader_header(reader)->start_realtime_ns + samples->first_tick * 1000000);
	put_mapping(profile);
	if (profile->out.err == 0)
		profile->out.err = put_functions(profile, samples);
	for (size_t i = 0; i < samples->place_count; i++)
		put_location(profile, i + 1, &samples->places[i]);
	put_samples(profile, samples, ticks > 0);
}

/* RFC 1952, without a name and a time: the same profile gives the same bytes. */
static int compress_into(const struct hrv_buffer *from, struct hrv_buffer *out)
{
	z_stream stream = {0};

	if (from->len_bytes > UINT_MAX / 2 ||
	    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return HR_ENOMEM;
	uLong bound = deflateBound(&stream, from->len_bytes);
	int err = hrv_buffer_reserve(out, bound);
	if (err == 0) {
		stream.next_in = (Bytef *)from->bytes;
		stream.avail_in = (uInt)from->len_bytes;
		stream.next_out = (Bytef *)out->bytes + out->len_bytes;
		stream.avail_out = (uInt)bound;
		err = deflate(&stream, Z_FINISH) == Z_STREAM_END ? 0 : HR_ENOMEM;
		out->len_bytes += err == 0 ? stream.total_out : 0;
	}
	deflateEnd(&stream);
	return err;
}

int hrv_export_pprof(const struct hrv_dump *dump, const struct hrv_samples *samples, struct hrv_buffer *out)
{
	struct hrv_buffer plain = {0};
	struct profile profile = {.dump = dump, .out = {&plain, 0}};

	put_profile(&profile, samples);
	int err = profile.out.err;
	if (err == 0)
		err = compress_into(&plain, out);
	hrv_buffer_fini(&plain);
	hrv_buffer_fini(&profile.inner);
	hrv_buffer_fini(&profile.list);
	return err;
}
