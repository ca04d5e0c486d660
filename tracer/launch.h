/* launch.h — starts another program so that this one cannot meet it: no child for wait(), no SIGCHLD, another session
 * and process group, so that neither Ctrl-C nor a hang-up of this one's terminal reaches it. */
#ifndef HRT_LAUNCH_H
#define HRT_LAUNCH_H

/* Runs `path` with `argv` and `envp` (both NULL-terminated), standard input on /dev/null, standard output and error on
 * this program's standard error, no other descriptor. Returns when it runs or could not: 0, or HR_EIO with errno saying
 * why. Must not be called from two threads at once. */
int hrt_launch(const char *path, char *const argv[], char *const envp[]);

#endif
