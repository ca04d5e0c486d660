/* hr_err.h — every error of the project: code, name, text.
 *
 * Functions return 0 or a negative HR_E…; the text says what is wrong in the user's words. */
#ifndef HR_ERR_H
#define HR_ERR_H

#define HR_ERRORS(X)                                                                                                   \
	X(EARG, "bad argument")                                                                                        \
	X(ENOMEM, "out of memory")                                                                                     \
	X(ENOSPC, "no space left in /dev/shm")                                                                         \
	X(EFULL, "a table of the segment is full")                                                                     \
	X(EAGAIN, "not ready yet, try again")                                                                          \
	X(ECORRUPT, "the segment is corrupt")                                                                          \
	X(EVERSION, "the segment has another layout version")                                                          \
	X(EGONE, "no such segment")                                                                                    \
	X(EPERM, "the segment belongs to another user or can be written by others")                                    \
	X(EEXIST, "the name is taken")                                                                                 \
	X(EIO, "the system refused")

enum hr_err {
	HR_OK = 0,
#define X(name, text) HR_##name##_ORDINAL,
	HR_ERRORS(X)
#undef X
};

enum {
#define X(name, text) HR_##name = -HR_##name##_ORDINAL,
	HR_ERRORS(X)
#undef X
};

/* "HR_EGONE" for HR_EGONE, "HR_OK" for 0, "HR_E?" for anything else. Static storage. */
const char *hr_err_name(int err);

/* "no such segment" for HR_EGONE, "ok" for 0. Static storage. */
const char *hr_err_text(int err);

#endif
