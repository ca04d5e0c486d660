/* inject.h — lets a running Python run lines of ours: sys.remote_exec() (PEP 768), called by its own interpreter.
 *
 * The lines lie in a folder of their own under /tmp, which belongs to the process's user, and say how it went in a file
 * beside them. A process that never comes to them must not find them gone (Python would complain on its standard
 * error): whoever gives up puts lines in their place that only clean up. */
#ifndef HRV_INJECT_H
#define HRV_INJECT_H

#include "buffer.h"
#include "python.h"

#define HRV_INJECT_WHY_BYTES 1024

struct hrv_injection {
	char folder[64];
	char script[96], result[96];
};

/* Appends `text` as a Python expression for it. HR_ENOMEM. */
int hrv_inject_quote(struct hrv_buffer *out, const char *text);

/* Makes the folder. HR_EIO: `why` says what went wrong. */
int hrv_inject_begin(const struct hrv_python *python, struct hrv_injection *out, char why[HRV_INJECT_WHY_BYTES]);

/* Asks for `lines` to be run, which leave in the file `result` how it went, "" well. `packages` has heartrate_shm,
 * whose _attach.py does the asking. HR_EPERM: no right to trace the process; HR_EARG: it refuses to be debugged;
 * HR_EIO: anything else. `why` is what Python said. */
int hrv_inject_ask(const struct hrv_python *python, const char *packages, const struct hrv_injection *injection,
                   const struct hrv_buffer *lines, char why[HRV_INJECT_WHY_BYTES]);

/* What the lines have told: 0 and the text; HR_EAGAIN: nothing yet. */
int hrv_inject_result(const struct hrv_injection *injection, char out[HRV_INJECT_WHY_BYTES]);

/* Removes it all; or, when `waiting`, leaves lines that do so when the process comes to them. */
void hrv_inject_end(const struct hrv_injection *injection, bool waiting);

#endif
