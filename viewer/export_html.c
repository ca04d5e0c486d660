/* export_html.c — one file to send to a colleague: every traced file with counts and bars. See export.h.
 *
 * Nothing is loaded and nothing runs: no script, and a policy that forbids what is not in the file. */
#include "export.h"
#include "hr_err.h"
#include "out.h"
#include "python_syntax.h"
#include "source.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* report.css, taken in by the assembler, and a NUL. */
__asm__(".pushsection .rodata\nstyle:\n.incbin \"" HRV_REPORT_CSS "\"\n.byte 0\n.popsection\n");
extern const char style[];

/* How long before the program's last hit a line was hit last, milliseconds: the bars' lightness, .h0 … .h4. */
static const uint64_t ages_ms[] = {100, 1000, 10000, 100000};

#define AGE_COUNT (sizeof ages_ms / sizeof *ages_ms)

/* A file with its place in the report. */
struct listed {
	const struct hrv_dump_file *file;
	uint64_t hits, last_tick;
};

struct report {
	struct hrv_out out;
	const struct hrv_dump *dump;
	struct listed *files; /* hottest first */
	uint32_t *numbers;    /* by index in dump->files: index in `files` */
	uint64_t hits;
};

/* A character that changes the writing direction is U+FFFD, as in a terminal. */
static void put_bytes(struct hrv_out *out, const char *text, size_t len)
{
	size_t plain = 0;

	for (size_t i = 0; i < len; i++) {
		size_t turn = hrv_text_turns(text + i, len - i);
		if (turn == 0)
			continue;
		hrv_out_markup(out, text + plain, i - plain);
		hrv_out(out, "\xEF\xBF\xBD");
		plain = i + turn;
	}
	hrv_out_markup(out, text + plain, len - plain);
}

static void put_text(struct hrv_out *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

static void put_count(struct hrv_out *out, uint64_t count)
{
	char text[HRV_COUNT_BYTES];

	hrv_count_format(count, text);
	hrv_out(out, "%s", text);
}

/* ---- bars ---- */

static size_t age_class(const struct report *report, uint64_t last_tick)
{
	uint64_t age = report->dump->last_hit_tick - last_tick;
	size_t class = 0;

	while (class < AGE_COUNT && age > ages_ms[class])
		class ++;
	return class;
}

/* A bar as long as `hits` of `longest`. */
static void put_bar(struct report *report, uint64_t hits, uint64_t longest, uint64_t last_tick)
{
	if (hits > 0)
		hrv_out(&report->out, "<span class=\"h%zu\" style=\"width:%.4g%%\"></span>",
		        age_class(report, last_tick), 100.0 * (double)hits / (double)longest);
}

/* ---- a file ---- */

static void put_code(struct hrv_out *out, struct hrv_syntax_state *state, const char *line, size_t len)
{
	static const char classes[] = {[HRV_SYNTAX_KEYWORD] = 'k',
	                               [HRV_SYNTAX_STRING] = 's',
	                               [HRV_SYNTAX_COMMENT] = 'c',
	                               [HRV_SYNTAX_NUMBER] = 'm',
	                               [HRV_SYNTAX_DEFINITION] = 'd'};
	enum hrv_syntax kind;

	for (size_t at = 0, piece; at < len; at += piece) {
		piece = hrv_syntax_piece(state, line, len, at, &kind);
		if (kind != HRV_SYNTAX_PLAIN)
			hrv_out(out, "<span class=\"%c\">", classes[kind]);
		put_bytes(out, line + at, piece);
		if (kind != HRV_SYNTAX_PLAIN)
			hrv_out(out, "</span>");
	}
	hrv_syntax_line_end(state, line, len);
}

/* What stands before a line's text; `counted` NULL: it cannot be hit. */
static void begin_line(struct report *report, size_t number, uint32_t line, const struct hrv_dump_line *counted,
                       uint64_t longest)
{
	struct hrv_out *out = &report->out;

	hrv_out(out, "<div class=\"l%s\" id=\"f%zu-%" PRIu32 "\"><a href=\"#f%zu-%" PRIu32 "\">%" PRIu32 "</a><b>",
	        counted && counted->hits == 0 ? " z" : "", number, line, number, line, line);
	if (counted)
		put_count(out, counted->hits);
	hrv_out(out, "</b><i>");
	if (counted)
		put_bar(report, counted->hits, longest, counted->last_tick);
	hrv_out(out, "</i><code>");
}

/* The end of the line at `at`: LF, CR LF or CR, as Python has it. */
static size_t line_length(const char *text, size_t left, size_t *with_end)
{
	size_t len = 0;

	while (len < left && text[len] != '\n' && text[len] != '\r')
		len++;
	*with_end = len;
	if (len < left)
		*with_end += text[len] == '\r' && len + 1 < left && text[len + 1] == '\n' ? 2 : 1;
	return len;
}

static void put_lines(struct report *report, size_t number, const struct hrv_buffer *text)
{
	const struct hrv_dump_file *file = report->files[number].file;
	struct hrv_out *out = &report->out;
	struct hrv_syntax_state state = {0};
	uint64_t longest = 1;
	size_t next = 0, with_end;
	uint32_t line = 1;

	for (size_t i = 0; i < file->line_count; i++)
		if (file->lines[i].hits > longest)
			longest = file->lines[i].hits;
	hrv_out(out,
	        "<div class=\"code\" role=\"region\" aria-labelledby=\"f%zu\" tabindex=\"0\"><div class=\"lines\">\n",
	        number);
	for (size_t at = 0; at < text->len_bytes; at += with_end, line++) {
		size_t len = line_length(text->bytes + at, text->len_bytes - at, &with_end);
		while (next < file->line_count && file->lines[next].line < line)
			next++;
		bool counted = next < file->line_count && file->lines[next].line == line;
		begin_line(report, number, line, counted ? &file->lines[next] : NULL, longest);
		put_code(out, &state, text->bytes + at, len);
		hrv_out(out, "</code></div>\n");
	}
	/* Counts without a text: it could not be had, or is another by now. */
	for (; next < file->line_count; next++)
		if (file->lines[next].line >= line) {
			begin_line(report, number, file->lines[next].line, &file->lines[next], longest);
			hrv_out(out, "</code></div>\n");
		}
	hrv_out(out, "</div></div>\n");
}

static void put_file(struct report *report, size_t number)
{
	const struct hrv_dump_file *file = report->files[number].file;
	struct hrv_out *out = &report->out;
	struct hrv_buffer text = {0};
	char why[HRV_SOURCE_WHY_BYTES];
	bool changed = false;
	int err = hrv_source_load(report->dump->program->reader, file->index, &text, &changed, why);

	hrv_out(out, "<section>\n<h2 id=\"f%zu\">", number);
	put_text(out, file->path);
	hrv_out(out, "</h2>\n");
	if (err != 0) {
		char *repaired = hrv_text_repair(hrv_text_of(why)); /* it may have cut a path */
		hrv_out(out, "<p class=\"warn\">The source cannot be shown: ");
		put_text(out, repaired ? repaired : "");
		hrv_out(out, "</p>\n");
		free(repaired);
	} else if (changed) {
		hrv_out(out,
		        "<p class=\"warn\">This is not the text that the program runs: the file has changed since. "
		        "Counts belong to the line numbers of then.</p>\n");
	}
	put_lines(report, number, &text);
	hrv_out(out, "</section>\n");
	hrv_buffer_fini(&text);
}

/* ---- stacks ---- */

static int path_of_file(const void *path, const void *file)
{
	return strcmp(path, ((const struct hrv_dump_file *)file)->path);
}

static void put_frame(struct report *report, const struct hrv_frame *frame)
{
	const struct hrv_dump *dump = report->dump;
	struct hrv_out *out = &report->out;
	const char *path = hrv_dump_path(dump, frame);
	char *function = hrv_dump_function(dump, frame);
	const struct hrv_dump_file *file = path && dump->file_count > 0 ? bsearch(path, dump->files, dump->file_count,
	                                                                          sizeof *dump->files, path_of_file)
	                                                                : NULL;

	hrv_out(out, "<li>");
	put_text(out, function ? function : "?");
	hrv_out(out, " <span class=\"muted\">");
	if (file && frame->line != HR_INDEX_NONE)
		hrv_out(out, "<a href=\"#f%" PRIu32 "-%" PRIu32 "\">", report->numbers[file - dump->files],
		        frame->line);
	put_text(out, path ? path : "?");
	if (frame->line != HR_INDEX_NONE)
		hrv_out(out, ":%" PRIu32, frame->line);
	hrv_out(out, "%s</span></li>\n", file && frame->line != HR_INDEX_NONE ? "</a>" : "");
	free(function);
}

static void put_stacks(struct report *report, const char *what, const struct hrv_stack *stacks, uint32_t count)
{
	struct hrv_out *out = &report->out;

	for (uint32_t i = 0; i < count; i++) {
		const struct hrv_stack *stack = &stacks[i];
		char *name = stack->used ? hrv_text_repair(hrv_text_of(stack->name)) : NULL;
		if (!name)
			continue;
		hrv_out(out, "<p>%s <strong>", what);
		put_text(out, name);
		hrv_out(out, "</strong> <span class=\"muted\">%s</span></p>\n<ul class=\"stack\">\n",
		        hrv_run_state_name(stack->run_state));
		for (uint32_t n = 0; n < stack->frame_count; n++) {
			if (n == stack->elided_at && stack->depth > stack->frame_count)
				hrv_out(out, "<li class=\"muted\">%" PRIu32 " more</li>\n",
				        stack->depth - stack->frame_count);
			put_frame(report, &stack->frames[n]);
		}
		hrv_out(out, "</ul>\n");
		free(name);
	}
}

/* ---- the whole ---- */

static void put_head(struct report *report, const char *name)
{
	const struct hrv_program *program = report->dump->program;
	struct hrv_out *out = &report->out;
	struct hrv_wire_program wire;
	char python[HRV_PYTHON_BYTES], when[32];
	time_t seconds = (time_t)(hrv_export_time(report->dump) / 1000000000);
	struct tm utc;

	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	hrv_out(out,
	        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	        "base-uri 'none'; form-action 'none'\">\n"
	        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	        "<meta name=\"generator\" content=\"hrview " HR_VERSION "\">\n<title>");
	put_text(out, name);
	hrv_out(out, " - lines hit</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>", style);
	put_text(out, name);
	hrv_out(out, "</h1>\n<p>pid %" PRIu32 ", %s%s%.*s, Python %s, <strong>", wire.pid, hrv_life_name(wire.life),
	        wire.why.len_bytes > 0 ? ": " : "", (int)wire.why.len_bytes, wire.why.bytes, python);
	put_count(out, report->hits);
	hrv_out(out, "</strong> hits");
	if (seconds != 0 && gmtime_r(&seconds, &utc) && strftime(when, sizeof when, "%F %T", &utc) > 0)
		hrv_out(out, report->hits > 0 ? ", the last at %s UTC" : ", begun at %s UTC", when);
	hrv_out(out, "</p>\n<p class=\"muted key\">A longer bar: more hits. A lighter one: hit more recently, ");
	for (size_t i = 0; i <= AGE_COUNT; i++)
		hrv_out(out, "<span class=\"h%zu\"></span>%s", i,
		        (const char *[]){" 0.1 s ", " 1 s ", " 10 s ", " 100 s ", " or more"}[i]);
	hrv_out(out, " before the program's last hit.</p>\n</header>\n");
}

static void put_file_list(struct report *report)
{
	struct hrv_out *out = &report->out;
	size_t count = report->dump->file_count;

	hrv_out(out, "<nav aria-label=\"Files\">\n<h2>Files</h2>\n");
	if (count == 0)
		hrv_out(out, "<p>No file is counted: the program's filter has let none through yet.</p>\n");
	else
		hrv_out(out, "<table>\n<thead><tr><th>File</th><th class=\"bar\"></th><th class=\"n\">Hits</th>"
		             "<th class=\"n\">Lines hit</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < count; i++) {
		const struct listed *listed = &report->files[i];
		hrv_out(out, "<tr><td class=\"path\"><a href=\"#f%zu\">", i);
		put_text(out, listed->file->path);
		hrv_out(out, "</a></td><td class=\"bar\">");
		put_bar(report, listed->hits, report->files[0].hits, listed->last_tick);
		hrv_out(out, "</td><td class=\"n\">");
		put_count(out, listed->hits);
		hrv_out(out, "</td><td class=\"n\">%zu of %zu</td></tr>\n", listed->file->hit_count,
		        listed->file->line_count);
	}
	hrv_out(out, "%s</nav>\n", count > 0 ? "</tbody>\n</table>\n" : "");
}

static void put_drops(struct report *report)
{
	for (size_t i = 0; i < HR_DROP_MAX; i++)
		if (report->dump->status.drops[i] > 0 && hrv_drop_name(i)) {
			hrv_out(&report->out, "<p class=\"warn\">Not recorded: ");
			put_count(&report->out, report->dump->status.drops[i]);
			hrv_out(&report->out, " %s</p>\n", hrv_drop_name(i));
		}
}

static void put_report(struct report *report, const char *name)
{
	const struct hrv_stacks *stacks = &report->dump->stacks;

	put_head(report, name);
	hrv_out(&report->out, "<main>\n<div>");
	put_drops(report);
	hrv_out(&report->out, "</div>\n");
	put_file_list(report);
	for (size_t i = 0; i < report->dump->file_count; i++)
		put_file(report, i);
	hrv_out(&report->out, "<section>\n<h2 id=\"stacks\">Stacks</h2>\n");
	put_stacks(report, "Thread", stacks->threads, stacks->thread_count);
	put_stacks(report, "Task", stacks->tasks, stacks->task_count);
	hrv_out(&report->out,
	        "</section>\n</main>\n<footer>Made by hrview " HR_VERSION "</footer>\n</body>\n</html>\n");
}

static int hottest_first(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;

	if (a->hits != b->hits)
		return a->hits > b->hits ? -1 : 1;
	return (a->file > b->file) - (a->file < b->file); /* by path */
}

static void list_files(struct report *report)
{
	for (size_t i = 0; i < report->dump->file_count; i++) {
		const struct hrv_dump_file *file = &report->dump->files[i];
		struct listed *listed = &report->files[i];
		*listed = (struct listed){.file = file, .hits = hrv_export_hits(file)};
		for (size_t n = 0; n < file->line_count; n++)
			if (file->lines[n].last_tick > listed->last_tick)
				listed->last_tick = file->lines[n].last_tick;
		report->hits += listed->hits;
	}
	qsort(report->files, report->dump->file_count, sizeof *report->files, hottest_first);
	for (size_t i = 0; i < report->dump->file_count; i++)
		report->numbers[report->files[i].file - report->dump->files] = (uint32_t)i;
}

int hrv_export_html(const struct hrv_dump *dump, struct hrv_buffer *buffer)
{
	struct report report = {.out = {buffer, 0}, .dump = dump};
	char *name = hrv_text_repair(dump->program->name);
	size_t count = dump->file_count ? dump->file_count : 1;
	int err = HR_ENOMEM;

	report.files = malloc(count * sizeof *report.files);
	report.numbers = malloc(count * sizeof *report.numbers);
	if (name && report.files && report.numbers) {
		list_files(&report);
		put_report(&report, name);
		err = report.out.err;
	}
	free(report.numbers);
	free(report.files);
	free(name);
	return err;
}
