/* top_view.c — see top_view.h. */
#include "top_view.h"

#include "hr_err.h"
#include "out.h"
#include "screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the numbers and bars that begin every row of lines, a blank behind each. */
enum { HITS_WIDTH = 9, RATE_WIDTH = 9, BAR_WIDTH = 10, NUMBERS_WIDTH = HITS_WIDTH + RATE_WIDTH + BAR_WIDTH + 3 };
enum { HEAD_ROWS = 3, FOOT_ROWS = 1, ROWS_MIN = 8, COLUMNS_MIN = 40 };
enum { NAME_WIDTH = 15, WORDS_WIDTH = 34, LINE_WIDTH = 6 };

static const char *const help[] = {
        "Hottest lines",
        "  r h f          sort by hits a second, by hits, by file",
        "  Up Down j k    move; PgUp PgDn, Home End too",
        "  Enter o        open the file at that line",
        "  Tab            to the threads and back",
        "In a file",
        "  Left Right     scroll sideways",
        "  q Esc          back",
        "Everywhere",
        "  p              pause, and go on",
        "  ?              this, and back",
        "  q              leave",
        "",
        "A bar is the longer the more of the rate (or of the hits, when they",
        "are what is sorted by), and the brighter the more recent.",
};

/* "1,234,567", and where that is wider than `width` "1.2M"; negative is not known: "-". */
static void fit_count(double count, int width, char out[HRV_COUNT_BYTES])
{
	static const char units[] = "kMGTPE";
	int unit = -1;

	strcpy(out, "-");
	if (count < 0)
		return;
	if (count < 1e15)
		hrv_count_format((unsigned long long)(count + 0.5), out);
	if (count < 1e15 && strlen(out) <= (size_t)width)
		return;
	for (; count >= 1000 && unit + 1 < (int)sizeof units - 1; unit++)
		count /= 1000;
	snprintf(out, HRV_COUNT_BYTES, "%.*f%c", count < 100 ? 1 : 0, count, units[unit]);
}

/* ---- the head ---- */

void hrv_top_head(struct hrv_top *top, const struct hrv_program *program, char first[HRV_TOP_HEAD_BYTES],
                  char second[HRV_TOP_HEAD_BYTES])
{
	const struct hrv_top_summary *summary = hrv_top_summary(top);
	char life[HRV_LIFE_WORDS_BYTES], python[HRV_PYTHON_BYTES], rate[HRV_COUNT_BYTES], hits[HRV_COUNT_BYTES],
	        drops[HRV_COUNT_BYTES], span[HRV_SPAN_BYTES], *name = hrv_text_printable(program->name);
	size_t threads = 0, tasks = 0, count;
	const struct hrv_top_thread *rows = hrv_top_threads(top, &count);

	for (size_t i = 0; i < count; i++)
		*(rows[i].task ? &tasks : &threads) += 1;
	hrv_life_words(program, &summary->moment, summary->last_hit_tick, life);
	hrv_python_format(hrv_reader_header(program->reader)->python_hex, python);
	hrv_span_format(summary->moment.tick, span);
	snprintf(first, HRV_TOP_HEAD_BYTES, "%.100s  pid %" PRIu32 "  %s  (Python %s, %s)", name ? name : "?",
	         program->pid, life, python, span);
	free(name);
	fit_count(summary->hits_per_s, 20, rate);
	fit_count((double)summary->hits, 20, hits);
	fit_count((double)summary->drops, 20, drops);
	int used = snprintf(second, HRV_TOP_HEAD_BYTES, "%s hits/s  %s hits  %" PRIu32 " file%s  %zu thread%s", rate,
	                    hits, summary->files, summary->files == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
	if (tasks > 0)
		used += snprintf(second + used, HRV_TOP_HEAD_BYTES - (size_t)used, "  %zu task%s", tasks,
		                 tasks == 1 ? "" : "s");
	if (summary->drops > 0)
		snprintf(second + used, HRV_TOP_HEAD_BYTES - (size_t)used, "  not recorded: %s", drops);
}

static void draw_head(struct hrv_top *top, const struct hrv_program *program, const struct hrv_top_view *view,
                      int columns)
{
	char first[HRV_TOP_HEAD_BYTES], second[HRV_TOP_HEAD_BYTES];

	hrv_top_head(top, program, first, second);
	hrv_screen_put(0, 0, columns, hrv_text_of(first), HRV_STYLE_BOLD);
	if (view->in_file && !view->help)
		hrv_screen_put_end(1, 0, columns, hrv_text_of(hrv_top_path(top, view->file)), HRV_STYLE_PLAIN);
	else
		hrv_screen_put(1, 0, columns, hrv_text_of(second), HRV_STYLE_PLAIN);
	if (view->paused)
		hrv_screen_put(0, columns - 8, 8, HRV_TEXT(" paused "), HRV_STYLE_ALERT | HRV_STYLE_REVERSE);
}

static void draw_bar_of_text(int y, int columns, const char *text)
{
	hrv_screen_put(y, 0, columns, hrv_text_of(text), HRV_STYLE_PLAIN);
	hrv_screen_mark_row(y);
}

/* ---- lines ---- */

static void put_right(int y, int x, int width, const char *text, unsigned style)
{
	int len = (int)strlen(text);

	hrv_screen_put(y, x + (len < width ? width - len : 0), width, hrv_text_of(text), style);
}

/* How bright: by the time since the last hit. */
static unsigned heat_of(const struct hrv_top *top, const struct hrv_top_line *line)
{
	uint64_t now = hrv_top_summary(top)->moment.tick;
	uint64_t rest_ms = now > line->last_tick ? now - line->last_tick : 0;

	if (line->hits == 0)
		return HRV_STYLE_DIM;
	if (rest_ms < 500)
		return HRV_STYLE_HOT | HRV_STYLE_BOLD;
	return rest_ms < 5000 ? HRV_STYLE_WARM : HRV_STYLE_COLD;
}

/* What the bar of a line stands for: of a program that has ended there is no rate. */
static double value_of(const struct hrv_top_line *line, enum hrv_top_sort sort)
{
	return sort == HRV_TOP_BY_RATE && line->hits_per_s >= 0 ? line->hits_per_s : (double)line->hits;
}

/* Hits, hits a second and the bar. */
static void draw_numbers(const struct hrv_top *top, int y, const struct hrv_top_line *line, enum hrv_top_sort sort,
                         double most)
{
	double value = value_of(line, sort);
	char hits[HRV_COUNT_BYTES], rate[HRV_COUNT_BYTES];

	fit_count((double)line->hits, HITS_WIDTH, hits);
	fit_count(line->hits_per_s, RATE_WIDTH, rate);
	put_right(y, 0, HITS_WIDTH, hits, line->hits == 0 ? HRV_STYLE_DIM : HRV_STYLE_PLAIN);
	put_right(y, HITS_WIDTH + 1, RATE_WIDTH, rate, line->hits_per_s > 0 ? HRV_STYLE_PLAIN : HRV_STYLE_DIM);
	hrv_screen_put_bar(y, HITS_WIDTH + RATE_WIDTH + 2, BAR_WIDTH, most > 0 && value > 0 ? value / most : 0,
	                   heat_of(top, line));
}

/* The largest value, for which a bar is full. */
static double most_of(const struct hrv_top_line *lines, size_t count, enum hrv_top_sort sort)
{
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		double value = value_of(&lines[i], sort);
		if (value > most)
			most = value;
	}
	return most;
}

/* "lexer.py:12" in `width` columns, then its text. */
static void draw_place(struct hrv_top *top, int y, int x, int width, int columns, uint32_t file, uint32_t line)
{
	const char *path = hrv_top_path(top, file), *slash = strrchr(path, '/');
	char number[16], place[512];

	if (file == HR_INDEX_NONE || line == HR_INDEX_NONE)
		return;
	/* The folder stays as long as there is room: many files are called __init__.py. */
	while (slash && slash > path && slash[-1] != '/')
		slash--;
	snprintf(number, sizeof number, ":%" PRIu32, line);
	snprintf(place, sizeof place, "%.400s%s", slash ? slash : path, number);
	hrv_screen_put_end(y, x, width, hrv_text_of(place), HRV_STYLE_PLAIN);
	struct hrv_text text = hrv_top_statement(hrv_top_source(top, file), line);
	if (columns > x + width + 1)
		hrv_screen_put(y, x + width + 1, columns - x - width - 1, text, HRV_STYLE_DIM);
}

static size_t index_of(const struct hrv_top_view *view, const struct hrv_top_line *lines, size_t count)
{
	for (size_t i = 0; view->has_marked && i < count; i++)
		if (lines[i].file == view->marked.file && lines[i].line == view->marked.line)
			return i;
	return 0;
}

/* The first of `rows` rows that are shown, so that `marked` is among them. */
static size_t scrolled(size_t above, size_t marked, size_t count, size_t rows)
{
	if (marked < above)
		above = marked;
	if (rows > 0 && marked >= above + rows)
		above = marked - rows + 1;
	if (above + rows > count)
		above = count > rows ? count - rows : 0;
	return above;
}

static int draw_lines(struct hrv_top *top, struct hrv_top_view *view, int y, int rows, int columns)
{
	static const char *const titles[] = {"hits/s", "hits", "file"};
	const struct hrv_top_line *lines;
	int place_width = (columns - NUMBERS_WIDTH) * 2 / 5;
	char title[512];
	size_t count;
	int err = hrv_top_lines(top, view->sort, &lines, &count);

	if (err != 0)
		return err;
	snprintf(title, sizeof title, "%*s %*s %-*s %-*s LINES by %s: %zu hit", HITS_WIDTH, "HITS", RATE_WIDTH,
	         "HITS/S", BAR_WIDTH, "", place_width, "FILE:LINE", titles[view->sort], count);
	draw_bar_of_text(y++, columns, title);
	if (count == 0) {
		hrv_screen_put(y, 2, columns - 2,
		               HRV_TEXT("no line was hit yet: the program waits, or runs code that is not traced"),
		               HRV_STYLE_DIM);
		return 0;
	}
	double most = most_of(lines, count, view->sort);
	size_t marked = index_of(view, lines, count);
	view->lines_above = scrolled(view->lines_above, marked, count, (size_t)rows);
	for (int i = 0; i < rows && view->lines_above + (size_t)i < count; i++) {
		size_t at = view->lines_above + (size_t)i;
		draw_numbers(top, y + i, &lines[at], view->sort, most);
		draw_place(top, y + i, NUMBERS_WIDTH, place_width, columns, lines[at].file, lines[at].line);
		if (at == marked && !view->in_threads)
			hrv_screen_mark_row(y + i);
	}
	return 0;
}

/* ---- threads ---- */

static void draw_threads(struct hrv_top *top, struct hrv_top_view *view, int y, int rows, int columns)
{
	size_t count;
	const struct hrv_top_thread *threads = hrv_top_threads(top, &count);
	char title[512];

	snprintf(title, sizeof title, "%-*s %-*s %s", NAME_WIDTH, "THREAD", WORDS_WIDTH, "STATE", "NOW AT");
	draw_bar_of_text(y++, columns, title);
	if (count > 0 && view->marked_thread >= count)
		view->marked_thread = count - 1;
	view->threads_above =
	        scrolled(view->threads_above, view->in_threads ? view->marked_thread : 0, count, (size_t)rows);
	for (int i = 0; i < rows && view->threads_above + (size_t)i < count; i++) {
		const struct hrv_top_thread *thread = &threads[view->threads_above + (size_t)i];
		unsigned style = thread->stillness == HRV_STUCK  ? HRV_STYLE_ALERT
		                 : thread->stillness == HRV_IDLE ? HRV_STYLE_DIM
		                                                 : HRV_STYLE_PLAIN;
		int x = NAME_WIDTH + WORDS_WIDTH + 2, rest = columns - x;
		hrv_screen_put(y + i, 0, NAME_WIDTH, hrv_text_of(thread->name), HRV_STYLE_PLAIN);
		hrv_screen_put(y + i, NAME_WIDTH + 1, WORDS_WIDTH, hrv_text_of(thread->words), style);
		if (rest > 0)
			draw_place(top, y + i, x, rest < 24 ? rest : 24, columns, thread->file, thread->line);
		if (view->in_threads && view->threads_above + (size_t)i == view->marked_thread)
			hrv_screen_mark_row(y + i);
	}
}

static int draw_main(struct hrv_top *top, struct hrv_top_view *view, int rows, int columns)
{
	size_t thread_count;

	hrv_top_threads(top, &thread_count);
	int most = (rows - HEAD_ROWS - FOOT_ROWS) / 3;
	int thread_rows = thread_count < (size_t)most ? (int)thread_count : most;
	int line_rows = rows - HEAD_ROWS - FOOT_ROWS - 1 - thread_rows;
	int err = draw_lines(top, view, HEAD_ROWS - 1, line_rows, columns);

	if (err != 0)
		return err;
	draw_threads(top, view, HEAD_ROWS + line_rows, thread_rows, columns);
	draw_bar_of_text(rows - 1, columns, " q leave  ? help  r h f sort  Enter open the file  Tab threads  p pause");
	return 0;
}

/* ---- a file ---- */

static size_t row_count(const struct hrv_top_source *source, const struct hrv_top_line *lines, size_t count)
{
	size_t last = count > 0 ? lines[count - 1].line : 0, text = source ? source->line_count : 0;

	return last > text && text == 0 ? last : text;
}

static bool is_running_at(const struct hrv_top *top, uint32_t file, uint32_t line)
{
	size_t count;
	const struct hrv_top_thread *threads = hrv_top_threads(top, &count);

	for (size_t i = 0; i < count; i++)
		if (threads[i].file == file && threads[i].line == line)
			return true;
	return false;
}

/* What is left of a text when `columns` of it are scrolled away. */
static struct hrv_text scrolled_text(struct hrv_text text, int columns)
{
	for (; columns > 0 && text.len_bytes > 0; columns--) {
		do {
			text.bytes++;
			text.len_bytes--;
		} while (text.len_bytes > 0 && (*text.bytes & 0xC0) == 0x80);
	}
	return text;
}

static int draw_file(struct hrv_top *top, struct hrv_top_view *view, int rows, int columns)
{
	const struct hrv_top_source *source = hrv_top_source(top, view->file);
	const struct hrv_top_line *lines;
	int shown = rows - HEAD_ROWS - FOOT_ROWS, x = NUMBERS_WIDTH + LINE_WIDTH + 2;
	char title[512];
	size_t count, next = 0;
	int err = hrv_top_file_lines(top, view->file, &lines, &count);

	if (err != 0 || !source)
		return HR_ENOMEM;
	size_t row_total = row_count(source, lines, count);
	if (view->file_line >= row_total)
		view->file_line = row_total > 0 ? row_total - 1 : 0;
	view->file_above = scrolled(view->file_above, view->file_line, row_total, (size_t)shown);
	const char *trouble = source->why[0]    ? source->why
	                      : source->changed ? "the file has changed since it was loaded: lines may be others"
	                                        : "";
	snprintf(title, sizeof title, "%*s %*s %-*s %*s  %s", HITS_WIDTH, "HITS", RATE_WIDTH, "HITS/S", BAR_WIDTH, "",
	         LINE_WIDTH, "LINE", trouble);
	draw_bar_of_text(HEAD_ROWS - 1, columns, title);
	double most = most_of(lines, count, view->sort);
	for (int i = 0; i < shown && view->file_above + (size_t)i < row_total; i++) {
		uint32_t line = (uint32_t)(view->file_above + (size_t)i) + 1;
		char number[16];
		while (next < count && lines[next].line < line)
			next++;
		if (next < count && lines[next].line == line)
			draw_numbers(top, HEAD_ROWS + i, &lines[next], view->sort, most);
		snprintf(number, sizeof number, "%" PRIu32, line);
		put_right(HEAD_ROWS + i, NUMBERS_WIDTH, LINE_WIDTH, number, HRV_STYLE_DIM);
		bool running = is_running_at(top, view->file, line);
		if (running)
			hrv_screen_put(HEAD_ROWS + i, x - 2, 1, HRV_TEXT(">"), HRV_STYLE_HOT | HRV_STYLE_BOLD);
		if (columns > x)
			hrv_screen_put(HEAD_ROWS + i, x, columns - x,
			               scrolled_text(hrv_top_source_line(source, line), view->file_left),
			               running ? HRV_STYLE_BOLD : HRV_STYLE_PLAIN);
		if (line == view->file_line + 1)
			hrv_screen_mark_row(HEAD_ROWS + i);
	}
	draw_bar_of_text(rows - 1, columns,
	                 " q back  ? help  arrows PgUp PgDn Home End move  p pause   > a thread is here");
	return 0;
}

int hrv_top_draw(struct hrv_top *top, const struct hrv_program *program, struct hrv_top_view *view)
{
	int rows, columns, err = 0;

	hrv_screen_size(&rows, &columns);
	hrv_screen_erase();
	if (rows < ROWS_MIN || columns < COLUMNS_MIN) {
		hrv_screen_put(0, 0, columns, HRV_TEXT("too small: 40x8 at least"), HRV_STYLE_PLAIN);
	} else if (view->help) {
		draw_head(top, program, view, columns);
		for (int i = 0; i < (int)(sizeof help / sizeof *help) && HEAD_ROWS + i < rows; i++)
			hrv_screen_put(HEAD_ROWS + i, 1, columns - 1, hrv_text_of(help[i]),
			               help[i][0] != ' ' ? HRV_STYLE_BOLD : HRV_STYLE_PLAIN);
	} else {
		draw_head(top, program, view, columns);
		err = view->in_file ? draw_file(top, view, rows, columns) : draw_main(top, view, rows, columns);
	}
	hrv_screen_show();
	return err;
}

/* ---- keys ---- */

/* Where a key for moving leads from row `at` of `count`; SIZE_MAX when it is none. */
static size_t moved(int key, size_t at, size_t count, size_t page)
{
	size_t last = count > 0 ? count - 1 : 0;

	switch (key) {
	case HRV_KEY_UP:
	case 'k':
		return at > 0 ? at - 1 : 0;
	case HRV_KEY_DOWN:
	case 'j':
		return at < last ? at + 1 : last;
	case HRV_KEY_PAGE_UP:
		return at > page ? at - page : 0;
	case HRV_KEY_PAGE_DOWN:
	case ' ':
		return at + page < last ? at + page : last;
	case HRV_KEY_HOME:
	case 'g':
		return 0;
	case HRV_KEY_LAST:
	case 'G':
		return last;
	default:
		return SIZE_MAX;
	}
}

static void open_file(struct hrv_top_view *view, uint32_t file, uint32_t line)
{
	int rows, columns;

	if (file == HR_INDEX_NONE || line == HR_INDEX_NONE || line == 0)
		return;
	hrv_screen_size(&rows, &columns);
	view->in_file = true;
	view->file = file;
	view->file_line = line - 1;
	view->file_above = line > (uint32_t)rows / 2 ? line - (uint32_t)rows / 2 : 0;
	view->file_left = 0;
}

static bool press_in_file(struct hrv_top *top, struct hrv_top_view *view, int key, size_t page)
{
	const struct hrv_top_line *lines;
	size_t count;

	if (key == 'q' || key == HRV_KEY_ESCAPE) {
		view->in_file = false;
	} else if (key == HRV_KEY_LEFT) {
		view->file_left = view->file_left > 8 ? view->file_left - 8 : 0;
	} else if (key == HRV_KEY_RIGHT) {
		view->file_left += view->file_left < 10000 ? 8 : 0;
	} else if (hrv_top_file_lines(top, view->file, &lines, &count) == 0) {
		size_t to = moved(key, view->file_line, row_count(hrv_top_source(top, view->file), lines, count), page);
		view->file_line = to != SIZE_MAX ? to : view->file_line;
	}
	return true;
}

static void press_in_threads(struct hrv_top *top, struct hrv_top_view *view, int key, size_t page)
{
	size_t count;
	const struct hrv_top_thread *threads = hrv_top_threads(top, &count);
	size_t to = moved(key, view->marked_thread, count, page);

	if ((key == HRV_KEY_ENTER || key == 'o') && view->marked_thread < count)
		open_file(view, threads[view->marked_thread].file, threads[view->marked_thread].line);
	else if (to != SIZE_MAX)
		view->marked_thread = to;
}

static void press_in_lines(struct hrv_top *top, struct hrv_top_view *view, int key, size_t page)
{
	const struct hrv_top_line *lines;
	size_t count;

	if (hrv_top_lines(top, view->sort, &lines, &count) != 0 || count == 0)
		return;
	size_t at = index_of(view, lines, count), to = moved(key, at, count, page);
	if (key == HRV_KEY_ENTER || key == 'o') {
		open_file(view, lines[at].file, lines[at].line);
	} else if (to != SIZE_MAX) {
		view->marked = lines[to];
		view->has_marked = to != 0; /* at the top the mark stays there, whatever line that is */
	}
}

bool hrv_top_press(struct hrv_top *top, struct hrv_top_view *view, int key)
{
	static const struct {
		int key;
		enum hrv_top_sort sort;
	} sorts[] = {{'r', HRV_TOP_BY_RATE}, {'h', HRV_TOP_BY_HITS}, {'f', HRV_TOP_BY_FILE}};
	int rows, columns;

	hrv_screen_size(&rows, &columns);
	size_t page = rows > 8 ? (size_t)rows - 8 : 1;
	for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
		if (key == sorts[i].key)
			view->sort = sorts[i].sort;
	if (key == '?' || (view->help && key != HRV_KEY_NONE)) {
		view->help = !view->help;
	} else if (key == 'p') {
		view->paused = !view->paused;
	} else if (view->in_file) {
		return press_in_file(top, view, key, page);
	} else if (key == 'q') {
		return false;
	} else if (key == '\t') {
		view->in_threads = !view->in_threads;
	} else if (view->in_threads) {
		press_in_threads(top, view, key, page);
	} else {
		press_in_lines(top, view, key, page);
	}
	return true;
}
