/* reuse.c — see reuse.h. A client for one question: GET /api/programs. */
#include "reuse.h"

#include "buffer.h"

#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES (4u << 20)

static int connect_to(const struct hrv_server_address *address)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
	                *found = NULL;
	struct timeval patience = {.tv_sec = 1};
	char port[8];

	snprintf(port, sizeof port, "%u", address->port);
	if (getaddrinfo(address->host, port, &hints, &found) != 0)
		return -1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

/* The whole answer, terminated; false when there was none. */
static bool ask(int fd, const char *host, struct hrv_buffer *answer)
{
	char request[256];
	int bytes = snprintf(request, sizeof request,
	                     "GET /api/programs HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);

	if (send(fd, request, (size_t)bytes, MSG_NOSIGNAL) != bytes)
		return false;
	while (answer->len_bytes < ANSWER_MAX_BYTES && hrv_buffer_reserve(answer, 4096) == 0) {
		ssize_t n = recv(fd, answer->bytes + answer->len_bytes, 4096, 0);
		if (n < 0)
			return false;
		if (n == 0)
			return hrv_buffer_append(answer, "", 1) == 0;
		answer->len_bytes += (size_t)n;
	}
	return false;
}

static bool has_program(const char *body, uint32_t pid)
{
	json_t *root = json_loads(body, 0, NULL), *program;
	bool found = root && pid == 0;
	size_t i;

	json_array_foreach(json_object_get(root, "programs"), i, program) found |=
	        json_integer_value(json_object_get(program, "pid")) == (json_int_t)pid;
	json_decref(root);
	return found;
}

bool hrv_reuse_is_possible(const struct hrv_server_address *address, uint32_t pid)
{
	struct hrv_buffer answer = {0};
	bool possible = false;
	int fd = connect_to(address);

	if (fd < 0)
		return false;
	if (ask(fd, address->host, &answer)) {
		const char *body = strstr(answer.bytes, "\r\n\r\n");
		const char *mark = strstr(answer.bytes, "\r\nServer: hrview\r\n");
		possible = strncmp(answer.bytes, "HTTP/1.1 200 ", 13) == 0 && mark && body && mark < body &&
		           has_program(body + 4, pid);
	}
	hrv_buffer_fini(&answer);
	close(fd);
	return possible;
}
