/* read_all.c — see read_all.h. */
#include "read_all.h"

#include "dump.h"
#include "export.h"
#include "hr_err.h"
#include "reader.h"
#include "source.h"

#include <stdlib.h>

/* Only texts that the segment carries: a foreign path is not opened in a test. */
static void load_sources(struct hrv_reader *reader)
{
	struct hrv_buffer text = {0};
	char why[HRV_SOURCE_WHY_BYTES];
	uint32_t count = 0;
	struct hr_file file;
	bool changed;

	if (hrv_reader_count(reader, HR_KIND_FILES, &count) != 0)
		return;
	for (uint32_t i = 0; i < count && i < 16; i++)
		if (hrv_reader_files(reader, i, 1, &file) == 0 && (file.flags & HR_FILE_SOURCE))
			hrv_source_load(reader, i, &text, &changed, why);
	hrv_buffer_fini(&text);
}

/* In every format but HTML, which opens the foreign paths. */
static int export_all(const struct hrv_dump *dump)
{
	static const char *const formats[] = {"text", "json", "lcov", "cobertura", "pprof", "speedscope"};
	struct hrv_samples samples = {0};
	struct hrv_buffer out = {0};
	int err = hrv_samples_take(&samples, &dump->stacks, dump->status.tick);

	for (size_t i = 0; err == 0 && i < sizeof formats / sizeof *formats; i++) {
		const struct hrv_export *format = hrv_export_find(formats[i]);
		out.len_bytes = 0;
		err = format->write ? format->write(dump, &out) : format->write_samples(dump, &samples, &out);
	}
	hrv_buffer_fini(&out);
	hrv_samples_fini(&samples);
	return err;
}

int read_all(int dir_fd, const char *file_name)
{
	struct hrv_program program = {.life = HRV_LIVE};
	struct hrv_dump dump;
	char why[HRV_WHY_BYTES];
	int err = hrv_reader_open(dir_fd, file_name, &program.reader, why);

	if (err != 0)
		return err;
	program.life = hrv_reader_life(program.reader);
	err = hrv_dump_read(&program, &dump);
	if (err == 0)
		err = export_all(&dump);
	else if (err == HR_ECORRUPT && !hrv_reader_why(program.reader)[0])
		abort(); /* nobody could say what is wrong */
	hrv_dump_fini(&dump);
	load_sources(program.reader);
	hrv_reader_close(program.reader);
	return err;
}
