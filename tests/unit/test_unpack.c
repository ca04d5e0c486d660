/* test_unpack.c — msgpack of every kind, and what is none. */
#include "test.h"
#include "unpack.h"

#include <stdlib.h>

static void expect_json(const char *bytes, size_t len_bytes, const char *expected)
{
	struct hrv_unpack in = hrv_unpack_of((struct hrv_text){bytes, len_bytes}), whole = in;
	struct hrv_text skipped;
	json_t *json = hrv_unpack_json(&in);
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (expected) {
		assert_non_null(text);
		assert_string_equal(text, expected);
		assert_true(in.at == in.end);
		assert_int_equal(hrv_unpack_skip(&whole, &skipped), 0);
		assert_int_equal(skipped.len_bytes, len_bytes);
	} else {
		assert_null(text);
	}
	free(text);
	json_decref(json);
}

#define EXPECT_JSON(bytes, expected) expect_json(bytes, sizeof(bytes) - 1, expected)

static void test_msgpack_of_every_kind_is_read(void **state)
{
	(void)state;
	EXPECT_JSON("\xC0", "null");
	EXPECT_JSON("\xC2", "false");
	EXPECT_JSON("\xC3", "true");
	EXPECT_JSON("\x7F", "127");
	EXPECT_JSON("\xE0", "-32");
	EXPECT_JSON("\xCC\xFF", "255");
	EXPECT_JSON("\xCD\x01\x02", "258");
	EXPECT_JSON("\xCE\xFF\xFF\xFF\xFF", "4294967295");
	EXPECT_JSON("\xCF\x00\x20\x00\x00\x00\x00\x00\x00", "9007199254740992");
	EXPECT_JSON("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "9223372036854775807"); /* the most that JSON takes here */
	EXPECT_JSON("\xD0\x80", "-128");
	EXPECT_JSON("\xD1\x7F\xFF", "32767");
	EXPECT_JSON("\xD2\xFF\xFF\xFF\xFE", "-2");
	EXPECT_JSON("\xD3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
	EXPECT_JSON("\xCA\x3F\xC0\x00\x00", "1.5");
	EXPECT_JSON("\xCB\x3F\xF8\x00\x00\x00\x00\x00\x00", "1.5");
	EXPECT_JSON("\xA2hi", "\"hi\"");
	EXPECT_JSON("\xD9\x02hi", "\"hi\"");
	EXPECT_JSON("\xDA\x00\x02hi", "\"hi\"");
	EXPECT_JSON("\xDB\x00\x00\x00\x02hi", "\"hi\"");
	EXPECT_JSON("\x92\x01\x90", "[1,[]]");
	EXPECT_JSON("\xDC\x00\x01\x05", "[5]");
	EXPECT_JSON("\xDD\x00\x00\x00\x01\x05", "[5]");
	EXPECT_JSON("\x81\xA1k\xDE\x00\x01\xA1m\xDF\x00\x00\x00\x00", "{\"k\":{\"m\":{}}}");
}

static void test_msgpack_that_is_none_is_refused(void **state)
{
	(void)state;
	expect_json(NULL, 0, NULL);
	EXPECT_JSON("", NULL);
	EXPECT_JSON("\xC1", NULL);
	EXPECT_JSON("\xC4\x01x", NULL); /* binary */
	EXPECT_JSON("\xD4\x01x", NULL); /* an extension */
	EXPECT_JSON("\xA3hi", NULL);    /* cut off */
	EXPECT_JSON("\xDB\xFF\xFF\xFF\xFFhi", NULL);
	EXPECT_JSON("\xCF\x01", NULL);
	EXPECT_JSON("\x92\x01", NULL);
	EXPECT_JSON("\xDD\xFF\xFF\xFF\xFF\x01", NULL);
	EXPECT_JSON("\x81\x01\x02", NULL);                                 /* a key that is no text */
	EXPECT_JSON("\xA1\xFF", NULL);                                     /* no UTF-8 */
	EXPECT_JSON("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01", NULL); /* too deep */
	EXPECT_JSON("\xCB\x7F\xF8\x00\x00\x00\x00\x00\x00", NULL);         /* not a number */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_msgpack_of_every_kind_is_read),
	        cmocka_unit_test(test_msgpack_that_is_none_is_refused),
	};
	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
