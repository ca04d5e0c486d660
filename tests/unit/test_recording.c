/* test_recording.c — recordings: written, read, cut off and damaged at every byte. */
#define _GNU_SOURCE /* memfd_create */
#include "golden.h"
#include "hr_err.h"
#include "hr_layout.h"
#include "player.h"
#include "read_recording.h"
#include "recorder.h"
#include "recording.h"
#include "test.h"
#include "unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define START_NS UINT64_C(1767225600000000000) /* 2026-01-01 */
#define INSTANCE UINT64_C(0x00c0ffee12345678)
#define FRAMES   5

/* The frames of the recording that all tests are about, and when they were made. */
static struct hrv_buffer frames[FRAMES];
static const uint64_t frame_at_ms[FRAMES] = {0, 50, 101, 150, 150};
static const bool frame_is_key[FRAMES] = {true, false, true, false, true};

/* Its bytes, and where each record begins; the last is the index. */
#define RECORDS (1 + 2 + FRAMES + 1)
static struct hrv_buffer good;
static size_t record_off[RECORDS + 1];

/* ---- making it ---- */

static struct hrv_wire_program program_of(enum hrv_life life)
{
	return (struct hrv_wire_program){
	        .id = INSTANCE,
	        .pid = 4711,
	        .python_hex = 0x030e08f0,
	        .life = life,
	        .why = life == HRV_CLOSED ? HRV_TEXT("exit") : HRV_TEXT(""),
	        .name = HRV_TEXT("mandel.py"),
	        .argv = HRV_TEXT("mandel.py\0--size\0"
	                         "80"),
	        .caller = HRV_TEXT("/home/ada/mandel.py"),
	        .start_ns = START_NS,
	        .end_ns = life == HRV_CLOSED ? START_NS + 150000000 : 0,
	};
}

static void make_frame(int i, struct hrv_buffer *out)
{
	static const struct hrv_wire_file files[] = {
	        {.index = 0, .path = {"/home/ada/mandel.py", 19}, .traced = true, .disk = true, .source = true},
	        {.index = 1, .path = {"<string>", 8}, .traced = true},
	};
	struct hrv_wire_program program = program_of(i == FRAMES - 1 ? HRV_CLOSED : HRV_LIVE);
	uint64_t hits = 100 * (uint64_t)(i + 1), tick = frame_at_ms[i] + 1;
	const struct hrv_triple totals[] = {{0, hits, tick}, {1, 7, 3}};
	const struct hrv_triple first[] = {{3, hits, tick}, {4, 0, 0}}, second[] = {{1, 7, 3}};
	const struct hrv_wire_lines lines[] = {
	        {.file = 0, .full = frame_is_key[i], .triples = first, .count = frame_is_key[i] ? 2 : 1},
	        {.file = 1, .full = true, .triples = second, .count = 1},
	};
	size_t both = frame_is_key[i] ? 2 : 1;
	struct hrv_wire_detail detail = {
	        .id = INSTANCE,
	        .full = frame_is_key[i],
	        .tick = tick,
	        .files = files,
	        .file_count = frame_is_key[i] ? 2 : 0,
	        .totals = totals,
	        .total_count = both,
	        .all = true,
	        .lines = lines,
	        .lines_count = both,
	};
	struct hrv_wire_frame frame = {
	        .now_ms = (double)(START_NS / 1000000 + frame_at_ms[i]),
	        .has_programs = frame_is_key[i],
	        .programs = &program,
	        .program_count = 1,
	        .program = &detail,
	};

	out->len_bytes = 0;
	assert_int_equal(hrv_wire_encode(&frame, out), 0);
}

static struct hrv_text text_of(const struct hrv_buffer *buffer)
{
	return (struct hrv_text){buffer->bytes, buffer->len_bytes};
}

static struct hrv_recorder *begin(int fd)
{
	struct hrv_wire_program program = program_of(HRV_LIVE);
	struct hrv_recorder *recorder = NULL;
	struct hrv_buffer map = {0};

	assert_int_equal(hrv_wire_encode_program(&program, &map), 0);
	assert_int_equal(hrv_recorder_begin(fd, START_NS, text_of(&map), &recorder), 0);
	hrv_buffer_fini(&map);
	return recorder;
}

static void mark(const struct hrv_recorder *recorder, size_t *record)
{
	record_off[(*record)++] = hrv_recorder_bytes(recorder);
}

static int new_file(char path[32])
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static int make_recording(void **state)
{
	char path[32];
	int fd = new_file(path);
	size_t record = 0;

	(void)state;
	record_off[record++] = HRV_RECORDING_FIRST_OFF;
	struct hrv_recorder *recorder = begin(fd);
	for (int i = 0; i < FRAMES; i++) {
		make_frame(i, &frames[i]);
		mark(recorder, &record);
		assert_int_equal(
		        hrv_recorder_put_frame(recorder, frame_is_key[i], false, frame_at_ms[i], text_of(&frames[i])),
		        0);
		if (i != 0)
			continue;
		mark(recorder, &record);
		assert_int_equal(hrv_recorder_put_source(recorder, 0, 0, HRV_RECORD_SOURCE_CHANGED,
		                                         HRV_TEXT("x = 1 # \xC3\xA4\r\n")),
		                 0);
		mark(recorder, &record);
		assert_int_equal(hrv_recorder_put_source(recorder, 0, 1, HRV_RECORD_SOURCE_MISSING,
		                                         HRV_TEXT("<string> is not a file")),
		                 0);
	}
	assert_int_equal(hrv_recorder_frames(recorder), FRAMES);
	mark(recorder, &record);
	assert_int_equal(hrv_recorder_end(recorder, 151), 0);
	record_off[record] = hrv_recorder_bytes(recorder);
	assert_int_equal(record, RECORDS);
	hrv_recorder_free(recorder);
	assert_int_equal(hrv_buffer_reserve(&good, record_off[RECORDS]), 0);
	good.len_bytes = record_off[RECORDS];
	assert_int_equal(pread(fd, good.bytes, good.len_bytes + 1, 0), good.len_bytes);
	close(fd);
	return 0;
}

static int drop_recording(void **state)
{
	(void)state;
	for (int i = 0; i < FRAMES; i++)
		hrv_buffer_fini(&frames[i]);
	hrv_buffer_fini(&good);
	return 0;
}

/* ---- reading it ---- */

static int open_bytes(const void *bytes, size_t len_bytes, struct hrv_recording **out)
{
	char path[32], why[HRV_RECORDING_WHY_BYTES] = "";
	int fd = new_file(path);

	assert_int_equal(write(fd, bytes, len_bytes), len_bytes);
	int err = hrv_recording_open(path, out, why);
	if (err != 0)
		assert_true(strlen(why) > 20);
	int rest = read_recording(path); /* must return, and say the same */
	assert_int_equal(rest, err);
	close(fd);
	return err;
}

/* Reads on from `off` and counts the frames, each of which must be the next of those that were written, from `first`.
 */
static int count_frames(const struct hrv_recording *recording, uint64_t off, int first)
{
	const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
	struct hrv_buffer frame = {0};
	struct hrv_record record;
	int count = 0;

	while (hrv_recording_frame(recording, &off, facts->bytes, &record, &frame) == 0) {
		assert_true(first + count < FRAMES);
		assert_int_equal(record.at_ms, frame_at_ms[first + count]);
		assert_int_equal(frame.len_bytes, frames[first + count].len_bytes);
		assert_memory_equal(frame.bytes, frames[first + count].bytes, frame.len_bytes);
		count++;
	}
	hrv_buffer_fini(&frame);
	return count;
}

static void test_what_was_written_is_read(void **state)
{
	(void)state;
	struct hrv_recording *recording;
	struct hrv_buffer text = {0};
	char why[HRV_RECORDING_WHY_BYTES];
	bool changed = false;

	assert_int_equal(open_bytes(good.bytes, good.len_bytes, &recording), 0);
	const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
	assert_true(facts->start_ms == (double)(START_NS / 1000000));
	assert_int_equal(facts->duration_ms, 151);
	assert_int_equal(facts->frames, FRAMES);
	assert_int_equal(facts->bytes, record_off[RECORDS - 1]);
	assert_int_equal(facts->key_count, 3);
	assert_int_equal(facts->keys[1].at_ms, 101);
	assert_int_equal(facts->keys[1].frame, 2);
	assert_false(facts->torn);
	assert_true(facts->instance == INSTANCE);
	assert_int_equal(count_frames(recording, facts->keys[0].off, 0), FRAMES);
	assert_int_equal(count_frames(recording, facts->keys[1].off, 2), FRAMES - 2);
	assert_int_equal(count_frames(recording, facts->keys[2].off, 4), 1);
	assert_false(hrv_recording_is_key(recording, facts->keys[1].off + 1));

	assert_int_equal(hrv_recording_source(recording, 0, &text, &changed, why), 0);
	assert_true(changed);
	assert_int_equal(text.len_bytes, 12);
	assert_memory_equal(text.bytes, "x = 1 # \xC3\xA4\r\n", 12);
	assert_int_equal(hrv_recording_source(recording, 1, &text, &changed, why), HR_EGONE);
	assert_string_equal(why, "<string> is not a file");
	assert_int_equal(hrv_recording_source(recording, 2, &text, &changed, why), HR_EGONE);

	json_t *json = hrv_recording_json(recording), *program = json_object_get(json, "program");
	assert_string_equal(json_string_value(json_object_get(program, "state")), "closed"); /* as told last */
	assert_string_equal(json_string_value(json_array_get(json_object_get(program, "argv"), 2)), "80");
	assert_int_equal(json_integer_value(json_object_get(json, "frames")), FRAMES);
	assert_int_equal(json_array_size(json_object_get(json, "keyframes")), 3);
	assert_true(json_is_false(json_object_get(json, "torn")));
	json_decref(json);
	hrv_buffer_fini(&text);
	hrv_recording_close(recording);
}

static void test_file_is_as_documented_to_the_byte(void **state)
{
	(void)state;
	golden_check_file("recording.hrrec", good.bytes, good.len_bytes);
}

/* Frames whose records end at or before `len`. */
static int frames_below(size_t len)
{
	static const int frame_records[FRAMES] = {1, 4, 5, 6, 7};
	int count = 0;

	for (int i = 0; i < FRAMES; i++)
		count += record_off[frame_records[i] + 1] <= len;
	return count;
}

static void test_what_is_cut_off_is_read_up_to_its_last_whole_record(void **state)
{
	(void)state;
	for (size_t len = 0; len < good.len_bytes; len++) {
		struct hrv_recording *recording;
		int err = open_bytes(good.bytes, len, &recording), whole = frames_below(len);
		if (whole == 0) {
			assert_int_equal(err, HR_ECORRUPT);
			continue;
		}
		assert_int_equal(err, 0);
		const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
		assert_true(facts->torn);
		assert_int_equal(facts->frames, whole);
		assert_int_equal(facts->bytes + facts->torn_bytes, len);
		assert_int_equal(count_frames(recording, facts->keys[0].off, 0), whole);
		hrv_recording_close(recording);
	}
}

static void test_what_is_damaged_is_never_shown(void **state)
{
	(void)state;
	static const unsigned char changes[] = {0x01, 0x07, 0x80, 0xFF}; /* 7 makes a source of a delta */
	struct hrv_buffer bad = {0};

	assert_int_equal(hrv_buffer_append(&bad, good.bytes, good.len_bytes), 0);
	for (size_t at = 0; at < bad.len_bytes; at++) {
		for (size_t i = 0; i < sizeof changes; i++) {
			struct hrv_recording *recording;
			struct hrv_buffer text = {0};
			char why[HRV_RECORDING_WHY_BYTES];
			bool changed;
			bad.bytes[at] = (char)(good.bytes[at] ^ changes[i]);
			int err = open_bytes(bad.bytes, bad.len_bytes, &recording);
			if (err != 0) {
				/* Magic, version, the beginning; or the first frame, with the index. */
				assert_true(err == HR_ECORRUPT || err == HR_EVERSION);
				assert_true(at < record_off[1]);
				continue;
			}
			const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
			int read = 0;
			for (size_t key = 0; key < facts->key_count; key++)
				read += count_frames(recording, facts->keys[key].off, (int)facts->keys[key].frame);
			if (at >= record_off[1] && at < record_off[2])
				assert_int_equal(read, 3 + 1); /* from the second and the third key frame on */
			if (hrv_recording_source(recording, 0, &text, &changed, why) == 0)
				assert_memory_equal(text.bytes, "x = 1 # \xC3\xA4\r\n", 12);
			else
				assert_true(at >= record_off[2] && at < record_off[3]);
			hrv_buffer_fini(&text);
			hrv_recording_close(recording);
		}
		bad.bytes[at] = good.bytes[at];
	}
	hrv_buffer_fini(&bad);
}

/* ---- good checksums over what cannot be ---- */

/* Appends a record to `out`, which is begun when it is empty. */
static void append_record(struct hrv_buffer *out, enum hrv_record_kind kind, uint64_t at_ms, const void *payload,
                          size_t len_bytes)
{
	struct hrv_record record = {kind, (uint32_t)len_bytes, at_ms};
	unsigned char head[HRV_RECORD_HEAD_BYTES];

	if (out->len_bytes == 0)
		assert_int_equal(hrv_buffer_append(out, good.bytes, record_off[1]), 0);
	hrv_record_encode(&record, payload, head);
	assert_int_equal(hrv_buffer_append(out, head, sizeof head), 0);
	assert_int_equal(hrv_buffer_append(out, payload, len_bytes), 0);
}

static void expect_frames(struct hrv_buffer *bytes, int expected)
{
	struct hrv_recording *recording;
	int err = open_bytes(bytes->bytes, bytes->len_bytes, &recording);

	assert_int_equal(err, expected == 0 ? HR_ECORRUPT : 0);
	if (err == 0) {
		assert_int_equal(hrv_recording_facts(recording)->frames, expected);
		assert_true(hrv_recording_facts(recording)->torn);
		hrv_recording_close(recording);
	}
	hrv_buffer_fini(bytes);
}

static void test_record_that_cannot_stand_there_ends_the_recording(void **state)
{
	(void)state;
	struct hrv_buffer bytes = {0};
	struct hrv_text frame = text_of(&frames[0]);
	static const char nothing[] = "";

	append_record(&bytes, HRV_RECORD_DELTA, 0, frame.bytes, frame.len_bytes); /* of nothing */
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 0, nothing, 0);
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 0, frame.bytes, frame.len_bytes - 1); /* no whole map */
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 0, "\x80\x80", 2); /* two */
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 0, "\x93\1\2\3", 4); /* no map */
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 0, "\xDF\xFF\xFF\xFF\xFF\xA1x", 7); /* endless */
	expect_frames(&bytes, 0);
	append_record(&bytes, HRV_RECORD_KEY, 9, frame.bytes, frame.len_bytes);
	append_record(&bytes, HRV_RECORD_DELTA, 8, frame.bytes, frame.len_bytes); /* earlier */
	expect_frames(&bytes, 1);
	append_record(&bytes, HRV_RECORD_KEY, 9, frame.bytes, frame.len_bytes);
	append_record(&bytes, HRV_RECORD_DELTA, UINT64_MAX, frame.bytes, frame.len_bytes); /* never */
	expect_frames(&bytes, 1);
	append_record(&bytes, HRV_RECORD_KEY, 9, frame.bytes, frame.len_bytes);
	append_record(&bytes, HRV_RECORD_BEGIN, 9, frame.bytes, frame.len_bytes); /* again */
	expect_frames(&bytes, 1);
	append_record(&bytes, HRV_RECORD_KEY, 9, frame.bytes, frame.len_bytes);
	append_record(&bytes, HRV_RECORD_SOURCE, 9, "1234567", 7); /* without its head */
	expect_frames(&bytes, 1);
	append_record(&bytes, (enum hrv_record_kind)77, 9, frame.bytes, frame.len_bytes);
	expect_frames(&bytes, 0);
}

/* An index at the end of a recording of one frame. */
static void append_index(struct hrv_buffer *out, const uint64_t numbers[4], const uint64_t key[3])
{
	unsigned char payload[HRV_RECORD_INDEX_BYTES + HRV_RECORD_INDEX_KEY_BYTES + HRV_RECORD_END_BYTES];
	unsigned char *at = payload;

	append_record(out, HRV_RECORD_KEY, 5, frames[0].bytes, frames[0].len_bytes);
	hrv_record_put_number(at, 8, numbers[0]);
	hrv_record_put_number(at + 8, 8, numbers[1]);
	hrv_record_put_number(at + 16, 4, numbers[2]);
	hrv_record_put_number(at + 20, 4, numbers[3]);
	for (int i = 0; i < 3; i++)
		hrv_record_put_number(at + 24 + 8 * i, 8, key[i]);
	hrv_record_put_number(at + 48, 8, out->len_bytes);
	memcpy(at + 56, HRV_RECORDING_END_MAGIC, 8);
	append_record(out, HRV_RECORD_INDEX, 5, payload, sizeof payload);
}

static void test_index_that_cannot_be_is_not_believed(void **state)
{
	(void)state;
	uint64_t first = record_off[1];
	struct hrv_buffer bytes = {0};
	struct hrv_recording *recording;

	append_index(&bytes, (uint64_t[]){1, 5, 1, 0}, (uint64_t[]){5, first, 0});
	assert_int_equal(open_bytes(bytes.bytes, bytes.len_bytes, &recording), 0);
	assert_false(hrv_recording_facts(recording)->torn); /* that one is as it should be */
	hrv_recording_close(recording);
	hrv_buffer_fini(&bytes);
	static const struct {
		uint64_t numbers[4], at, off, frame;
	} wrong[] = {
	        {{1, 4, 1, 0}, 5, 0, 0},          /* longer than it lasts */
	        {{1, 5, 2, 0}, 5, 0, 0},          /* more key frames than there are */
	        {{1, 5, 1, 1}, 5, 0, 0},          /* more sources */
	        {{1, 5, UINT32_MAX, 0}, 5, 0, 0}, /* many more */
	        {{1, 5, 0, 0}, 5, 0, 0},          /* none */
	        {{1, 5, 1, 0}, 5, 0, 1},          /* begins with the second frame */
	        {{0, 5, 1, 0}, 5, 0, 0},          /* no frames */
	        {{1000, 5, 1, 0}, 5, 0, 0},       /* more than there is room for */
	        {{1, UINT64_MAX, 1, 0}, 5, 0, 0}, /* for ever */
	        {{1, 5, 1, 0}, 5, UINT32_MAX, 0}, /* behind the end */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		append_index(&bytes, wrong[i].numbers, (uint64_t[]){wrong[i].at, first + wrong[i].off, wrong[i].frame});
		expect_frames(&bytes, 1);
	}
	/* What it points to is looked at: here the source of a recording that has none. */
	append_index(&bytes, (uint64_t[]){1, 5, 1, 0}, (uint64_t[]){5, first + 1, 0});
	assert_int_equal(open_bytes(bytes.bytes, bytes.len_bytes, &recording), 0);
	assert_int_equal(count_frames(recording, first + 1, 0), 0);
	hrv_recording_close(recording);
	hrv_buffer_fini(&bytes);
}

static void test_what_is_no_regular_file_is_refused(void **state)
{
	(void)state;
	struct hrv_recording *recording;
	char why[HRV_RECORDING_WHY_BYTES];

	assert_int_equal(hrv_recording_open("/", &recording, why), HR_ECORRUPT);
	assert_int_equal(hrv_recording_open("/dev/null", &recording, why), HR_ECORRUPT);
	assert_int_equal(hrv_recording_open("/no/such/file", &recording, why), HR_EIO);
	assert_non_null(strstr(why, "/no/such/file: No such file"));
}

/* ---- the player ---- */

/* The answer's program as JSON; the caller's. */
static json_t *ask(struct hrv_player *player, struct hrv_wire_request request, bool *listed)
{
	struct hrv_buffer answer = {0};

	assert_int_equal(hrv_player_answer(player, &request, &answer), 0);
	struct hrv_unpack in = hrv_unpack_of(text_of(&answer));
	json_t *json = hrv_unpack_json(&in);
	assert_non_null(json);
	assert_true(in.at == in.end);
	*listed = json_array_size(json_object_get(json, "programs")) == 1;
	assert_true(json_is_true(json_object_get(json, "recording")));
	json_t *program = json_incref(json_object_get(json, "program"));
	json_decref(json);
	hrv_buffer_fini(&answer);
	return program;
}

static void expect_program(struct hrv_player *player, struct hrv_wire_request request, bool expect_list,
                           const char *expected)
{
	bool listed;
	json_t *program = ask(player, request, &listed), *twin = expected ? json_loads(expected, 0, NULL) : NULL;

	if (!json_equal(program, twin) && program != twin)
		fail_msg("got %s, expected %s", json_dumps(program, 0), expected);
	assert_int_equal(listed, expect_list);
	json_decref(program);
	json_decref(twin);
}

#define ID "\"id\": \"00c0ffee12345678\""
#define LAST                                                                                                           \
	ID ", \"full\": true, \"tick\": 151, \"files\": [{\"i\": 0, \"path\": \"/home/ada/mandel.py\", \"traced\": "   \
	   "true, "                                                                                                    \
	   "\"disk\": true, \"source\": true, \"changed\": false}, {\"i\": 1, \"path\": \"<string>\", \"traced\": "    \
	   "true, \"disk\": "                                                                                          \
	   "false, "                                                                                                   \
	   "\"source\": false, \"changed\": false}], \"totals\": [0, 500, 151, 1, 7, 3]"
#define UNCHANGED "{" ID ", \"full\": false, \"tick\": 151}"

static void test_player_answers_the_pull_with_the_last_state(void **state)
{
	(void)state;
	struct hrv_wire_request request = {.all = true, .file = HR_INDEX_NONE, .program = INSTANCE};
	struct hrv_recording *recording;
	struct hrv_player *player;

	assert_int_equal(open_bytes(good.bytes, good.len_bytes, &recording), 0);
	assert_int_equal(hrv_player_new(recording, &player), 0);
	expect_program(player, (struct hrv_wire_request){.file = HR_INDEX_NONE}, true, NULL);
	expect_program(player, request, false,
	               "{" LAST ", \"linesOf\": [[0, true, [3, 500, 151, 4, 0, 0]], [1, true, [1, 7, 3]]]}");
	expect_program(player, request, false, UNCHANGED);
	request = (struct hrv_wire_request){.file = 1, .program = INSTANCE};
	expect_program(player, request, false, "{" LAST ", \"file\": 1, \"linesFull\": true, \"lines\": [1, 7, 3]}");
	expect_program(player, request, false, UNCHANGED);
	request.file = 9; /* a file without lines */
	expect_program(player, request, false, "{" LAST ", \"file\": 9, \"linesFull\": true, \"lines\": []}");
	request = (struct hrv_wire_request){.full = true, .file = HR_INDEX_NONE, .program = INSTANCE};
	expect_program(player, request, true, "{" LAST "}");
	request.full = false;
	expect_program(player, request, false, UNCHANGED);
	request.program = 2;
	expect_program(player, request, false, "{\"id\": \"0000000000000002\", \"gone\": true}");
	request = (struct hrv_wire_request){.lead = true, .file = HR_INDEX_NONE};
	expect_program(player, request, false, "{" LAST "}");
	request.program = INSTANCE; /* the same question */
	expect_program(player, request, false, UNCHANGED);
	hrv_player_free(player);
	hrv_recording_close(recording);

	/* Cut off behind the fourth frame: from the second key frame, the third, on. */
	request = (struct hrv_wire_request){.file = 0, .program = INSTANCE};
	assert_int_equal(open_bytes(good.bytes, record_off[7], &recording), 0);
	assert_int_equal(hrv_player_new(recording, &player), 0);
	bool listed;
	json_t *program = ask(player, request, &listed);
	assert_int_equal(json_integer_value(json_object_get(program, "tick")), 102);
	json_decref(program);
	expect_program(player, request, false,
	               "{" ID ", \"full\": false, \"tick\": 151, \"totals\": [0, 400, 151], \"file\": 0, "
	               "\"linesFull\": false, \"lines\": [3, 400, 151]}");
	expect_program(player, request, false, UNCHANGED);
	hrv_player_free(player);
	hrv_recording_close(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_was_written_is_read),
	        cmocka_unit_test(test_file_is_as_documented_to_the_byte),
	        cmocka_unit_test(test_what_is_cut_off_is_read_up_to_its_last_whole_record),
	        cmocka_unit_test(test_what_is_damaged_is_never_shown),
	        cmocka_unit_test(test_record_that_cannot_stand_there_ends_the_recording),
	        cmocka_unit_test(test_index_that_cannot_be_is_not_believed),
	        cmocka_unit_test(test_what_is_no_regular_file_is_refused),
	        cmocka_unit_test(test_player_answers_the_pull_with_the_last_state),
	};
	return cmocka_run_group_tests_name("recording", tests, make_recording, drop_recording);
}
