/* faults.h — the system says no: the n-th call of a chosen kind fails with an errno.
 *
 * The program is linked with --wrap for each name below (tests/CMakeLists.txt), so only calls of the code under test
 * and of the test are met. One thread. */
#ifndef HR_FAULTS_H
#define HR_FAULTS_H

#define FAULTS(X) X(madvise) X(posix_fallocate) X(ftruncate) X(mmap) X(open) X(flock) X(fchmod) X(rename) X(calloc)

enum fault {
#define X(name) FAULT_##name,
	FAULTS(X)
#undef X
	        FAULT_COUNT
};

extern const char *const fault_names[FAULT_COUNT];

/* From now on: call number `nth` (from 1) of `fault` fails with `error`, and all that follow when `ever_after`. */
void fault_arm(enum fault fault, unsigned nth, int error, int ever_after);

/* Everything works again. Returns how often the armed function was called. */
unsigned fault_disarm(void);

#endif
