/* page.h — the built page (web/dist), embedded. */
#ifndef HRV_PAGE_H
#define HRV_PAGE_H

/* One file of the page. */
struct hrv_asset {
	const char *path; /* "/index.html", "/assets/app-HASH.js" */
	const unsigned char *bytes, *end;
	const unsigned char *gzip, *gzip_end; /* the same compressed; NULL: it is not */
};

/* NULL: there is none of that path. */
const struct hrv_asset *hrv_page_find(const char *path);

/* "text/javascript; charset=utf-8" for a path that ends in .js, and so on. */
const char *hrv_page_type(const char *path);

/* The table that CMake makes; ends with a NULL path. Empty when hrview is built without its page. */
extern const struct hrv_asset hrv_page_assets[];

#endif
