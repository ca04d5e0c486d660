/* test_access.c — who gets in: Host, Origin, token, and whose the socket is. */
#include "access.h"
#include "peer.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_host_must_be_this_machines_loopback(void **state)
{
	(void)state;
	static const char *const good[] = {"localhost", "LOCALHOST:9999", "127.0.0.1:9999",  "127.3.2.1",
	                                   "[::1]",     "[::1]:80",       "page.localhost:1"};
	static const char *const bad[] = {"",
	                                  ":9999",
	                                  "evil.example",
	                                  "evil.example:9999",
	                                  "127.0.0.1.evil.example",
	                                  "localhost.evil.example",
	                                  "evillocalhost",
	                                  ".localhost",
	                                  "127.0.0.1:9999@evil.example",
	                                  "localhost:80 evil",
	                                  "128.0.0.1",
	                                  "0.0.0.0",
	                                  "0x7f.1",
	                                  "2130706433",
	                                  "[::1]evil",
	                                  "[::2]",
	                                  "127.0.0.1:"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!hrv_host_is_loopback(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (hrv_host_is_loopback(bad[i]))
			fail_msg("let in: %s", bad[i]);
}

static void test_origin_must_be_the_host(void **state)
{
	(void)state;
	assert_true(hrv_origin_is_own("http://localhost:9999", "localhost:9999"));
	assert_true(hrv_origin_is_own("https://Box.example", "box.example"));
	assert_false(hrv_origin_is_own("http://localhost:9998", "localhost:9999"));
	assert_false(hrv_origin_is_own("http://evil.example", "localhost:9999"));
	assert_false(hrv_origin_is_own("http://localhost:9999.evil.example", "localhost:9999"));
	assert_false(hrv_origin_is_own("null", "localhost:9999"));
	assert_false(hrv_origin_is_own("localhost:9999", "localhost:9999"));
	assert_false(hrv_origin_is_own("file://", "localhost:9999"));
	assert_false(hrv_origin_is_own("", ""));
}

static void test_token_is_found_in_its_three_places_only(void **state)
{
	(void)state;
	assert_true(hrv_token_is_given("s3cret", "Bearer s3cret", NULL, NULL, "hrview-1"));
	assert_true(hrv_token_is_given("s3cret", "bearer s3cret", NULL, NULL, "hrview-1"));
	assert_true(hrv_token_is_given("s3cret", NULL, "token=s3cret", NULL, "hrview-1"));
	assert_true(hrv_token_is_given("s3cret", NULL, "a=b&token=s3cret&c", NULL, "hrview-1"));
	assert_true(hrv_token_is_given("s3cret", NULL, NULL, "x=y; hrview-1=s3cret", "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", NULL, NULL, NULL, "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", "s3cret", NULL, NULL, "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", "Basic s3cret", NULL, NULL, "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", "Bearer ", "token=", "hrview-1=", "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", "Bearer s3cre", "token=s3crett", "hrview-1=S3cret", "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", NULL, "mytoken=s3cret", "hrview-2=s3cret", "hrview-1"));
	assert_false(hrv_token_is_given("s3cret", "Bearer s3crets3cret", NULL, NULL, "hrview-1"));
}

static sigjmp_buf touched;

static void on_touch(int signal)
{
	(void)signal;
	siglongjmp(touched, 1);
}

/* What is given lies across two pages, the second of which nobody may touch: who goes on behind the first wrong letter
 * does, and so takes as long as for a right one. */
static void test_all_of_a_wrong_token_is_looked_at(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction act = {.sa_handler = on_touch}, before;
	volatile bool touches = false;

	assert_ptr_not_equal(pages, MAP_FAILED);
	memcpy(pages + page - 6, "wrong!wrong!", 12);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	assert_int_equal(sigaction(SIGSEGV, &act, &before), 0);
	if (sigsetjmp(touched, 1) == 0)
		hrv_token_is_equal(pages + page - 6, 12, "s3cret");
	else
		touches = true;
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_true(touches);
	munmap(pages, 2 * page);
}

static void test_tokens_are_made_and_judged(void **state)
{
	(void)state;
	char one[HRV_TOKEN_BYTES], other[HRV_TOKEN_BYTES];

	assert_int_equal(hrv_token_make(one), 0);
	assert_int_equal(hrv_token_make(other), 0);
	assert_int_equal(strlen(one), 32);
	assert_string_not_equal(one, other);
	assert_true(hrv_token_is_usable(one));
	assert_true(hrv_token_is_usable("A-z_0.9~"));
	assert_false(hrv_token_is_usable(""));
	assert_false(hrv_token_is_usable("a b"));
	assert_false(hrv_token_is_usable("a;b"));
	assert_false(hrv_token_is_usable("a&b"));
	assert_false(hrv_token_is_usable("\xC3\xA9"));
}

/* ---- peers ---- */

/* A connection over loopback, both ends ours. */
struct pair {
	int listener, client, accepted;
	uint16_t client_port, own_port;
};

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t bytes = sizeof address;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
	                                           : ((struct sockaddr_in *)&address)->sin_port);
}

static void pair_open(struct pair *pair, int client_family)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof own;

	pair->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(pair->listener, (struct sockaddr *)&own, sizeof own), 0);
	assert_int_equal(listen(pair->listener, 1), 0);
	assert_int_equal(getsockname(pair->listener, (struct sockaddr *)&own, &bytes), 0);
	pair->client = socket(client_family, SOCK_STREAM, 0);
	assert_true(pair->client >= 0);
	if (client_family == AF_INET6) {
		struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = own.sin_port};
		assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
		assert_int_equal(connect(pair->client, (struct sockaddr *)&mapped, sizeof mapped), 0);
	} else {
		assert_int_equal(connect(pair->client, (struct sockaddr *)&own, sizeof own), 0);
	}
	pair->accepted = accept(pair->listener, NULL, NULL);
	assert_true(pair->accepted >= 0);
	pair->client_port = port_of(pair->client);
	pair->own_port = port_of(pair->listener);
}

static void pair_close(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	close(pair->accepted);
	close(pair->listener);
}

/* Both ways of asking must agree. */
static bool peer_uid(const struct pair *pair, const char *peer_address, const char *own_address, uint16_t client_port,
                     uid_t *uid)
{
	struct hrv_end peer = {peer_address, client_port}, own = {own_address, pair->own_port};
	uid_t by_proc = (uid_t)-1;
	bool known = hrv_peer_uid(&peer, &own, uid), known_by_proc = hrv_peer_uid_from_proc(&peer, &own, &by_proc);

	assert_int_equal(known, known_by_proc);
	if (known)
		assert_int_equal(*uid, by_proc);
	return known;
}

static void test_peer_of_ours_is_known(void **state)
{
	(void)state;
	struct pair pair;
	uid_t uid = (uid_t)-1;

	pair_open(&pair, AF_INET);
	assert_true(peer_uid(&pair, "127.0.0.1", "127.0.0.1", pair.client_port, &uid));
	assert_int_equal(uid, geteuid());
	pair_close(&pair);
}

static void test_peer_with_an_ipv6_socket_is_known(void **state)
{
	(void)state;
	struct pair pair;
	uid_t uid = (uid_t)-1;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		skip(); /* a kernel without IPv6 has no such peers */
	close(fd);
	pair_open(&pair, AF_INET6);
	assert_true(peer_uid(&pair, "127.0.0.1", "127.0.0.1", pair.client_port, &uid));
	assert_int_equal(uid, geteuid());
	pair_close(&pair);
}

static void test_another_four_tuple_is_nobody(void **state)
{
	(void)state;
	struct pair pair;
	uid_t uid;

	pair_open(&pair, AF_INET);
	assert_false(peer_uid(&pair, "127.0.0.2", "127.0.0.1", pair.client_port, &uid));
	assert_false(peer_uid(&pair, "127.0.0.1", "127.0.0.2", pair.client_port, &uid));
	assert_false(peer_uid(&pair, "127.0.0.1", "127.0.0.1", pair.own_port, &uid)); /* would find the listener */
	assert_false(peer_uid(&pair, "not an address", "127.0.0.1", pair.client_port, &uid));
	pair_close(&pair);
}

static void test_peer_that_has_closed_is_nobody(void **state)
{
	(void)state;
	struct pair pair;
	uid_t uid;

	/* Its socket lives on in the kernel without an owner, and shows uid 0: root's hrview must not take it for root.
	 */
	pair_open(&pair, AF_INET);
	close(pair.client);
	pair.client = -1;
	assert_false(peer_uid(&pair, "127.0.0.1", "127.0.0.1", pair.client_port, &uid));
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_host_must_be_this_machines_loopback),
	        cmocka_unit_test(test_origin_must_be_the_host),
	        cmocka_unit_test(test_token_is_found_in_its_three_places_only),
	        cmocka_unit_test(test_all_of_a_wrong_token_is_looked_at),
	        cmocka_unit_test(test_tokens_are_made_and_judged),
	        cmocka_unit_test(test_peer_of_ours_is_known),
	        cmocka_unit_test(test_peer_with_an_ipv6_socket_is_known),
	        cmocka_unit_test(test_another_four_tuple_is_nobody),
	        cmocka_unit_test(test_peer_that_has_closed_is_nobody),
	};
	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
