/* life.c — see life.h. */
#include "life.h"

const char *hrv_life_name(enum hrv_life life)
{
	switch (life) {
	case HRV_LIVE:
		return "live";
	case HRV_CLOSED:
		return "closed";
	case HRV_DEAD:
		return "dead";
	case HRV_CORRUPT:
		return "corrupt";
	case HRV_UNKNOWN:
		break;
	}
	return "unknown";
}
