/* discover.h — which segments there are: the list of this user's programs, and one of them by pid or name. */
#ifndef HRV_DISCOVER_H
#define HRV_DISCOVER_H

#include "hr_name.h"
#include "reader.h"
#include "text.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* One segment and what is known of its program. */
struct hrv_program {
	char file_name[HR_NAME_BYTES];
	struct hr_name id;
	struct hrv_reader *reader; /* NULL: it cannot be read, see why */
	enum hrv_life life;
	char why[HRV_WHY_BYTES]; /* with HRV_CORRUPT; with HRV_UNKNOWN when there is no reader */
	uint32_t pid;            /* as seen from here; what the program itself says when it cannot be seen */
	uint32_t unread_pid;     /* the process that maps what only root may read, see why; else 0 */
	bool in_container;       /* found through one of its processes */

	/* Constant texts of the header, empty when there is no reader. Not repaired. */
	struct hrv_text name, argv, executable, cwd, caller;

	bool seen; /* by the refresh under way */
	struct hrv_buffer texts;
};

/* All programs of one user; of all users for root. Oldest first. All zero is empty. */
struct hrv_catalog {
	struct hrv_program **programs;
	size_t count, capacity;
	uint64_t changes; /* grows whenever a program comes, goes or changes its life */
	uint64_t only;    /* the one instance that it is to have; 0: all */
	bool looked_for_unnamed;
};

/* Looks again at HR_SHM_DIR, at containers and at what has become of each program; at first at segments without a name
 * too, which costs 3.5 ms (elsewhere.h). Readers of programs known before stay as they are. A live program whose
 * name has gone from the directory stays. HR_EIO: there is no HR_SHM_DIR (errno). */
int hrv_catalog_refresh(struct hrv_catalog *catalog);
void hrv_catalog_fini(struct hrv_catalog *catalog);

struct hrv_program *hrv_catalog_by_instance(const struct hrv_catalog *catalog, uint64_t instance);

/* The instance of the only program that matches `what` (NULL: of all), or of the only live one. 0: none, or several. */
uint64_t hrv_catalog_only(const struct hrv_catalog *catalog, const char *what);

/* What the list says of it; texts are borrowed from the program. */
void hrv_program_describe(const struct hrv_program *program, struct hrv_wire_program *out);

/* A reader of this program has met HR_ECORRUPT: it is shown as corrupt from now on. Its reader is closed. */
void hrv_catalog_condemn(struct hrv_catalog *catalog, struct hrv_program *program);

/* What `hrview WHAT` means: a pid, the name of a program, or PID@ID and @ID, where ID is how its instance begins (after
 * exec two segments have one pid, and each container has a pid 1). Of several instances the one that lives, then the
 * newest. When there is none, or several that live, HR_EGONE or HR_EARG and `why` says which it is: no such process,
 * one that is not traced, another user's, several. */
#define HRV_FIND_WHY_BYTES 512
int hrv_catalog_find(const struct hrv_catalog *catalog, const char *what, struct hrv_program **out,
                     char why[HRV_FIND_WHY_BYTES]);

/* The same test for one program. */
bool hrv_program_matches(const struct hrv_program *program, const char *what);

/* Live, or of a namespace that cannot be looked into. */
bool hrv_program_lives(const struct hrv_program *program);

/* A pid, or 0 when `what` is not one. */
uint32_t hrv_pid_parse(const char *what);

#endif
