/* inject.c — see inject.h. */
#define _GNU_SOURCE /* mkdtemp(), pipe2() */
#include "inject.h"

#include "hr_err.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int hrv_inject_quote(struct hrv_buffer *out, const char *text)
{
	int err = hrv_buffer_append_text(out, "__import__('os').fsdecode(b'");

	for (const unsigned char *s = (const unsigned char *)text; err == 0 && *s; s++) {
		char piece[8];
		snprintf(piece, sizeof piece, *s >= ' ' && *s < 0x7F && *s != '\'' && *s != '\\' ? "%c" : "\\x%02x",
		         *s);
		err = hrv_buffer_append_text(out, piece);
	}
	return err == 0 ? hrv_buffer_append_text(out, "')") : err;
}

/* ---- files ---- */

/* A new file of the process's user. */
static int write_file(const struct hrv_python *python, const char *path, const char *text, size_t len_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool written = fd >= 0 && write(fd, text, len_bytes) == (ssize_t)len_bytes &&
	               (geteuid() == python->uid || fchown(fd, python->uid, python->gid) == 0);

	if (fd >= 0)
		close(fd);
	return written ? 0 : HR_EIO;
}

int hrv_inject_begin(const struct hrv_python *python, struct hrv_injection *out, char why[HRV_INJECT_WHY_BYTES])
{
	struct hrv_injection injection;

	snprintf(injection.folder, sizeof injection.folder, "/tmp/hrview-attach.%" PRIu32 ".XXXXXX", python->pid);
	bool made = mkdtemp(injection.folder) != NULL;
	if (!made || (geteuid() != python->uid && chown(injection.folder, python->uid, python->gid) != 0)) {
		snprintf(why, HRV_INJECT_WHY_BYTES, "%s: %s", injection.folder, strerror(errno));
		if (made)
			rmdir(injection.folder);
		return HR_EIO;
	}
	snprintf(injection.script, sizeof injection.script, "%s/begin.py", injection.folder);
	snprintf(injection.result, sizeof injection.result, "%s/result", injection.folder);
	*out = injection;
	return 0;
}

/* ---- the interpreter that asks ---- */

/* Root becomes the process's user, unless nobody else could have written what it runs. */
static bool become(const struct hrv_python *python)
{
	if (geteuid() != 0 || python->uid == 0 || python->trusted)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(python->gid, python->gid, python->gid) == 0 &&
	       setresuid(python->uid, python->uid, python->uid) == 0;
}

__attribute__((noreturn)) static void run_helper(const struct hrv_python *python, char **argv, int output)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && chdir("/") == 0 && become(python))
		execv(python->exe, argv);
	dprintf(output, "OSError %s: %s", python->exe, strerror(errno));
	_exit(127);
}

/* Its exit code, and what it printed. -1: it did not come so far. */
static int run(const struct hrv_python *python, char **argv, char out[HRV_INJECT_WHY_BYTES])
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		run_helper(python, argv, ends[1]);
	close(ends[1]);
	while (pid > 0 && used < HRV_INJECT_WHY_BYTES - 1 &&
	       ((n = read(ends[0], out + used, HRV_INJECT_WHY_BYTES - 1 - used)) > 0 || (n < 0 && errno == EINTR)))
		used += n > 0 ? (size_t)n : 0;
	close(ends[0]);
	while (used > 0 && out[used - 1] == '\n')
		used--;
	out[used] = '\0';
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int hrv_inject_ask(const struct hrv_python *python, const char *packages, const struct hrv_injection *injection,
                   const struct hrv_buffer *lines, char why[HRV_INJECT_WHY_BYTES])
{
	char helper[PATH_MAX + 32], pid[16], text[HRV_INJECT_WHY_BYTES] = "";
	int err = write_file(python, injection->script, lines->bytes, lines->len_bytes);

	if (err != 0) {
		snprintf(why, HRV_INJECT_WHY_BYTES, "%s: %s", injection->script, strerror(errno));
		return err;
	}
	snprintf(helper, sizeof helper, "%s/heartrate_shm/_attach.py", packages);
	snprintf(pid, sizeof pid, "%" PRIu32, python->pid);
	/* Without the environment, without site: nothing but Python itself and this file. */
	char *argv[] = {(char *)python->exe, "-I", "-S", "-B", helper, pid, (char *)injection->script, NULL};
	if (run(python, argv, text) == 0)
		return 0;
	const char *said = strchr(text, ' ');
	snprintf(why, HRV_INJECT_WHY_BYTES, "%s", said ? said + 1 : text[0] ? text : "its interpreter does not run");
	if (strncmp(text, "PermissionError", 15) == 0)
		return HR_EPERM;
	return strstr(text, "not enabled") || strstr(text, "disabled") ? HR_EARG : HR_EIO;
}

/* ---- the end ---- */

int hrv_inject_result(const struct hrv_injection *injection, char out[HRV_INJECT_WHY_BYTES])
{
	int fd = open(injection->result, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return HR_EAGAIN;
	ssize_t n = read(fd, out, HRV_INJECT_WHY_BYTES - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return 0;
}

void hrv_inject_end(const struct hrv_injection *injection, bool waiting)
{
	char spare[128];

	if (waiting) {
		static const char lines[] = "import os, shutil\n"
		                            "shutil.rmtree('%s', ignore_errors=True)\n";
		char text[sizeof lines + sizeof injection->folder];
		struct stat st;
		int len = snprintf(text, sizeof text, lines, injection->folder);
		struct hrv_python owner = {0};
		snprintf(spare, sizeof spare, "%s/end.py", injection->folder);
		if (stat(injection->folder, &st) != 0)
			return;
		owner.uid = st.st_uid;
		owner.gid = st.st_gid;
		if (write_file(&owner, spare, text, (size_t)len) == 0)
			rename(spare, injection->script);
		return;
	}
	snprintf(spare, sizeof spare, "%s.new", injection->result);
	unlink(spare);
	unlink(injection->result);
	unlink(injection->script);
	rmdir(injection->folder);
}
