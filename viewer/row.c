/* row.c — a row and its newest stack, copied while the writer writes (the protocol of hr_atomic.h). See reader.h.
 */
#include "hr_atomic.h"
#include "hr_err.h"
#include "reader.h"

/* Tries before a busy writer is left alone: with a ring of four, one try succeeds more often than not. */
#define TRIES 64

static void copy_frames(const unsigned char *at, const struct hrv_row_shape *shape, uint32_t count,
                        struct hrv_frame *out)
{
	for (uint32_t i = 0; i < count; i++, at += shape->frame_bytes) {
		const struct hr_frame *frame = (const struct hr_frame *)at;
		out[i] = (struct hrv_frame){
		        .code = hr_load32(&frame->code),
		        .line = hr_load32(&frame->line),
		        .end_line = hr_load32(&frame->end_line),
		        .col = hr_load32(&frame->col),
		        .end_col = hr_load32(&frame->end_col),
		};
	}
}

/* The newest snapshot as it stands, perhaps torn. */
static void copy_snapshot(const struct hr_snapshot *snapshot, const struct hrv_row_shape *shape, struct hrv_row *out)
{
	out->tick = hr_load64(&snapshot->tick);
	out->since_tick = hr_load64(&snapshot->since_tick);
	out->depth = hr_load32(&snapshot->depth);
	out->frame_count = hr_load32(&snapshot->frame_count);
	out->elided_at = hr_load32(&snapshot->elided_at);
	out->run_state = hr_load32(&snapshot->run_state);
	hr_name_load(snapshot->name, out->name);
	copy_frames((const unsigned char *)snapshot + shape->snapshot_bytes, shape,
	            out->frame_count < shape->frames ? out->frame_count : shape->frames, out->frames);
}

int hrv_row_copy(const struct hr_row *row, const struct hrv_row_shape *shape, struct hrv_row *out)
{
	uint64_t stride = shape->snapshot_bytes + (uint64_t)shape->frames * shape->frame_bytes;

	for (int i = 0; i < TRIES; i++) {
		out->generation = hr_row_generation(row);
		if (out->generation % 2 == 0)
			return HR_EGONE;
		out->ident = hr_load64(&row->ident);
		out->native_id = hr_load64(&row->native_id);
		out->seq = hr_row_published(row);
		if (out->seq == 0) {
			if (hr_row_same(row, out->generation))
				return HR_EGONE;
			continue;
		}
		const struct hr_snapshot *snapshot =
		        (const struct hr_snapshot *)((const unsigned char *)row + shape->row_bytes +
		                                     out->seq % HR_RING * stride);
		if (hr_snapshot_seq(snapshot) != out->seq)
			continue;
		copy_snapshot(snapshot, shape, out);
		if (!hr_snapshot_whole(snapshot, out->seq) || !hr_row_same(row, out->generation))
			continue;
		if (out->frame_count > shape->frames || out->elided_at > out->frame_count ||
		    out->depth < out->frame_count)
			return HR_ECORRUPT;
		return 0;
	}
	return HR_EAGAIN;
}
