/* guard.c — see guard.h. Owns the process's SIGBUS handler. */
#include "guard.h"

#include "hr_err.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

struct guard {
	sigjmp_buf back;
	uintptr_t base;
	size_t bytes;
};

static _Thread_local struct guard *volatile active;

static void on_sigbus(int signo, siginfo_t *info, void *context)
{
	struct guard *guard = active;

	(void)context;
	if (guard && (uintptr_t)info->si_addr - guard->base < guard->bytes)
		siglongjmp(guard->back, 1);
	signal(signo, SIG_DFL); /* the instruction runs again, and ends the process */
}

static void install(void)
{
	/* SA_NODEFER: siglongjmp() then has no signal mask to restore, which would cost a system call a guard. */
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

int hrv_guard_run(const void *base, size_t bytes, int (*job)(void *arg), void *arg)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct guard guard = {.base = (uintptr_t)base, .bytes = bytes};
	int err;

	pthread_once(&once, install);
	if (sigsetjmp(guard.back, 0) != 0) {
		active = NULL;
		return HR_ECORRUPT;
	}
	active = &guard;
	err = job(arg);
	active = NULL;
	return err;
}
