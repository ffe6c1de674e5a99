/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the place of libFuzzer where no fuzzer is built: each file of a corpus once through its
 * target. What a fuzzer found and was kept there is a regression test of every build that way. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *folder, const char *name)
{
	uint8_t *space = malloc(INPUT_MAX_BYTES), *data;
	char path[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file || !space) {
		perror(path);
		exit(1);
	}
	size = fread(space, 1, INPUT_MAX_BYTES, file);
	fclose(file);
	data = malloc(size ? size : 1); /* its true size, for who watches over memory */
	memcpy(data, space, size);
	free(space);
	fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		if (!folder) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(folder)))
			if (entry->d_name[0] != '.')
				ran += run_file(argv[i], entry->d_name);
		closedir(folder);
	}
	printf("%d inputs\n", ran);
	return ran ? 0 : 1;
}
