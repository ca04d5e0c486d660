/* http_metrics.c — /metrics, for Prometheus. See http.h.
 *
 * The counters go on from scrape to scrape, so that there is one set of them for all who scrape: here, and only here,
 * requests wait for each other. */
#include "clock.h"
#include "discover.h"
#include "hr_err.h"
#include "http.h"
#include "metrics.h"

#include <civetweb.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static struct {
	pthread_mutex_t lock;
	struct hrv_catalog catalog;
	struct hrv_metrics *metrics;
} scraped = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The older format is for those who ask for it and do not know the newer one. */
static bool wants_open_metrics(const char *accept)
{
	return !accept || strstr(accept, "openmetrics") || !strstr(accept, "text/plain");
}

static int scrape(struct hrv_server *server, bool open_metrics, struct hrv_buffer *out)
{
	struct hrv_metrics_viewer viewer = {
	        .pages = (uint64_t)atomic_load(&server->clients),
	        .frames = atomic_load(&server->frames),
	        .frame_bytes = atomic_load(&server->frame_bytes),
	};
	int err;

	if ((!scraped.metrics && (err = hrv_metrics_new(&scraped.metrics)) != 0) ||
	    (err = hrv_catalog_refresh(&scraped.catalog)) != 0 ||
	    (err = hrv_metrics_update(scraped.metrics, &scraped.catalog, server->options.only, hrv_clock_ms())) != 0)
		return err;
	return hrv_metrics_text(scraped.metrics, &viewer, open_metrics, out);
}

int hrv_http_metrics(struct mg_connection *conn, struct hrv_server *server)
{
	bool open_metrics = wants_open_metrics(mg_get_header(conn, "Accept"));
	struct hrv_buffer text = {0};
	int status;

	pthread_mutex_lock(&scraped.lock);
	int err = scrape(server, open_metrics, &text);
	pthread_mutex_unlock(&scraped.lock);
	if (err != 0)
		status = hrv_http_refuse(conn, 500, "", hr_err_text(err));
	else
		status = hrv_http_answer(conn, 200,
		                         open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		                                      : "text/plain; version=0.0.4; charset=utf-8",
		                         "Cache-Control: no-store\r\n", text.bytes, text.len_bytes);
	hrv_buffer_fini(&text);
	return status;
}
