/* http_pull.c — /ws: each open page pulls its frames (docs/wire.md). See http.h.
 *
 * A websocket's messages are answered on its own thread with a view, or a player, of its own, so there is no lock here.
 */
#define _GNU_SOURCE /* strcasestr */
#include "http.h"
#include "player.h"
#include "server.h"
#include "view.h"

#include <civetweb.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool wants_websocket(const struct mg_connection *conn)
{
	const char *upgrade = mg_get_header(conn, "Upgrade"), *connection = mg_get_header(conn, "Connection");

	return upgrade && strcasecmp(upgrade, "websocket") == 0 && connection && strcasestr(connection, "upgrade");
}

/* 0: civetweb may shake hands. */
int hrv_http_begin_websocket(struct mg_connection *conn)
{
	if (!wants_websocket(conn))
		return hrv_http_refuse(conn, 426, "Upgrade: websocket\r\n", "/ws is a websocket");
	return 0;
}

/* One open page: what it has been sent, and its last frame. */
struct client {
	struct hrv_view *view;
	struct hrv_player *player; /* of a recording, in place of the view */
	struct hrv_buffer frame;
};

static int client_answer(struct client *client, const struct hrv_wire_request *request)
{
	return client->player ? hrv_player_answer(client->player, request, &client->frame)
	                      : hrv_view_answer(client->view, request, &client->frame);
}

#define KEY_CHARS 24 /* RFC 6455, 4.1 */

/* Takes a place for the page, which on_close() gives back: behind this, civetweb shakes hands whatever happens, but
 * with a key that is no key. Not 0: the request has been answered. */
static int on_connect(const struct mg_connection *constant, void *data)
{
	struct mg_connection *conn = (struct mg_connection *)constant;
	const char *key = mg_get_header(conn, "Sec-WebSocket-Key");
	struct hrv_server *server = data;

	if (!key || strlen(key) != KEY_CHARS)
		return hrv_http_refuse(conn, 400, "", "Sec-WebSocket-Key: 16 bytes as base64");
	if (atomic_fetch_add(&server->clients, 1) < HRV_CLIENTS_MAX)
		return 0;
	atomic_fetch_sub(&server->clients, 1);
	return hrv_http_refuse(
	        conn, 503, "Retry-After: 5\r\n",
	        "this hrview serves " NUMBER(HRV_CLIENTS_MAX) " open pages, and all are taken: close one, or "
	                                                      "start another hrview with --port 0");
}

static void on_ready(struct mg_connection *conn, void *data)
{
	struct hrv_server *server = data;
	struct client *client = calloc(1, sizeof *client);

	if (client && (server->options.recording ? hrv_player_new(server->options.recording, &client->player)
	                                         : hrv_view_new(server->options.only, &client->view)) != 0) {
		free(client);
		client = NULL;
	}
	mg_set_user_connection_data(conn, client);
}

static void on_close(const struct mg_connection *conn, void *data)
{
	struct hrv_server *server = data;
	struct client *client = mg_get_user_connection_data(conn);

	if (client) {
		hrv_view_free(client->view);
		hrv_player_free(client->player);
		hrv_buffer_fini(&client->frame);
		free(client);
	}
	atomic_fetch_sub(&server->clients, 1);
	malloc_trim(0); /* else what pages have left lies about in pieces, and grows for hours */
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
	struct hrv_server *server = data;
	struct hrv_wire_request request;

	if ((bits & 0xF) == MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE) {
		mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, bytes, len_bytes < 2 ? 0 : 2);
		return 0;
	}
	/* 0x80: the message ends with this piece. Ours always come whole. */
	if ((bits & 0xFF) != (0x80 | MG_WEBSOCKET_OPCODE_BINARY) ||
	    hrv_wire_decode_request(bytes, len_bytes, &request) != 0)
		return close_websocket(conn, CLOSE_POLICY);
	if (!client || client_answer(client, &request) != 0)
		return close_websocket(conn, CLOSE_TROUBLE);
	atomic_fetch_add(&server->frames, 1);
	atomic_fetch_add(&server->frame_bytes, client->frame.len_bytes);
	/* A frame that a stalled page took only a part of cannot be mended: the connection ends. */
	return mg_websocket_write(conn, MG_WEBSOCKET_OPCODE_BINARY, client->frame.bytes, client->frame.len_bytes) ==
	       (int)client->frame.len_bytes;
}

void hrv_http_handle_websockets(struct mg_context *context, struct hrv_server *server)
{
	mg_set_websocket_handler(context, "/ws$", on_connect, on_ready, on_message, on_close, server);
}
