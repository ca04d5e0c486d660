/* tiers.h — code that runs as a twin (twin.h): line hits counted by inline probes, without events.
 *
 * Tier 0 are the backend's events. When they have counted enough in a code object its frames go over to the twin: tier
 * 1. Which and when is told in go_over.h (3.12 and later) and frame_eval.h (3.11). What the program can reach shows it
 * the original. Both tiers add to the same lines. All with the GIL held. */
#ifndef HRT_TIERS_H
#define HRT_TIERS_H

#include "codemap.h"

#if HRT_HAVE_TWINS

#include "pyframe.h"
#include "twin.h"

/* Once a process; sets a Python exception on failure. */
int hrt_tiers_init(void);

/* Environment: HEARTRATE_SHM_COUNT=events switches tier 1 off; for tests: probes (tier 1 at once) and random (at random
 * moments). */
void hrt_tiers_start(void);

/* Twins that frames have been running since an earlier trace count for this one. Runs filters. */
void hrt_tiers_go_on(void);

/* Everything stays on tier 0. */
void hrt_tiers_switch_off(void);

/* Frames that still run a twin count for nothing from now on. Never fails. */
void hrt_tiers_stop(void);

#define HRT_NEVER_HOT INT64_MIN

/* Whether events have counted so much that a twin is worth its making. */
static inline bool hrt_tiers_is_hot(const struct hrt_code *code)
{
	return code->heat >= 0;
}

/* Whether it ever may be. */
static inline bool hrt_tiers_may_be_hot(const struct hrt_code *code)
{
	return code->heat > HRT_NEVER_HOT / 2; /* from where nobody counts to 0 */
}

/* The code, from now on with line events, may become hot. An exception that is under way may be lost. */
void hrt_tiers_watch(struct hrt_code *code);

/* The twin of hot code, which is made where there is none and counts for the trace that runs; NULL when there cannot be
 * one, which is not asked again; not yet; and when others have just ended with their code: what the program runs then
 * may stop the tracer. An exception that is under way may be lost. */
struct hrt_twin_pair *hrt_tiers_twin(struct hrt_code *code);

/* Whether the frame, the thread's innermost, has room for it: its stack may be too small by one when it was made before
 * the twin was, or is a generator's. */
bool hrt_tiers_has_room(PyThreadState *thread, const struct hrt_pyframe *frame, const struct hrt_twin_pair *pair);

/* Whether the code is a twin: then it counts from now on if it did not (a frame that outlived stop()). */
bool hrt_tiers_is_twin(struct hrt_code *code);

/* Whether a twin does. */
bool hrt_tiers_counts(const struct hrt_code *twin);

/* The pair whose twin this is, NULL when it is none. */
struct hrt_twin_pair *hrt_tiers_pair(PyCodeObject *py_code);

/* Its twin, borrowed; NULL when it has none. */
PyCodeObject *hrt_tiers_twin_of(PyCodeObject *py_code);

/* `otherwise`, but where a test leaves to chance what goes over. */
bool hrt_tiers_chance(bool otherwise);

#else /* a Python whose bytecode twin.c does not know: everything stays on tier 0 */

static inline int hrt_tiers_init(void)
{
	return 0;
}

static inline void hrt_tiers_start(void)
{
}

static inline void hrt_tiers_go_on(void)
{
}

static inline void hrt_tiers_stop(void)
{
}

static inline bool hrt_tiers_is_hot(const struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline bool hrt_tiers_may_be_hot(const struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline void hrt_tiers_watch(struct hrt_code *code)
{
	(void)code;
}

static inline bool hrt_tiers_is_twin(struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline bool hrt_tiers_counts(const struct hrt_code *twin)
{
	(void)twin;
	return false;
}

#endif
#endif
