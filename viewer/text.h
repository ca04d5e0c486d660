/* text.h — foreign bytes as text.
 *
 * Names and paths of a segment are bytes that somebody else wrote; what leaves hrview is UTF-8. Pure. */
#ifndef HRV_TEXT_H
#define HRV_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that need no terminator; borrowed. */
struct hrv_text {
	const char *bytes;
	size_t len_bytes;
};

#define HRV_TEXT(literal) ((struct hrv_text){"" literal, sizeof(literal) - 1})

struct hrv_text hrv_text_of(const char *terminated);

/* Takes the next piece from `rest`: a run of valid UTF-8, or U+FFFD for one maximal ill-formed subsequence (Unicode
 * 15, table 3-8: what browsers and Python do). False when nothing is left. The pieces together are valid UTF-8. */
bool hrv_text_next_piece(struct hrv_text *rest, struct hrv_text *piece);

/* Bytes of all pieces together. */
size_t hrv_text_repaired_bytes(struct hrv_text text);

/* Bytes of the character at `at` when it changes the writing direction of what follows (U+202A - 202E and U+2066 -
 * 2069), so that code would look other than it is (CVE-2021-42574); else 0. */
size_t hrv_text_turns(const char *at, size_t left);

/* A terminated copy, repaired; the caller frees it. NULL: out of memory. */
char *hrv_text_repair(struct hrv_text text);

/* The same for a terminal: what would steer it (control characters, changes of the writing direction) is U+FFFD too. */
char *hrv_text_printable(struct hrv_text text);

#endif
