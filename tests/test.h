/* test.h — what every C test includes. */
#ifndef HR_TEST_H
#define HR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
