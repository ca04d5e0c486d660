/* http_replay.c — /api of a recording that is replayed. See http.h and docs/wire.md. */
#include "hr_err.h"
#include "http.h"
#include "recording.h"

#include <civetweb.h>
#include <jansson.h>
#include <string.h>

#define CHUNK_BYTES 65536

static int answer_programs(struct mg_connection *conn, const struct hrv_recording *recording)
{
	return hrv_http_answer_json(
	        conn, json_pack("{s:[o], s:b}", "programs", hrv_recording_program_json(recording), "recording", 1));
}

static int answer_source(struct mg_connection *conn, const struct hrv_recording *recording)
{
	char why[HRV_RECORDING_WHY_BYTES];
	struct hrv_buffer text = {0};
	uint64_t instance, file;
	bool changed;

	int status = hrv_http_source_asked(conn, &instance, &file);
	if (status != 0)
		return status;
	if (instance != hrv_recording_facts(recording)->instance)
		return hrv_http_refuse(conn, 404, "", "the recording is of another program");
	int err = hrv_recording_source(recording, (uint32_t)file, &text, &changed, why);
	status = hrv_http_answer_source(conn, err, why, &text, changed);
	hrv_buffer_fini(&text);
	return status;
}

/* `at` becomes the map's first key: its head has room for one (hrv_recording_frame()). */
static int put_frame(uint64_t at_ms, const struct hrv_buffer *frame, struct hrv_buffer *out)
{
	unsigned char head[13] = {(unsigned char)(frame->bytes[0] + 1), 0xA2, 'a', 't', 0xCF};

	for (int i = 0; i < 8; i++)
		head[5 + i] = (unsigned char)(at_ms >> (56 - 8 * i));
	int err = hrv_buffer_append(out, head, sizeof head);
	return err == 0 ? hrv_buffer_append(out, frame->bytes + 1, frame->len_bytes - 1) : err;
}

/* Sends the frames below `to`, some at a time, so that no question decides how much memory is taken. Where the
 * recording is damaged the answer ends, whole as far as it goes: from the next key frame on it may be good again. */
static void send_frames(struct mg_connection *conn, const struct hrv_recording *recording, uint64_t from, uint64_t to)
{
	struct hrv_buffer frame = {0}, chunk = {0};
	struct hrv_record record;
	int err;

	do {
		err = hrv_recording_frame(recording, &from, to, &record, &frame);
		if (err == 0)
			err = put_frame(record.at_ms, &frame, &chunk);
		if (chunk.len_bytes == 0 || (err == 0 && chunk.len_bytes < CHUNK_BYTES))
			continue;
		if (mg_send_chunk(conn, chunk.bytes, (unsigned int)chunk.len_bytes) <= 0)
			break;
		chunk.len_bytes = 0;
	} while (err == 0);
	if (err == HR_EGONE || err == HR_ECORRUPT)
		mg_send_chunk(conn, "", 0);
	hrv_buffer_fini(&frame);
	hrv_buffer_fini(&chunk);
}

static int answer_frames(struct mg_connection *conn, const struct hrv_recording *recording)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	const struct hrv_recording_facts *facts = hrv_recording_facts(recording);
	uint64_t from, to;

	if (!hrv_http_query_number(request->query_string, "from", 10, UINT64_MAX, &from) ||
	    !hrv_http_query_number(request->query_string, "to", 10, UINT64_MAX, &to) || to <= from ||
	    !hrv_recording_is_key(recording, from) || (to != facts->bytes && !hrv_recording_is_key(recording, to)))
		return hrv_http_refuse(conn, 400, "",
		                       "/api/recording/frames?from=BYTE&to=BYTE: offsets of key frames as in "
		                       "/api/recording, `to` may be its `bytes`");
	hrv_http_begin_chunks(conn, "application/octet-stream", "Cache-Control: no-store\r\n");
	if (strcmp(request->request_method, "HEAD") != 0)
		send_frames(conn, recording, from, to);
	return 200;
}

int hrv_http_replay(struct mg_connection *conn, const struct hrv_recording *recording, const char *path)
{
	if (strcmp(path, "/api/recording") == 0)
		return hrv_http_answer_json(conn, hrv_recording_json(recording));
	if (strcmp(path, "/api/recording/frames") == 0)
		return answer_frames(conn, recording);
	if (strcmp(path, "/api/programs") == 0)
		return answer_programs(conn, recording);
	if (strcmp(path, "/api/source") == 0)
		return answer_source(conn, recording);
	return hrv_http_refuse(conn, 404, "", "this hrview replays a recording, and has only what is in it");
}
