/* access.c — see access.h. */
#include "access.h"

#include "hr_err.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static bool is_port(const char *text)
{
	return *text == '\0' || (text[0] == ':' && text[1] != '\0' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

bool hrv_host_is_loopback(const char *host)
{
	static const char suffix[] = ".localhost";
	char name[256];
	struct in_addr address;

	if (host[0] == '[')
		return strncmp(host, "[::1]", 5) == 0 && is_port(host + 5);
	size_t len = strcspn(host, ":");
	if (len == 0 || len >= sizeof name || !is_port(host + len))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (inet_pton(AF_INET, name, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return strcasecmp(name, "localhost") == 0 ||
	       (len >= sizeof suffix && strcasecmp(name + len - (sizeof suffix - 1), suffix) == 0);
}

bool hrv_origin_is_own(const char *origin, const char *host)
{
	const char *at = NULL;

	if (strncasecmp(origin, "http://", 7) == 0)
		at = origin + 7;
	else if (strncasecmp(origin, "https://", 8) == 0) /* a proxy in front of us may speak TLS */
		at = origin + 8;
	return at && strcasecmp(at, host) == 0;
}

int hrv_token_make(char out[HRV_TOKEN_BYTES])
{
	unsigned char random[16];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return HR_EIO;
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
	return 0;
}

static size_t token_span(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~");
}

bool hrv_token_is_usable(const char *token)
{
	return token[0] != '\0' && token[token_span(token)] == '\0';
}

bool hrv_token_is_equal(const char *given, size_t given_len, const char *token)
{
	size_t token_len = strlen(token);
	unsigned char differs = given_len != token_len;

	for (size_t i = 0; i < given_len; i++)
		differs |= (unsigned char)(given[i] ^ token[i % token_len]);
	return differs == 0;
}

/* NAME=VALUE in a list, its items parted by `separator` and blanks. */
static bool is_in_list(const char *list, char separator, const char *name, const char *token)
{
	size_t name_len = strlen(name);
	bool found = false;

	while (list && *list) {
		list += strspn(list, " ");
		const char *end = strchr(list, separator);
		size_t len = end ? (size_t)(end - list) : strlen(list);
		if (len > name_len && list[name_len] == '=' && strncmp(list, name, name_len) == 0)
			found |= hrv_token_is_equal(list + name_len + 1, len - name_len - 1, token);
		list = end ? end + 1 : NULL;
	}
	return found;
}

bool hrv_token_is_given(const char *token, const char *authorization, const char *query, const char *cookie,
                        const char *cookie_name)
{
	bool given = false;

	if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
		given |= hrv_token_is_equal(authorization + 7, strlen(authorization + 7), token);
	given |= is_in_list(query, '&', "token", token);
	given |= is_in_list(cookie, ';', cookie_name, token);
	return given;
}
