/* player.c — see player.h. What is passed on is passed on as it was recorded, value by value. */
#include "player.h"

#include "hr_err.h"
#include "pack.h"
#include "unpack.h"

#include <stdlib.h>

struct hrv_player {
	const struct hrv_recording *recording;
	struct hrv_buffer recorded; /* the record that was read last */
	struct hrv_wire_request asked;
	bool listed;       /* the list has been sent */
	uint64_t next_off; /* 0: from the last key frame on */
	uint64_t tick;
};

int hrv_player_new(const struct hrv_recording *recording, struct hrv_player **out)
{
	struct hrv_player *player = calloc(1, sizeof *player);

	if (!player)
		return HR_ENOMEM;
	player->recording = recording;
	*out = player;
	return 0;
}

void hrv_player_free(struct hrv_player *player)
{
	if (!player)
		return;
	hrv_buffer_fini(&player->recorded);
	free(player);
}

/* A value as it stands in the recording. */
static void put_raw(msgpack_packer *pk, struct hrv_text bytes)
{
	pk->callback(pk->data, bytes.bytes, bytes.len_bytes);
}

/* Of `linesOf` the entry of one file: whether it is full, and its triples. */
static bool find_lines(struct hrv_text lines_of, uint32_t file, struct hrv_text *full, struct hrv_text *triples)
{
	struct hrv_unpack in = hrv_unpack_of(lines_of);
	struct hrv_unpacked array, entry, index;

	if (hrv_unpack_next(&in, &array) != 0 || array.kind != HRV_UNPACK_ARRAY)
		return false;
	for (uint32_t i = 0; i < array.count; i++) {
		if (hrv_unpack_next(&in, &entry) != 0 || entry.kind != HRV_UNPACK_ARRAY || entry.count != 3 ||
		    hrv_unpack_next(&in, &index) != 0 || hrv_unpack_skip(&in, full) != 0 ||
		    hrv_unpack_skip(&in, triples) != 0)
			return false;
		if (index.kind == HRV_UNPACK_UINT && index.number == file)
			return true;
	}
	return false;
}

/* The lines of one file in the place of those of all. */
static void put_lines(msgpack_packer *pk, struct hrv_text lines_of, uint32_t file, bool key)
{
	struct hrv_text full, triples;
	bool found = find_lines(lines_of, file, &full, &triples);

	hrv_pack_word(pk, "file");
	msgpack_pack_uint32(pk, file);
	hrv_pack_word(pk, "linesFull");
	if (found)
		put_raw(pk, full);
	else
		hrv_pack_bool(pk, key);
	hrv_pack_word(pk, "lines");
	if (found)
		put_raw(pk, triples);
	else
		msgpack_pack_array(pk, 0);
}

static void note_tick(struct hrv_player *player, struct hrv_text program)
{
	struct hrv_text bytes;
	struct hrv_unpacked tick;

	if (!hrv_unpack_find(hrv_unpack_of(program), "tick", &bytes))
		return;
	struct hrv_unpack in = hrv_unpack_of(bytes);
	if (hrv_unpack_next(&in, &tick) == 0 && tick.kind == HRV_UNPACK_UINT)
		player->tick = tick.number;
}

/* The recorded `program`, which is whole, for who has asked for one file's lines or none. */
static int put_one_file(msgpack_packer *pk, struct hrv_text program, uint32_t file, bool key)
{
	struct hrv_unpack in = hrv_unpack_of(program);
	struct hrv_text lines_of = {"", 0}, value;
	struct hrv_unpacked map, name;

	if (hrv_unpack_next(&in, &map) != 0 || map.kind != HRV_UNPACK_MAP)
		return HR_ECORRUPT;
	bool has_lines = hrv_unpack_find(hrv_unpack_of(program), "linesOf", &lines_of);
	msgpack_pack_map(pk, (size_t)map.count - has_lines + (file != HR_INDEX_NONE ? 3 : 0));
	for (uint32_t i = 0; i < map.count; i++) {
		if (hrv_unpack_next(&in, &name) != 0 || name.kind != HRV_UNPACK_TEXT ||
		    hrv_unpack_skip(&in, &value) != 0)
			return HR_ECORRUPT;
		if (value.bytes == lines_of.bytes)
			continue;
		msgpack_pack_str(pk, name.text.len_bytes);
		msgpack_pack_str_body(pk, name.text.bytes, name.text.len_bytes);
		put_raw(pk, value);
	}
	if (file != HR_INDEX_NONE)
		put_lines(pk, lines_of, file, key);
	return 0;
}

static void put_unchanged(msgpack_packer *pk, const struct hrv_player *player)
{
	msgpack_pack_map(pk, 3);
	hrv_pack_word(pk, "id");
	hrv_pack_id(pk, player->asked.program);
	hrv_pack_word(pk, "full");
	msgpack_pack_false(pk);
	hrv_pack_word(pk, "tick");
	msgpack_pack_uint64(pk, player->tick);
}

/* The next recorded frame's program, or that nothing is new. */
static int put_program(struct hrv_player *player, msgpack_packer *pk)
{
	const struct hrv_recording_facts *facts = hrv_recording_facts(player->recording);
	struct hrv_record record;
	struct hrv_text program;

	if (player->next_off == 0)
		player->next_off = facts->keys[facts->key_count - 1].off;
	int err = hrv_recording_frame(player->recording, &player->next_off, facts->bytes, &record, &player->recorded);
	if (err == HR_ENOMEM)
		return err;
	struct hrv_unpack frame = hrv_unpack_of((struct hrv_text){player->recorded.bytes, player->recorded.len_bytes});
	/* Where the recording is damaged it ends. */
	if (err != 0 || !hrv_unpack_find(frame, "program", &program)) {
		player->next_off = err == 0 ? player->next_off : facts->bytes;
		put_unchanged(pk, player);
		return 0;
	}
	note_tick(player, program);
	if (!player->asked.all)
		return put_one_file(pk, program, player->asked.file, record.kind == HRV_RECORD_KEY);
	put_raw(pk, program);
	return 0;
}

/* Another question starts over, as in a view. */
static void take_question(struct hrv_player *player, struct hrv_wire_request request)
{
	const struct hrv_wire_request *before = &player->asked;

	if (request.lead && request.program == 0)
		request.program = hrv_recording_facts(player->recording)->instance;
	if (request.full)
		player->listed = false;
	if (request.full || request.program != before->program || request.all != before->all ||
	    (!request.all && request.file != before->file))
		player->next_off = 0;
	player->asked = request;
}

int hrv_player_answer(struct hrv_player *player, const struct hrv_wire_request *request, struct hrv_buffer *frame)
{
	const struct hrv_recording_facts *facts = hrv_recording_facts(player->recording);
	struct hrv_pack_sink sink = {.buffer = frame};
	msgpack_packer pk;
	int err = 0;

	take_question(player, *request);
	frame->len_bytes = 0;
	hrv_pack_init(&pk, &sink);
	msgpack_pack_map(&pk, 3u + !player->listed + (player->asked.program != 0));
	hrv_pack_word(&pk, "v");
	msgpack_pack_int(&pk, HRV_WIRE_VERSION);
	hrv_pack_word(&pk, "now");
	msgpack_pack_double(&pk, facts->start_ms + (double)facts->duration_ms);
	hrv_pack_word(&pk, "recording");
	msgpack_pack_true(&pk);
	if (!player->listed) {
		hrv_pack_word(&pk, "programs");
		msgpack_pack_array(&pk, 1);
		put_raw(&pk, facts->program);
		player->listed = true;
	}
	if (player->asked.program != 0) {
		hrv_pack_word(&pk, "program");
		if (player->asked.program == facts->instance)
			err = put_program(player, &pk);
		else
			hrv_pack_gone(&pk, player->asked.program);
	}
	return err != 0 ? err : sink.err;
}
