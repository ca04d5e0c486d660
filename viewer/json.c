/* json.c — see json.h. jansson takes a reference of what is added and refuses NULL, so trouble shows in one place: an
 * object that could not be filled is dropped as a whole. */
#include "json.h"

#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *text_json(struct hrv_text text)
{
	char *repaired = hrv_text_repair(text);
	json_t *json = repaired ? json_stringn(repaired, hrv_text_repaired_bytes(text)) : NULL;

	free(repaired);
	return json;
}

/* JSON integers are signed here; a counter beyond that is a corrupt segment's. */
static json_t *count_json(uint64_t count)
{
	return json_integer(count <= INT64_MAX ? (json_int_t)count : INT64_MAX);
}

static json_t *id_json(uint64_t instance)
{
	char digits[17];

	snprintf(digits, sizeof digits, "%016" PRIx64, instance);
	return json_string(digits);
}

static json_t *time_json(uint64_t ns)
{
	return json_real((double)(ns / 1000) / 1000);
}

/* Sets, or gives the object up: *object is NULL from then on. */
static void set(json_t **object, const char *key, json_t *value)
{
	if (!*object)
		json_decref(value);
	else if (json_object_set_new(*object, key, value) != 0) {
		json_decref(*object);
		*object = NULL;
	}
}

static void append(json_t **array, json_t *value)
{
	if (!*array)
		json_decref(value);
	else if (json_array_append_new(*array, value) != 0) {
		json_decref(*array);
		*array = NULL;
	}
}

/* ---- programs ---- */

static json_t *arguments_json(struct hrv_text argv)
{
	json_t *array = json_array();

	while (argv.len_bytes > 0) {
		size_t len = strnlen(argv.bytes, argv.len_bytes);
		append(&array, text_json((struct hrv_text){argv.bytes, len}));
		len += len < argv.len_bytes;
		argv.bytes += len;
		argv.len_bytes -= len;
	}
	return array;
}

json_t *hrv_json_program(const struct hrv_program *program)
{
	struct hrv_wire_program wire;
	char python[HRV_PYTHON_BYTES];
	json_t *object = json_object();

	hrv_program_describe(program, &wire);
	hrv_python_format(wire.python_hex, python);
	set(&object, "id", id_json(wire.id));
	set(&object, "pid", json_integer(wire.pid));
	set(&object, "name", text_json(wire.name));
	set(&object, "state", json_string(hrv_life_name(wire.life)));
	if (wire.why.len_bytes > 0)
		set(&object, "why", text_json(wire.why));
	set(&object, "argv", arguments_json(wire.argv));
	set(&object, "python", json_string(python));
	set(&object, "parent", wire.parent ? id_json(wire.parent) : json_null());
	set(&object, "start", time_json(wire.start_ns));
	set(&object, "end", wire.end_ns ? time_json(wire.end_ns) : json_null());
	set(&object, "caller", text_json(wire.caller));
	if (program->reader && hrv_reader_is_elsewhere(program->reader))
		set(&object, "pid_there", json_integer(program->id.pid));
	return object;
}

json_t *hrv_json_programs(const struct hrv_catalog *catalog, const char *only)
{
	json_t *programs = json_array(), *root = json_object();

	for (size_t i = 0; i < catalog->count; i++)
		if (!only || hrv_program_matches(catalog->programs[i], only))
			append(&programs, hrv_json_program(catalog->programs[i]));
	set(&root, "programs", programs);
	return root;
}

/* ---- dump ---- */

static json_t *files_json(const struct hrv_dump *dump)
{
	json_t *files = json_array();

	for (size_t i = 0; i < dump->file_count; i++) {
		const struct hrv_dump_file *from = &dump->files[i];
		json_t *lines = json_object(), *file = json_object();
		for (size_t n = 0; n < from->line_count; n++) {
			char line[16];
			if (from->lines[n].hits == 0)
				continue;
			snprintf(line, sizeof line, "%" PRIu32, from->lines[n].line);
			set(&lines, line, count_json(from->lines[n].hits));
		}
		set(&file, "path", json_string(from->path));
		set(&file, "lines", lines);
		json_t *counted_by = json_object();
		set(&counted_by, "events", count_json(from->event_hits));
		set(&counted_by, "probes", count_json(from->probe_hits));
		set(&file, "counted_by", counted_by);
		append(&files, file);
	}
	return files;
}

static void set_known(json_t **object, const char *key, uint32_t value)
{
	if (value != HR_INDEX_NONE)
		set(object, key, json_integer(value));
}

static json_t *frame_json(const struct hrv_dump *dump, const struct hrv_frame *from)
{
	json_t *frame = json_object();
	const char *path = hrv_dump_path(dump, from);
	char *function = hrv_dump_function(dump, from);

	if (path)
		set(&frame, "file", json_string(path));
	if (function)
		set(&frame, "function", json_string(function));
	free(function);
	set_known(&frame, "line", from->line);
	set_known(&frame, "end_line", from->end_line);
	set_known(&frame, "col", from->col);
	set_known(&frame, "end_col", from->end_col);
	return frame;
}

static json_t *thread_json(const struct hrv_dump *dump, const struct hrv_stack *stack)
{
	json_t *thread = json_object(), *frames = json_array();

	for (uint32_t i = 0; i < stack->frame_count; i++)
		append(&frames, frame_json(dump, &stack->frames[i]));
	set(&thread, "name", text_json(hrv_text_of(stack->name)));
	set(&thread, "id", count_json(stack->ident));
	set(&thread, "native", count_json(stack->native_id));
	set(&thread, "task", json_boolean(stack->task));
	set(&thread, "state", json_string(hrv_run_state_name(stack->run_state)));
	set(&thread, "depth", json_integer(stack->depth));
	set(&thread, "elided_at", json_integer(stack->elided_at));
	set(&thread, "frames", frames);
	return thread;
}

static json_t *threads_json(const struct hrv_dump *dump)
{
	const struct hrv_stacks *stacks = &dump->stacks;
	json_t *threads = json_array();

	for (uint32_t i = 0; i < stacks->thread_count; i++)
		if (stacks->threads[i].used)
			append(&threads, thread_json(dump, &stacks->threads[i]));
	for (uint32_t i = 0; i < stacks->task_count; i++)
		if (stacks->tasks[i].used)
			append(&threads, thread_json(dump, &stacks->tasks[i]));
	return threads;
}

static json_t *drops_json(const struct hrv_dump *dump)
{
	json_t *drops = json_object();

	for (size_t i = 0; i < HR_DROP_MAX; i++)
		if (dump->status.drops[i] > 0 && hrv_drop_name(i))
			set(&drops, hrv_drop_name(i), count_json(dump->status.drops[i]));
	return drops;
}

static json_t *notes_json(const struct hrv_dump *dump)
{
	struct hrv_reader *reader = dump->program->reader;
	json_t *notes = json_array();
	uint32_t count = 0;

	if (reader && hrv_reader_count(reader, HR_KIND_NOTES, &count) != 0)
		count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct hr_note from;
		if (hrv_reader_notes(reader, i, 1, &from) != 0)
			break;
		char *text = hrv_dump_text(dump, from.text);
		json_t *note = json_object();
		set(&note, "kind", json_string(hrv_note_name(from.kind)));
		set(&note, "tick", count_json(from.tick));
		set(&note, "text", json_string(text ? text : ""));
		free(text);
		append(&notes, note);
	}
	return notes;
}

json_t *hrv_json_dump(const struct hrv_dump *dump)
{
	const struct hrv_program *program = dump->program;
	json_t *root = json_object();

	set(&root, "pid", json_integer(program->pid));
	set(&root, "id", id_json(program->id.instance));
	set(&root, "name", text_json(program->name));
	set(&root, "state", json_string(hrv_life_name(program->life)));
	if (!program->reader)
		set(&root, "why", text_json(hrv_text_of(program->why)));
	set(&root, "files", files_json(dump));
	set(&root, "threads", threads_json(dump));
	set(&root, "drops", drops_json(dump));
	set(&root, "notes", notes_json(dump));
	return root;
}
