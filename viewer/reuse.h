/* reuse.h — is there an hrview of ours on a port already, and does it serve a certain program? */
#ifndef HRV_REUSE_H
#define HRV_REUSE_H

#include "server.h"

#include <stdbool.h>
#include <stdint.h>

/* Asks what serves at `address` for its programs. True: it is an hrview that lets us in and serves `pid`, or any when
 * `pid` is 0. Waits a second at most. */
bool hrv_reuse_is_possible(const struct hrv_server_address *address, uint32_t pid);

#endif
