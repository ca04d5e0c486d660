/* server.c — see server.h. Where to serve, and civetweb's start; what is answered is in http_*.c.
 *
 * There is no stopping: civetweb's threads look at its stop flag every two seconds (SOCKET_TIMEOUT_QUANTUM), and hrview
 * is to end at once. It owns nothing that outlives the process. */
#include "server.h"

#include "gate.h"
#include "hr_err.h"
#include "http.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A websocket keeps a thread for its life; the spare ones answer everything else. */
#define SPARE_THREADS 32

#define FILES_AT_START 4096 /* no descriptor is above when the server starts */

/* The one that runs; civetweb keeps a pointer to it. */
static struct hrv_server the_server;

/* Requests that civetweb itself finds wrong. */
static int on_http_error(struct mg_connection *conn, int status, const char *message)
{
	hrv_http_refuse(conn, status, "", message && message[0] ? message : "bad request");
	return 0;
}

/* Its log is for its own bugs and for clients that went away; trouble of ours has words of its own. */
static int on_log(const struct mg_connection *conn, const char *message)
{
	(void)conn;
	(void)message;
	return 1;
}

int hrv_server_resolve(const char *host, struct hrv_server_address *out, char why[HRV_SERVER_WHY_BYTES])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
	struct hrv_server_address address = {0};

	/* The library can be built without IPv6, as Debian's is. */
	hints.ai_family = mg_check_feature(MG_FEATURES_IPV6) ? AF_UNSPEC : AF_INET;
	int rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc != 0) {
		snprintf(why, HRV_SERVER_WHY_BYTES, "--host %.100s: %s%s", host, gai_strerror(rc),
		         hints.ai_family == AF_INET ? " (an IPv4 address is needed)" : "");
		return HR_EARG;
	}
	getnameinfo(found->ai_addr, found->ai_addrlen, address.host, sizeof address.host, NULL, 0, NI_NUMERICHOST);
	address.loopback = strncmp(address.host, "127.", 4) == 0 || strcmp(address.host, "::1") == 0;
	freeaddrinfo(found);
	*out = address;
	return 0;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
	                                            : ((const struct sockaddr_in *)address)->sin_port);
}

/* The socket that people come to; fills in the port. */
static int listen_on(struct hrv_server_address *address, int *out, char why[HRV_SERVER_WHY_BYTES])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
	                *found = NULL;
	struct sockaddr_storage bound;
	socklen_t bound_bytes = sizeof bound;
	char port[8];
	int one = 1, err = 0;

	snprintf(port, sizeof port, "%u", address->port);
	if (getaddrinfo(address->host, port, &hints, &found) != 0) {
		snprintf(why, HRV_SERVER_WHY_BYTES, "cannot serve on %s", address->host);
		return HR_EIO;
	}
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) != 0) {
		err = errno == EADDRINUSE ? HR_EEXIST : HR_EIO;
		if (err == HR_EEXIST)
			snprintf(why, HRV_SERVER_WHY_BYTES,
			         "port %u on %s is taken; give another with --port N, or --port 0 for any free one",
			         address->port, address->host);
		else
			snprintf(why, HRV_SERVER_WHY_BYTES, "cannot serve on %s, port %u: %s", address->host,
			         address->port, strerror(errno));
		if (fd >= 0)
			close(fd);
	} else {
		address->port = port_of(&bound);
		*out = fd;
	}
	freeaddrinfo(found);
	return err;
}

/* civetweb has opened a socket of its own, which nobody knows of: the gate takes its place. */
static void lead_from_gate(const struct mg_context *context)
{
	struct mg_server_port own;
	struct sockaddr_storage bound;
	int listens, found = -1;

	if (mg_get_server_ports(context, 1, &own) != 1)
		return;
	for (int fd = 0; found < 0 && fd < FILES_AT_START; fd++) {
		socklen_t listens_bytes = sizeof listens, bound_bytes = sizeof bound;
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_bytes) == 0 && listens &&
		    getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) == 0 && port_of(&bound) == own.port)
			found = fd;
	}
	the_server.led = found >= 0 && hrv_gate_lead_to(found) == 0;
}

static void on_closed(const struct mg_connection *conn)
{
	(void)conn;
	hrv_gate_left();
}

int hrv_server_start(const struct hrv_server_options *options, struct hrv_server_address *address,
                     char why[HRV_SERVER_WHY_BYTES])
{
	static const struct mg_callbacks callbacks = {
	        .begin_request = hrv_http_begin_request,
	        .http_error = on_http_error,
	        .log_message = on_log,
	        .log_access = on_log,
	        .connection_closed = on_closed,
	        .init_context = lead_from_gate,
	};
	char threads[8];
	const char *const settings[] = {
	        "listening_ports",
	        "127.0.0.1:0", /* see lead_from_gate() */
	        "num_threads",
	        threads,
	        "tcp_nodelay",
	        "1",
	        "request_timeout_ms", /* also what a write to a stalled page may take */
	        "2000",
	        "websocket_timeout_ms", /* how often a silent page is pinged */
	        "10000",
	        "enable_websocket_ping_pong",
	        "yes",
	        "decode_url",
	        "no",
	        "enable_auth_domain_check",
	        "no",
	        NULL,
	};
	struct hrv_server *server = &the_server;
	int listener;

	int err = listen_on(address, &listener, why);
	if (err != 0)
		return err;
	server->options = *options;
	server->address = *address;
	/* A cookie is for a host, whatever the port: several hrviews must not take each other's for theirs. */
	snprintf(server->cookie_name, sizeof server->cookie_name, "hrview-%u", address->port);
	snprintf(threads, sizeof threads, "%d", HRV_CLIENTS_MAX + SPARE_THREADS);
	mg_init_library(MG_FEATURES_DEFAULT);
	struct mg_context *context = mg_start(&callbacks, server, (const char **)settings);
	if (context)
		hrv_http_handle_websockets(context, server);
	if (!context || !server->led || hrv_gate_start(listener, HRV_CLIENTS_MAX + SPARE_THREADS) != 0) {
		snprintf(why, HRV_SERVER_WHY_BYTES,
		         "cannot serve on %s, port %u: the system gives no threads or "
		         "descriptors",
		         address->host, address->port);
		return HR_EIO;
	}
	return 0;
}
