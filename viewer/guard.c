/* guard.c — see guard.h. Owns the process's SIGBUS handler. */
#include "guard.h"

#include "hr_err.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

struct guard {
	sigjmp_buf back;
	uintptr_t base;
	size_t bytes;
};

static _Thread_local struct guard *volatile active;

static void on_sigbus(int signo, siginfo_t *info, void *context)
{
	struct guard *guard = active;

	if (guard && (uintptr_t)info->si_addr - guard->base < guard->bytes) {
		/* Here and not by sigsetjmp(): that would cost every guard a system call. */
		pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
		siglongjmp(guard->back, 1);
	}
	signal(signo, SIG_DFL); /* the instruction runs again, and ends the process */
}

void hrv_guard_init(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

int hrv_guard_run(const void *base, size_t bytes, int (*job)(void *arg), void *arg)
{
	struct guard guard = {.base = (uintptr_t)base, .bytes = bytes};
	int err;

	if (sigsetjmp(guard.back, 0) != 0) {
		active = NULL;
		return HR_ECORRUPT;
	}
	active = &guard;
	err = job(arg);
	active = NULL;
	return err;
}
