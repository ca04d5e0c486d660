/* command.c — what the subcommands share: words for what goes wrong, options, output. See command.h. */
#include "command.h"

#include "discover.h"
#include "hr_err.h"
#include "hr_name.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *command, const char *format, va_list args)
{
	fprintf(stderr, "hrview%s%s: ", *command ? " " : "", command);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int hrv_fail(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(command, format, args);
	va_end(args);
	return HRV_EXIT_FAILED;
}

int hrv_fail_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(command, format, args);
	va_end(args);
	fprintf(stderr, "`hrview%s%s --help` tells what there is\n", *command ? " " : "", command);
	return HRV_EXIT_USAGE;
}

int hrv_fail_option(const char *command, int found, char **argv)
{
	/* A short option in a bundle leaves only its letter. */
	if (found == ':')
		return hrv_fail_usage(command, "%s needs a value", argv[optind - 1]);
	if (optopt > 0 && optopt < 128)
		return hrv_fail_usage(command, "what is -%c?", optopt);
	return hrv_fail_usage(command, "what is %s?", argv[optind - 1]);
}

int hrv_format_parse(const char *command, const char *text, enum hrv_format *out)
{
	if (strcmp(text, "text") == 0)
		*out = HRV_FORMAT_TEXT;
	else if (strcmp(text, "json") == 0)
		*out = HRV_FORMAT_JSON;
	else {
		hrv_fail_usage(command, "--format %s: it is text or json", text);
		return HR_EARG;
	}
	return 0;
}

int hrv_number_parse(const char *command, const char *option, const char *text, unsigned long min, unsigned long max,
                     unsigned long *out)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min || value > max) {
		hrv_fail_usage(command, "--%s %s: a number from %lu to %lu is needed", option, text, min, max);
		return HR_EARG;
	}
	*out = value;
	return 0;
}

int hrv_catalog_look(const char *command, struct hrv_catalog *catalog)
{
	int err = hrv_catalog_refresh(catalog);

	if (err != 0)
		hrv_fail(command, HR_SHM_DIR ": %s", err == HR_EIO ? strerror(errno) : hr_err_text(err));
	return err;
}

int hrv_print_json(const char *command, struct json_t *json)
{
	int rc = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	json_decref(json);
	if (rc != 0 || putchar('\n') == EOF || fflush(stdout) != 0)
		return hrv_fail(command, "the output could not be written");
	return HRV_EXIT_OK;
}
