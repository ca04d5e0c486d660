/* text.c — see text.h. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct hrv_text hrv_text_of(const char *terminated)
{
	return (struct hrv_text){terminated, strlen(terminated)};
}

/* Length of the UTF-8 sequence at `s` of `n` bytes (n > 0); negative: so many bytes are one ill-formed piece. */
static int sequence(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */
	int want;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		want = 2;
	else if (s[0] >= 0xE0 && s[0] <= 0xEF)
		want = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		want = 4;
	else
		return -1;
	switch (s[0]) {
	case 0xE0:
		low = 0xA0; /* overlong below */
		break;
	case 0xED:
		high = 0x9F; /* surrogates above */
		break;
	case 0xF0:
		low = 0x90;
		break;
	case 0xF4:
		high = 0x8F; /* past U+10FFFF above */
		break;
	}
	for (int i = 1; i < want; i++) {
		if ((size_t)i >= n || s[i] < low || s[i] > high)
			return -i;
		low = 0x80;
		high = 0xBF;
	}
	return want;
}

bool hrv_text_next_piece(struct hrv_text *rest, struct hrv_text *piece)
{
	const unsigned char *s = (const unsigned char *)rest->bytes;
	size_t valid = 0;
	int step = 0;

	if (rest->len_bytes == 0)
		return false;
	while (valid < rest->len_bytes && (step = sequence(s + valid, rest->len_bytes - valid)) > 0)
		valid += (size_t)step;
	if (valid > 0)
		*piece = (struct hrv_text){rest->bytes, valid};
	else
		*piece = HRV_TEXT("\xEF\xBF\xBD");
	size_t taken = valid > 0 ? valid : (size_t)-step;
	rest->bytes += taken;
	rest->len_bytes -= taken;
	return true;
}

size_t hrv_text_repaired_bytes(struct hrv_text text)
{
	struct hrv_text piece;
	size_t bytes = 0;

	while (hrv_text_next_piece(&text, &piece))
		bytes += piece.len_bytes;
	return bytes;
}

char *hrv_text_repair(struct hrv_text text)
{
	char *out = malloc(hrv_text_repaired_bytes(text) + 1), *at = out;
	struct hrv_text piece;

	if (!out)
		return NULL;
	while (hrv_text_next_piece(&text, &piece)) {
		memcpy(at, piece.bytes, piece.len_bytes);
		at += piece.len_bytes;
	}
	*at = '\0';
	return out;
}

size_t hrv_text_turns(const char *at, size_t left)
{
	const unsigned char *s = (const unsigned char *)at;

	if (left < 3 || s[0] != 0xE2)
		return 0;
	return (s[1] == 0x80 && s[2] >= 0xAA && s[2] <= 0xAE) || (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9) ? 3 : 0;
}

/* Bytes of the character at `s` of valid UTF-8, when it steers a terminal: C0 and DEL, C1, another direction; else 0.
 */
static size_t steering(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7F)
		return 1;
	if (s[0] == 0xC2 && s[1] < 0xA0)
		return 2;
	return hrv_text_turns((const char *)s, 3); /* valid, and so all there */
}

char *hrv_text_printable(struct hrv_text text)
{
	static const char replacement[] = "\xEF\xBF\xBD";
	char *repaired = hrv_text_repair(text);
	char *out = repaired ? malloc(3 * strlen(repaired) + 1) : NULL, *at = out;

	for (const unsigned char *s = (const unsigned char *)repaired; out && *s;) {
		size_t bytes = steering(s);
		if (bytes > 0) {
			memcpy(at, replacement, 3);
			at += 3;
			s += bytes;
		} else {
			*at++ = (char)*s++;
		}
	}
	if (out)
		*at = '\0';
	free(repaired);
	return out;
}
