/* access.h — who gets in, as far as a request's own words tell. Pure; whose socket it is peer.h asks the kernel.
 *
 * A page elsewhere can make the user's browser send requests here: by a name that it makes resolve to 127.0.0.1 (then
 * Host is that name), or across origins (then Origin is that page). */
#ifndef HRV_ACCESS_H
#define HRV_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

/* A Host header that names this machine's loopback, with any port: localhost, a name below it, 127.x.y.z, [::1]. */
bool hrv_host_is_loopback(const char *host);

/* An Origin header that is of the page that this Host serves. */
bool hrv_origin_is_own(const char *origin, const char *host);

#define HRV_TOKEN_BYTES 33

/* 128 random bits as text. HR_EIO: the system has none. */
int hrv_token_make(char out[HRV_TOKEN_BYTES]);

/* A token of the user's choice must fit into URLs and cookies as it is: letters, digits, '-', '_', '.', '~'. */
bool hrv_token_is_usable(const char *token);

/* Is what was given the token? All of it is looked at, so that the time tells nothing of where it is wrong. */
bool hrv_token_is_equal(const char *given, size_t given_len, const char *token);

/* Is the token in one of the three places? Each may be NULL. `authorization` is "Bearer TOKEN", `query` has
 * token=TOKEN, `cookie` has NAME=TOKEN. */
bool hrv_token_is_given(const char *token, const char *authorization, const char *query, const char *cookie,
                        const char *cookie_name);

#endif
