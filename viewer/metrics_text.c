/* metrics_text.c — the exposition of metrics.c's numbers: OpenMetrics 1.0, and Prometheus's older text format. */
#include "metrics_private.h"
#include "out.h"
#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct text {
	struct hrv_out out;
	bool open_metrics;
};

/* A family's head. A counter's samples are `name`_total; the older format calls the family so too. */
static void family(struct text *text, const char *name, const char *type, const char *help)
{
	const char *suffix = "";

	if (!text->open_metrics && strcmp(type, "counter") == 0)
		suffix = "_total";
	if (strcmp(type, "info") == 0 && !text->open_metrics) {
		suffix = "_info";
		type = "gauge";
	}
	hrv_out(&text->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

static void label_value(struct text *text, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			hrv_out(&text->out, "\\n");
		else if (*value == '"' || *value == '\\')
			hrv_out(&text->out, "\\%c", *value);
		else
			hrv_out_bytes(&text->out, value, 1);
	}
}

static void program_label(struct text *text, const char *sample, const struct hrv_metrics *metrics, int program)
{
	hrv_out(&text->out, "%s{program=\"", sample);
	label_value(text, metrics->program_items[program].name);
	hrv_out(&text->out, "\"");
}

/* Programs that have a place, and then, if there were any, all others together. */
static int next_program(const struct hrv_metrics *metrics, int program)
{
	const struct tally *others = &metrics->tallies[PROGRAMS_MAX];

	while (++program < PROGRAMS_MAX)
		if (metrics->program_items[program].name)
			return program;
	return program == PROGRAMS_MAX && (others->instances > 0 || metrics->program_items[PROGRAMS_MAX].hits > 0)
	               ? program
	               : PROGRAMS_MAX + 1;
}

static void put_programs(struct text *text, const struct hrv_metrics *metrics)
{
	family(text, "heartrate_shm_programs", "gauge", "Traced programs by what has become of them.");
	for (int life = 0; life < LIVES; life++)
		hrv_out(&text->out, "heartrate_shm_programs{state=\"%s\"} %" PRIu64 "\n",
		        hrv_life_name((enum hrv_life)life), metrics->lives[life]);
	family(text, "heartrate_shm_instances", "gauge", "Live processes of a program, which goes by its name.");
	for (int i = next_program(metrics, -1); i <= PROGRAMS_MAX; i = next_program(metrics, i)) {
		program_label(text, "heartrate_shm_instances", metrics, i);
		hrv_out(&text->out, "} %" PRIu64 "\n", metrics->tallies[i].instances);
	}
	family(text, "heartrate_shm_threads", "gauge", "Threads of a program's live processes.");
	for (int i = next_program(metrics, -1); i <= PROGRAMS_MAX; i = next_program(metrics, i)) {
		program_label(text, "heartrate_shm_threads", metrics, i);
		hrv_out(&text->out, "} %" PRIu64 "\n", metrics->tallies[i].threads);
	}
	family(text, "heartrate_shm_sampler_cpu_seconds", "counter",
	       "Processor time that looking at stacks has cost a program.");
	for (int i = next_program(metrics, -1); i <= PROGRAMS_MAX; i = next_program(metrics, i)) {
		program_label(text, "heartrate_shm_sampler_cpu_seconds_total", metrics, i);
		hrv_out(&text->out, "} %.3f\n", (double)metrics->tallies[i].sampler_ns / 1e9);
	}
}

static void put_hits(struct text *text, const struct hrv_metrics *metrics)
{
	family(text, "heartrate_shm_hits", "counter", "Line hits of a program.");
	for (int i = next_program(metrics, -1); i <= PROGRAMS_MAX; i = next_program(metrics, i)) {
		program_label(text, "heartrate_shm_hits_total", metrics, i);
		hrv_out(&text->out, "} %" PRIu64 "\n", metrics->program_items[i].hits);
	}
	family(text, "heartrate_shm_file_hits", "counter",
	       "Line hits of a file; (other): of files at the time when they had no series of their own.");
	for (int i = next_program(metrics, -1); i <= PROGRAMS_MAX; i = next_program(metrics, i)) {
		program_label(text, "heartrate_shm_file_hits_total", metrics, i);
		hrv_out(&text->out, ",file=\"(other)\"} %" PRIu64 "\n", metrics->tallies[i].other_hits);
	}
	for (int i = 0; i < metrics->files.count; i++) {
		const struct place *file = &metrics->file_items[i];
		if (!file->name)
			continue;
		program_label(text, "heartrate_shm_file_hits_total", metrics, file->program);
		hrv_out(&text->out, ",file=\"");
		label_value(text, file->name);
		hrv_out(&text->out, "\"} %" PRIu64 "\n", file->hits);
	}
	family(text, "heartrate_shm_line_hits", "counter",
	       "Hits of a line that is, or was of late, among the hottest.");
	for (int i = 0; i < metrics->lines.count; i++) {
		const struct place *line = &metrics->line_items[i];
		if (!line->name)
			continue;
		program_label(text, "heartrate_shm_line_hits_total", metrics, line->program);
		hrv_out(&text->out, ",file=\"");
		label_value(text, line->name);
		hrv_out(&text->out, "\",line=\"%" PRIu32 "\"} %" PRIu64 "\n", line->line, line->hits);
	}
}

static void put_drops(struct text *text, const struct hrv_metrics *metrics)
{
	family(text, "heartrate_shm_drops", "counter",
	       "What programs could not record: a table was full, or /dev/shm was.");
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		if (hrv_drop_name(i))
			hrv_out(&text->out, "heartrate_shm_drops_total{kind=\"%s\"} %" PRIu64 "\n", hrv_drop_name(i),
			        metrics->drops[i]);
}

/* Bytes in memory now, 0 when /proc does not say. */
static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*s %ld", &pages) != 1)
		pages = 0;
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_viewer(struct text *text, const struct hrv_metrics_viewer *viewer)
{
	struct timespec cpu = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	family(text, "heartrate_shm_viewer", "info", "This hrview.");
	hrv_out(&text->out, "heartrate_shm_viewer_info{version=\"" HR_VERSION "\"} 1\n");
	family(text, "heartrate_shm_viewer_pages", "gauge", "Open pages.");
	hrv_out(&text->out, "heartrate_shm_viewer_pages %" PRIu64 "\n", viewer->pages);
	family(text, "heartrate_shm_viewer_frames", "counter", "Frames that pages have been sent.");
	hrv_out(&text->out, "heartrate_shm_viewer_frames_total %" PRIu64 "\n", viewer->frames);
	family(text, "heartrate_shm_viewer_frame_bytes", "counter", "Bytes of those frames.");
	hrv_out(&text->out, "heartrate_shm_viewer_frame_bytes_total %" PRIu64 "\n", viewer->frame_bytes);
	family(text, "process_cpu_seconds", "counter", "Processor time that this hrview has used.");
	hrv_out(&text->out, "process_cpu_seconds_total %.3f\n", (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	family(text, "process_resident_memory_bytes", "gauge", "Memory of this hrview, mapped segments included.");
	hrv_out(&text->out, "process_resident_memory_bytes %.0f\n", resident_bytes());
}

int hrv_metrics_text(const struct hrv_metrics *metrics, const struct hrv_metrics_viewer *viewer, bool open_metrics,
                     struct hrv_buffer *out)
{
	struct text text = {{.buffer = out}, open_metrics};

	put_programs(&text, metrics);
	put_hits(&text, metrics);
	put_drops(&text, metrics);
	put_viewer(&text, viewer);
	if (open_metrics)
		hrv_out(&text.out, "# EOF\n");
	return text.out.err;
}
