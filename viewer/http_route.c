/* http_route.c — who gets in, and who answers what. See http.h.
 *
 * Every request is answered here, before civetweb could look for a file, but the websocket's handshake, which it is let
 * do once the request was found good. */
#include "access.h"
#include "http.h"
#include "peer.h"

#include <civetweb.h>
#include <string.h>
#include <unistd.h>

/* ---- who gets in ---- */

static bool is_own_peer(const struct hrv_server *server, const struct mg_request_info *request)
{
	struct hrv_end peer = {request->remote_addr, (uint16_t)request->remote_port};
	struct hrv_end own = {server->address.host, server->address.port};
	uid_t uid;

	return server->address.loopback && hrv_peer_uid(&peer, &own, &uid) && uid == geteuid();
}

/* 0, or the status of the refusal that was sent. */
static int let_in(struct mg_connection *conn, const struct hrv_server *server)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	const char *host = mg_get_header(conn, "Host"), *origin = mg_get_header(conn, "Origin");

	if (!host)
		return hrv_http_refuse(conn, 400, "", "a request needs a Host header");
	if (origin && !hrv_origin_is_own(origin, host))
		return hrv_http_refuse(conn, 403, "", "another site's page may not ask here (Origin)");
	if (server->options.token &&
	    hrv_token_is_given(server->options.token, mg_get_header(conn, "Authorization"), request->query_string,
	                       mg_get_header(conn, "Cookie"), server->cookie_name))
		return 0;
	if (server->address.loopback && !hrv_host_is_loopback(host))
		return hrv_http_refuse(conn, 403, "", "this hrview is asked for as localhost or 127.0.0.1 only (Host)");
	if (is_own_peer(server, request))
		return 0;
	return hrv_http_refuse_entry(conn, server->options.token
	                                           ? "a token is needed: open the URL that hrview printed, or send "
	                                             "`Authorization: Bearer TOKEN`"
	                                           : "this hrview is its user's alone; others get in with a token, if "
	                                             "hrview was started with --token");
}

/* ---- who answers what ---- */

int hrv_http_begin_request(struct mg_connection *conn)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	struct hrv_server *server = request->user_data;
	const char *path = request->local_uri ? request->local_uri : "";

	if (strcmp(request->request_method, "GET") != 0 && strcmp(request->request_method, "HEAD") != 0)
		return hrv_http_refuse(conn, 405, "Allow: GET, HEAD\r\n", "only GET and HEAD are answered here");
	int status = let_in(conn, server);
	if (status != 0)
		return status;
	if (strcmp(path, "/ws") == 0)
		return hrv_http_begin_websocket(conn);
	if (strcmp(path, "/") == 0)
		return hrv_http_index(conn, server);
	if (strncmp(path, "/assets/", 8) == 0)
		return hrv_http_asset(conn, path);
	if (strcmp(path, "/healthz") == 0)
		return hrv_http_refuse(conn, 200, "Cache-Control: no-store\r\n", "ok");
	if (server->options.recording)
		return hrv_http_replay(conn, server->options.recording, path);
	if (strncmp(path, "/api/", 5) == 0)
		return hrv_http_api(conn, server, path);
	if (strcmp(path, "/metrics") == 0)
		return hrv_http_metrics(conn, server);
	return hrv_http_refuse(conn, 404, "", HRV_HTTP_NOTHING);
}
