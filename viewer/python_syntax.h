/* python_syntax.h — what the pieces of a line of Python are, as far as colouring goes.
 *
 * No parser: it looks at one line after the other and remembers whether a triple-quoted string is open. Pure. What
 * inside an f-string is code has a string's colour. */
#ifndef HRV_PYTHON_SYNTAX_H
#define HRV_PYTHON_SYNTAX_H

#include <stddef.h>

enum hrv_syntax {
	HRV_SYNTAX_PLAIN,
	HRV_SYNTAX_KEYWORD,
	HRV_SYNTAX_STRING,
	HRV_SYNTAX_COMMENT,
	HRV_SYNTAX_NUMBER,
	HRV_SYNTAX_DEFINITION, /* the name behind def or class; a decorator */
};

/* Between two lines of a file; all zero is its start. */
struct hrv_syntax_state {
	char quote; /* of the string that is open, 0 none */
	char triple;
	char named; /* the next name is that of a def or class */
};

/* The piece that begins at `at` of a line of `len_bytes` without its end: its length, > 0 while at < len_bytes. */
size_t hrv_syntax_piece(struct hrv_syntax_state *state, const char *line, size_t len_bytes, size_t at,
                        enum hrv_syntax *kind);

/* To be called behind each line. */
void hrv_syntax_line_end(struct hrv_syntax_state *state, const char *line, size_t len_bytes);

#endif
