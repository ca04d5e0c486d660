# page.cmake — hr_page(FILE): writes FILE, a C file with the table hrv_page_assets (page.h). The bytes are taken in by the
# assembler (.incbin), so that a bundle of any size costs nothing to compile.
function(hr_page file)
	set(page "${PROJECT_SOURCE_DIR}/web/dist")
	set(assets "")
	if(HR_PAGE)
		file(GLOB_RECURSE assets CONFIGURE_DEPENDS RELATIVE "${page}" "${page}/*")
		set(files ${assets})
		list(FILTER assets EXCLUDE REGEX "\\.gz$")
		if(NOT "index.html" IN_LIST assets)
			message(FATAL_ERROR "The page is not built: web/dist/index.html is missing. One of\n"
				"  ./dev build\n"
				"  npm --prefix web ci && npm --prefix web run build\n"
				"makes it; cmake -DHR_PAGE=OFF builds hrview without a page.")
		endif()
	endif()
	set(data "")
	set(table "")
	set(number 0)
	foreach(asset IN LISTS assets)
		string(APPEND data "ASSET(asset_${number}, \"${page}/${asset}\")\n")
		set(gzip "NULL, NULL")
		if("${asset}.gz" IN_LIST files)
			string(APPEND data "ASSET(gzip_${number}, \"${page}/${asset}.gz\")\n")
			set(gzip "gzip_${number}, gzip_${number}_end")
		endif()
		string(APPEND table "\t{\"/${asset}\", asset_${number}, asset_${number}_end, ${gzip}},\n")
		math(EXPR number "${number} + 1")
	endforeach()
	file(CONFIGURE OUTPUT "${file}" @ONLY CONTENT [=[
/* page_assets.c — made by viewer/page.cmake from web/dist. */
#include "page.h"

#include <stddef.h>

#define ASSET(name, file)                                                                \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" file "\"\n" #name "_end:\n"     \
	        ".popsection\n");                                                              \
	extern const unsigned char name[], name##_end[];

@data@
const struct hrv_asset hrv_page_assets[] = {
@table@	{0},
};
]=])
	list(TRANSFORM files PREPEND "${page}/")
	set_source_files_properties("${file}" PROPERTIES OBJECT_DEPENDS "${files}")
endfunction()
