/* lead.c — see lead.h. */
#include "lead.h"

#include "hr_err.h"
#include "source.h"

#include <string.h>

/* The newest entry, as the page takes it; HR_INDEX_NONE: none. */
static uint32_t callers_file(const struct hrv_program *program, const struct hrv_wire_detail *detail)
{
	const struct hrv_text caller = program->caller;

	for (size_t i = detail->file_count; i-- > 0;) {
		const struct hrv_wire_file *file = &detail->files[i];
		if (file->path.len_bytes == caller.len_bytes &&
		    memcmp(file->path.bytes, caller.bytes, caller.len_bytes) == 0)
			return file->traced && file->source ? file->index : HR_INDEX_NONE;
	}
	return HR_INDEX_NONE;
}

int hrv_lead_source(const struct hrv_program *program, struct hrv_wire_detail *detail, struct hrv_lead *lead)
{
	char why[HRV_SOURCE_WHY_BYTES];

	lead->text.len_bytes = 0;
	lead->source.file = callers_file(program, detail);
	if (lead->source.file == HR_INDEX_NONE)
		return 0;
	int err = hrv_source_load(program->reader, lead->source.file, &lead->text, &lead->source.changed, why);
	if (err == 0 && lead->text.len_bytes <= HRV_LEAD_MAX_BYTES) {
		lead->source.text = (struct hrv_text){lead->text.bytes, lead->text.len_bytes};
		detail->source = &lead->source;
	}
	return err == HR_ENOMEM ? err : 0;
}
