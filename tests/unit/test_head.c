/* test_head.c — which heads of requests are let through, and why others are not. */
#include "head.h"
#include "test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *judge(const char *text)
{
	const struct hrv_refusal *refusal = hrv_head_judge(text, strlen(text));

	return refusal ? refusal->text : "good";
}

static void test_good_heads(void **state)
{
	(void)state;
	assert_string_equal(judge("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "good");
	assert_string_equal(judge("GET / HTTP/1.0\r\n\r\n"), "good");
	assert_string_equal(judge("HEAD /a?b=c HTTP/1.1\r\nhost:x\r\nX-Empty:\r\nX: \t\xC3\xA9 \r\n\r\n"), "good");
	assert_string_equal(judge("DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length:  0 \r\n\r\n"), "good");
}

static void test_heads_that_are_refused(void **state)
{
	(void)state;
	static const char *const heads[][2] = {
	        {"\r\n\r\n", "METHOD /PATH"},
	        {"GET /\r\n\r\n", "METHOD /PATH"},
	        {"GET  / HTTP/1.1\r\n\r\n", "METHOD /PATH"},
	        {"GET / HTTP/1.1 \r\n\r\n", "METHOD /PATH"},
	        {"GET / HTTP/1.12\r\n\r\n", "METHOD /PATH"},
	        {" GET / HTTP/1.1\r\n\r\n", "METHOD /PATH"},
	        {"GET x HTTP/1.1\r\n\r\n", "METHOD /PATH"},
	        {"G@T / HTTP/1.1\r\n\r\n", "METHOD /PATH"},
	        {"GET / HTTP/1.1\n\r\n\r\n", "control characters"},
	        {"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "control characters"},
	        {"GET / HTTP/1.1\r\nA: b\x7F\r\n\r\n", "control characters"},
	        {"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "name: value"},
	        {"GET / HTTP/1.1\r\nA\r\n\r\n", "name: value"},
	        {"GET / HTTP/1.1\r\nA : b\r\n\r\n", "name: value"},
	        {"GET / HTTP/1.1\r\n: b\r\n\r\n", "name: value"},
	        {"GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n", "one Host"},
	        {"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "no body"},
	        {"GET / HTTP/1.1\r\nContent-Length: +0\r\n\r\n", "no body"},
	        {"GET / HTTP/1.1\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n", "no body"},
	        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "no body"},
	};

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (!strstr(judge(heads[i][0]), heads[i][1]))
			fail_msg("%s: %s, and not %s", heads[i][0], judge(heads[i][0]), heads[i][1]);
}

static void test_only_so_many_fields(void **state)
{
	(void)state;
	char head[1024] = "GET / HTTP/1.1\r\n";
	size_t len = strlen(head);

	for (int i = 0; i <= HRV_HEAD_FIELDS_MAX; i++) {
		memcpy(head + len, "\r\n", 3);
		assert_string_equal(judge(head), "good");
		memcpy(head + len, "A: b\r\n", 7);
		len += 6;
	}
	memcpy(head + len, "\r\n", 3);
	assert_non_null(strstr(judge(head), "64 header fields"));
}

/* Any bytes are judged without a look beyond them; the sanitizers watch. */
static void test_any_bytes_are_judged(void **state)
{
	(void)state;
	static const char good[] = "GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
	uint64_t random = 1;

	for (int round = 0; round < 100000; round++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407u; /* Knuth's MMIX */
		size_t len = (random >> 33) % sizeof good;
		char *head = malloc(len + 1);
		assert_non_null(head);
		memcpy(head, good, len);
		for (size_t i = 0; i < 2 && len > 0; i++)
			head[(random >> (20 * i)) % len] = (char)(random >> (40 + 8 * i));
		char *exact = realloc(head, len ? len : 1);
		assert_non_null(exact);
		hrv_head_judge(exact, len);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_heads),
	        cmocka_unit_test(test_heads_that_are_refused),
	        cmocka_unit_test(test_only_so_many_fields),
	        cmocka_unit_test(test_any_bytes_are_judged),
	};
	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
