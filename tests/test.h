/* test.h — what every C test includes. */
#ifndef HR_TEST_H
#define HR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka 2.0 has other names for its own, and warns of the old one. */
#define check_in_range(value, least, most)                                                                             \
	do {                                                                                                           \
		unsigned long long value_ = (value), least_ = (least), most_ = (most);                                 \
		if (value_ < least_ || value_ > most_)                                                                 \
			fail_msg("%llu is not from %llu to %llu", value_, least_, most_);                              \
	} while (0)

#endif
