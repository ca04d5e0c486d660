/* peer.h — whose is the socket at the other end of a loopback connection? */
#ifndef HRV_PEER_H
#define HRV_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One end: numeric address ("127.0.0.1", "::1") and port. */
struct hrv_end {
	const char *address;
	uint16_t port;
};

/* True with *uid_out set when the kernel knows the socket that is `peer` to our end `own` of an established connection,
 * and that somebody still holds it open. A socket that was closed shows uid 0: it is nobody's. Asks sock_diag(7), or
 * /proc/net/tcp where that is not to be had. Any thread. */
bool hrv_peer_uid(const struct hrv_end *peer, const struct hrv_end *own, uid_t *uid_out);

/* The second way alone, for its test. */
bool hrv_peer_uid_from_proc(const struct hrv_end *peer, const struct hrv_end *own, uid_t *uid_out);

#endif
