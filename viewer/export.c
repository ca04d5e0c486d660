/* export.c — the formats by name, and what several of them need. See export.h. */
#include "export.h"

#include "hr_err.h"
#include "json.h"
#include "sampling.h"

#include <stdlib.h>
#include <string.h>

static int write_json(const struct hrv_dump *dump, struct hrv_buffer *out)
{
	json_t *json = hrv_json_dump(dump);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int err = text ? hrv_buffer_append(out, text, strlen(text)) : HR_ENOMEM;

	free(text);
	json_decref(json);
	return err == 0 ? hrv_buffer_append(out, "\n", 1) : err;
}

const struct hrv_export *hrv_export_find(const char *name)
{
	static const struct hrv_export formats[] = {
	        {"text", .write = hrv_export_text},
	        {"json", .write = write_json},
	        {"lcov", .write = hrv_export_lcov},
	        {"cobertura", .write = hrv_export_cobertura},
	        {"html", .write = hrv_export_html},
	        {"pprof", .binary = true, .write_samples = hrv_export_pprof},
	        {"speedscope", .write_samples = hrv_export_speedscope},
	};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

int hrv_export_make(const struct hrv_export *format, struct hrv_program *program, unsigned long seconds,
                    const sigset_t *signals, bool *signalled_out, struct hrv_buffer *out)
{
	struct hrv_samples samples = {0};
	struct hrv_dump dump = {0};
	int err = format->write ? 0 : hrv_sampling_run(program, seconds, signals, &samples, signalled_out);

	if (err == 0)
		err = hrv_dump_read(program, &dump);
	if (err == 0)
		err = format->write ? format->write(&dump, out) : format->write_samples(&dump, &samples, out);
	hrv_dump_fini(&dump);
	hrv_samples_fini(&samples);
	return err;
}

bool hrv_export_has_file(const struct hrv_dump_file *file)
{
	if (!file->on_disk || file->line_count == 0 || file->path[0] != '/' || strstr(file->path, "\xEF\xBF\xBD"))
		return false;
	for (const char *at = file->path; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7F)
			return false;
	return true;
}

uint64_t hrv_export_hits(const struct hrv_dump_file *file)
{
	uint64_t hits = 0;

	for (size_t i = 0; i < file->line_count; i++)
		hits += file->lines[i].hits;
	return hits;
}

uint64_t hrv_export_time(const struct hrv_dump *dump)
{
	struct hrv_reader *reader = dump->program->reader;

	return reader ? hrv_reader_header(reader)->start_realtime_ns + dump->last_hit_tick * 1000000 : 0;
}

char *hrv_export_function(const struct hrv_dump *dump, uint32_t code)
{
	struct hrv_frame frame = {.code = code};

	return code == HRV_CODE_ELIDED ? strdup("(frames left out)") : hrv_dump_function(dump, &frame);
}
