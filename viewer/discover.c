/* discover.c — see discover.h. */
#include "discover.h"

#include "array.h"
#include "elsewhere.h"
#include "hr_err.h"
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void program_free(struct hrv_program *program)
{
	hrv_reader_close(program->reader);
	hrv_buffer_fini(&program->texts);
	free(program);
}

/* ---- one program ---- */

static int read_texts(struct hrv_program *program)
{
	const struct hr_header *header = hrv_reader_header(program->reader);
	const struct {
		struct hr_str str;
		struct hrv_text *text;
	} wanted[] = {
	        {header->name, &program->name},
	        {header->argv, &program->argv},
	        {header->executable, &program->executable},
	        {header->cwd, &program->cwd},
	        {header->caller, &program->caller},
	};
	size_t count = sizeof wanted / sizeof *wanted, at = 0;

	for (size_t i = 0; i < count; i++) {
		int err = hrv_reader_string(program->reader, wanted[i].str, &program->texts);
		if (err != 0)
			return err;
	}
	/* Only now, since the buffer may have moved. */
	for (size_t i = 0; i < count; i++) {
		*wanted[i].text = (struct hrv_text){program->texts.bytes + at, wanted[i].str.len_bytes};
		at += wanted[i].str.len_bytes;
	}
	return 0;
}

static void ask_life(struct hrv_program *program)
{
	program->life = hrv_reader_life(program->reader);
	if (hrv_reader_pid(program->reader) != 0)
		program->pid = hrv_reader_pid(program->reader);
}

/* `err` is what the opening of its reader gave. False: there is nothing to list; gone again, or half made. */
static bool program_begin(struct hrv_program *program, int err)
{
	program->pid = program->id.pid;
	if (err == 0) {
		err = read_texts(program);
		if (err != 0) {
			const char *why = err == HR_ECORRUPT ? hrv_reader_why(program->reader) : hr_err_text(err);
			snprintf(program->why, sizeof program->why, "%s", why);
			hrv_reader_close(program->reader);
			program->reader = NULL;
		}
	}
	if (err == HR_EGONE || err == HR_EAGAIN || err == HR_ENOMEM)
		return false;
	if (err == 0)
		ask_life(program);
	else
		program->life = HRV_CORRUPT;
	return true;
}

static struct hrv_program *program_new(const char *file_name, const struct hr_name *id)
{
	struct hrv_program *program = calloc(1, sizeof *program);

	if (!program)
		return NULL;
	program->id = *id;
	strcpy(program->file_name, file_name); /* it fits: hr_name_parse() took it */
	program->seen = true;
	return program;
}

/* ---- our own directory ---- */

static int catalog_add(struct hrv_catalog *catalog, struct hrv_program *program)
{
	int err = hrv_array_reserve(&catalog->programs, &catalog->capacity, catalog->count + 1,
	                            sizeof *catalog->programs);

	if (err != 0)
		return err;
	catalog->programs[catalog->count++] = program;
	catalog->changes++;
	return 0;
}

static struct hrv_program *by_file_name(const struct hrv_catalog *catalog, const char *file_name)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (strcmp(catalog->programs[i]->file_name, file_name) == 0)
			return catalog->programs[i];
	return NULL;
}

static bool is_wanted(const struct hrv_catalog *catalog, const struct hr_name *id)
{
	return catalog->only == 0 || catalog->only == id->instance;
}

/* Takes the program over. */
static int program_add(struct hrv_catalog *catalog, struct hrv_program *program, bool listed)
{
	int err = listed ? catalog_add(catalog, program) : 0;

	if (!listed || err != 0)
		program_free(program);
	return err;
}

static int see(struct hrv_catalog *catalog, int dir_fd, const char *file_name)
{
	struct hr_name id;

	if (hr_name_parse(file_name, &id) != 0 || id.unfinished || !is_wanted(catalog, &id) ||
	    (id.uid != geteuid() && geteuid() != 0))
		return 0;
	struct hrv_program *program = by_file_name(catalog, file_name);
	if (program) {
		program->seen = true;
		return 0;
	}
	if (!(program = program_new(file_name, &id)))
		return HR_ENOMEM;
	int err = hrv_reader_open(dir_fd, file_name, &program->reader, program->why);
	return program_add(catalog, program, program_begin(program, err));
}

/* ---- elsewhere ---- */

/* A segment in a container. Whose instance is known already is not looked at: our own come first. */
static int see_in_container(struct hrv_catalog *catalog, const struct hrv_container *container, const char *file_name)
{
	struct hr_name id;
	uid_t owner;

	if (hr_name_parse(file_name, &id) != 0 || id.unfinished || !is_wanted(catalog, &id) ||
	    hrv_process_uid_here(container->pid, id.uid, &owner) != 0 || (owner != geteuid() && geteuid() != 0))
		return 0;
	struct hrv_program *program = hrv_catalog_by_instance(catalog, id.instance);
	if (program) {
		if (program->in_container && strcmp(program->file_name, file_name) == 0) {
			program->seen = true;
			if (program->reader)
				hrv_reader_set_neighbour(program->reader, container->pid);
		}
		return 0;
	}
	int fd = openat(container->shm_fd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (!(program = program_new(file_name, &id))) {
		close(fd);
		return HR_ENOMEM;
	}
	program->in_container = true;
	int err = hrv_reader_adopt(fd, file_name, owner, &program->reader, program->why);
	if (err == 0)
		hrv_reader_set_neighbour(program->reader, container->pid);
	return program_add(catalog, program, program_begin(program, err));
}

static int see_container(void *arg, const struct hrv_container *container)
{
	int fd = dup(container->shm_fd), err = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (struct dirent *entry; err == 0 && (entry = readdir(dir));)
		err = see_in_container(arg, container, entry->d_name);
	closedir(dir);
	return err;
}

static int see_unnamed(void *arg, const struct hrv_unnamed *unnamed)
{
	struct hrv_catalog *catalog = arg;
	struct hrv_program *program;
	struct hr_name id;

	if (hr_name_parse(unnamed->file_name, &id) != 0 || !is_wanted(catalog, &id) ||
	    hrv_catalog_by_instance(catalog, id.instance) || !(program = program_new(unnamed->file_name, &id))) {
		if (unnamed->fd >= 0)
			close(unnamed->fd);
		return 0;
	}
	if (unnamed->fd >= 0) {
		int err = hrv_reader_adopt(unnamed->fd, unnamed->file_name, id.uid, &program->reader, program->why);
		return program_add(catalog, program, program_begin(program, err));
	}
	program->pid = program->unread_pid = unnamed->pid;
	program->life = HRV_UNKNOWN;
	snprintf(program->why, sizeof program->why,
	         "its segment was removed from " HR_SHM_DIR " (as systemd does when its user logs out: RemoveIPC= in "
	         "logind.conf); root's hrview can still read it");
	return program_add(catalog, program, true);
}

static int look_elsewhere(struct hrv_catalog *catalog)
{
	bool first = !catalog->looked_for_unnamed;
	int err = hrv_containers_each(see_container, catalog);

	catalog->looked_for_unnamed = true;
	return err == 0 && first ? hrv_unnamed_each(see_unnamed, catalog) : err;
}

/* ---- refresh ---- */

/* What cannot be read is listed as long as the process that maps it is there. */
static bool stays(const struct hrv_program *program)
{
	uint64_t start_ticks;

	if (program->reader)
		return hrv_program_lives(program);
	return program->unread_pid != 0 && hrv_process_start(program->unread_pid, &start_ticks) == 0;
}

/* Asks what has become of programs known before, and forgets the ones that are gone. */
static void look_again(struct hrv_catalog *catalog)
{
	size_t kept = 0;

	for (size_t i = 0; i < catalog->count; i++) {
		struct hrv_program *program = catalog->programs[i];
		if (program->reader) {
			enum hrv_life before = program->life;
			ask_life(program);
			if (program->life == HRV_CORRUPT)
				hrv_catalog_condemn(catalog, program);
			else if (program->life != before)
				catalog->changes++;
		}
		if (program->seen || stays(program)) {
			catalog->programs[kept++] = program;
		} else {
			catalog->changes++;
			program_free(program);
		}
	}
	catalog->count = kept;
}

static uint64_t start_of(const struct hrv_program *program)
{
	return program->reader ? hrv_reader_header(program->reader)->start_realtime_ns : 0;
}

static int oldest_first(const void *left, const void *right)
{
	const struct hrv_program *a = *(struct hrv_program *const *)left, *b = *(struct hrv_program *const *)right;
	uint64_t start_a = start_of(a), start_b = start_of(b);

	if (start_a != start_b)
		return start_a < start_b ? -1 : 1;
	return strcmp(a->file_name, b->file_name);
}

int hrv_catalog_refresh(struct hrv_catalog *catalog)
{
	DIR *dir = opendir(HR_SHM_DIR);
	uint64_t changes = catalog->changes;
	int err = 0;

	if (!dir)
		return HR_EIO;
	for (size_t i = 0; i < catalog->count; i++)
		catalog->programs[i]->seen = false;
	for (struct dirent *entry; err == 0 && (entry = readdir(dir));)
		err = see(catalog, dirfd(dir), entry->d_name);
	closedir(dir);
	if (err == 0)
		err = look_elsewhere(catalog);
	if (err != 0)
		return err;
	look_again(catalog);
	if (catalog->changes != changes && catalog->count > 0)
		qsort(catalog->programs, catalog->count, sizeof *catalog->programs, oldest_first);
	return 0;
}

void hrv_catalog_fini(struct hrv_catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		program_free(catalog->programs[i]);
	free(catalog->programs);
	*catalog = (struct hrv_catalog){0};
}

struct hrv_program *hrv_catalog_by_instance(const struct hrv_catalog *catalog, uint64_t instance)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->programs[i]->id.instance == instance)
			return catalog->programs[i];
	return NULL;
}

uint64_t hrv_catalog_only(const struct hrv_catalog *catalog, const char *what)
{
	uint64_t any = 0, live = 0;
	size_t any_count = 0, live_count = 0;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct hrv_program *program = catalog->programs[i];
		if (what && !hrv_program_matches(program, what))
			continue;
		any = program->id.instance;
		any_count++;
		if (program->life != HRV_LIVE)
			continue;
		live = program->id.instance;
		live_count++;
	}
	return any_count == 1 ? any : live_count == 1 ? live : 0;
}

void hrv_catalog_condemn(struct hrv_catalog *catalog, struct hrv_program *program)
{
	snprintf(program->why, sizeof program->why, "%s", hrv_reader_why(program->reader));
	program->life = HRV_CORRUPT;
	hrv_reader_close(program->reader);
	program->reader = NULL;
	catalog->changes++;
}

void hrv_program_describe(const struct hrv_program *program, struct hrv_wire_program *out)
{
	struct hrv_status status;

	*out = (struct hrv_wire_program){
	        .id = program->id.instance,
	        .pid = program->pid,
	        .life = program->life,
	        .name = program->name,
	        .argv = program->argv,
	        .caller = program->caller,
	};
	if (!program->reader) {
		out->why = hrv_text_of(program->why);
		return;
	}
	const struct hr_header *header = hrv_reader_header(program->reader);
	out->parent = header->parent_instance;
	out->python_hex = header->python_hex;
	out->start_ns = header->start_realtime_ns;
	if (program->life != HRV_CLOSED || hrv_reader_status(program->reader, &status) != 0)
		return;
	out->end_ns = status.end_realtime_ns;
	if (status.end == HR_END_EXIT)
		out->why = HRV_TEXT("exit");
	else if (status.end == HR_END_STOPPED)
		out->why = HRV_TEXT("stopped");
	else if (status.end == HR_END_EXEC)
		out->why = HRV_TEXT("exec");
}

/* ---- find ---- */

uint32_t hrv_pid_parse(const char *what)
{
	char *end;

	if (what[0] < '1' || what[0] > '9')
		return 0;
	errno = 0;
	unsigned long pid = strtoul(what, &end, 10);
	return errno == 0 && *end == '\0' && pid <= INT32_MAX ? (uint32_t)pid : 0;
}

/* "@3fa2", "4711@3fa2": how the instance begins, and the pid before it when one is given. */
static bool matches_instance(const struct hrv_program *program, const char *what)
{
	const char *at = strchr(what, '@');
	char digits[17], pid[16];

	if (!at || at[1] == '\0')
		return false;
	snprintf(pid, sizeof pid, "%" PRIu32, program->pid);
	snprintf(digits, sizeof digits, "%016" PRIx64, program->id.instance);
	return strncmp(digits, at + 1, strlen(at + 1)) == 0 &&
	       (at == what || ((size_t)(at - what) == strlen(pid) && strncmp(what, pid, strlen(pid)) == 0));
}

bool hrv_program_matches(const struct hrv_program *program, const char *what)
{
	uint32_t pid = hrv_pid_parse(what);
	size_t len = strlen(what);

	if ((pid != 0 && program->pid == pid) || matches_instance(program, what))
		return true;
	return program->name.len_bytes == len && len > 0 && memcmp(program->name.bytes, what, len) == 0;
}

bool hrv_program_lives(const struct hrv_program *program)
{
	return program->life == HRV_LIVE || program->life == HRV_UNKNOWN;
}

static void explain_pid(uint32_t pid, char why[HRV_FIND_WHY_BYTES])
{
	uid_t owner;

	if (hrv_process_owner(pid, &owner) != 0) {
		snprintf(why, HRV_FIND_WHY_BYTES,
		         "there is no process %" PRIu32 "; `hrview list` shows the traced programs", pid);
		return;
	}
	if (owner != geteuid() && geteuid() != 0) {
		const struct passwd *user = getpwuid(owner);
		snprintf(why, HRV_FIND_WHY_BYTES,
		         "process %" PRIu32 " belongs to another user (%s); run hrview as that user", pid,
		         user ? user->pw_name : "uid unknown here");
		return;
	}
	if (hrv_process_maps(pid, HR_SHM_DIR "/" HR_NAME_PREFIX)) {
		snprintf(why, HRV_FIND_WHY_BYTES,
		         "process %" PRIu32 " is traced, but its segment is not to be seen from here (is it in a "
		         "container?); run hrview as root, or where the program runs",
		         pid);
		return;
	}
	snprintf(why, HRV_FIND_WHY_BYTES,
	         "process %" PRIu32 " is not traced; it must call heartrate_shm.trace(), or be started with "
	         "`python -m heartrate_shm`",
	         pid);
}

/* A living program goes before one that only may be living, and that before one that has ended. */
static int rank(const struct hrv_program *program)
{
	return program->life == HRV_LIVE ? 2 : program->life == HRV_UNKNOWN ? 1 : 0;
}

static void explain_several(const struct hrv_catalog *catalog, const char *what, int of_rank,
                            char why[HRV_FIND_WHY_BYTES])
{
	size_t used = (size_t)snprintf(why, HRV_FIND_WHY_BYTES, "several programs are called %.64s, say which:", what);

	for (size_t i = 0; i < catalog->count && used < HRV_FIND_WHY_BYTES - 24; i++) {
		const struct hrv_program *program = catalog->programs[i];
		if (rank(program) == of_rank && hrv_program_matches(program, what))
			used += (size_t)snprintf(why + used, HRV_FIND_WHY_BYTES - used, " %" PRIu32 "@%08" PRIx64,
			                         program->pid, program->id.instance >> 32);
	}
}

int hrv_catalog_find(const struct hrv_catalog *catalog, const char *what, struct hrv_program **out,
                     char why[HRV_FIND_WHY_BYTES])
{
	struct hrv_program *best = NULL;
	size_t as_good = 0;
	uint32_t pid = hrv_pid_parse(what);

	for (size_t i = 0; i < catalog->count; i++) {
		struct hrv_program *program = catalog->programs[i];
		if (!hrv_program_matches(program, what) || (best && rank(program) < rank(best)))
			continue;
		as_good = best && rank(program) == rank(best) ? as_good + 1 : 1;
		best = program; /* the later in the list, the newer */
	}
	if (best && (as_good == 1 || rank(best) == 0)) {
		*out = best;
		return 0;
	}
	if (best) {
		explain_several(catalog, what, rank(best), why);
		return HR_EARG;
	}
	if (pid != 0)
		explain_pid(pid, why);
	else
		snprintf(why, HRV_FIND_WHY_BYTES,
		         "no traced program is called %.64s; `hrview list` shows those there are", what);
	return HR_EGONE;
}
