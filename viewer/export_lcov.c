/* export_lcov.c — lcov's tracefile, geninfo(1). See export.h. */
#include "export.h"
#include "out.h"

#include <inttypes.h>

int hrv_export_lcov(const struct hrv_dump *dump, struct hrv_buffer *buffer)
{
	struct hrv_out out = {buffer, 0};

	for (size_t i = 0; i < dump->file_count; i++) {
		const struct hrv_dump_file *file = &dump->files[i];
		if (!hrv_export_has_file(file))
			continue;
		hrv_out(&out, "TN:\nSF:%s\n", file->path);
		for (size_t n = 0; n < file->line_count; n++)
			hrv_out(&out, "DA:%" PRIu32 ",%" PRIu64 "\n", file->lines[n].line, file->lines[n].hits);
		hrv_out(&out, "LF:%zu\nLH:%zu\nend_of_record\n", file->line_count, file->hit_count);
	}
	return out.err;
}
