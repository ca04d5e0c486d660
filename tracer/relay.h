/* relay.h — other tools of sys.monitoring, when frames run twins: they have their events of those frames too, and these
 * tell of the original.
 *
 * cProfile, debuggers and coverage tools know code by its identity. All with the GIL held. */
#ifndef HRT_RELAY_H
#define HRT_RELAY_H

#include "pycompat.h"

#if HRT_GO_OVER_AT_EVENTS

/* Once a process; sets a Python exception on failure. */
int hrt_relay_init(void);

/* From now on, and no more. Either may come twice. Without memory a tool is told of the twin. */
void hrt_relay_put_on(void);
void hrt_relay_take_off(void);

/* What sys.settrace and sys.setprofile have is there from their first use on. To be called when that may have been. */
void hrt_relay_tend(void);

#else

static inline int hrt_relay_init(void)
{
	return 0;
}

static inline void hrt_relay_put_on(void)
{
}

static inline void hrt_relay_take_off(void)
{
}

#endif
#endif
