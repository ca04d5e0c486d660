/* browser.h — shows a URL in the user's browser. */
#ifndef HRV_BROWSER_H
#define HRV_BROWSER_H

/* Starts $BROWSER, or what the desktop opens links with, in a session of its own and with nothing to say. HR_EGONE:
 * there is none. May be called while other threads run. */
int hrv_browser_open(const char *url);

#endif
