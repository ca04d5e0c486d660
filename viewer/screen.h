/* screen.h — a terminal that is drawn on, by ncurses; the only one who knows it.
 *
 * Whatever ends us, the terminal is left as it was: signals that ask us to end are told as a key, those of a crash put
 * it back themselves, and Ctrl-Z gives it back meanwhile. */
#ifndef HRV_SCREEN_H
#define HRV_SCREEN_H

#include "text.h"

#include <stdbool.h>

/* Can it be drawn on: are standard input and output a terminal whose cursor can be moved? */
bool hrv_screen_is_possible(void);

/* Takes the terminal. HR_EIO: it cannot be drawn on after all. */
int hrv_screen_begin(void);

/* Gives it back. Ends this process by the signal that asked for the end, if it is one by which programs are ended
 * (SIGTERM, SIGHUP, SIGQUIT); SIGINT is the user's way to leave. */
void hrv_screen_end(void);

void hrv_screen_size(int *rows, int *columns);

enum hrv_style {
	HRV_STYLE_PLAIN = 0,
	HRV_STYLE_BOLD = 1 << 0,
	HRV_STYLE_DIM = 1 << 1,
	HRV_STYLE_REVERSE = 1 << 2,
	/* Colours, one at a time; where there are none, HOT is bold, COLD dim, ALERT reverse. */
	HRV_STYLE_HOT = 1 << 3,
	HRV_STYLE_WARM = 1 << 4,
	HRV_STYLE_COLD = 1 << 5,
	HRV_STYLE_ALERT = 1 << 6,
};

void hrv_screen_erase(void);

/* Draws UTF-8 text from column `x` on, `width` columns at most, and returns how many it took. Tabs go to every eighth
 * column behind `x`; what would steer the terminal or cannot be shown is a question mark. */
int hrv_screen_put(int y, int x, int width, struct hrv_text text, unsigned style);

/* Text that is too long loses its beginning, for "...". */
int hrv_screen_put_end(int y, int x, int width, struct hrv_text text, unsigned style);

/* A bar of `share` (0 - 1) of `width` columns. */
void hrv_screen_put_bar(int y, int x, int width, double share, unsigned style);

/* The row in reverse, as it is. */
void hrv_screen_mark_row(int y);

/* Everything as drawn since the last call appears. */
void hrv_screen_show(void);

enum {
	HRV_KEY_NONE = 0,  /* nothing within the time, or the size has changed */
	HRV_KEY_END = 256, /* a signal asks for the end, or the terminal has gone */
	HRV_KEY_UP,
	HRV_KEY_DOWN,
	HRV_KEY_LEFT,
	HRV_KEY_RIGHT,
	HRV_KEY_PAGE_UP,
	HRV_KEY_PAGE_DOWN,
	HRV_KEY_HOME,
	HRV_KEY_LAST,
	HRV_KEY_ENTER,
	HRV_KEY_ESCAPE,
};

/* The next key: an ASCII character or one of the above. */
int hrv_screen_key(int timeout_ms);

#endif
