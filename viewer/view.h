/* view.h — one viewer's view: what it has been sent, and so what is new to it.
 *
 * Owns a catalog with readers of its own and a model of the program that is watched; nothing is shared between views,
 * so each may run on its own thread. */
#ifndef HRV_VIEW_H
#define HRV_VIEW_H

#include "buffer.h"
#include "discover.h"
#include "wire.h"

struct hrv_view;

/* `only` limits it to the programs that hrv_program_matches(); NULL: all. Borrowed. */
int hrv_view_new(const char *only, struct hrv_view **out);
void hrv_view_free(struct hrv_view *view);

/* The same with the one program of this instance. */
int hrv_view_new_of(uint64_t instance, struct hrv_view **out);

/* Puts the answer to `request` into `frame`, in place of what it held: all that is new since the last answer.
 * HR_ENOMEM, HR_EIO: no frame was made and the view is of no further use. */
int hrv_view_answer(struct hrv_view *view, const struct hrv_wire_request *request, struct hrv_buffer *frame);

/* The program as the last answer found it, borrowed until the next; NULL: there is none. */
const struct hrv_program *hrv_view_program(const struct hrv_view *view, uint64_t instance);

#endif
