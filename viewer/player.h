/* player.h — a recording for those who pull as from a living program: its last state (docs/wire.md).
 *
 * Answers come from the last key frame on, one recorded frame each, until nothing is new any more. One player is one
 * connection; nothing is shared but the recording. */
#ifndef HRV_PLAYER_H
#define HRV_PLAYER_H

#include "recording.h"
#include "wire.h"

struct hrv_player;

/* The recording is borrowed. */
int hrv_player_new(const struct hrv_recording *recording, struct hrv_player **out);
void hrv_player_free(struct hrv_player *player);

/* As hrv_view_answer(). */
int hrv_player_answer(struct hrv_player *player, const struct hrv_wire_request *request, struct hrv_buffer *frame);

#endif
