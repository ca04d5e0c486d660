/* cmd_replay.c — `hrview replay FILE`: the page of a recording. */
#include "command.h"
#include "recording.h"
#include "serve.h"

#include <inttypes.h>
#include <stdio.h>

static const char help[] =
        "usage: hrview replay FILE [options]\n"
        "\n"
        "Serves the page for a recording that `hrview record` has made, here or elsewhere; the program need not be\n"
        "there. Prints the page's address.\n"
        "\n"
        "  --host H       address to serve on (default 127.0.0.1). Another than this machine's own loopback needs a\n"
        "                 token; one is made and printed in the address unless --token gives it\n"
        "  --port N       port (default 9999); 0 takes any free one\n"
        "  --token T      lets in who has it, besides you\n"
        "  --ready-fd N   writes the address to descriptor N once the page is served, and closes it: for scripts\n"
        "  --open         shows the page in a browser\n"
        "  --help         this\n"
        "\n"
        "Exit code: 0, 1 when it cannot be done (the message says why), 2 when the command line is wrong.\n";

/* A recording without its end is as good up to there, but it is told. */
static void tell_torn(const char *path, const struct hrv_recording_facts *facts)
{
	if (!facts->torn)
		return;
	fprintf(stderr,
	        "hrview replay: %s was not ended well, or is damaged: it is shown up to %.1f s, and %" PRIu64
	        " bytes behind are left out\n",
	        path, (double)facts->duration_ms / 1e3, facts->torn_bytes);
}

int hrv_command_replay(int argc, char **argv)
{
	static const struct option options[] = {
	        HRV_SERVE_OPTIONS, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct hrv_serve_settings settings = HRV_SERVE_DEFAULTS;
	struct hrv_recording *recording;
	char why[HRV_RECORDING_WHY_BYTES];
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return HRV_EXIT_OK;
		case '?':
		case ':':
			return hrv_fail_option("replay", option, argv);
		default:
			if (hrv_serve_option("replay", option, optarg, &settings) != HRV_EXIT_OK)
				return HRV_EXIT_USAGE;
		}
	}
	if (optind + 1 != argc)
		return hrv_fail_usage("replay",
		                      optind == argc ? "which recording? a file is needed" : "one file is enough");
	if (hrv_recording_open(argv[optind], &recording, why) != 0)
		return hrv_fail("replay", "%s", why);
	tell_torn(argv[optind], hrv_recording_facts(recording));
	settings.server.recording = recording; /* the server's threads read it until the process ends */
	return hrv_serve("replay", &settings);
}
