/* tiers.h — which functions run their twin (twin.h): line hits counted by inline probes, without events.
 *
 * Tier 0 are the monitoring backend's events: any code, frames that run already. Tier 1: when code is hot, functions
 * that are called with it get the twin as their `__code__`; frames of the original that still run stay on tier 0, and
 * both add to the same slots. All with the GIL held. */
#ifndef HRT_TIERS_H
#define HRT_TIERS_H

#include "codemap.h"

#if HRT_HAVE_TWINS

/* Once a process; sets a Python exception on failure. */
int hrt_tiers_init(void);

/* `tool_id`: ours of sys.monitoring. Environment: HEARTRATE_SHM_COUNT=tiers moves hot functions to tier 1, otherwise
 * all stays on tier 0; for tests: probes (tier 1 from the second call of a function), random (up and down at random).
 */
void hrt_tiers_start(int tool_id);

/* Puts all functions back; in a forked child, whose memory is shared until it is written to, only ends the counting
 * of their probes. Never fails. */
void hrt_tiers_stop(void);

/* A function with this code, which has line events on, is called. False: no more need to tell of its calls. */
bool hrt_tiers_called(struct hrt_code *code);

/* Whether the code is a twin: then it counts from now on if it did not (a generator that outlived stop()). */
bool hrt_tiers_is_twin(struct hrt_code *code);

/* PY_START of a twin: false when there is no more need to tell of it. */
bool hrt_tiers_twin_called(struct hrt_code *code);

#else /* a Python whose bytecode twin.c does not know: everything stays on tier 0 */

static inline int hrt_tiers_init(void)
{
	return 0;
}

static inline void hrt_tiers_start(int tool_id)
{
	(void)tool_id;
}

static inline void hrt_tiers_stop(void)
{
}

static inline bool hrt_tiers_called(struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline bool hrt_tiers_is_twin(struct hrt_code *code)
{
	(void)code;
	return false;
}

static inline bool hrt_tiers_twin_called(struct hrt_code *code)
{
	(void)code;
	return false;
}

#endif
#endif
