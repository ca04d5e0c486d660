/* json.h — programs and dumps as JSON: what `hrview list`, `hrview dump` and /api answer. */
#ifndef HRV_JSON_H
#define HRV_JSON_H

#include "discover.h"
#include "dump.h"

#include <jansson.h>

/* A program as in docs/wire.md; one of another pid namespace also has "pid_there", its pid as it sees it itself. NULL:
 * out of memory. */
json_t *hrv_json_program(const struct hrv_program *program);

/* {"programs": [program]} as in docs/wire.md; `only` as in hrv_program_matches(), NULL all. NULL: out of memory. */
json_t *hrv_json_programs(const struct hrv_catalog *catalog, const char *only);

/* {"pid", "id", "name", "state", "files": [{"path", "lines": {"12": 345}, "counted_by": {"events", "probes"}}],
 * "threads": [{"name", "id", "native", "task", "state", "depth", "elided_at", "frames": [{"file", "function", "line",
 * "end_line", "col", "end_col"}]}], "drops": {}, "notes": [{"kind", "tick", "text"}]}: frames outermost first, lines
 * 1-based, columns 0-based in UTF-8 bytes, keys absent when unknown, lines only when hit. */
json_t *hrv_json_dump(const struct hrv_dump *dump);

#endif
