/* server.c — see server.h.
 *
 * Every request is answered in begin_request(), before civetweb could look for a file, but the websocket's handshake,
 * which it is let do once the request was found good. A websocket's messages are answered on its own thread with a view
 * of its own, so there is no lock here.
 *
 * There is no stopping: civetweb's threads look at its stop flag every two seconds (SOCKET_TIMEOUT_QUANTUM), and hrview
 * is to end at once. It owns nothing that outlives the process. */
#define _GNU_SOURCE /* memmem, strcasestr */
#include "server.h"

#include "access.h"
#include "discover.h"
#include "dump.h"
#include "hr_err.h"
#include "json.h"
#include "page.h"
#include "peer.h"
#include "source.h"
#include "view.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* A websocket keeps a thread for its life; the spare ones answer everything else. */
#define SPARE_THREADS 32

/* What everybody is told: nothing is sniffed, framed, or sent elsewhere. */
#define COMMON_HEADERS                                                                                                 \
	"X-Content-Type-Options: nosniff\r\n"                                                                          \
	"Referrer-Policy: no-referrer\r\n"                                                                             \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

#define NUMBER(macro)       NUMBER_TEXT(macro)
#define NUMBER_TEXT(digits) #digits

#define NONCE_MARK "__CSP_NONCE__" /* in web/src/index.html */

struct server {
	struct hrv_server_options options;
	struct hrv_server_address address;
	char cookie_name[32];
	atomic_int clients;
};

/* The one that runs; civetweb keeps a pointer to it. */
static struct server the_server;

/* ---- answers ---- */

/* Sends a complete answer and returns its status, as begin_request() must. HEAD gets no body. */
static int answer(struct mg_connection *conn, int status, const char *type, const char *headers, const void *body,
                  size_t body_bytes)
{
	const struct mg_request_info *request = mg_get_request_info(conn);

	mg_printf(conn,
	          "HTTP/1.1 %d %s\r\nServer: hrview\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
	          "close\r\n" COMMON_HEADERS "%s\r\n",
	          status, mg_get_response_code_text(conn, status), type, body_bytes, headers);
	if (body_bytes > 0 && strcmp(request->request_method, "HEAD") != 0)
		mg_write(conn, body, body_bytes);
	return status;
}

/* One line of plain text; nothing of the request is repeated in it. */
static int refuse(struct mg_connection *conn, int status, const char *headers, const char *text)
{
	char line[512];
	int n = snprintf(line, sizeof line, "%s\n", text);

	return answer(conn, status, "text/plain; charset=utf-8", headers, line,
	              n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

static int answer_json(struct mg_connection *conn, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int status = text ? answer(conn, 200, "application/json", "Cache-Control: no-store\r\n", text, strlen(text))
	                  : refuse(conn, 500, "", "out of memory");

	free(text);
	json_decref(json);
	return status;
}

/* ---- who gets in ---- */

static bool is_own_peer(const struct server *server, const struct mg_request_info *request)
{
	struct hrv_end peer = {request->remote_addr, (uint16_t)request->remote_port};
	struct hrv_end own = {server->address.host, server->address.port};
	uid_t uid;

	return server->address.loopback && hrv_peer_uid(&peer, &own, &uid) && uid == geteuid();
}

/* 0, or the status of the refusal that was sent. */
static int let_in(struct mg_connection *conn, const struct server *server)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	const char *host = mg_get_header(conn, "Host"), *origin = mg_get_header(conn, "Origin");

	if (!host)
		return refuse(conn, 400, "", "a request needs a Host header");
	if (origin && !hrv_origin_is_own(origin, host))
		return refuse(conn, 403, "", "another site's page may not ask here (Origin)");
	if (server->options.token &&
	    hrv_token_is_given(server->options.token, mg_get_header(conn, "Authorization"), request->query_string,
	                       mg_get_header(conn, "Cookie"), server->cookie_name))
		return 0;
	if (server->address.loopback && !hrv_host_is_loopback(host))
		return refuse(conn, 403, "", "this hrview is asked for as localhost or 127.0.0.1 only (Host)");
	if (is_own_peer(server, request))
		return 0;
	return refuse(conn, 401, "WWW-Authenticate: Bearer\r\n",
	              server->options.token
	                      ? "a token is needed: open the URL that hrview printed, or send "
	                        "`Authorization: Bearer TOKEN`"
	                      : "this hrview is its user's alone; others get in with a token, if hrview was "
	                        "started with --token");
}

/* ---- the page ---- */

/* The index carries this answer's nonce in place of each mark. */
static int put_nonce(const struct hrv_asset *index, const char *nonce, struct hrv_buffer *out)
{
	const char *at = (const char *)index->bytes, *end = (const char *)index->end;
	size_t mark_bytes = strlen(NONCE_MARK);
	int err = 0;

	while (err == 0 && at < end) {
		const char *mark = memmem(at, (size_t)(end - at), NONCE_MARK, mark_bytes);
		err = hrv_buffer_append(out, at, (size_t)((mark ? mark : end) - at));
		if (err == 0 && mark)
			err = hrv_buffer_append(out, nonce, strlen(nonce));
		at = mark ? mark + mark_bytes : end;
	}
	return err;
}

static int answer_index(struct mg_connection *conn, const struct server *server)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	const struct hrv_asset *index = hrv_page_find("/index.html");
	const char *token = server->options.token;
	char nonce[HRV_TOKEN_BYTES], headers[1024], cookie[256] = "";
	struct hrv_buffer body = {0};

	if (!index)
		return refuse(conn, 404, "", "this hrview was built without its page (HR_PAGE=OFF)");
	if (hrv_token_make(nonce) != 0 || put_nonce(index, nonce, &body) != 0) {
		hrv_buffer_fini(&body);
		return refuse(conn, 500, "", "out of memory");
	}
	/* Who came with the token in the URL is known by a cookie from then on: the page's parts and its websocket. */
	if (token && hrv_token_is_given(token, NULL, request->query_string, NULL, ""))
		snprintf(cookie, sizeof cookie, "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict\r\n",
		         server->cookie_name, token);
	snprintf(headers, sizeof headers,
	         "Cache-Control: no-store\r\n%s"
	         "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; "
	         "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	         "frame-ancestors 'none'\r\n",
	         cookie, nonce);
	int status = answer(conn, 200, hrv_page_type(index->path), headers, body.bytes, body.len_bytes);
	hrv_buffer_fini(&body);
	return status;
}

static int answer_asset(struct mg_connection *conn, const char *path)
{
	const struct hrv_asset *asset = hrv_page_find(path);

	if (!asset)
		return refuse(conn, 404, "", "no such part of the page");
	return answer(conn, 200, hrv_page_type(path), "Cache-Control: private, max-age=31536000, immutable\r\n",
	              asset->bytes, (size_t)(asset->end - asset->bytes));
}

/* ---- /api ---- */

/* Runs `use` on a fresh catalog. */
static int with_catalog(struct mg_connection *conn, const struct server *server,
                        int (*use)(struct mg_connection *conn, const struct server *server,
                                   struct hrv_catalog *catalog))
{
	struct hrv_catalog catalog = {0};
	int err = hrv_catalog_refresh(&catalog);
	int status = err == 0 ? use(conn, server, &catalog) : refuse(conn, 500, "", hr_err_text(err));

	hrv_catalog_fini(&catalog);
	return status;
}

static int answer_programs(struct mg_connection *conn, const struct server *server, struct hrv_catalog *catalog)
{
	return answer_json(conn, hrv_json_programs(catalog, server->options.only));
}

static bool is_served(const struct server *server, const struct hrv_program *program)
{
	return program && (!server->options.only || hrv_program_matches(program, server->options.only));
}

static int answer_dump(struct mg_connection *conn, const struct server *server, struct hrv_catalog *catalog)
{
	const char *pid = strrchr(mg_get_request_info(conn)->local_uri, '/') + 1;
	struct hrv_program *program;
	struct hrv_dump dump;
	char why[HRV_FIND_WHY_BYTES];
	int status;

	if (pid[0] == '\0' || pid[strspn(pid, "0123456789")] != '\0' ||
	    hrv_catalog_find(catalog, pid, &program, why) != 0 || !is_served(server, program))
		return refuse(conn, 404, "", "no traced program has this pid");
	int err = hrv_dump_read(program, &dump);
	if (err == HR_ECORRUPT) {
		hrv_dump_fini(&dump);
		hrv_catalog_condemn(catalog, program);
		err = hrv_dump_read(program, &dump);
	}
	status = err == 0 ? answer_json(conn, hrv_json_dump(&dump)) : refuse(conn, 500, "", hr_err_text(err));
	hrv_dump_fini(&dump);
	return status;
}

/* A number from the query, all of it; false when it is not there or is something else. */
static bool query_number(const char *query, const char *name, int base, uint64_t max, uint64_t *out)
{
	char text[32], *end;

	if (!query || mg_get_var(query, strlen(query), name, text, sizeof text) <= 0)
		return false;
	if (text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return false;
	errno = 0;
	uint64_t value = strtoull(text, &end, base);
	if (errno != 0 || *end != '\0' || value > max)
		return false;
	*out = value;
	return true;
}

static int answer_source(struct mg_connection *conn, const struct server *server, struct hrv_catalog *catalog)
{
	const char *query = mg_get_request_info(conn)->query_string;
	char why[HRV_SOURCE_WHY_BYTES];
	struct hrv_buffer text = {0};
	uint64_t instance, file;
	bool changed;
	int status;

	if (!query_number(query, "program", 16, UINT64_MAX, &instance) ||
	    !query_number(query, "file", 10, UINT32_MAX, &file))
		return refuse(conn, 400, "", "/api/source?program=ID&file=N");
	const struct hrv_program *program = hrv_catalog_by_instance(catalog, instance);
	if (!is_served(server, program) || !program->reader)
		return refuse(conn, 404, "", "no such program (any more)");
	int err = hrv_source_load(program->reader, (uint32_t)file, &text, &changed, why);
	if (err != 0)
		status = refuse(conn, err == HR_ENOMEM || err == HR_EIO ? 500 : 404, "", why);
	else
		status = answer(conn, 200, "text/plain; charset=utf-8",
		                changed ? "Cache-Control: no-store\r\nX-Source: changed\r\n"
		                        : "Cache-Control: no-store\r\nX-Source: loaded\r\n",
		                text.bytes, text.len_bytes);
	hrv_buffer_fini(&text);
	return status;
}

/* ---- the websocket ---- */

static bool wants_websocket(const struct mg_connection *conn)
{
	const char *upgrade = mg_get_header(conn, "Upgrade"), *connection = mg_get_header(conn, "Connection");

	return upgrade && strcasecmp(upgrade, "websocket") == 0 && connection && strcasestr(connection, "upgrade");
}

/* 0: civetweb may shake hands. */
static int begin_websocket(struct mg_connection *conn, struct server *server)
{
	if (!wants_websocket(conn))
		return refuse(conn, 426, "Upgrade: websocket\r\n", "/ws is a websocket");
	if (atomic_load(&server->clients) >= HRV_CLIENTS_MAX)
		return refuse(
		        conn, 503, "Retry-After: 5\r\n",
		        "this hrview serves " NUMBER(HRV_CLIENTS_MAX) " open pages, and all are taken: close one, or "
		                                                      "start another hrview with --port 0");
	return 0;
}

/* One open page: what it has been sent, and its last frame. */
struct client {
	struct hrv_view *view;
	struct hrv_buffer frame;
};

static void on_ready(struct mg_connection *conn, void *data)
{
	struct server *server = data;
	struct client *client = calloc(1, sizeof *client);

	atomic_fetch_add(&server->clients, 1);
	if (client && hrv_view_new(server->options.only, &client->view) != 0) {
		free(client);
		client = NULL;
	}
	mg_set_user_connection_data(conn, client);
}

static void on_close(const struct mg_connection *conn, void *data)
{
	struct server *server = data;
	struct client *client = mg_get_user_connection_data(conn);

	if (client) {
		hrv_view_free(client->view);
		hrv_buffer_fini(&client->frame);
		free(client);
	}
	atomic_fetch_sub(&server->clients, 1);
}

/* RFC 6455, 7.4.1 */
enum { CLOSE_POLICY = 1008, CLOSE_TROUBLE = 1011 };

static int close_websocket(struct mg_connection *conn, int code)
{
	char status[2] = {(char)(code >> 8), (char)code};

	mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, status, sizeof status);
	return 0;
}

static int on_message(struct mg_connection *conn, int bits, char *bytes, size_t len_bytes, void *data)
{
	struct client *client = mg_get_user_connection_data(conn);
	struct hrv_wire_request request;

	(void)data;
	if ((bits & 0xF) == MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE) {
		mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, bytes, len_bytes < 2 ? 0 : 2);
		return 0;
	}
	/* 0x80: the message ends with this piece. Ours always come whole. */
	if ((bits & 0xFF) != (0x80 | MG_WEBSOCKET_OPCODE_BINARY) ||
	    hrv_wire_decode_request(bytes, len_bytes, &request) != 0)
		return close_websocket(conn, CLOSE_POLICY);
	if (!client || hrv_view_answer(client->view, &request, &client->frame) != 0)
		return close_websocket(conn, CLOSE_TROUBLE);
	/* A frame that a stalled page took only a part of cannot be mended: the connection ends. */
	return mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_BINARY, client->frame.bytes, client->frame.len_bytes) ==
	       (int)client->frame.len_bytes;
}

/* ---- civetweb ---- */

static int begin_request(struct mg_connection *conn)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	struct server *server = request->user_data;
	const char *path = request->local_uri ? request->local_uri : "";

	if (strcmp(request->request_method, "GET") != 0 && strcmp(request->request_method, "HEAD") != 0)
		return refuse(conn, 405, "Allow: GET, HEAD\r\n", "only GET and HEAD are answered here");
	int status = let_in(conn, server);
	if (status != 0)
		return status;
	if (strcmp(path, "/ws") == 0)
		return begin_websocket(conn, server);
	if (strcmp(path, "/") == 0)
		return answer_index(conn, server);
	if (strncmp(path, "/assets/", 8) == 0)
		return answer_asset(conn, path);
	if (strcmp(path, "/api/programs") == 0)
		return with_catalog(conn, server, answer_programs);
	if (strncmp(path, "/api/dump/", 10) == 0)
		return with_catalog(conn, server, answer_dump);
	if (strcmp(path, "/api/source") == 0)
		return with_catalog(conn, server, answer_source);
	if (strcmp(path, "/healthz") == 0)
		return refuse(conn, 200, "Cache-Control: no-store\r\n", "ok");
	return refuse(conn, 404, "", "there is nothing here; the page is at /");
}

/* Requests that civetweb itself finds wrong. */
static int on_http_error(struct mg_connection *conn, int status, const char *message)
{
	refuse(conn, status, "", message && message[0] ? message : "bad request");
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

/* civetweb only says that it failed. Binding first says why; between the two nobody is likely to come. */
static int probe(const struct hrv_server_address *address, char why[HRV_SERVER_WHY_BYTES])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
	                *found = NULL;
	char port[8];
	int one = 1, err = 0;

	snprintf(port, sizeof port, "%u", address->port);
	if (getaddrinfo(address->host, port, &hints, &found) != 0)
		return HR_EIO;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
		err = errno == EADDRINUSE ? HR_EEXIST : HR_EIO;
		if (err == HR_EEXIST)
			snprintf(why, HRV_SERVER_WHY_BYTES,
			         "port %u on %s is taken; give another with --port N, or --port 0 for any free one",
			         address->port, address->host);
		else
			snprintf(why, HRV_SERVER_WHY_BYTES, "cannot serve on %s, port %u: %s", address->host,
			         address->port, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	return err;
}

static void set_address(struct server *server, const struct hrv_server_address *address)
{
	server->address = *address;
	/* A cookie is for a host, whatever the port: several hrviews must not take each other's for theirs. */
	snprintf(server->cookie_name, sizeof server->cookie_name, "hrview-%u", address->port);
}

int hrv_server_start(const struct hrv_server_options *options, struct hrv_server_address *address,
                     char why[HRV_SERVER_WHY_BYTES])
{
	static const struct mg_callbacks callbacks = {
	        .begin_request = begin_request,
	        .http_error = on_http_error,
	        .log_message = on_log,
	        .log_access = on_log,
	};
	char ports[HRV_SERVER_ADDRESS_BYTES + 16], threads[8];
	bool ipv6 = strchr(address->host, ':') != NULL;
	const char *const settings[] = {
	        "listening_ports",
	        ports,
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
	struct mg_server_port bound[4];
	struct server *server = &the_server;

	int err = probe(address, why);
	if (err != 0)
		return err;
	server->options = *options;
	set_address(server, address);
	snprintf(ports, sizeof ports, ipv6 ? "[%s]:%u" : "%s:%u", address->host, address->port);
	snprintf(threads, sizeof threads, "%d", HRV_CLIENTS_MAX + SPARE_THREADS);
	mg_init_library(MG_FEATURES_DEFAULT);
	struct mg_context *context = mg_start(&callbacks, server, (const char **)settings);
	if (!context || mg_get_server_ports(context, 4, bound) < 1) {
		snprintf(why, HRV_SERVER_WHY_BYTES, "cannot serve on %s, port %u", address->host, address->port);
		return HR_EIO;
	}
	mg_set_websocket_handler(context, "/ws$", NULL, on_ready, on_message, on_close, server);
	/* With port 0 only now; but then nobody knows the port yet who could ask. */
	if (address->port == 0) {
		address->port = (uint16_t)bound[0].port;
		set_address(server, address);
	}
	return 0;
}
