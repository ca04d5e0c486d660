/* launch.c — see launch.h.
 *
 * Two steps. A child made by clone() without an exit signal sends no SIGCHLD and is skipped by wait() (wait(2),
 * "__WCLONE"); but exec*() gives it the signal back, so it does not exec: it starts the real one, leaves, and is waited
 * for here. The real one is then an orphan and belongs to init. Both share our memory until they exec or leave
 * (CLONE_VM | CLONE_VFORK: nothing is copied, whatever the size of the program), so they may only store to `plan`. */
#define _GNU_SOURCE
#include "launch.h"

#include "hr_err.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9 */
#endif

struct plan {
	const char *path;
	char *const *argv;
	char *const *envp;
	unsigned char *stack; /* of the second process */
	int error;            /* errno of what failed, 0 */
};

static int run(void *arg)
{
	struct plan *plan = arg;
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	/* Handlers of the program must not run here, and what it ignores must not be ignored there. */
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	int null = open("/dev/null", O_RDWR);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 && null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	/* Inheritable descriptors of the program, a listening socket for one, must not outlive it. */
	if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
		for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd > STDERR_FILENO; fd--)
			close(fd);
	execve(plan->path, plan->argv, plan->envp);
	plan->error = errno;
	_exit(127);
}

static int start(void *arg)
{
	struct plan *plan = arg;

	if (clone(run, plan->stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, plan) < 0)
		plan->error = errno;
	_exit(0);
}

int hrt_launch(const char *path, char *const argv[], char *const envp[])
{
	unsigned char *stacks =
	        mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	struct plan plan = {.path = path, .argv = argv, .envp = envp, .stack = stacks};
	sigset_t all, before;

	if (stacks == MAP_FAILED)
		return HR_EIO;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = clone(start, stacks + 2 * STACK_BYTES, CLONE_VM | CLONE_VFORK, &plan);
	if (pid < 0)
		plan.error = errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &before, NULL);
	munmap(stacks, 2 * STACK_BYTES);
	errno = plan.error;
	return plan.error == 0 ? 0 : HR_EIO;
}
