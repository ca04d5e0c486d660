/* read_recording.c — see read_recording.h. */
#include "read_recording.h"

#include "hr_layout.h"
#include "player.h"
#include "recording.h"
#include "unpack.h"

#include <stdlib.h>

/* An answer must be one whole value, whatever the recording says. */
static void check_answer(const struct hrv_buffer *answer)
{
	struct hrv_unpack in = hrv_unpack_of((struct hrv_text){answer->bytes, answer->len_bytes});
	struct hrv_text whole;

	if (hrv_unpack_skip(&in, &whole) != 0 || in.at != in.end)
		abort();
}

static void play(const struct hrv_recording *recording, struct hrv_wire_request request)
{
	struct hrv_player *player = NULL;
	struct hrv_buffer answer = {0};

	if (hrv_player_new(recording, &player) != 0)
		return;
	for (int i = 0; i < 8; i++) {
		if (hrv_player_answer(player, &request, &answer) == 0)
			check_answer(&answer);
		request.full = i == 4;
	}
	hrv_player_free(player);
	hrv_buffer_fini(&answer);
}

int read_recording(const char *path)
{
	struct hrv_recording *recording;
	struct hrv_buffer bytes = {0};
	struct hrv_record record;
	char why[HRV_RECORDING_WHY_BYTES];
	bool changed;
	int err = hrv_recording_open(path, &recording, why);

	if (err != 0)
		return err;
	const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
	for (size_t i = 0; i < facts->key_count; i++) {
		uint64_t off = facts->keys[i].off;
		if (!hrv_recording_is_key(recording, off))
			abort();
		while (hrv_recording_frame(recording, &off, facts->bytes, &record, &bytes) == 0)
			check_answer(&bytes);
	}
	for (uint32_t file = 0; file < 4; file++)
		hrv_recording_source(recording, file, &bytes, &changed, why);
	json_t *json = hrv_recording_json(recording);
	if (!json)
		abort(); /* whatever of a file becomes JSON was judged when it was opened */
	json_decref(json);
	play(recording, (struct hrv_wire_request){.all = true, .file = HR_INDEX_NONE, .program = facts->instance});
	play(recording, (struct hrv_wire_request){.file = 0, .program = facts->instance});
	play(recording, (struct hrv_wire_request){.file = HR_INDEX_NONE, .program = facts->instance});
	play(recording, (struct hrv_wire_request){.file = 0, .program = 1});
	play(recording, (struct hrv_wire_request){0});
	hrv_buffer_fini(&bytes);
	hrv_recording_close(recording);
	return 0;
}
