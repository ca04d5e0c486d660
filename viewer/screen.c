/* screen.c — see screen.h. */
#include "screen.h"

#include "hr_err.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#undef columns /* of term.h */

static struct {
	SCREEN *curses;
	bool utf8, colours;
	volatile sig_atomic_t asked; /* the signal that asks for the end */
	struct termios before;
	char restore[256]; /* what a crash writes to leave the terminal in order */
	size_t restore_bytes;
} screen;

/* ---- signals ---- */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crashes[] = {SIGSEGV, SIGABRT, SIGFPE, SIGILL}; /* SIGBUS is guard.c's */

static void on_end(int number)
{
	screen.asked = number;
}

/* Nothing of ncurses: this may be anywhere. */
static void on_crash(int number)
{
	ssize_t written = write(STDOUT_FILENO, screen.restore, screen.restore_bytes);
	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
	raise(number); /* as it would have been: SA_RESETHAND */
}

static void catch_signals(void)
{
	struct sigaction end = {.sa_handler = on_end}, crash = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		sigaction(ends[i], &end, NULL);
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &crash, NULL);
}

static void remember(const char *capability)
{
	size_t bytes = capability ? strlen(capability) : 0;

	if (bytes <= sizeof screen.restore - screen.restore_bytes) {
		memcpy(screen.restore + screen.restore_bytes, capability, bytes);
		screen.restore_bytes += bytes;
	}
}

/* ---- begin and end ---- */

bool hrv_screen_is_possible(void)
{
	const char *term = getenv("TERM");
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term)
		return false;
	/* Where a shell exports them, they do not follow the window. */
	unsetenv("LINES");
	unsetenv("COLUMNS");
	return setupterm(NULL, STDOUT_FILENO, &err) == OK && cursor_address != NULL;
}

static void begin_colours(void)
{
	static const short colours[] = {COLOR_YELLOW, COLOR_CYAN, COLOR_BLUE, COLOR_RED};
	const char *no = getenv("NO_COLOR"); /* https://no-color.org */

	if ((no && *no) || !has_colors() || start_color() != OK || use_default_colors() != OK)
		return;
	for (short i = 0; i < 4; i++)
		init_pair((short)(i + 1), colours[i], -1);
	screen.colours = true;
}

int hrv_screen_begin(void)
{
	tcgetattr(STDIN_FILENO, &screen.before);
	/* Where nothing is said, as in containers: what terminals are. */
	bool said = getenv("LC_ALL") || getenv("LC_CTYPE") || getenv("LANG");
	setlocale(LC_CTYPE, said ? "" : "C.UTF-8");
	screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen.curses = newterm(NULL, stdout, stdin);
	if (!screen.curses)
		return HR_EIO;
	remember(exit_attribute_mode);
	remember(cursor_normal);
	remember(keypad_local);
	remember(exit_ca_mode);
	catch_signals();
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	begin_colours();
	return 0;
}

void hrv_screen_end(void)
{
	endwin();
	delscreen(screen.curses);
	if (screen.asked == 0 || screen.asked == SIGINT)
		return;
	signal(screen.asked, SIG_DFL);
	raise(screen.asked);
}

/* ---- drawing ---- */

void hrv_screen_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

void hrv_screen_erase(void)
{
	erase();
}

static attr_t attributes_of(unsigned style)
{
	static const struct {
		unsigned style;
		attr_t without; /* where there are no colours */
	} colours[] = {{HRV_STYLE_HOT, A_BOLD},
	               {HRV_STYLE_WARM, A_NORMAL},
	               {HRV_STYLE_COLD, A_DIM},
	               {HRV_STYLE_ALERT, A_REVERSE}};
	attr_t attributes = (style & HRV_STYLE_BOLD ? A_BOLD : 0) | (style & HRV_STYLE_DIM ? A_DIM : 0) |
	                    (style & HRV_STYLE_REVERSE ? A_REVERSE : 0);

	for (int i = 0; i < 4; i++)
		if (style & colours[i].style)
			attributes |= screen.colours ? (attr_t)COLOR_PAIR(i + 1) : colours[i].without;
	return attributes;
}

/* The next character of valid or invalid UTF-8, L'?' for what cannot be shown. */
static wchar_t next(struct hrv_text *text)
{
	const unsigned char *s = (const unsigned char *)text->bytes;
	size_t bytes = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	wchar_t c = s[0] < 0x80 ? s[0] : s[0] & (0xFF >> (bytes + 1));

	if (bytes > text->len_bytes)
		bytes = text->len_bytes;
	for (size_t i = 1; i < bytes; i++)
		c = c << 6 | (s[i] & 0x3F);
	text->bytes += bytes;
	text->len_bytes -= bytes;
	return c < 0x80 || (screen.utf8 && wcwidth(c) >= 0) ? c : L'?';
}

int hrv_screen_put(int y, int x, int width, struct hrv_text text, unsigned style)
{
	int at = 0;

	attrset(attributes_of(style));
	while (text.len_bytes > 0) {
		wchar_t c = next(&text);
		if (c == L'\t') {
			for (int to = (at / 8 + 1) * 8; at < to && at < width; at++)
				mvaddch(y, x + at, ' ');
			continue;
		}
		if (c < 0x20 || c == 0x7F)
			c = L'?';
		int columns = wcwidth(c);
		if (columns == 0)
			continue;
		if (at + columns > width)
			break;
		mvaddnwstr(y, x + at, &c, 1);
		at += columns;
	}
	attrset(A_NORMAL);
	return at;
}

static int columns_of(struct hrv_text text)
{
	int columns = 0;

	while (text.len_bytes > 0) {
		int width = wcwidth(next(&text));
		columns += width > 0 ? width : 0;
	}
	return columns;
}

int hrv_screen_put_end(int y, int x, int width, struct hrv_text text, unsigned style)
{
	struct hrv_text rest = text;
	int columns = columns_of(text);

	if (columns <= width)
		return hrv_screen_put(y, x, width, text, style);
	while (rest.len_bytes > 0 && columns > width - 3) {
		int one = wcwidth(next(&rest));
		columns -= one > 0 ? one : 0;
	}
	hrv_screen_put(y, x, width, HRV_TEXT("..."), style);
	return 3 + hrv_screen_put(y, x + 3, width - 3, rest, style);
}

void hrv_screen_put_bar(int y, int x, int width, double share, unsigned style)
{
	int eighths = (int)(share * width * 8 + 0.5);

	eighths = share > 0 && eighths == 0 ? 1 : eighths > width * 8 ? width * 8 : eighths;
	attrset(attributes_of(style));
	for (int at = 0; eighths > 0; at++, eighths -= 8) {
		/* U+2588 is all of the column, U+258F an eighth. */
		wchar_t c = screen.utf8 ? (wchar_t)(0x2588 + (eighths >= 8 ? 0 : 8 - eighths)) : L'=';
		mvaddnwstr(y, x + at, &c, 1);
	}
	attrset(A_NORMAL);
}

void hrv_screen_mark_row(int y)
{
	mvchgat(y, 0, -1, A_REVERSE, 0, NULL);
}

void hrv_screen_show(void)
{
	refresh();
}

/* ---- keys ---- */

static int key_of(int code)
{
	static const struct {
		int code, key;
	} keys[] = {
	        {KEY_UP, HRV_KEY_UP},       {KEY_DOWN, HRV_KEY_DOWN},     {KEY_LEFT, HRV_KEY_LEFT},
	        {KEY_RIGHT, HRV_KEY_RIGHT}, {KEY_PPAGE, HRV_KEY_PAGE_UP}, {KEY_NPAGE, HRV_KEY_PAGE_DOWN},
	        {KEY_HOME, HRV_KEY_HOME},   {KEY_END, HRV_KEY_LAST},      {KEY_ENTER, HRV_KEY_ENTER},
	        {'\r', HRV_KEY_ENTER},      {'\n', HRV_KEY_ENTER},        {0x1B, HRV_KEY_ESCAPE},
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].code == code)
			return keys[i].key;
	return code > 0 && code < 0x80 ? code : HRV_KEY_NONE;
}

int hrv_screen_key(int timeout_ms)
{
	struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
	int code = getch(); /* ncurses may have read ahead; it also takes in a new size */

	if (code == ERR && !screen.asked) {
		int ready = poll(&terminal, 1, timeout_ms);
		if (ready > 0 && (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)))
			return HRV_KEY_END;
		code = getch();
	}
	if (screen.asked)
		return HRV_KEY_END;
	return code == ERR ? HRV_KEY_NONE : key_of(code);
}
