/* export_cobertura.c — Cobertura's XML. See export.h. */
#include "export.h"
#include "hr_err.h"
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A file under the name that it gets. */
struct class
{
	const struct hrv_dump_file *file;
	const char *name; /* relative to the working directory, else absolute */
	size_t dir_bytes; /* of the name, without the last slash */
};

/* Lines that can be hit, and those that were. */
struct sum {
	size_t valid, covered;
};

static struct sum sum_of(const struct class *classes, size_t count)
{
	struct sum sum = {0};

	for (size_t i = 0; i < count; i++) {
		sum.valid += classes[i].file->line_count;
		sum.covered += classes[i].file->hit_count;
	}
	return sum;
}

static void put_rate(struct hrv_out *out, struct sum sum)
{
	hrv_out(out, "line-rate=\"%.6g\" branch-rate=\"0\" complexity=\"0\"",
	        sum.valid > 0 ? (double)sum.covered / (double)sum.valid : 0.0);
}

static int by_directory(const void *left, const void *right)
{
	const struct class *a = left, *b = right;
	size_t shorter = a->dir_bytes < b->dir_bytes ? a->dir_bytes : b->dir_bytes;
	int order = memcmp(a->name, b->name, shorter);

	if (order == 0)
		order = (a->dir_bytes > b->dir_bytes) - (a->dir_bytes < b->dir_bytes);
	return order != 0 ? order : strcmp(a->name, b->name);
}

static bool same_directory(const struct class *a, const struct class *b)
{
	return a->dir_bytes == b->dir_bytes && memcmp(a->name, b->name, a->dir_bytes) == 0;
}

/* The path behind `cwd`, or all of it. */
static const char *relative(const char *path, struct hrv_text cwd)
{
	size_t len = cwd.len_bytes;

	if (len > 1 && strncmp(path, cwd.bytes, len) == 0 && path[len] == '/')
		return path + len + 1;
	return path;
}

static size_t collect(const struct hrv_dump *dump, struct class *classes)
{
	size_t count = 0;

	for (size_t i = 0; i < dump->file_count; i++) {
		const struct hrv_dump_file *file = &dump->files[i];
		if (!hrv_export_has_file(file))
			continue;
		const char *name = relative(file->path, dump->program->cwd), *slash = strrchr(name, '/');
		classes[count++] = (struct class){file, name, slash ? (size_t)(slash - name) : 0};
	}
	qsort(classes, count, sizeof *classes, by_directory);
	return count;
}

static void put_class(struct hrv_out *out, const struct class *class)
{
	const char *slash = strrchr(class->name, '/'), *base = slash ? slash + 1 : class->name;

	hrv_out(out, "<class name=\"");
	hrv_out_markup(out, base, strlen(base));
	hrv_out(out, "\" filename=\"");
	hrv_out_markup(out, class->name, strlen(class->name));
	hrv_out(out, "\" ");
	put_rate(out, sum_of(class, 1));
	hrv_out(out, ">\n<methods/>\n<lines>\n");
	for (size_t i = 0; i < class->file->line_count; i++)
		hrv_out(out, "<line number=\"%" PRIu32 "\" hits=\"%" PRIu64 "\"/>\n", class->file->lines[i].line,
		        class->file->lines[i].hits);
	hrv_out(out, "</lines>\n</class>\n");
}

/* Named as coverage.py does: dots for slashes, "." for the working directory. */
static void put_package_name(struct hrv_out *out, const struct class *class)
{
	const char *at = class->name, *end = class->name + class->dir_bytes;

	at += at < end && *at == '/';
	if (at == end)
		hrv_out(out, ".");
	for (; at < end; at++)
		hrv_out_markup(out, *at == '/' ? "." : at, 1);
}

static void put_package(struct hrv_out *out, const struct class *classes, size_t count)
{
	hrv_out(out, "<package name=\"");
	put_package_name(out, classes);
	hrv_out(out, "\" ");
	put_rate(out, sum_of(classes, count));
	hrv_out(out, ">\n<classes>\n");
	for (size_t i = 0; i < count; i++)
		put_class(out, &classes[i]);
	hrv_out(out, "</classes>\n</package>\n");
}

static void put_sources(struct hrv_out *out, struct hrv_text cwd)
{
	char *repaired = hrv_text_repair(cwd);

	if (!repaired) {
		out->err = HR_ENOMEM;
		return;
	}
	hrv_out(out, "<sources>\n<source>");
	hrv_out_markup(out, repaired, strlen(repaired));
	hrv_out(out, "</source>\n</sources>\n");
	free(repaired);
}

int hrv_export_cobertura(const struct hrv_dump *dump, struct hrv_buffer *buffer)
{
	struct class *classes = malloc((dump->file_count ? dump->file_count : 1) * sizeof *classes);
	struct hrv_out out = {buffer, 0};

	if (!classes)
		return HR_ENOMEM;
	size_t count = collect(dump, classes);
	struct sum sum = sum_of(classes, count);
	hrv_out(&out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n"
	        "<coverage version=\"hrview " HR_VERSION "\" timestamp=\"%" PRIu64
	        "\" lines-valid=\"%zu\" lines-covered=\"%zu\" branches-valid=\"0\" branches-covered=\"0\" ",
	        hrv_export_time(dump) / 1000000, sum.valid, sum.covered);
	put_rate(&out, sum);
	hrv_out(&out, ">\n");
	put_sources(&out, dump->program->cwd);
	hrv_out(&out, "<packages>\n");
	for (size_t i = 0, first = 0; i < count; i++) {
		if (i + 1 < count && same_directory(&classes[first], &classes[i + 1]))
			continue;
		put_package(&out, &classes[first], i + 1 - first);
		first = i + 1;
	}
	hrv_out(&out, "</packages>\n</coverage>\n");
	free(classes);
	return out.err;
}
