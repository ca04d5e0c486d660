/* http_answer.c — what is sent: status, headers, body. See http.h. */
#include "http.h"

#include <civetweb.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What everybody is told: nothing is sniffed, framed, or sent elsewhere. */
#define COMMON_HEADERS                                                                                                 \
	"X-Content-Type-Options: nosniff\r\n"                                                                          \
	"Referrer-Policy: no-referrer\r\n"                                                                             \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

int hrv_http_answer(struct mg_connection *conn, int status, const char *type, const char *headers, const void *body,
                    size_t body_bytes)
{
	const char *method = mg_get_request_info(conn)->request_method; /* NULL when civetweb could not read it */

	mg_printf(conn,
	          "HTTP/1.1 %d %s\r\nServer: hrview\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
	          "close\r\n" COMMON_HEADERS "%s\r\n",
	          status, mg_get_response_code_text(conn, status), type, body_bytes, headers);
	if (body_bytes > 0 && !(method && strcmp(method, "HEAD") == 0))
		mg_write(conn, body, body_bytes);
	return status;
}

int hrv_http_refuse(struct mg_connection *conn, int status, const char *headers, const char *text)
{
	char line[512];
	int n = snprintf(line, sizeof line, "%s\n", text);

	return hrv_http_answer(conn, status, "text/plain; charset=utf-8", headers, line,
	                       n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

void hrv_http_begin_chunks(struct mg_connection *conn, const char *type, const char *headers)
{
	mg_printf(conn,
	          "HTTP/1.1 200 OK\r\nServer: hrview\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n"
	          "Connection: close\r\n" COMMON_HEADERS "%s\r\n",
	          type, headers);
}

int hrv_http_answer_json(struct mg_connection *conn, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int status =
	        text ? hrv_http_answer(conn, 200, "application/json", "Cache-Control: no-store\r\n", text, strlen(text))
	             : hrv_http_refuse(conn, 500, "", "out of memory");

	free(text);
	json_decref(json);
	return status;
}
