/* fuzz_head.c — what a request says before anything of it is believed: its head, who it says it is, what a page asks.
 *
 * The input is the head; whoever reads it line by line, as civetweb and proxies do, must find in a head that was let
 * through what hrv_head_judge() found. Its values then go where the server gives them, and the input as it is to
 * the decoder of a websocket's message. */
#include "access.h"
#include "head.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

/* A field's value as a string for those who take headers so; "" when there is none. The caller frees it. */
static char *value_of(const char *head, size_t len_bytes, const char *name, int *count)
{
	char *value = NULL;
	const char *line = head, *end = head + len_bytes;

	*count = 0;
	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((stop ? stop : end) - line), name_len = strlen(name);
		if (len > name_len && strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
			const char *from = line + name_len + 1;
			len -= name_len + 1;
			while (len > 0 && (*from == ' ' || *from == '\t'))
				from++, len--;
			while (len > 0 && strchr("\r \t", from[len - 1]))
				len--;
			free(value);
			value = strndup(from, len);
			++*count;
		}
		line = stop ? stop + 1 : end;
	}
	return value ? value : strdup("");
}

/* A carriage return, a line feed or any other control character but a tab that is not the end of a line. */
static int has_control(const char *head, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (head[i] == '\r' && i + 1 < len_bytes && head[i + 1] == '\n')
			i++;
		else if ((unsigned char)head[i] < ' ' && head[i] != '\t')
			return 1;
	}
	return 0;
}

static void check_good(const char *head, size_t len_bytes)
{
	int hosts, lengths, codings;
	char *host = value_of(head, len_bytes, "Host", &hosts);
	char *length = value_of(head, len_bytes, "Content-Length", &lengths);
	char *coding = value_of(head, len_bytes, "Transfer-Encoding", &codings);

	if (has_control(head, len_bytes) || hosts > 1 || codings > 0 || (lengths > 0 && strcmp(length, "0") != 0))
		abort();
	free(host);
	free(length);
	free(coding);
}

/* Nobody gets in whose words do not hold the token. */
static void check_access(const char *head, size_t len_bytes)
{
	static const char *const names[] = {"Host", "Origin", "Authorization", "Cookie"};
	char *values[4], *query = strndup(head, len_bytes);
	int count;

	for (int i = 0; i < 4; i++)
		values[i] = value_of(head, len_bytes, names[i], &count);
	hrv_host_is_loopback(values[0]);
	hrv_origin_is_own(values[1], values[0]);
	hrv_token_is_usable(query);
	if (hrv_token_is_given(TOKEN, values[2], query, values[3], "hrview-9999") && !strstr(values[2], TOKEN) &&
	    !strstr(query, TOKEN) && !strstr(values[3], TOKEN))
		abort();
	for (int i = 0; i < 4; i++)
		free(values[i]);
	free(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	const char *head = (const char *)bytes, *end = NULL;
	struct hrv_wire_request request;

	for (size_t i = 3; i < len_bytes && !end; i++) /* the gate cuts it there */
		if (memcmp(head + i - 3, "\r\n\r\n", 4) == 0)
			end = head + i + 1;
	if (end && !hrv_head_judge(head, (size_t)(end - head)))
		check_good(head, (size_t)(end - head) - 4);
	hrv_head_judge(head, len_bytes);
	check_access(head, len_bytes);
	if (hrv_wire_decode_request(bytes, len_bytes, &request) == 0 && len_bytes != HRV_WIRE_REQUEST_BYTES)
		abort();
	return 0;
}
