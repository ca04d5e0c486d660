/* read_recording.h — reads everything that is ever read of a recording. */
#ifndef HR_READ_RECORDING_H
#define HR_READ_RECORDING_H

/* Opens the recording and if that works reads all its frames and sources, makes its JSON, and plays it to whoever asks
 * for all files, one, or none. Returns the error of opening, 0 none. Whatever the bytes are it must return. */
int read_recording(const char *path);

#endif
