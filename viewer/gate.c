/* gate.c — see gate.h. */
#define _GNU_SOURCE /* accept4, memmem */
#include "gate.h"

#include "clock.h"
#include "head.h"
#include "hr_err.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_DOOR_MAX 4096 /* connections; fewer where the system gives fewer descriptors */
#define SPARE_FILES 512  /* descriptors for all else: connections inside, segments, sources */
#define LINGER_MS   1000 /* to read a refusal: a socket closed with unread data takes it back */

enum where {
	SPEAKING,  /* its request's head is not complete */
	WAITING,   /* it is, and no worker is free */
	LINGERING, /* it was refused */
	WHERE_COUNT,
};

struct visitor {
	TAILQ_ENTRY(visitor) entry;
	int fd;
	enum where where;
	uint64_t until_ms;
};

TAILQ_HEAD(line, visitor);

static struct {
	int listener, epoll, kick; /* kick: an eventfd(2) */
	int out, in;               /* socket pair: descriptors are sent over `out` to whoever accepts on `in` */
	int workers;
	atomic_int inside;
	struct line lines[WHERE_COUNT]; /* each in order of until_ms, for all in one wait equally long */
	int count, count_max;
} gate = {.out = -1, .in = -1};

/* ---- civetweb's side ---- */

/* Stands in for libc's, which civetweb calls: it polls its listening descriptor and accepts from it, and knows no other
 * way to a connection. On the gate's end of the socket pair the next one that was let in is taken, everywhere else this
 * is accept(2). */
__attribute__((visibility("default"))) int accept(int fd, struct sockaddr *address, socklen_t *address_bytes)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {
	        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int passed;

	if (fd != gate.in)
		return accept4(fd, address, address_bytes, 0);
	if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
	if (getpeername(passed, address, address_bytes) == 0)
		return passed;
	close(passed); /* it has gone meanwhile */
	hrv_gate_left();
	errno = ECONNABORTED;
	return -1;
}

int hrv_gate_lead_to(int fd)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return HR_EIO;
	if (dup3(ends[1], fd, O_CLOEXEC) < 0) {
		close(ends[0]);
		close(ends[1]);
		return HR_EIO;
	}
	close(ends[1]);
	gate.out = ends[0];
	gate.in = fd;
	return 0;
}

void hrv_gate_left(void)
{
	uint64_t one = 1;

	atomic_fetch_sub(&gate.inside, 1);
	ssize_t told = write(gate.kick, &one, sizeof one);
	(void)told; /* it fails only when the gate has been told 2^64 times already */
}

/* ---- at the door ---- */

static void move(struct visitor *visitor, enum where where, unsigned ms)
{
	TAILQ_REMOVE(&gate.lines[visitor->where], visitor, entry);
	visitor->where = where;
	visitor->until_ms = hrv_clock_ms() + ms;
	TAILQ_INSERT_TAIL(&gate.lines[where], visitor, entry);
}

static void let_go(struct visitor *visitor)
{
	TAILQ_REMOVE(&gate.lines[visitor->where], visitor, entry);
	/* Said apart from close(): the socket lives on inside when it was let in, and its events would come here. */
	epoll_ctl(gate.epoll, EPOLL_CTL_DEL, visitor->fd, NULL);
	close(visitor->fd);
	free(visitor);
	gate.count--;
}

static void refuse(struct visitor *visitor, const struct hrv_refusal *refusal)
{
	char answer[512];
	int n = snprintf(answer, sizeof answer,
	                 "HTTP/1.1 %s\r\nServer: hrview\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
	                 "%zu\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s\n",
	                 refusal->status, strlen(refusal->text) + 1, refusal->text);

	if (send(visitor->fd, answer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n ||
	    shutdown(visitor->fd, SHUT_WR) != 0)
		let_go(visitor);
	else
		move(visitor, LINGERING, LINGER_MS);
}

/* What it says after its refusal is not heard (MSG_TRUNC: thrown away unseen). */
static void linger(struct visitor *visitor)
{
	ssize_t n;

	do
		n = recv(visitor->fd, NULL, 1 << 20, MSG_DONTWAIT | MSG_TRUNC);
	while (n > 0);
	if (n == 0 || errno != EAGAIN)
		let_go(visitor);
}

static void judge(struct visitor *visitor, const char *head, size_t head_bytes)
{
	const struct hrv_refusal *refusal = hrv_head_judge(head, head_bytes);

	if (refusal)
		refuse(visitor, refusal);
	else
		move(visitor, WAITING, HRV_GATE_WAIT_MS);
}

static void listen_to(struct visitor *visitor)
{
	static char head[HRV_GATE_HEAD_BYTES]; /* of the gate's thread alone */
	static const struct hrv_refusal too_long = {"431 Request Header Fields Too Large",
	                                            "a request's head has 16 KB at most"};
	ssize_t n = recv(visitor->fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
	const char *end;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		let_go(visitor);
	else if (n > 0 && (end = memmem(head, (size_t)n, "\r\n\r\n", 4)))
		judge(visitor, head, (size_t)(end + 4 - head));
	else if (n == sizeof head)
		refuse(visitor, &too_long);
}

static void greet(int fd)
{
	struct visitor *visitor = malloc(sizeof *visitor);
	/* Edges only: what has been looked at stays in the socket. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = visitor};

	if (!visitor || epoll_ctl(gate.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		free(visitor);
		close(fd);
		return;
	}
	*visitor = (struct visitor){.fd = fd, .where = SPEAKING, .until_ms = hrv_clock_ms() + HRV_GATE_HEAD_MS};
	TAILQ_INSERT_TAIL(&gate.lines[SPEAKING], visitor, entry);
	gate.count++;
	listen_to(visitor); /* most have spoken by now */
}

/* Makes room for one more: of those that were refused, then of those that have said nothing, the oldest goes; then one
 * that waits for a worker. */
static void make_room(void)
{
	static const enum where order[] = {LINGERING, SPEAKING, WAITING};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (!TAILQ_EMPTY(&gate.lines[order[i]])) {
			let_go(TAILQ_FIRST(&gate.lines[order[i]]));
			return;
		}
}

static void greet_new(void)
{
	/* Not for ever, should they come faster than they can be greeted: those at the door are to be served too. */
	for (int i = 0; i < 256; i++) {
		if (gate.count >= gate.count_max)
			make_room();
		int fd = accept4(gate.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			greet(fd);
		else if ((errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) && gate.count > 0)
			make_room();
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* ---- in ---- */

static bool pass(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {
	                     .cmsg_level = SOL_SOCKET,
	                     .cmsg_type = SCM_RIGHTS,
	                     .cmsg_len = CMSG_LEN(sizeof(int)),
	             }};
	char byte = 0;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {
	        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(gate.out, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static void let_in(void)
{
	struct visitor *first;

	while ((first = TAILQ_FIRST(&gate.lines[WAITING])) && atomic_load(&gate.inside) < gate.workers) {
		atomic_fetch_add(&gate.inside, 1);
		if (!pass(first->fd)) {
			atomic_fetch_sub(&gate.inside, 1);
			return;
		}
		let_go(first);
	}
}

/* Ends what has lasted too long; returns how long the next may last, in milliseconds. */
static int look_at_clock(void)
{
	static const struct hrv_refusal too_late = {"408 Request Timeout", "no request has come within two seconds"},
	                                busy = {"503 Service Unavailable",
	                                        "all of this hrview's threads are busy: try "
	                                        "again, or start another hrview with --port 0"};
	uint64_t now = hrv_clock_ms(), next = now + 60000;

	for (int where = 0; where < WHERE_COUNT; where++) {
		struct visitor *first;
		while ((first = TAILQ_FIRST(&gate.lines[where])) && first->until_ms <= now) {
			if (where == SPEAKING)
				refuse(first, &too_late);
			else if (where == WAITING)
				refuse(first, &busy);
			else
				let_go(first);
		}
		if (first && first->until_ms < next)
			next = first->until_ms;
	}
	return (int)(next - now);
}

static void *keep(void *unused)
{
	struct epoll_event events[64];
	bool new_ones = false;

	for (;;) {
		int n = epoll_wait(gate.epoll, events, sizeof events / sizeof *events, look_at_clock());
		for (int i = 0; i < n; i++) {
			struct visitor *visitor = events[i].data.ptr;
			uint64_t times;
			if (!visitor)
				new_ones = true;
			else if ((void *)visitor == &gate.kick) {
				ssize_t taken = read(gate.kick, &times, sizeof times);
				(void)taken;
			} else if (visitor->where == SPEAKING)
				listen_to(visitor);
			else if (visitor->where == LINGERING)
				linger(visitor);
		}
		let_in();
		/* Last: it may let go of those that events were about. */
		if (new_ones)
			greet_new();
		new_ones = false;
		let_in();
	}
	return unused;
}

/* As many descriptors as we may have and need. */
static void ask_for_files(void)
{
	struct rlimit files;

	gate.count_max = AT_DOOR_MAX;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_cur < AT_DOOR_MAX + SPARE_FILES) {
		files.rlim_cur =
		        files.rlim_max < AT_DOOR_MAX + SPARE_FILES ? files.rlim_max : AT_DOOR_MAX + SPARE_FILES;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur < AT_DOOR_MAX + SPARE_FILES)
		gate.count_max =
		        files.rlim_cur > 2 * SPARE_FILES ? (int)files.rlim_cur - SPARE_FILES : (int)files.rlim_cur / 2;
}

int hrv_gate_start(int listener, int workers)
{
	struct epoll_event listening = {.events = EPOLLIN}, kicked = {.events = EPOLLIN, .data.ptr = &gate.kick};
	pthread_t thread;

	for (int where = 0; where < WHERE_COUNT; where++)
		TAILQ_INIT(&gate.lines[where]);
	gate.listener = listener;
	gate.workers = workers;
	ask_for_files();
	gate.epoll = epoll_create1(EPOLL_CLOEXEC);
	gate.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (gate.epoll < 0 || gate.kick < 0 || epoll_ctl(gate.epoll, EPOLL_CTL_ADD, listener, &listening) != 0 ||
	    epoll_ctl(gate.epoll, EPOLL_CTL_ADD, gate.kick, &kicked) != 0)
		return HR_EIO;
	if (pthread_create(&thread, NULL, keep, NULL) != 0)
		return HR_EIO;
	pthread_detach(thread);
	return 0;
}
