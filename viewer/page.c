/* page.c — see page.h. */
#include "page.h"

#include <string.h>

const struct hrv_asset *hrv_page_find(const char *path)
{
	for (const struct hrv_asset *asset = hrv_page_assets; asset->path; asset++)
		if (strcmp(asset->path, path) == 0)
			return asset;
	return NULL;
}

const char *hrv_page_type(const char *path)
{
	static const char *const types[][2] = {
	        {".html", "text/html; charset=utf-8"},
	        {".js", "text/javascript; charset=utf-8"},
	        {".css", "text/css; charset=utf-8"},
	        {".svg", "image/svg+xml"},
	        {".json", "application/json"},
	        {".map", "application/json"},
	        {".txt", "text/plain; charset=utf-8"},
	        {".woff2", "font/woff2"},
	        {".png", "image/png"},
	        {".wasm", "application/wasm"},
	};
	const char *ending = strrchr(path, '.');

	for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
		if (strcmp(ending, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}
