/* sampling.h — stacks of a program, gathered while it runs. */
#ifndef HRV_SAMPLING_H
#define HRV_SAMPLING_H

#include "discover.h"
#include "samples.h"

#include <signal.h>

/* Follows the program's stacks for `seconds`, until it ends, or until one of `signals` comes, which are blocked; of a
 * program that has ended there is one look, at its last stacks. Tells how far it is on standard error when that is a
 * terminal. `signals` NULL: nobody waits at a terminal; nothing is told, and no signal is looked for. `samples` is
 * empty and the caller's to end. *signalled_out: a signal came. HR_ECORRUPT, HR_ENOMEM. */
int hrv_sampling_run(struct hrv_program *program, unsigned long seconds, const sigset_t *signals,
                     struct hrv_samples *samples, bool *signalled_out);

#endif
