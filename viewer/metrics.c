/* metrics.c — see metrics.h; what is written of it: metrics_text.c. */
#include "metrics.h"

#include "codes.h"
#include "hr_err.h"
#include "metrics_private.h"
#include "pulse.h"

#include <stdlib.h>
#include <string.h>

#define CANDIDATES 10 /* files and lines of a program that may get a place at one look */

/* One instance, followed from look to look. What is by file or line is as long as the codes' files and the model's
 * lines. */
struct source {
	uint64_t instance;
	int program; /* place; PROGRAMS_MAX without one */
	struct hrv_codes codes;
	char **paths;
	int *file_places;
	uint64_t *file_hits, *file_more; /* in all, and at this look */
	uint32_t file_count;
	uint64_t *line_hits;
	int8_t *line_places; /* LINES_MAX is below 128 */
	size_t line_count;
	uint64_t drops[HR_DROP_MAX], sampler_ns;
	bool seen;
};

/* What could have a place, the hottest first. */
struct candidates {
	struct {
		uint32_t index; /* of the file or line */
		uint64_t more;
	} items[CANDIDATES];
	int count;
};

/* ---- places ---- */

static int find(const struct places *places, int program, const char *name, uint32_t line)
{
	for (int i = 0; i < places->count; i++) {
		const struct place *place = &places->items[i];
		if (place->name && place->line == line && place->program == program && strcmp(place->name, name) == 0)
			return i;
	}
	return NO_PLACE;
}

static void vacate(struct place *place)
{
	free(place->name);
	*place = (struct place){0};
}

/* A place for a newcomer: a free one, or that of the coldest if the newcomer is hotter. NO_PLACE: it must wait. */
static int admit(struct hrv_metrics *metrics, struct places *places, int program, const char *name, uint32_t line,
                 uint64_t more)
{
	int coldest = 0;

	if (places->admissions < 1)
		return NO_PLACE;
	for (int i = 1; i < places->count && places->items[coldest].name; i++)
		if (!places->items[i].name || places->items[i].heat < places->items[coldest].heat)
			coldest = i;
	struct place *place = &places->items[coldest];
	char *copy = !place->name || place->heat < (double)more ? strdup(name) : NULL;
	if (!copy)
		return NO_PLACE;
	if (places == &metrics->programs && place->name) {
		for (int i = 0; i < metrics->files.count; i++)
			if (metrics->files.items[i].program == coldest)
				vacate(&metrics->files.items[i]);
		for (int i = 0; i < metrics->lines.count; i++)
			if (metrics->lines.items[i].program == coldest)
				vacate(&metrics->lines.items[i]);
		metrics->tallies[coldest] = (struct tally){0};
	}
	vacate(place);
	*place = (struct place){.name = copy, .program = program, .line = line, .heat = (double)more};
	places->admissions -= 1;
	metrics->moved = true;
	return coldest;
}

static void refill(struct places *places, double passed_ms)
{
	if (places->admissions < places->burst) {
		places->admissions += passed_ms / places->refill_ms;
		if (places->admissions > places->burst)
			places->admissions = places->burst;
	}
	for (int i = 0; i < places->count; i++)
		places->items[i].heat /= 2;
}

static void consider(struct candidates *candidates, uint32_t index, uint64_t more)
{
	int at = candidates->count;

	if (at == CANDIDATES && candidates->items[--at].more >= more)
		return;
	for (; at > 0 && candidates->items[at - 1].more < more; at--)
		candidates->items[at] = candidates->items[at - 1];
	candidates->items[at].index = index;
	candidates->items[at].more = more;
	if (candidates->count < CANDIDATES)
		candidates->count++;
}

/* ---- one instance ---- */

static void source_free(struct source *source)
{
	for (uint32_t i = 0; i < source->file_count; i++)
		free(source->paths[i]);
	free(source->paths);
	free(source->file_places);
	free(source->file_hits);
	free(source->file_more);
	free(source->line_hits);
	free(source->line_places);
	hrv_codes_fini(&source->codes);
	free(source);
}

/* Makes an array `count` long; what is new is 0. */
static int lengthen(void *array_in_out, size_t before, size_t count, size_t item_bytes)
{
	void **array = array_in_out;
	char *grown = realloc(*array, count * item_bytes);

	if (!grown)
		return HR_ENOMEM;
	memset(grown + before * item_bytes, 0, (count - before) * item_bytes);
	*array = grown;
	return 0;
}

static int source_follow_files(struct source *source, struct hrv_reader *reader)
{
	uint32_t count = source->codes.file_count;
	int err;

	if (count == source->file_count)
		return 0;
	if ((err = lengthen(&source->paths, source->file_count, count, sizeof *source->paths)) != 0 ||
	    (err = lengthen(&source->file_places, source->file_count, count, sizeof *source->file_places)) != 0 ||
	    (err = lengthen(&source->file_hits, source->file_count, count, sizeof *source->file_hits)) != 0 ||
	    (err = lengthen(&source->file_more, source->file_count, count, sizeof *source->file_more)) != 0)
		return err;
	for (; source->file_count < count; source->file_count++) {
		struct hrv_buffer path = {0};
		err = hrv_reader_string(reader, source->codes.files[source->file_count].path, &path);
		char *text = err == 0 ? hrv_text_repair((struct hrv_text){path.bytes, path.len_bytes}) : NULL;
		hrv_buffer_fini(&path);
		if (!text)
			return err != 0 ? err : HR_ENOMEM;
		source->paths[source->file_count] = text;
	}
	return 0;
}

/* Asks anew which files and lines of it have a place. */
static void source_settle(const struct hrv_metrics *metrics, struct source *source)
{
	size_t known; /* maybe more than there was memory to follow */
	const struct hrv_line *lines = hrv_model_lines(source->codes.model, &known);

	for (uint32_t file = 0; file < source->file_count; file++)
		source->file_places[file] = find(&metrics->files, source->program, source->paths[file], 0);
	for (size_t i = 0; i < source->line_count; i++)
		source->line_places[i] = NO_PLACE;
	for (int at = 0; at < metrics->lines.count; at++) {
		const struct place *place = &metrics->lines.items[at];
		if (!place->name || place->program != source->program)
			continue;
		for (size_t i = 0; i < source->line_count; i++)
			if (lines[i].line == place->line && strcmp(source->paths[lines[i].file], place->name) == 0)
				source->line_places[i] = (int8_t)at;
	}
}

static int source_follow(struct source *source, struct hrv_reader *reader, bool *grown)
{
	uint32_t files_before = source->file_count;
	size_t lines_before = source->line_count, line_count;
	int err;

	if ((!source->codes.model && (err = hrv_model_new(&source->codes.model)) != 0) ||
	    (err = hrv_codes_update(&source->codes, reader)) != 0 || (err = source_follow_files(source, reader)) != 0)
		return err;
	hrv_model_lines(source->codes.model, &line_count);
	if (line_count > lines_before) {
		if ((err = lengthen(&source->line_hits, lines_before, line_count, sizeof *source->line_hits)) != 0 ||
		    (err = lengthen(&source->line_places, lines_before, line_count, sizeof *source->line_places)) != 0)
			return err;
		source->line_count = line_count;
	}
	*grown = source->file_count > files_before || line_count > lines_before;
	return 0;
}

static uint64_t more_than(uint64_t now, uint64_t *before)
{
	uint64_t more = now > *before ? now - *before : 0;

	*before = now;
	return more;
}

static void add(struct places *places, int at, uint64_t more)
{
	places->items[at].hits += more;
	places->items[at].heat += (double)more;
}

/* Adds what is new to those that have places; the others are candidates. */
static void source_count(struct hrv_metrics *metrics, struct source *source, struct candidates *files,
                         struct candidates *hot_lines)
{
	size_t known;
	const struct hrv_line *lines = hrv_model_lines(source->codes.model, &known);
	struct place *program = &metrics->program_items[source->program];

	for (uint32_t file = 0; file < source->file_count; file++)
		source->file_more[file] = 0;
	for (size_t i = 0; i < source->line_count; i++) {
		uint64_t more = more_than(lines[i].known ? lines[i].hits : 0, &source->line_hits[i]);
		if (more == 0)
			continue;
		source->file_more[lines[i].file] += more;
		if (source->line_places[i] != NO_PLACE)
			add(&metrics->lines, source->line_places[i], more);
		else
			consider(hot_lines, (uint32_t)i, more);
	}
	for (uint32_t file = 0; file < source->file_count; file++) {
		uint64_t more = source->file_more[file];
		if (more == 0)
			continue;
		source->file_hits[file] += more;
		program->hits += more;
		program->heat += (double)more;
		if (source->file_places[file] != NO_PLACE)
			add(&metrics->files, source->file_places[file], more);
		else
			consider(files, file, more);
	}
}

static int source_tell(struct hrv_metrics *metrics, struct source *source, struct hrv_reader *reader, bool lives)
{
	struct tally *tally = &metrics->tallies[source->program];
	struct hrv_status status;
	uint32_t threads;
	int err;

	if ((err = hrv_reader_status(reader, &status)) != 0 || (err = hrv_pulse_threads(reader, &threads)) != 0)
		return err;
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		metrics->drops[i] += more_than(status.drops[i], &source->drops[i]);
	tally->sampler_ns += more_than(status.sampler_cpu_ns, &source->sampler_ns);
	tally->threads += lives ? threads : 0;
	tally->instances += lives;
	return 0;
}

/* ---- newcomers ---- */

/* What all instances of the program have counted in the file, or line, of this path. */
static uint64_t hits_so_far(const struct hrv_metrics *metrics, int program, const char *path, uint32_t line)
{
	uint64_t sum = 0;

	for (size_t s = 0; s < metrics->source_count; s++) {
		const struct source *source = metrics->sources[s];
		const struct hrv_line *lines;
		size_t count;
		if (source->program != program || !source->codes.model)
			continue;
		lines = hrv_model_lines(source->codes.model, &count);
		for (uint32_t file = 0; line == 0 && file < source->file_count; file++)
			if (strcmp(source->paths[file], path) == 0)
				sum += source->file_hits[file];
		for (size_t i = 0; line != 0 && i < source->line_count; i++)
			if (lines[i].line == line && strcmp(source->paths[lines[i].file], path) == 0)
				sum += source->line_hits[i];
	}
	return sum;
}

static void let_in(struct hrv_metrics *metrics, struct source *source, const struct candidates *files,
                   const struct candidates *hot_lines)
{
	size_t count;
	const struct hrv_line *lines = hrv_model_lines(source->codes.model, &count);

	if (source->program == PROGRAMS_MAX)
		return;
	for (int i = 0; i < files->count; i++) {
		const char *path = source->paths[files->items[i].index];
		int at = admit(metrics, &metrics->files, source->program, path, 0, files->items[i].more);
		if (at == NO_PLACE)
			break;
		metrics->files.items[at].hits = hits_so_far(metrics, source->program, path, 0);
	}
	for (int i = 0; i < hot_lines->count; i++) {
		const struct hrv_line *line = &lines[hot_lines->items[i].index];
		const char *path = source->paths[line->file];
		int at = admit(metrics, &metrics->lines, source->program, path, line->line, hot_lines->items[i].more);
		if (at == NO_PLACE)
			break;
		metrics->lines.items[at].hits = hits_so_far(metrics, source->program, path, line->line);
	}
}

/* ---- all of them ---- */

static int source_of(struct hrv_metrics *metrics, uint64_t instance, struct source **out)
{
	for (size_t i = 0; i < metrics->source_count; i++)
		if (metrics->sources[i]->instance == instance) {
			*out = metrics->sources[i];
			return 0;
		}
	int err =
	        lengthen(&metrics->sources, metrics->source_count, metrics->source_count + 1, sizeof *metrics->sources);
	struct source *source = err == 0 ? calloc(1, sizeof *source) : NULL;
	if (!source)
		return HR_ENOMEM;
	source->instance = instance;
	source->program = PROGRAMS_MAX;
	metrics->sources[metrics->source_count++] = source;
	*out = source;
	return 0;
}

/* Its program's place, when there is one for it. */
static int find_program(struct hrv_metrics *metrics, struct source *source, const struct hrv_program *program)
{
	char *name = hrv_text_repair(program->name);

	if (!name)
		return HR_ENOMEM;
	int at = find(&metrics->programs, 0, name, 0);
	if (at == NO_PLACE)
		at = admit(metrics, &metrics->programs, 0, name, 0, 1);
	at = at == NO_PLACE ? PROGRAMS_MAX : at;
	if (at != source->program)
		metrics->moved = true;
	source->program = at;
	free(name);
	return 0;
}

static int look_at(struct hrv_metrics *metrics, struct source *source, const struct hrv_program *program)
{
	struct candidates files = {0}, hot_lines = {0};
	bool grown = false;
	int err;

	if ((err = source_follow(source, program->reader, &grown)) != 0)
		return err;
	if (grown)
		source_settle(metrics, source);
	source_count(metrics, source, &files, &hot_lines);
	if ((err = source_tell(metrics, source, program->reader, hrv_program_lives(program))) != 0)
		return err;
	let_in(metrics, source, &files, &hot_lines);
	for (size_t i = 0; metrics->moved && i < metrics->source_count; i++)
		if (metrics->sources[i]->codes.model)
			source_settle(metrics, metrics->sources[i]);
	metrics->moved = false;
	for (uint32_t file = 0; file < source->file_count; file++)
		if (source->file_places[file] == NO_PLACE)
			metrics->tallies[source->program].other_hits += source->file_more[file];
	return 0;
}

static void forget_unseen(struct hrv_metrics *metrics)
{
	size_t kept = 0;

	for (size_t i = 0; i < metrics->source_count; i++) {
		if (metrics->sources[i]->seen)
			metrics->sources[kept++] = metrics->sources[i];
		else
			source_free(metrics->sources[i]);
	}
	metrics->source_count = kept;
}

static void begin(struct hrv_metrics *metrics, uint64_t now_ms)
{
	double passed_ms = metrics->looked_ms ? (double)(now_ms - metrics->looked_ms) : 0;

	refill(&metrics->programs, passed_ms);
	refill(&metrics->files, passed_ms);
	refill(&metrics->lines, passed_ms);
	metrics->looked_ms = now_ms;
	memset(metrics->lives, 0, sizeof metrics->lives);
	for (int i = 0; i <= PROGRAMS_MAX; i++)
		metrics->tallies[i].threads = metrics->tallies[i].instances = 0;
	for (size_t i = 0; i < metrics->source_count; i++)
		metrics->sources[i]->seen = false;
}

int hrv_metrics_update(struct hrv_metrics *metrics, struct hrv_catalog *catalog, const char *only, uint64_t now_ms)
{
	begin(metrics, now_ms);
	for (size_t i = 0; i < catalog->count; i++) {
		struct hrv_program *program = catalog->programs[i];
		struct source *source;
		int err;
		if (only && !hrv_program_matches(program, only))
			continue;
		if (program->reader) {
			if ((err = source_of(metrics, program->id.instance, &source)) != 0 ||
			    (err = find_program(metrics, source, program)) != 0)
				return err;
			err = look_at(metrics, source, program);
			if (err == HR_ECORRUPT || err == HR_EARG)
				hrv_catalog_condemn(catalog, program);
			else if (err != 0)
				return err;
			source->seen = err == 0;
		}
		metrics->lives[program->life]++;
	}
	forget_unseen(metrics);
	return 0;
}

int hrv_metrics_new(struct hrv_metrics **out)
{
	struct hrv_metrics *metrics = calloc(1, sizeof *metrics);

	if (!metrics)
		return HR_ENOMEM;
	/* An hour's different ones: the places and what is let in meanwhile, times the series that each has. Programs
	 * 20 + 15 and "(other)", five each; files 80 + 70; lines 60 + 70; with 23 others 483. */
	metrics->programs = (struct places){metrics->program_items, PROGRAMS_MAX, PROGRAMS_MAX, 5, 360e3};
	metrics->files = (struct places){metrics->file_items, FILES_MAX, FILES_MAX, 10, 60e3};
	metrics->lines = (struct places){metrics->line_items, LINES_MAX, LINES_MAX, 10, 60e3};
	metrics->program_items[PROGRAMS_MAX].name = strdup("(other)");
	if (!metrics->program_items[PROGRAMS_MAX].name) {
		free(metrics);
		return HR_ENOMEM;
	}
	*out = metrics;
	return 0;
}

void hrv_metrics_free(struct hrv_metrics *metrics)
{
	if (!metrics)
		return;
	for (size_t i = 0; i < metrics->source_count; i++)
		source_free(metrics->sources[i]);
	free(metrics->sources);
	for (int i = 0; i <= PROGRAMS_MAX; i++)
		free(metrics->program_items[i].name);
	for (int i = 0; i < FILES_MAX; i++)
		free(metrics->file_items[i].name);
	for (int i = 0; i < LINES_MAX; i++)
		free(metrics->line_items[i].name);
	free(metrics);
}
