/* golden.c — see golden.h. */
#include "golden.h"

#include "test.h"

#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *twin(const msgpack_object *object)
{
	switch (object->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(object->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return json_integer((json_int_t)object->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(object->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return json_real(object->via.f64);
	case MSGPACK_OBJECT_STR: {
		json_t *text = json_stringn(object->via.str.ptr, object->via.str.size);
		assert_non_null(text); /* jansson takes only valid UTF-8 */
		return text;
	}
	case MSGPACK_OBJECT_ARRAY: {
		json_t *array = json_array();
		for (uint32_t i = 0; i < object->via.array.size; i++)
			json_array_append_new(array, twin(&object->via.array.ptr[i]));
		return array;
	}
	case MSGPACK_OBJECT_MAP: {
		json_t *map = json_object();
		for (uint32_t i = 0; i < object->via.map.size; i++) {
			const msgpack_object_kv *kv = &object->via.map.ptr[i];
			char key[64];
			assert_int_equal(kv->key.type, MSGPACK_OBJECT_STR);
			assert_true(kv->key.via.str.size < sizeof key);
			memcpy(key, kv->key.via.str.ptr, kv->key.via.str.size);
			key[kv->key.via.str.size] = '\0';
			assert_null(json_object_get(map, key)); /* no key comes twice */
			json_object_set_new(map, key, twin(&kv->val));
		}
		return map;
	}
	default:
		fail_msg("a frame holds a msgpack type that the wire does not know: %d", object->type);
		return NULL;
	}
}

static char *twin_text(const void *bytes, size_t len_bytes)
{
	msgpack_unpacked frame;
	size_t end = 0;

	msgpack_unpacked_init(&frame);
	assert_int_equal(msgpack_unpack_next(&frame, bytes, len_bytes, &end), MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(end, len_bytes);
	json_t *root = twin(&frame.data);
	char *text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	assert_non_null(text);
	json_decref(root);
	msgpack_unpacked_destroy(&frame);
	return text;
}

void golden_check_file(const char *file, const void *bytes, size_t len_bytes)
{
	char path[512];
	static char kept[1 << 20];

	snprintf(path, sizeof path, "%s/golden/%s", HR_TEST_DIR, file);
	if (getenv("HR_UPDATE_GOLDEN")) {
		FILE *out = fopen(path, "wb");
		assert_non_null(out);
		assert_int_equal(fwrite(bytes, 1, len_bytes, out), len_bytes);
		assert_int_equal(fclose(out), 0);
		return;
	}
	FILE *in = fopen(path, "rb");
	if (!in)
		fail_msg("%s is missing: HR_UPDATE_GOLDEN=1 makes it", path);
	size_t kept_bytes = fread(kept, 1, sizeof kept, in);
	fclose(in);
	if (kept_bytes != len_bytes || memcmp(kept, bytes, len_bytes) != 0)
		fail_msg("%s differs: %zu bytes kept, %zu now", path, kept_bytes, len_bytes);
}

void golden_check(const char *name, const void *bytes, size_t len_bytes)
{
	char *text = twin_text(bytes, len_bytes), file[64];

	snprintf(file, sizeof file, "%s.msgpack", name);
	golden_check_file(file, bytes, len_bytes);
	snprintf(file, sizeof file, "%s.json", name);
	golden_check_file(file, text, strlen(text));
	free(text);
}
