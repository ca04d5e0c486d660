/* read_all.h — reads everything that a viewer ever reads of a segment. */
#ifndef HR_READ_ALL_H
#define HR_READ_ALL_H

/* Opens `file_name` in `dir_fd`, and if that works asks for its life, dumps it as JSON and loads the carried sources.
 * Returns the first error, 0 none. Whatever the bytes are it must return. */
int read_all(int dir_fd, const char *file_name);

#endif
