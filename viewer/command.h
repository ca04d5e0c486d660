/* command.h — the subcommands of hrview. */
#ifndef HRV_COMMAND_H
#define HRV_COMMAND_H

#include <getopt.h>

/* Exit codes. */
enum {
	HRV_EXIT_OK = 0,
	HRV_EXIT_FAILED = 1, /* the message says why */
	HRV_EXIT_USAGE = 2,
};

/* Each takes its own name as argv[0] and returns an exit code. */
int hrv_command_list(int argc, char **argv);
int hrv_command_dump(int argc, char **argv);
int hrv_command_diff(int argc, char **argv);
int hrv_command_record(int argc, char **argv);
int hrv_command_replay(int argc, char **argv);
int hrv_command_attach(int argc, char **argv);
int hrv_command_top(int argc, char **argv);
int hrv_command_clean(int argc, char **argv);

/* "--format text|json" */
enum hrv_format {
	HRV_FORMAT_TEXT,
	HRV_FORMAT_JSON,
};

/* 0, or HR_EARG with a line on stderr. */
int hrv_format_parse(const char *command, const char *text, enum hrv_format *out);

/* The value of --`option`, a whole number from `min` to `max`: 0, or HR_EARG with a line on stderr. */
int hrv_number_parse(const char *command, const char *option, const char *text, unsigned long min, unsigned long max,
                     unsigned long *out);

/* A line on stderr, "hrview COMMAND: …" (`command` "" for hrview itself); returns HRV_EXIT_FAILED. */
__attribute__((format(printf, 2, 3))) int hrv_fail(const char *command, const char *format, ...);

/* The same for a wrong command line, with a word on --help; returns HRV_EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int hrv_fail_usage(const char *command, const char *format, ...);

/* What getopt_long() has met: '?' an unknown option, ':' one that lacks its value. */
int hrv_fail_option(const char *command, int found, char **argv);

/* Fills an empty catalog: 0, or the error with a line on stderr. */
struct hrv_catalog;
int hrv_catalog_look(const char *command, struct hrv_catalog *catalog);

/* Prints a JSON value and a line end; takes the reference. `json` NULL: out of memory. Returns an exit code. */
struct json_t;
int hrv_print_json(const char *command, struct json_t *json);

#endif
