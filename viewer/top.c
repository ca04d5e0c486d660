/* top.c — see top.h. */
#define _GNU_SOURCE /* qsort_r() */
#include "top.h"

#include "clock.h"
#include "codes.h"
#include "hr_err.h"
#include "stacks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Rates are averages that forget: after so long a new rate has come half way. */
#define RATE_TAU_S 1.0

/* A line as it was at the last look; by index in the model, where lines only are added. */
struct past {
	uint64_t hits;
	double hits_per_s;
};

struct hrv_top {
	struct hrv_program *program;
	struct hrv_codes codes;
	struct hrv_stacks stacks;
	struct hrv_top_summary summary;
	uint64_t looked_ns; /* CLOCK_MONOTONIC; 0 never */
	struct past *past;
	size_t past_count;
	struct hrv_top_line *lent; /* what lines() and file_lines() gave */
	struct hrv_top_thread *threads;
	size_t thread_count;
	char **paths;
	struct hrv_top_source **sources; /* by file, NULL not asked for */
	uint32_t file_count;             /* of both */
};

int hrv_top_new(struct hrv_program *program, struct hrv_top **out)
{
	struct hrv_top *top = calloc(1, sizeof *top);

	if (!top)
		return HR_ENOMEM;
	top->program = program;
	*out = top;
	return 0;
}

static void forget_threads(struct hrv_top *top)
{
	for (size_t i = 0; i < top->thread_count; i++) {
		free(top->threads[i].name);
		free(top->threads[i].words);
	}
	free(top->threads);
	top->threads = NULL;
	top->thread_count = 0;
}

void hrv_top_free(struct hrv_top *top)
{
	if (!top)
		return;
	for (uint32_t i = 0; i < top->file_count; i++) {
		free(top->paths[i]);
		if (top->sources[i]) {
			free(top->sources[i]->text);
			free(top->sources[i]->lines);
			free(top->sources[i]);
		}
	}
	free(top->paths);
	free(top->sources);
	forget_threads(top);
	free(top->past);
	free(top->lent);
	hrv_codes_fini(&top->codes);
	hrv_stacks_fini(&top->stacks);
	free(top);
}

/* ---- looking ---- */

/* A rate that was `before` (negative: not known yet), when `more` hits have come in `seconds`. */
static double average(double before, uint64_t more, double seconds)
{
	double now = (double)more / seconds, rate;

	if (before < 0)
		return now;
	rate = before + (now - before) * seconds / (RATE_TAU_S + seconds);
	return more == 0 && rate < 0.05 ? 0 : rate;
}

static int measure(struct hrv_top *top)
{
	size_t count;
	const struct hrv_line *lines = hrv_model_lines(top->codes.model, &count);
	struct hrv_top_summary *summary = &top->summary;
	uint64_t now = hrv_clock_ns(CLOCK_MONOTONIC), hits = 0;
	bool first = top->looked_ns == 0, lives = hrv_program_lives(top->program);
	double seconds = first ? 0 : (double)(now - top->looked_ns) / 1e9;

	if (count > top->past_count) {
		struct past *past = realloc(top->past, count * sizeof *past);
		if (!past)
			return HR_ENOMEM;
		top->past = past;
		for (size_t i = top->past_count; i < count; i++) /* later ones began at 0 since the last look */
			past[i] = (struct past){.hits = first ? lines[i].hits : 0, .hits_per_s = first ? -1 : 0};
		top->past_count = count;
	}
	summary->last_hit_tick = HR_TICK_NEVER;
	for (size_t i = 0; i < count; i++) {
		struct past *past = &top->past[i];
		if (!first && seconds > 0)
			past->hits_per_s = lives ? average(past->hits_per_s, lines[i].hits - past->hits, seconds) : -1;
		past->hits = lines[i].hits;
		if (!lines[i].known)
			continue;
		hits += lines[i].hits;
		if (lines[i].last_tick > summary->last_hit_tick)
			summary->last_hit_tick = lines[i].last_tick;
	}
	if (first || !lives)
		summary->hits_per_s = -1;
	else if (seconds > 0)
		summary->hits_per_s = average(summary->hits_per_s, hits - summary->hits, seconds);
	summary->hits = hits;
	top->looked_ns = now;
	return 0;
}

static int read_paths(struct hrv_top *top)
{
	uint32_t count = top->codes.file_count;
	struct hrv_buffer bytes = {0};
	int err = 0;

	if (count <= top->file_count)
		return 0;
	char **paths = realloc(top->paths, count * sizeof *paths);
	if (paths)
		top->paths = paths;
	struct hrv_top_source **sources = realloc(top->sources, count * sizeof *sources);
	if (sources)
		top->sources = sources;
	if (!paths || !sources)
		return HR_ENOMEM;
	for (; err == 0 && top->file_count < count; top->file_count++) {
		const struct hr_file *file = &top->codes.files[top->file_count];
		bytes.len_bytes = 0;
		if ((err = hrv_reader_string(top->program->reader, file->path, &bytes)) != 0)
			break;
		paths[top->file_count] = hrv_text_printable((struct hrv_text){bytes.bytes, bytes.len_bytes});
		sources[top->file_count] = NULL;
		if (!paths[top->file_count])
			err = HR_ENOMEM;
		top->summary.files += file->flags & HR_FILE_TRACED ? 1 : 0;
	}
	hrv_buffer_fini(&bytes);
	return err;
}

static int put_thread(struct hrv_top *top, const struct hrv_stack *stack)
{
	const struct hrv_frame *frame = stack->frame_count > 0 ? &stack->frames[stack->frame_count - 1] : NULL;
	struct hrv_top_thread *thread = &top->threads[top->thread_count];
	const char *path = NULL, *slash;
	char words[HRV_WORDS_BYTES];

	*thread = (struct hrv_top_thread){
	        .file = HR_INDEX_NONE,
	        .line = frame ? frame->line : HR_INDEX_NONE,
	        .stillness = hrv_moment_stillness(&top->summary.moment, stack),
	        .task = stack->task,
	};
	if (frame && frame->code < top->codes.code_count && top->codes.codes[frame->code].file < top->file_count) {
		thread->file = top->codes.codes[frame->code].file;
		path = hrv_top_path(top, thread->file);
		slash = strrchr(path, '/');
		path = slash ? slash + 1 : path;
	}
	hrv_moment_words(&top->summary.moment, stack, path, words);
	thread->name = hrv_text_printable(hrv_text_of(stack->name));
	thread->words = strdup(words);
	top->thread_count++;
	return thread->name && thread->words ? 0 : HR_ENOMEM;
}

static int put_threads(struct hrv_top *top)
{
	const struct hrv_stacks *stacks = &top->stacks;
	size_t rows = (size_t)stacks->thread_count + stacks->task_count;
	int err = 0;

	forget_threads(top);
	top->threads = malloc((rows ? rows : 1) * sizeof *top->threads);
	if (!top->threads)
		return HR_ENOMEM;
	for (int stuck = 1; stuck >= 0; stuck--) {
		for (size_t i = 0; err == 0 && i < rows; i++) {
			const struct hrv_stack *stack = i < stacks->thread_count
			                                        ? &stacks->threads[i]
			                                        : &stacks->tasks[i - stacks->thread_count];
			if (stack->used &&
			    (hrv_moment_stillness(&top->summary.moment, stack) == HRV_STUCK) == (stuck == 1))
				err = put_thread(top, stack);
		}
	}
	return err;
}

int hrv_top_look(struct hrv_top *top)
{
	struct hrv_program *program = top->program;
	struct hrv_status status;
	bool changed;
	int err;

	/* Before the counts: those of a program that has ended are its last. */
	program->life = top->summary.life = hrv_reader_life(program->reader);
	if (program->life == HRV_CORRUPT)
		return HR_ECORRUPT;
	if ((err = hrv_stacks_update(&top->stacks, program->reader, &changed)) != 0 ||
	    (err = hrv_codes_update(&top->codes, program->reader)) != 0 || (err = read_paths(top)) != 0 ||
	    (err = hrv_reader_status(program->reader, &status)) != 0 || (err = measure(top)) != 0)
		return err;
	top->summary.drops = 0;
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		top->summary.drops += status.drops[i];
	hrv_moment_take(program, &top->codes, &status, &top->summary.moment);
	hrv_moment_ask_kernel(&top->summary.moment, program, &top->stacks);
	return put_threads(top);
}

/* ---- what was seen ---- */

const struct hrv_top_summary *hrv_top_summary(const struct hrv_top *top)
{
	return &top->summary;
}

static int by_place(const struct hrv_top_line *a, const struct hrv_top_line *b)
{
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static int by_hits(const void *left, const void *right)
{
	const struct hrv_top_line *a = left, *b = right;

	if (a->hits != b->hits)
		return a->hits > b->hits ? -1 : 1;
	return by_place(a, b);
}

static int by_rate(const void *left, const void *right)
{
	const struct hrv_top_line *a = left, *b = right;

	if (a->hits_per_s > b->hits_per_s || a->hits_per_s < b->hits_per_s)
		return a->hits_per_s > b->hits_per_s ? -1 : 1;
	return by_hits(a, b);
}

static int by_path(const void *left, const void *right, void *arg)
{
	const struct hrv_top_line *a = left, *b = right;
	const struct hrv_top *top = arg;
	int order = a->file == b->file ? 0 : strcmp(hrv_top_path(top, a->file), hrv_top_path(top, b->file));

	return order ? order : by_place(a, b);
}

/* Lines of `file`, all of them, or of every file those that were hit. */
static int lend(struct hrv_top *top, uint32_t file, size_t *count_out)
{
	size_t count, kept = 0;
	const struct hrv_line *lines = hrv_model_lines(top->codes.model, &count);
	struct hrv_top_line *lent = realloc(top->lent, (count ? count : 1) * sizeof *lent);

	if (!lent)
		return HR_ENOMEM;
	top->lent = lent;
	for (size_t i = 0; i < count; i++)
		if (lines[i].known && (file == HR_INDEX_NONE ? lines[i].hits > 0 : lines[i].file == file))
			lent[kept++] = (struct hrv_top_line){lines[i].file, lines[i].line, lines[i].hits,
			                                     lines[i].last_tick, top->past[i].hits_per_s};
	*count_out = kept;
	return 0;
}

int hrv_top_lines(struct hrv_top *top, enum hrv_top_sort sort, const struct hrv_top_line **out, size_t *count_out)
{
	size_t count;
	int err = lend(top, HR_INDEX_NONE, &count);

	if (err != 0)
		return err;
	if (sort == HRV_TOP_BY_FILE)
		qsort_r(top->lent, count, sizeof *top->lent, by_path, top);
	else
		qsort(top->lent, count, sizeof *top->lent, sort == HRV_TOP_BY_HITS ? by_hits : by_rate);
	*out = top->lent;
	*count_out = count;
	return 0;
}

static int by_line(const void *left, const void *right)
{
	return by_place(left, right);
}

int hrv_top_file_lines(struct hrv_top *top, uint32_t file, const struct hrv_top_line **out, size_t *count_out)
{
	int err = lend(top, file, count_out);

	if (err != 0)
		return err;
	qsort(top->lent, *count_out, sizeof *top->lent, by_line);
	*out = top->lent;
	return 0;
}

const struct hrv_top_thread *hrv_top_threads(const struct hrv_top *top, size_t *count_out)
{
	*count_out = top->thread_count;
	return top->threads;
}

const char *hrv_top_path(const struct hrv_top *top, uint32_t file)
{
	return file < top->file_count ? top->paths[file] : "?";
}

/* ---- sources ---- */

static int split(struct hrv_top_source *source)
{
	size_t count = 1;

	for (const char *at = source->text; *at; at++)
		count += *at == '\n';
	source->lines = malloc(count * sizeof *source->lines);
	if (!source->lines)
		return HR_ENOMEM;
	for (const char *at = source->text; *at;) {
		source->lines[source->line_count++] = at;
		const char *end = strchr(at, '\n');
		at = end ? end + 1 : at + strlen(at);
	}
	return 0;
}

static struct hrv_top_source *load(struct hrv_reader *reader, uint32_t file)
{
	struct hrv_top_source *source = calloc(1, sizeof *source);
	struct hrv_buffer text = {0};

	if (!source)
		return NULL;
	int err = hrv_source_load(reader, file, &text, &source->changed, source->why);
	if (err == 0 &&
	    (hrv_buffer_append(&text, "", 1) != 0 || !(source->text = strdup(text.bytes)) || split(source) != 0)) {
		free(source->text);
		free(source);
		source = NULL;
	}
	hrv_buffer_fini(&text);
	return source;
}

const struct hrv_top_source *hrv_top_source(struct hrv_top *top, uint32_t file)
{
	static const struct hrv_top_source nowhere = {.why = "it is not known which file this is"};

	if (file >= top->file_count)
		return &nowhere;
	if (!top->sources[file])
		top->sources[file] = load(top->program->reader, file);
	return top->sources[file];
}

struct hrv_text hrv_top_source_line(const struct hrv_top_source *source, uint32_t line)
{
	if (!source || line == 0 || line > source->line_count)
		return HRV_TEXT("");
	const char *begin = source->lines[line - 1];
	size_t len = strcspn(begin, "\n");
	return (struct hrv_text){begin, len > 0 && begin[len - 1] == '\r' ? len - 1 : len};
}

struct hrv_text hrv_top_statement(const struct hrv_top_source *source, uint32_t line)
{
	struct hrv_text text = hrv_top_source_line(source, line);

	while (text.len_bytes > 0 && (*text.bytes == ' ' || *text.bytes == '\t')) {
		text.bytes++;
		text.len_bytes--;
	}
	return text;
}
