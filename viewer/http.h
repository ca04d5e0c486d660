/* http.h — what the parts of the server share: answering, and who answers what. Only for server.c and http_*.c.
 *
 * An answerer sends a complete answer on civetweb's connection and returns its status, as civetweb's begin_request
 * callback must. */
#ifndef HRV_HTTP_H
#define HRV_HTTP_H

#include "buffer.h"
#include "server.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A macro's number in a text. */
#define NUMBER(macro)       NUMBER_TEXT(macro)
#define NUMBER_TEXT(digits) #digits

struct json_t;
struct mg_connection;
struct mg_context;

/* The server that runs; there is one in a process. Constant while it serves, but for `clients`. */
struct hrv_server {
	struct hrv_server_options options;
	struct hrv_server_address address;
	char cookie_name[32];
	bool led;                             /* civetweb is given its connections by the gate */
	atomic_int clients;                   /* open websockets */
	_Atomic uint64_t frames, frame_bytes; /* sent */
};

/* ---- http_answer.c ---- */

/* A complete answer; HEAD gets no body, and a 304 has none. `headers` are whole lines, each ended by CR LF. */
int hrv_http_answer(struct mg_connection *conn, int status, const char *type, const char *headers, const void *body,
                    size_t body_bytes);

/* The head of an answer with status 200 whose body follows by mg_send_chunk(). */
void hrv_http_begin_chunks(struct mg_connection *conn, const char *type, const char *headers);

/* Does the client take gzip (Accept-Encoding)? */
bool hrv_http_takes_gzip(const struct mg_connection *conn);

/* Has the client this very body (If-None-Match)? `etag` with its quotes. */
bool hrv_http_has(const struct mg_connection *conn, const char *etag);

/* One line of plain text; nothing of the request may be repeated in it. */
int hrv_http_refuse(struct mg_connection *conn, int status, const char *headers, const char *text);

/* What a path that is not served is told. */
#define HRV_HTTP_NOTHING "there is nothing here; the page is at /"

/* Takes the reference. NULL: out of memory. */
int hrv_http_answer_json(struct mg_connection *conn, struct json_t *json);

/* ---- http_api.c, for http_replay.c too ---- */

/* A number from the query, all of it; false when it is not there or is something else. */
bool hrv_http_query_number(const char *query, const char *name, int base, uint64_t max, uint64_t *out);

/* What /api/source is asked for, of which *file is 32 bits: 0, or the status of the refusal that was sent. */
int hrv_http_source_asked(struct mg_connection *conn, uint64_t *instance, uint64_t *file);

/* The text of a file, or `why` there is none (`err`). `changed`: it is not what the program loaded. */
int hrv_http_answer_source(struct mg_connection *conn, int err, const char *why, const struct hrv_buffer *text,
                           bool changed);

/* ---- who answers what ---- */

/* http_route.c: civetweb's begin_request, for all paths. 0: it is a websocket that may shake hands. */
int hrv_http_begin_request(struct mg_connection *conn);

/* http_page.c: `/`, and a path below /assets/. */
int hrv_http_index(struct mg_connection *conn, const struct hrv_server *server);
int hrv_http_asset(struct mg_connection *conn, const char *path);

/* 401: `text` as hrv_http_refuse() says it; who came by a browser (the request accepts HTML) gets a page that explains.
 */
int hrv_http_refuse_entry(struct mg_connection *conn, const char *text);

/* http_api.c: a path below /api/. */
int hrv_http_api(struct mg_connection *conn, const struct hrv_server *server, const char *path);

/* http_replay.c: all but the page and the websocket, of a recording. */
int hrv_http_replay(struct mg_connection *conn, const struct hrv_recording *recording, const char *path);

/* http_metrics.c: /metrics. */
int hrv_http_metrics(struct mg_connection *conn, struct hrv_server *server);

/* http_pull.c: the websocket, before its handshake (0: it may be made) and from then on. */
int hrv_http_begin_websocket(struct mg_connection *conn);
void hrv_http_handle_websockets(struct mg_context *context, struct hrv_server *server);

#endif
