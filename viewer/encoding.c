/* encoding.c — see encoding.h. */
#include "encoding.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BOM         "\xEF\xBB\xBF"
#define REPLACEMENT "\xEF\xBF\xBD"

static bool take_bom(struct hrv_text *source)
{
	if (source->len_bytes < 3 || memcmp(source->bytes, BOM, 3) != 0)
		return false;
	source->bytes += 3;
	source->len_bytes -= 3;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* PEP 263: ^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+) ; true with the name's place in *out. */
static bool declaration(struct hrv_text line, struct hrv_text *out)
{
	const char *at = line.bytes, *end = line.bytes + line.len_bytes;

	while (at < end && is_blank(*at))
		at++;
	if (at == end || *at != '#')
		return false;
	for (; end - at > 7; at++) {
		if (memcmp(at, "coding", 6) != 0 || (at[6] != ':' && at[6] != '='))
			continue;
		const char *name = at + 7;
		while (name < end && (*name == ' ' || *name == '\t'))
			name++;
		size_t len = 0;
		while (name + len < end && is_name(name[len]))
			len++;
		if (len > 0) {
			*out = (struct hrv_text){name, len};
			return true;
		}
	}
	return false;
}

/* Nothing but blanks or a comment: only then may the declaration stand in the second line. */
static bool is_code(struct hrv_text line)
{
	for (size_t i = 0; i < line.len_bytes && line.bytes[i] != '#'; i++)
		if (!is_blank(line.bytes[i]))
			return true;
	return false;
}

static struct hrv_text take_line(struct hrv_text *rest)
{
	size_t len = 0;

	while (len < rest->len_bytes && rest->bytes[len] != '\n' && rest->bytes[len] != '\r')
		len++;
	struct hrv_text line = {rest->bytes, len};
	if (len + 1 < rest->len_bytes && rest->bytes[len] == '\r' && rest->bytes[len + 1] == '\n')
		len++;
	len += len < rest->len_bytes;
	rest->bytes += len;
	rest->len_bytes -= len;
	return line;
}

static bool is_or_begins(const char *name, const char *word)
{
	size_t len = strlen(word);
	return strncmp(name, word, len) == 0 && (name[len] == '\0' || name[len] == '-');
}

void hrv_encoding_of(struct hrv_text source, char out[HRV_ENCODING_BYTES])
{
	struct hrv_text name = HRV_TEXT("utf-8");

	if (!take_bom(&source)) {
		struct hrv_text line = take_line(&source);
		if (!declaration(line, &name) && !is_code(line))
			declaration(take_line(&source), &name);
	}
	if (name.len_bytes >= HRV_ENCODING_BYTES)
		name = HRV_TEXT("utf-8");
	for (size_t i = 0; i < name.len_bytes; i++)
		out[i] = name.bytes[i] == '_' ? '-' : (char)tolower((unsigned char)name.bytes[i]);
	out[name.len_bytes] = '\0';
	/* Python's own short names for its two built-in ones (tokenize.py), which iconv does not know. */
	if (is_or_begins(out, "utf-8"))
		strcpy(out, "utf-8");
	else if (is_or_begins(out, "latin-1") || is_or_begins(out, "iso-8859-1") || is_or_begins(out, "iso-latin-1"))
		strcpy(out, "iso-8859-1");
}

/* Python spells some names with hyphens that iconv has without: mac-cyrillic, cp-1252. */
static iconv_t open_decoder(const char *name)
{
	char bare[HRV_ENCODING_BYTES];
	size_t len = 0;
	iconv_t decoder = iconv_open("UTF-8", name);

	if (decoder != (iconv_t)-1)
		return decoder;
	for (const char *at = name; *at; at++)
		if (*at != '-')
			bare[len++] = *at;
	bare[len] = '\0';
	return iconv_open("UTF-8", strcmp(bare, "macroman") == 0 ? "macintosh" : bare);
}

int hrv_encoding_repair(struct hrv_text source, struct hrv_buffer *out)
{
	struct hrv_text piece;
	int err = 0;

	while (err == 0 && hrv_text_next_piece(&source, &piece))
		err = hrv_buffer_append(out, piece.bytes, piece.len_bytes);
	return err;
}

static int convert(iconv_t decoder, struct hrv_text source, struct hrv_buffer *out)
{
	char *in = (char *)source.bytes;
	size_t left = source.len_bytes;

	while (left > 0) {
		int err = hrv_buffer_reserve(out, left + 16);
		if (err != 0)
			return err;
		char *to = out->bytes + out->len_bytes;
		size_t room = out->capacity_bytes - out->len_bytes;
		size_t rc = iconv(decoder, &in, &left, &to, &room);
		out->len_bytes = out->capacity_bytes - room;
		if (rc != (size_t)-1 || errno == E2BIG)
			continue;
		/* One byte that does not fit is replaced, and the decoder starts afresh behind it. */
		err = hrv_buffer_append(out, REPLACEMENT, strlen(REPLACEMENT));
		if (err != 0)
			return err;
		in++;
		left--;
		iconv(decoder, NULL, NULL, NULL, NULL);
	}
	return 0;
}

int hrv_encoding_decode(struct hrv_text source, struct hrv_buffer *out)
{
	char name[HRV_ENCODING_BYTES];
	int err;

	hrv_encoding_of(source, name);
	take_bom(&source);
	if (strcmp(name, "utf-8") == 0)
		return hrv_encoding_repair(source, out);
	iconv_t decoder = open_decoder(name);
	if (decoder == (iconv_t)-1)
		return hrv_encoding_repair(source, out);
	err = convert(decoder, source, out);
	iconv_close(decoder);
	return err;
}
