/* codes.c — see codes.h. */
#include "codes.h"

#include "hr_err.h"

#include <stdlib.h>
#include <string.h>

/* Slots in one go, whole blocks: what changed among them stays in the processor's caches on its way to the model. */
#define SLOT_PIECE 2048

static int grow(void *items_in_out, uint32_t count, size_t item_bytes)
{
	void **items = items_in_out;
	void *grown = realloc(*items, count * item_bytes);

	if (!grown)
		return HR_ENOMEM;
	*items = grown;
	return 0;
}

static int update_codes(struct hrv_codes *codes, struct hrv_reader *reader)
{
	struct hr_slot_info *infos = NULL;
	uint32_t code_count, file_count, slot_count, info_count, info_capacity = 0;
	int err;

	/* In this order: what a code object refers to was published before it. */
	if ((err = hrv_reader_count(reader, HR_KIND_CODES, &code_count)) != 0 ||
	    (err = hrv_reader_count(reader, HR_KIND_SLOTS, &slot_count)) != 0 ||
	    (err = hrv_reader_count(reader, HR_KIND_SLOT_INFOS, &info_count)) != 0 ||
	    (err = hrv_reader_count(reader, HR_KIND_FILES, &file_count)) != 0)
		return err;
	uint32_t limit = slot_count < info_count ? slot_count : info_count;
	if (file_count > codes->file_count) {
		uint32_t more = file_count - codes->file_count;
		if ((err = grow(&codes->files, file_count, sizeof *codes->files)) != 0 ||
		    (err = hrv_reader_files(reader, codes->file_count, more, codes->files + codes->file_count)) != 0)
			return err;
		codes->file_count = file_count;
	}
	if (code_count <= codes->code_count)
		return 0;
	if ((err = grow(&codes->codes, code_count, sizeof *codes->codes)) != 0 ||
	    (err = hrv_reader_codes(reader, codes->code_count, code_count - codes->code_count,
	                            codes->codes + codes->code_count)) != 0)
		return err;
	for (; err == 0 && codes->code_count < code_count; codes->code_count++) {
		const struct hr_code *code = &codes->codes[codes->code_count];
		/* The model judges the run as well; here it is judged before so many infos are copied. */
		if (code->slot_count > limit || code->slot_first > limit - code->slot_count) {
			err = hrv_reader_blame(reader, "a code object claims lines that are not there");
			break;
		}
		if (code->slot_count > info_capacity) {
			info_capacity = code->slot_count;
			if ((err = grow(&infos, info_capacity, sizeof *infos)) != 0)
				break;
		}
		err = hrv_reader_slot_infos(reader, code->slot_first, code->slot_count, infos);
		if (err == 0)
			err = hrv_model_add_code(codes->model, code, infos, limit, file_count);
		if (err == HR_ECORRUPT && !hrv_reader_why(reader)[0])
			hrv_reader_blame(reader, "a code object claims another's lines, or a file that is not there");
	}
	free(infos);
	return err;
}

static int update_slots(struct hrv_codes *codes, struct hrv_reader *reader)
{
	struct hrv_slot_change changes[SLOT_PIECE];
	uint32_t count, change_count;
	const struct hrv_slot *seen = hrv_model_slots(codes->model, &count);
	const uint64_t *sums = hrv_model_sums(codes->model);

	for (uint32_t first = 0; first < count; first += SLOT_PIECE) {
		uint32_t n = count - first < SLOT_PIECE ? count - first : SLOT_PIECE;
		int err = hrv_reader_slot_changes(reader, first, n, seen + first, sums + first / HRV_SLOT_BLOCK,
		                                  changes, &change_count);
		if (err != 0)
			return err;
		hrv_model_update(codes->model, changes, change_count);
	}
	return 0;
}

int hrv_codes_update(struct hrv_codes *codes, struct hrv_reader *reader)
{
	int err = codes->model ? 0 : hrv_model_new(&codes->model);

	if (err == 0)
		err = update_codes(codes, reader);
	return err == 0 ? update_slots(codes, reader) : err;
}

void hrv_codes_fini(struct hrv_codes *codes)
{
	hrv_model_free(codes->model);
	free(codes->codes);
	free(codes->files);
	*codes = (struct hrv_codes){0};
}
