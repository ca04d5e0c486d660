/* http_api.c — /api: programs, dumps and sources. See http.h. */
#include "discover.h"
#include "export.h"
#include "hr_err.h"
#include "http.h"
#include "json.h"
#include "source.h"

#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUMP         "/api/dump/"
#define PROFILES_MAX 4  /* at a time */
#define SECONDS_MAX  60 /* of one */

/* Runs `use` on a fresh catalog. */
static int with_catalog(struct mg_connection *conn, const struct hrv_server *server,
                        int (*use)(struct mg_connection *conn, const struct hrv_server *server,
                                   struct hrv_catalog *catalog))
{
	struct hrv_catalog catalog = {0};
	int err = hrv_catalog_refresh(&catalog);
	int status = err == 0 ? use(conn, server, &catalog) : hrv_http_refuse(conn, 500, "", hr_err_text(err));

	hrv_catalog_fini(&catalog);
	return status;
}

static int answer_programs(struct mg_connection *conn, const struct hrv_server *server, struct hrv_catalog *catalog)
{
	return hrv_http_answer_json(conn, hrv_json_programs(catalog, server->options.only));
}

static bool is_served(const struct hrv_server *server, const struct hrv_program *program)
{
	return program && (!server->options.only || hrv_program_matches(program, server->options.only));
}

bool hrv_http_query_number(const char *query, const char *name, int base, uint64_t max, uint64_t *out)
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

/* A media type for each format. */
static const char *type_of(const struct hrv_export *format)
{
	static const char *const types[][2] = {{"json", "application/json"},
	                                       {"speedscope", "application/json"},
	                                       {"cobertura", "application/xml"},
	                                       {"html", "text/html; charset=utf-8"}};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(format->name, types[i][0]) == 0)
			return types[i][1];
	return format->binary ? "application/octet-stream" : "text/plain; charset=utf-8";
}

/* What the path names, PID or NAME as in `hrview WHAT`; NULL: there is no such program. */
static struct hrv_program *named_program(const struct mg_connection *conn, const struct hrv_server *server,
                                         const struct hrv_catalog *catalog)
{
	const char *encoded = mg_get_request_info(conn)->local_uri + sizeof DUMP - 1;
	char what[512], why[HRV_FIND_WHY_BYTES];
	struct hrv_program *program;

	if (strchr(encoded, '/') || mg_url_decode(encoded, (int)strlen(encoded), what, sizeof what, 0) <= 0 ||
	    hrv_catalog_find(catalog, what, &program, why) != 0 || !is_served(server, program))
		return NULL;
	return program;
}

/* How many gather stacks now: each keeps a thread for seconds, and others are to get in too. */
static atomic_int profiles;

static int send_dump(struct mg_connection *conn, struct hrv_catalog *catalog, struct hrv_program *program,
                     const struct hrv_export *format, unsigned long seconds)
{
	struct hrv_buffer out = {0};
	bool signalled;
	int err = hrv_export_make(format, program, seconds, NULL, &signalled, &out), status;

	if (err == HR_ECORRUPT) { /* what is left to say of it is said */
		hrv_catalog_condemn(catalog, program);
		out.len_bytes = 0;
		if (format->write)
			err = hrv_export_make(format, program, seconds, NULL, &signalled, &out);
	}
	/* Names and sources in it are foreign: should a format fail to quote one, it is still no page of ours. */
	status = err == 0 ? hrv_http_answer(conn, 200, type_of(format),
	                                    "Cache-Control: no-store\r\nContent-Security-Policy: sandbox\r\n",
	                                    out.bytes, out.len_bytes)
	                  : hrv_http_refuse(conn, 500, "", hr_err_text(err));
	hrv_buffer_fini(&out);
	return status;
}

static int answer_dump(struct mg_connection *conn, const struct hrv_server *server, struct hrv_catalog *catalog)
{
	const char *query = mg_get_request_info(conn)->query_string;
	struct hrv_program *program = named_program(conn, server, catalog);
	char name[32] = "json", given[2];
	uint64_t seconds = 5;
	int status;

	if (!program)
		return hrv_http_refuse(conn, 404, "",
		                       "no traced program is called so, or several are: /api/programs has them all");
	if (query)
		mg_get_var(query, strlen(query), "format", name, sizeof name);
	const struct hrv_export *format = hrv_export_find(name);
	bool has_seconds = query && mg_get_var(query, strlen(query), "seconds", given, sizeof given) != -1;
	if (!format || (has_seconds && !hrv_http_query_number(query, "seconds", 10, SECONDS_MAX, &seconds)) ||
	    seconds == 0)
		return hrv_http_refuse(conn, 400, "",
		                       "/api/dump/PID?format=F&seconds=N: F as `hrview dump --help` has them, "
		                       "N from 1 to " NUMBER(SECONDS_MAX));
	if (format->write)
		return send_dump(conn, catalog, program, format, 0);
	if (atomic_fetch_add(&profiles, 1) < PROFILES_MAX)
		status = send_dump(conn, catalog, program, format, (unsigned long)seconds);
	else
		status = hrv_http_refuse(
		        conn, 503, "Retry-After: 5\r\n",
		        "this hrview makes " NUMBER(PROFILES_MAX) " profiles at a time, and does so now");
	atomic_fetch_sub(&profiles, 1);
	return status;
}

int hrv_http_source_asked(struct mg_connection *conn, uint64_t *instance, uint64_t *file)
{
	const char *query = mg_get_request_info(conn)->query_string;

	if (!hrv_http_query_number(query, "program", 16, UINT64_MAX, instance) ||
	    !hrv_http_query_number(query, "file", 10, UINT32_MAX, file))
		return hrv_http_refuse(conn, 400, "", "/api/source?program=ID&file=N");
	return 0;
}

int hrv_http_answer_source(struct mg_connection *conn, int err, const char *why, const struct hrv_buffer *text,
                           bool changed)
{
	if (err != 0)
		return hrv_http_refuse(conn, err == HR_ENOMEM || err == HR_EIO ? 500 : 404, "", why);
	const char *state = changed ? "changed" : "loaded";
	char etag[40], headers[160];

	snprintf(etag, sizeof etag, "\"%016" PRIx64 "-%s\"", hrv_source_hash(text->bytes, text->len_bytes), state);
	snprintf(headers, sizeof headers, "Cache-Control: private, no-cache\r\nETag: %s\r\nX-Source: %s\r\n", etag,
	         state);
	bool has = hrv_http_has(conn, etag);
	return hrv_http_answer(conn, has ? 304 : 200, "text/plain; charset=utf-8", headers, text->bytes,
	                       has ? 0 : text->len_bytes);
}

static int answer_source(struct mg_connection *conn, const struct hrv_server *server, struct hrv_catalog *catalog)
{
	char why[HRV_SOURCE_WHY_BYTES];
	struct hrv_buffer text = {0};
	uint64_t instance, file;
	bool changed;

	int status = hrv_http_source_asked(conn, &instance, &file);
	if (status != 0)
		return status;
	const struct hrv_program *program = hrv_catalog_by_instance(catalog, instance);
	if (!is_served(server, program) || !program->reader)
		return hrv_http_refuse(conn, 404, "", "no such program (any more)");
	int err = hrv_source_load(program->reader, (uint32_t)file, &text, &changed, why);
	status = hrv_http_answer_source(conn, err, why, &text, changed);
	hrv_buffer_fini(&text);
	return status;
}

int hrv_http_api(struct mg_connection *conn, const struct hrv_server *server, const char *path)
{
	if (strcmp(path, "/api/programs") == 0)
		return with_catalog(conn, server, answer_programs);
	if (strncmp(path, DUMP, sizeof DUMP - 1) == 0)
		return with_catalog(conn, server, answer_dump);
	if (strcmp(path, "/api/source") == 0)
		return with_catalog(conn, server, answer_source);
	if (strcmp(path, "/api/recording") == 0)
		return hrv_http_refuse(conn, 404, "",
		                       "this hrview shows programs as they run; `hrview replay FILE` shows recordings");
	return hrv_http_refuse(conn, 404, "", HRV_HTTP_NOTHING);
}
