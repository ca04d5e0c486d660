/* life.h — what has become of a traced program. */
#ifndef HRV_LIFE_H
#define HRV_LIFE_H

/* Standing still is live: a program that waits is idle, not dead. */
enum hrv_life {
	HRV_LIVE,
	HRV_CLOSED,  /* ended well */
	HRV_DEAD,    /* did not */
	HRV_UNKNOWN, /* of another pid namespace: its lock is held, but by whom cannot be told */
	HRV_CORRUPT, /* the segment cannot be read */
};

/* "live" for HRV_LIVE and so on: the words of the wire, of `hrview list` and of `hrview dump`. */
const char *hrv_life_name(enum hrv_life life);

#endif
