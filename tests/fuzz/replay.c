/* replay.c — a fuzz target without the fuzzer: each file that is given is its input once. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		if (!in) {
			perror(argv[i]);
			return 1;
		}
		size_t len_bytes = fread(bytes, 1, sizeof bytes, in);
		fclose(in);
		LLVMFuzzerTestOneInput(bytes, len_bytes);
	}
	printf("[  PASSED  ] %d test(s).\n", argc - 1);
	return argc > 1 ? 0 : 1;
}
