/* spawn.h — the functions by which a program starts another one, becomes one, ends without a word, or needs to be
 * alone.
 *
 * While tracing, the C function behind os.execv, os.execve, os._exit, os.posix_spawn, os.posix_spawnp, os.system,
 * _posixsubprocess.fork_exec, os.unshare and os.setns is ours, in the same Python objects: nothing that Python code can
 * look at is different. */
#ifndef HRT_SPAWN_H
#define HRT_SPAWN_H

#include "tracer.h"

/* The functions that end this process or must find it without threads of ours; hrt_spawn_pass_on() adds those that
 * start programs. One that is not what we know is left alone. Keeps no exception. */
void hrt_spawn_install(void);

/* Puts the functions back and forgets what hrt_spawn_pass_on() was told. */
void hrt_spawn_uninstall(void);

/* In a forked child: the calls that other threads of its parent had under way, for which the variables stand in C's
 * environ, are none of its own. */
void hrt_spawn_forget_calls(void);

/* From now on new programs find HEARTRATE_SHM_CHILD=INSTANCE:description in their environment, and `site` first in
 * PYTHONPATH (with a slash behind it when PYTHONPATH was there and empty). This process's own environment has neither
 * but while such a function runs. The texts are copied. HR_ENOMEM. */
int hrt_spawn_pass_on(const char *description, const char *site);

#endif
