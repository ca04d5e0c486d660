/* test_python_syntax.c — pieces of Python lines and their colours. */
#include "python_syntax.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The pieces of `line` between bars, each behind its kind's letter; plain ones behind none. */
static const char *pieces(struct hrv_syntax_state *state, const char *line)
{
	static const char letters[] = " ksc0d";
	static char out[512];
	size_t len = strlen(line), used = 0;
	enum hrv_syntax kind;

	for (size_t at = 0, piece; at < len; at += piece) {
		piece = hrv_syntax_piece(state, line, len, at, &kind);
		assert_true(piece > 0 && piece <= len - at);
		if (kind == HRV_SYNTAX_PLAIN)
			used += (size_t)snprintf(out + used, sizeof out - used, "%.*s", (int)piece, line + at);
		else
			used += (size_t)snprintf(out + used, sizeof out - used, "%c|%.*s|", letters[kind], (int)piece,
			                         line + at);
	}
	hrv_syntax_line_end(state, line, len);
	out[used] = '\0';
	return out;
}

static void assert_pieces(const char *line, const char *expected)
{
	struct hrv_syntax_state state = {0};

	assert_string_equal(pieces(&state, line), expected);
}

static void test_words(void **state)
{
	(void)state;
	assert_pieces("def f(x): return not x", "k|def| d|f|(x): k|return| k|not| x");
	assert_pieces("class A(B): pass", "k|class| d|A|(B): k|pass|");
	assert_pieces("    @a.b(c)", "    d|@a.b|(c)");
	assert_pieces("a @ b", "a @ b");
	assert_pieces("define = classy.def_", "define = classy.def_");
	assert_pieces("\xC3\xA9t\xC3\xA9 = None", "\xC3\xA9t\xC3\xA9 = k|None|");
	assert_pieces("lambda: (yield)", "k|lambda|: (k|yield|)");
}

static void test_numbers(void **state)
{
	(void)state;
	assert_pieces("1_000 + 0xFFe+2 + 1.5e-3j - .5", "0|1_000| + 0|0xFFe|+0|2| + 0|1.5e-3j| - 0|.5|");
	assert_pieces("a.b[-1]", "a.b[-0|1|]");
	assert_pieces("x1 = y.z2", "x1 = y.z2");
}

static void test_strings_and_comments(void **state)
{
	(void)state;
	assert_pieces("a = 'b\\'c' # d 'e", "a = s|'b\\'c'| c|# d 'e|");
	assert_pieces("rb'\\' + f\"#\"", "s|rb'\\' + f\"#\"|"); /* to colours a backslash always escapes */
	assert_pieces("fur'x'", "s|fur'x'|");
	assert_pieces("buffer 'x'", "buffer s|'x'|");
	assert_pieces("''", "s|''|");
	assert_pieces("'open", "s|'open|");
	assert_pieces("\"\"\"a\"b\"\"\" + 'c'", "s|\"\"\"a\"b\"\"\"| + s|'c'|");
}

static void test_strings_over_several_lines(void **state)
{
	(void)state;
	struct hrv_syntax_state python = {0};

	assert_string_equal(pieces(&python, "x = '''if"), "x = s|'''if|");
	assert_string_equal(pieces(&python, ""), "");
	assert_string_equal(pieces(&python, "for '' # y"), "s|for '' # y|");
	assert_string_equal(pieces(&python, "''' if y"), "s|'''| k|if| y");
	assert_string_equal(pieces(&python, "'a\\"), "s|'a\\|");
	assert_string_equal(pieces(&python, "b' + c"), "s|b'| + c");
	assert_string_equal(pieces(&python, "'never closed"), "s|'never closed|");
	assert_string_equal(pieces(&python, "if"), "k|if|");
}

static void test_any_bytes_come_to_an_end(void **state)
{
	(void)state;
	char line[64];

	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct hrv_syntax_state python = {0};
		size_t len = (size_t)rand() % sizeof line;
		enum hrv_syntax kind;
		for (size_t i = 0; i < len; i++)
			line[i] = round % 2 ? (char)rand() : "'\"\\#.@0ex_ rf\t"[rand() % 14];
		for (size_t at = 0, piece; at < len; at += piece) {
			piece = hrv_syntax_piece(&python, line, len, at, &kind);
			assert_true(piece > 0 && piece <= len - at);
		}
		hrv_syntax_line_end(&python, line, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_words),
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_strings_and_comments),
	        cmocka_unit_test(test_strings_over_several_lines),
	        cmocka_unit_test(test_any_bytes_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
