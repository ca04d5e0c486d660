/* head.c — see head.h. */
#define _GNU_SOURCE /* memmem */
#include "head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BAD "400 Bad Request"

static const struct hrv_refusal not_text = {BAD,
                                            "a request's head is text: no control characters, lines ended by CR LF"},
                                bad_first_line = {BAD, "a request begins with METHOD /PATH HTTP/1.1"},
                                bad_field = {BAD, "a header field is `name: value`, on one line"},
                                two_hosts = {BAD, "a request has one Host"}, body = {BAD, "a request has no body here"},
                                too_many = {"431 Request Header Fields Too Large",
                                            "a request has 64 header fields at most"};

/* A run of bytes. */
struct piece {
	const char *at;
	size_t len;
};

/* RFC 9110, 5.6.2 */
static bool is_token(struct piece piece)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < piece.len; i++)
		if (!memchr(allowed, piece.at[i], sizeof allowed - 1))
			return false;
	return piece.len > 0;
}

static bool is(struct piece piece, const char *text)
{
	return piece.len == strlen(text) && strncasecmp(piece.at, text, piece.len) == 0;
}

/* What stands before `mark`, which *rest then begins behind; without one all of it, and nothing is left. */
static struct piece cut(struct piece *rest, const char *mark)
{
	const char *found = memmem(rest->at, rest->len, mark, strlen(mark));
	struct piece before = {rest->at, found ? (size_t)(found - rest->at) : rest->len};
	size_t taken = before.len + (found ? strlen(mark) : 0);

	*rest = (struct piece){rest->at + taken, rest->len - taken};
	return before;
}

static bool is_text(struct piece line)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7F)
			return false;
	return true;
}

static bool is_first_line(struct piece line)
{
	struct piece method = cut(&line, " "), target = cut(&line, " ");

	return is_token(method) && target.len > 0 && target.at[0] == '/' && !memchr(target.at, '\t', target.len) &&
	       (is(line, "HTTP/1.1") || is(line, "HTTP/1.0"));
}

static struct piece trim(struct piece piece)
{
	while (piece.len > 0 && strchr(" \t", piece.at[0]))
		piece = (struct piece){piece.at + 1, piece.len - 1};
	while (piece.len > 0 && strchr(" \t", piece.at[piece.len - 1]))
		piece.len--;
	return piece;
}

const struct hrv_refusal *hrv_head_judge(const char *bytes, size_t len_bytes)
{
	struct piece rest = {bytes, len_bytes}, line = cut(&rest, "\r\n");
	int fields = 0, hosts = 0, lengths = 0;

	if (!is_text(line))
		return &not_text;
	if (!is_first_line(line))
		return &bad_first_line;
	while ((line = cut(&rest, "\r\n")).len > 0) {
		struct piece value = line, name = cut(&value, ":");
		if (!is_text(line))
			return &not_text;
		if (!is_token(name) || name.len == line.len)
			return &bad_field;
		if (++fields > HRV_HEAD_FIELDS_MAX)
			return &too_many;
		if (is(name, "Host") && ++hosts > 1)
			return &two_hosts;
		if (is(name, "Transfer-Encoding") ||
		    (is(name, "Content-Length") && (++lengths > 1 || !is(trim(value), "0"))))
			return &body;
	}
	return NULL;
}
