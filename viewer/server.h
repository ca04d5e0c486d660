/* server.h — hrview on the network: the page, its websocket, /api. Only server.c and http_*.c know civetweb. */
#ifndef HRV_SERVER_H
#define HRV_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#define HRV_DEFAULT_HOST         "127.0.0.1"
#define HRV_DEFAULT_PORT         9999
#define HRV_CLIENTS_MAX          64 /* websockets; the next one gets a 503 */
#define HRV_SERVER_WHY_BYTES     256
#define HRV_SERVER_ADDRESS_BYTES 64

struct hrv_recording;

/* All borrowed while the server runs. */
struct hrv_server_options {
	const char *host;                      /* address or name */
	uint16_t port;                         /* 0: any free one */
	const char *token;                     /* NULL: nobody gets in by a token */
	const char *only;                      /* serve only what hrv_program_matches(); NULL: all */
	bool embed;                            /* pages of this machine may show ours in a frame */
	const struct hrv_recording *recording; /* serve this, and no program; NULL: programs */
};

struct hrv_server_address {
	char host[HRV_SERVER_ADDRESS_BYTES]; /* numeric */
	uint16_t port;
	bool loopback;
};

/* What `host` is in numbers. HR_EARG: no such name, or a kind of address that is not to be had; `why` says so. */
int hrv_server_resolve(const char *host, struct hrv_server_address *out, char why[HRV_SERVER_WHY_BYTES]);

/* Serves on threads of its own until the process ends: there is no stopping (see server.c). `address` as resolved, its
 * port filled in. HR_EEXIST: the port is taken; HR_EIO; `why` is a sentence. */
int hrv_server_start(const struct hrv_server_options *options, struct hrv_server_address *address,
                     char why[HRV_SERVER_WHY_BYTES]);

#endif
