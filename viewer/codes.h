/* codes.h — the code objects and files of a program, followed as they are published, with a model of their lines. */
#ifndef HRV_CODES_H
#define HRV_CODES_H

#include "model.h"
#include "reader.h"

/* All zero is empty. `codes` and `files` hold what has been read so far, indices inside judged. */
struct hrv_codes {
	struct hrv_model *model;
	struct hr_code *codes;
	struct hr_file *files;
	uint32_t code_count, file_count;
};

/* Reads what is new: code objects, files, and all slots. HR_ECORRUPT leaves hrv_reader_why() of the reader. */
int hrv_codes_update(struct hrv_codes *codes, struct hrv_reader *reader);
void hrv_codes_fini(struct hrv_codes *codes);

#endif
