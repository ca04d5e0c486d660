/* python_syntax.c — see python_syntax.h. */
#include "python_syntax.h"

#include <stdbool.h>
#include <string.h>

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_keyword(const char *word, size_t len)
{
	static const char *const keywords[] = {
	        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
	        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
	        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
	        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield",
	};

	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (strlen(keywords[i]) == len && memcmp(keywords[i], word, len) == 0)
			return true;
	return false;
}

/* From `at`, inside an open string, to behind its end or to the line's. */
static size_t to_string_end(struct hrv_syntax_state *state, const char *line, size_t len, size_t at)
{
	while (at < len) {
		if (line[at] == '\\') {
			at += at + 1 < len ? 2 : 1;
		} else if (line[at] != state->quote) {
			at++;
		} else if (!state->triple) {
			state->quote = 0;
			return at + 1;
		} else if (at + 2 < len && line[at + 1] == state->quote && line[at + 2] == state->quote) {
			state->quote = 0;
			return at + 3;
		} else {
			at++;
		}
	}
	return at;
}

/* Is there a string at `at`, with a prefix perhaps? Opens it; *body is behind its opening quotes. */
static bool opens_string(struct hrv_syntax_state *state, const char *line, size_t len, size_t at, size_t *body)
{
	size_t prefix = 0;

	while (prefix < 3 && at < len && line[at] != '\0' && strchr("rRbBuUfFtT", line[at])) {
		at++;
		prefix++;
	}
	if (at >= len || (line[at] != '"' && line[at] != '\''))
		return false;
	state->quote = line[at];
	state->triple = at + 2 < len && line[at + 1] == line[at] && line[at + 2] == line[at];
	*body = at + (state->triple ? 3 : 1);
	return true;
}

static size_t to_name_end(const char *line, size_t len, size_t at)
{
	while (at < len && is_name(line[at]))
		at++;
	return at;
}

/* 1_000, 0xFF, 1.5e-3, 2j */
static size_t to_number_end(const char *line, size_t len, size_t at)
{
	bool hexadecimal = line[at] == '0' && at + 1 < len && (line[at + 1] == 'x' || line[at + 1] == 'X');

	while (at < len && (is_name(line[at]) || line[at] == '.')) {
		bool exponent = !hexadecimal && (line[at] == 'e' || line[at] == 'E');
		at++;
		if (exponent && at < len && (line[at] == '+' || line[at] == '-'))
			at++;
	}
	return at;
}

static bool is_first(const char *line, size_t at)
{
	return strspn(line, " \t\f") >= at;
}

size_t hrv_syntax_piece(struct hrv_syntax_state *state, const char *line, size_t len_bytes, size_t at,
                        enum hrv_syntax *kind)
{
	size_t from = at, body;

	if (state->quote) {
		*kind = HRV_SYNTAX_STRING;
		return to_string_end(state, line, len_bytes, at) - from;
	}
	if (line[at] == '#') {
		*kind = HRV_SYNTAX_COMMENT;
		return len_bytes - from;
	}
	if (opens_string(state, line, len_bytes, at, &body)) {
		*kind = HRV_SYNTAX_STRING;
		return to_string_end(state, line, len_bytes, body) - from;
	}
	if (is_digit(line[at]) || (line[at] == '.' && at + 1 < len_bytes && is_digit(line[at + 1]))) {
		*kind = HRV_SYNTAX_NUMBER;
		return to_number_end(line, len_bytes, at) - from;
	}
	if (line[at] == '@' && is_first(line, at)) {
		*kind = HRV_SYNTAX_DEFINITION;
		for (at++; at < len_bytes && (is_name(line[at]) || line[at] == '.'); at++)
			;
		return at - from;
	}
	if (is_name(line[at])) {
		at = to_name_end(line, len_bytes, at);
		*kind = state->named                         ? HRV_SYNTAX_DEFINITION
		        : is_keyword(line + from, at - from) ? HRV_SYNTAX_KEYWORD
		                                             : HRV_SYNTAX_PLAIN;
		state->named = !state->named && ((at - from == 3 && memcmp(line + from, "def", 3) == 0) ||
		                                 (at - from == 5 && memcmp(line + from, "class", 5) == 0));
		return at - from;
	}
	*kind = HRV_SYNTAX_PLAIN;
	while (at < len_bytes && !is_name(line[at]) && line[at] != '#' && line[at] != '"' && line[at] != '\'' &&
	       !(at > from && (line[at] == '.' || line[at] == '@')))
		at++;
	return at > from ? at - from : 1;
}

void hrv_syntax_line_end(struct hrv_syntax_state *state, const char *line, size_t len_bytes)
{
	state->named = 0;
	/* A string of one line goes on behind a backslash only. */
	if (!state->triple && !(len_bytes > 0 && line[len_bytes - 1] == '\\'))
		state->quote = 0;
}
