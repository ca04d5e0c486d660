/* http_api.c — /api: programs, dumps and sources. See http.h. */
#include "discover.h"
#include "dump.h"
#include "hr_err.h"
#include "http.h"
#include "json.h"
#include "source.h"

#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int answer_dump(struct mg_connection *conn, const struct hrv_server *server, struct hrv_catalog *catalog)
{
	const char *pid = strrchr(mg_get_request_info(conn)->local_uri, '/') + 1;
	struct hrv_program *program;
	struct hrv_dump dump;
	char why[HRV_FIND_WHY_BYTES];
	int status;

	if (pid[0] == '\0' || pid[strspn(pid, "0123456789")] != '\0' ||
	    hrv_catalog_find(catalog, pid, &program, why) != 0 || !is_served(server, program))
		return hrv_http_refuse(conn, 404, "", "no traced program has this pid");
	int err = hrv_dump_read(program, &dump);
	if (err == HR_ECORRUPT) {
		hrv_dump_fini(&dump);
		hrv_catalog_condemn(catalog, program);
		err = hrv_dump_read(program, &dump);
	}
	status = err == 0 ? hrv_http_answer_json(conn, hrv_json_dump(&dump))
	                  : hrv_http_refuse(conn, 500, "", hr_err_text(err));
	hrv_dump_fini(&dump);
	return status;
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

int hrv_http_answer_source(struct mg_connection *conn, const struct hrv_buffer *text, bool changed)
{
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
	const char *query = mg_get_request_info(conn)->query_string;
	char why[HRV_SOURCE_WHY_BYTES];
	struct hrv_buffer text = {0};
	uint64_t instance, file;
	bool changed;
	int status;

	if (!hrv_http_query_number(query, "program", 16, UINT64_MAX, &instance) ||
	    !hrv_http_query_number(query, "file", 10, UINT32_MAX, &file))
		return hrv_http_refuse(conn, 400, "", "/api/source?program=ID&file=N");
	const struct hrv_program *program = hrv_catalog_by_instance(catalog, instance);
	if (!is_served(server, program) || !program->reader)
		return hrv_http_refuse(conn, 404, "", "no such program (any more)");
	int err = hrv_source_load(program->reader, (uint32_t)file, &text, &changed, why);
	if (err != 0)
		status = hrv_http_refuse(conn, err == HR_ENOMEM || err == HR_EIO ? 500 : 404, "", why);
	else
		status = hrv_http_answer_source(conn, &text, changed);
	hrv_buffer_fini(&text);
	return status;
}

int hrv_http_api(struct mg_connection *conn, const struct hrv_server *server, const char *path)
{
	if (strcmp(path, "/api/programs") == 0)
		return with_catalog(conn, server, answer_programs);
	if (strncmp(path, "/api/dump/", 10) == 0)
		return with_catalog(conn, server, answer_dump);
	if (strcmp(path, "/api/source") == 0)
		return with_catalog(conn, server, answer_source);
	if (strcmp(path, "/api/recording") == 0)
		return hrv_http_refuse(conn, 404, "",
		                       "this hrview shows programs as they run; `hrview replay FILE` shows recordings");
	return hrv_http_refuse(conn, 404, "", HRV_HTTP_NOTHING);
}
