/* http_page.c — the page and its parts. See http.h. */
#define _GNU_SOURCE /* memmem */
#include "access.h"
#include "buffer.h"
#include "http.h"
#include "page.h"

#include <civetweb.h>
#include <stdio.h>
#include <string.h>

#define NONCE_MARK    "__CSP_NONCE__" /* in web/src/index.html */
#define ASK_FOR_TOKEN "WWW-Authenticate: Bearer\r\n"

/* Who may show the page in a frame, when somebody may: a notebook on this machine, whose port nobody knows. What frames
 * a page cannot read it, but can put something over it for the reader to click; nothing here changes anything by a
 * click. */
#define THIS_MACHINE "http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"

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

int hrv_http_index(struct mg_connection *conn, const struct hrv_server *server)
{
	const struct mg_request_info *request = mg_get_request_info(conn);
	const struct hrv_asset *index = hrv_page_find("/index.html");
	const char *token = server->options.token;
	char nonce[HRV_TOKEN_BYTES], headers[1024], cookie[256] = "";
	struct hrv_buffer body = {0};

	if (!index)
		return hrv_http_refuse(conn, 404, "", "this hrview was built without its page (HR_PAGE=OFF)");
	if (hrv_token_make(nonce) != 0 || put_nonce(index, nonce, &body) != 0) {
		hrv_buffer_fini(&body);
		return hrv_http_refuse(conn, 500, "", "out of memory");
	}
	/* Who came with the token in the URL is known by a cookie from then on: the page's parts and its websocket. */
	if (token && hrv_token_is_given(token, NULL, request->query_string, NULL, ""))
		snprintf(cookie, sizeof cookie, "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict\r\n",
		         server->cookie_name, token);
	snprintf(headers, sizeof headers,
	         "Cache-Control: no-store\r\n%s"
	         "Content-Security-Policy: default-src 'none'; script-src 'self' 'nonce-%s'; style-src 'self' "
	         "'nonce-%s'; "
	         "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	         "frame-ancestors %s\r\n",
	         cookie, nonce, nonce, server->options.embed ? THIS_MACHINE : "'none'");
	int status = hrv_http_answer(conn, 200, hrv_page_type(index->path), headers, body.bytes, body.len_bytes);
	hrv_buffer_fini(&body);
	return status;
}

int hrv_http_asset(struct mg_connection *conn, const char *path)
{
	const struct hrv_asset *asset = hrv_page_find(path);
	char etag[128], headers[384];

	if (!asset)
		return hrv_http_refuse(conn, 404, "", "no such part of the page");
	bool gzip = asset->gzip && hrv_http_takes_gzip(conn);
	/* Its name has a hash of what is in it. */
	snprintf(etag, sizeof etag, "\"%s%s\"", strrchr(path, '/') + 1, gzip ? ".gz" : "");
	snprintf(headers, sizeof headers,
	         "Cache-Control: private, max-age=31536000, immutable\r\nVary: Accept-Encoding\r\nETag: %s\r\n%s", etag,
	         gzip ? "Content-Encoding: gzip\r\n" : "");
	if (hrv_http_has(conn, etag))
		return hrv_http_answer(conn, 304, hrv_page_type(path), headers, "", 0);
	return gzip ? hrv_http_answer(conn, 200, hrv_page_type(path), headers, asset->gzip,
	                              (size_t)(asset->gzip_end - asset->gzip))
	            : hrv_http_answer(conn, 200, hrv_page_type(path), headers, asset->bytes,
	                              (size_t)(asset->end - asset->bytes));
}

int hrv_http_refuse_entry(struct mg_connection *conn, const char *text)
{
	static const char page[] =
	        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>heartrate: not let in</title>\n"
	        "<style nonce=\"%s\">body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;"
	        "padding:0 1em}h1{font-size:1.4em}code{font-size:.95em}</style>\n"
	        "<h1>This page is not open to everybody</h1>\n"
	        "<p>It shows a running program and its source, so hrview lets in its own user alone, and whoever has "
	        "the token.</p>\n"
	        "<p><b>What to do:</b> open the URL that <code>hrview</code> printed where it was started. It ends in "
	        "<code>?token=</code> and the token; this browser knows it from then on, until it is closed.</p>\n"
	        "<p>When that URL ends without, hrview was started for its user alone: let it be started anew with "
	        "<code>--token</code> and a word of your choice.</p>\n</html>\n";
	const char *accept = mg_get_header(conn, "Accept");
	char nonce[HRV_TOKEN_BYTES], body[sizeof page + sizeof nonce], headers[512];

	if (!accept || !strcasestr(accept, "text/html") || hrv_token_make(nonce) != 0)
		return hrv_http_refuse(conn, 401, ASK_FOR_TOKEN, text);
	int body_bytes = snprintf(body, sizeof body, page, nonce);
	snprintf(headers, sizeof headers,
	         ASK_FOR_TOKEN
	         "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; style-src 'nonce-%s'; "
	         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
	         nonce);
	return hrv_http_answer(conn, 401, "text/html; charset=utf-8", headers, body, (size_t)body_bytes);
}
