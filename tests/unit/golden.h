/* golden.h — frames of docs/wire.md kept as files, decoded by the tests of both sides.
 *
 * tests/golden/NAME.msgpack is the frame, NAME.json the same for people. HR_UPDATE_GOLDEN=1 writes them anew. */
#ifndef HR_GOLDEN_H
#define HR_GOLDEN_H

#include <stddef.h>

/* Fails the running test unless the kept files are exactly these bytes and their JSON twin. */
void golden_check(const char *name, const void *bytes, size_t len_bytes);

/* The same for tests/golden/FILE, which is no frame. */
void golden_check_file(const char *file, const void *bytes, size_t len_bytes);

#endif
