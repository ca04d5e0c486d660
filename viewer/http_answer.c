/* http_answer.c — what is sent: status, headers, body. See http.h. */
#define _GNU_SOURCE /* memmem */
#include "http.h"

#include <civetweb.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What everybody is told: nothing is sniffed, framed, or sent elsewhere. */
#define COMMON_HEADERS                                                                                                 \
	"X-Content-Type-Options: nosniff\r\n"                                                                          \
	"Referrer-Policy: no-referrer\r\n"                                                                             \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

int hrv_http_answer(struct mg_connection *conn, int status, const char *type, const char *headers, const void *body,
                    size_t body_bytes)
{
	const char *method = mg_get_request_info(conn)->request_method; /* NULL when civetweb could not read it */

	mg_printf(conn, "HTTP/1.1 %d %s\r\nServer: hrview\r\nConnection: close\r\n" COMMON_HEADERS "%s", status,
	          mg_get_response_code_text(conn, status), headers);
	if (status == 304) /* the client has the body, its type and its length */
		mg_printf(conn, "\r\n");
	else
		mg_printf(conn, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, body_bytes);
	if (body_bytes > 0 && !(method && strcmp(method, "HEAD") == 0))
		mg_write(conn, body, body_bytes);
	return status;
}

bool hrv_http_takes_gzip(const struct mg_connection *conn)
{
	const char *at = mg_get_header(conn, "Accept-Encoding");

	/* "gzip", "br, gzip;q=0.5"; not "gzip;q=0" */
	while (at && *at) {
		size_t len = strcspn(at, ",");
		const char *name = at + strspn(at, " \t");
		if (strncasecmp(name, "gzip", 4) == 0 && strchr(" \t,;", name[4])) {
			const char *weight = memmem(at, len, "q=", 2);
			return !weight || strtod(weight + 2, NULL) > 0;
		}
		at += len + (at[len] == ',');
	}
	return false;
}

bool hrv_http_has(const struct mg_connection *conn, const char *etag)
{
	const char *tags = mg_get_header(conn, "If-None-Match");

	return tags && (strcmp(tags, "*") == 0 || strstr(tags, etag));
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
