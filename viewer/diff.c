/* diff.c — see diff.h. */
#include "diff.h"

#include "hr_err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of one of the two. */
struct counted {
	const char *path;
	uint32_t line;
	bool after;
	uint64_t hits;
};

/* False: it is no line number. */
static bool parse_line(const char *text, uint32_t *out)
{
	char *end;

	errno = 0;
	unsigned long line = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || line > UINT32_MAX)
		return false;
	*out = (uint32_t)line;
	return true;
}

/* jansson's loops ask for values that may be changed; these are not. */
static json_t *unlocked(const json_t *json)
{
	return (json_t *)(uintptr_t)json;
}

int hrv_diff_judge(const json_t *dump, char why[HRV_DIFF_WHY_BYTES])
{
	json_t *files = json_object_get(dump, "files"), *file, *hits;
	const char *line;
	uint32_t number;
	size_t i;

	if (!json_is_array(files)) {
		snprintf(why, HRV_DIFF_WHY_BYTES, "there is no list of files in it");
		return HR_EARG;
	}
	json_array_foreach(files, i, file)
	{
		json_t *lines = json_object_get(file, "lines");
		if (!json_is_string(json_object_get(file, "path")) || !json_is_object(lines)) {
			snprintf(why, HRV_DIFF_WHY_BYTES, "files[%zu] has no path or no lines", i);
			return HR_EARG;
		}
		json_object_foreach(lines, line, hits) if (!parse_line(line, &number) || !json_is_integer(hits) ||
		                                           json_integer_value(hits) < 0)
		{
			snprintf(why, HRV_DIFF_WHY_BYTES, "files[%zu] has no count for line %.20s", i, line);
			return HR_EARG;
		}
	}
	return 0;
}

static size_t line_count(const json_t *dump)
{
	json_t *files = json_object_get(dump, "files"), *file;
	size_t i, count = 0;

	json_array_foreach(files, i, file) count += json_object_size(json_object_get(file, "lines"));
	return count;
}

static size_t collect(const json_t *dump, bool after, struct counted *out)
{
	json_t *files = json_object_get(unlocked(dump), "files"), *file, *hits;
	const char *line;
	size_t i, count = 0;

	json_array_foreach(files, i, file)
	{
		const char *path = json_string_value(json_object_get(file, "path"));
		json_object_foreach(json_object_get(file, "lines"), line, hits)
		{
			out[count] = (struct counted){
			        .path = path, .after = after, .hits = (uint64_t)json_integer_value(hits)};
			count += parse_line(line, &out[count].line);
		}
	}
	return count;
}

static bool same_line(const struct counted *a, const struct counted *b)
{
	return a->line == b->line && strcmp(a->path, b->path) == 0;
}

static int by_place(const void *left, const void *right)
{
	const struct counted *a = left, *b = right;
	int order = strcmp(a->path, b->path);

	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

int hrv_diff_make(const json_t *before, const json_t *after, struct hrv_diff *out)
{
	size_t most = line_count(before) + line_count(after), count;
	struct counted *counted = malloc((most ? most : 1) * sizeof *counted);

	*out = (struct hrv_diff){.lines = malloc((most ? most : 1) * sizeof *out->lines)};
	if (!counted || !out->lines) {
		free(counted);
		hrv_diff_fini(out);
		return HR_ENOMEM;
	}
	count = collect(before, false, counted);
	count += collect(after, true, counted + count);
	qsort(counted, count, sizeof *counted, by_place);
	for (size_t i = 0, next; i < count; i = next) {
		struct hrv_diff_line line = {.path = counted[i].path, .line = counted[i].line};
		for (next = i; next < count && same_line(&counted[next], &counted[i]); next++)
			*(counted[next].after ? &line.after : &line.before) += counted[next].hits;
		out->more += line.after > line.before;
		out->fewer += line.after < line.before;
		out->same += line.after == line.before && line.after > 0;
		if (line.after != line.before)
			out->lines[out->count++] = line;
	}
	free(counted);
	return 0;
}

void hrv_diff_fini(struct hrv_diff *diff)
{
	free(diff->lines);
	*diff = (struct hrv_diff){0};
}
