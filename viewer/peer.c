/* peer.c — see peer.h. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ESTABLISHED 1 /* TCP_ESTABLISHED, in both answers */

/* Both ends in network byte order; four words as the kernel keeps them, an IPv4 address in the first. A client with an
 * IPv6 socket connects to an IPv4 address as ::ffff:a.b.c.d, and is shown so: that is `mapped`. */
struct tuple {
	int family;
	uint32_t peer[4], own[4];
	uint32_t mapped_peer[4], mapped_own[4]; /* of an IPv6 address: the same */
	uint16_t peer_port, own_port;
};

static void map(int family, const uint32_t address[4], uint32_t out[4])
{
	const uint32_t mapped[4] = {0, 0, htonl(0xFFFF), address[0]};

	memcpy(out, family == AF_INET ? mapped : address, sizeof mapped);
}

static bool tuple_of(const struct hrv_end *peer, const struct hrv_end *own, struct tuple *out)
{
	memset(out, 0, sizeof *out);
	out->peer_port = htons(peer->port);
	out->own_port = htons(own->port);
	out->family = strchr(peer->address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(out->family, peer->address, out->peer) != 1 ||
	    inet_pton(out->family, own->address, out->own) != 1)
		return false;
	map(out->family, out->peer, out->mapped_peer);
	map(out->family, out->own, out->mapped_own);
	return true;
}

/* ---- sock_diag(7) ---- */

static bool ask(int fd, const struct tuple *tuple)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
	        .header = {.nlmsg_len = sizeof message,
	                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                   .nlmsg_flags = NLM_F_REQUEST},
	        .request = {.sdiag_family = (uint8_t)tuple->family,
	                    .sdiag_protocol = IPPROTO_TCP,
	                    .idiag_states = 1u << ESTABLISHED,
	                    .id = {.idiag_sport = tuple->peer_port,
	                           .idiag_dport = tuple->own_port,
	                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	memcpy(message.request.id.idiag_src, tuple->peer, sizeof tuple->peer);
	memcpy(message.request.id.idiag_dst, tuple->own, sizeof tuple->own);
	return sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel) == sizeof message;
}

/* The kernel may also answer with a listening socket: only the exact four are ours. */
static bool is_answer(const struct inet_diag_msg *found, const struct tuple *tuple)
{
	bool six = found->idiag_family == AF_INET6;
	size_t address_bytes = six ? 16 : 4;

	return found->idiag_state == ESTABLISHED && found->idiag_inode != 0 &&
	       found->id.idiag_sport == tuple->peer_port && found->id.idiag_dport == tuple->own_port &&
	       memcmp(found->id.idiag_src, six ? tuple->mapped_peer : tuple->peer, address_bytes) == 0 &&
	       memcmp(found->id.idiag_dst, six ? tuple->mapped_own : tuple->own, address_bytes) == 0;
}

/* 1 found, 0 not there, -1 this way is closed. */
static int look_by_diag(const struct tuple *tuple, uid_t *uid_out)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct timeval patience = {.tv_sec = 1};
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} answer;
	int found = -1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (!ask(fd, tuple))
		goto done;
	ssize_t n = recv(fd, &answer, sizeof answer, 0);
	if (n < 0 || !NLMSG_OK(&answer.header, (size_t)n))
		goto done;
	if (answer.header.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = NLMSG_DATA(&answer.header);
		found = error->error == -ENOENT ? 0 : -1;
	} else if (answer.header.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	           answer.header.nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
		const struct inet_diag_msg *socket_found = NLMSG_DATA(&answer.header);
		found = is_answer(socket_found, tuple);
		if (found)
			*uid_out = socket_found->idiag_uid;
	}
done:
	close(fd);
	return found;
}

/* ---- /proc/net/tcp, tcp6 ---- */

/* An address is printed as the words that it has in memory. */
static bool scan(const char *path, int words, const uint32_t peer[4], const uint32_t own[4], const struct tuple *tuple,
                 uid_t *uid_out)
{
	char wanted[2][48], line[512];
	bool found = false;
	FILE *table = fopen(path, "re");

	if (!table)
		return false;
	for (int end = 0; end < 2; end++) {
		const uint32_t *address = end == 0 ? peer : own;
		int at = 0;
		for (int i = 0; i < words; i++)
			at += snprintf(wanted[end] + at, sizeof wanted[end] - (size_t)at, "%08" PRIX32, address[i]);
		snprintf(wanted[end] + at, sizeof wanted[end] - (size_t)at, ":%04X",
		         ntohs(end == 0 ? tuple->peer_port : tuple->own_port));
	}
	while (!found && fgets(line, sizeof line, table)) {
		char local[48], remote[48];
		unsigned state;
		unsigned long uid, inode;
		if (sscanf(line, " %*[0-9]: %47s %47s %x %*s %*s %*s %lu %*s %lu", local, remote, &state, &uid,
		           &inode) != 5)
			continue;
		found = state == ESTABLISHED && inode != 0 && strcmp(local, wanted[0]) == 0 &&
		        strcmp(remote, wanted[1]) == 0;
		if (found)
			*uid_out = (uid_t)uid;
	}
	fclose(table);
	return found;
}

static bool look_in_proc(const struct tuple *tuple, uid_t *uid_out)
{
	if (tuple->family == AF_INET && scan("/proc/net/tcp", 1, tuple->peer, tuple->own, tuple, uid_out))
		return true;
	return scan("/proc/net/tcp6", 4, tuple->mapped_peer, tuple->mapped_own, tuple, uid_out);
}

bool hrv_peer_uid_from_proc(const struct hrv_end *peer, const struct hrv_end *own, uid_t *uid_out)
{
	struct tuple tuple;

	return tuple_of(peer, own, &tuple) && look_in_proc(&tuple, uid_out);
}

bool hrv_peer_uid(const struct hrv_end *peer, const struct hrv_end *own, uid_t *uid_out)
{
	struct tuple tuple;

	if (!tuple_of(peer, own, &tuple))
		return false;
	int found = look_by_diag(&tuple, uid_out);
	return found >= 0 ? found == 1 : look_in_proc(&tuple, uid_out);
}
