/*
 * A fuzz target without libFuzzer: each file of its corpus is fed to it once,
 * so that every build and every sanitizer sees what was found before. The
 * corpus is the directory of the target's name, in $CAUSERIE_CORPUS; or the
 * files that the command line names. What is said is TAP.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (4 * 1024 * 1024)

static int
replay(const char *path, int number)
{
	static uint8_t input[MAX_FILE];
	FILE *f;
	size_t n;
	void *copy;

	if ((f = fopen(path, "re")) == NULL) {
		printf("not ok %d - %s: %s\n", number, path, strerror(errno));
		return 1;
	}
	n = fread(input, 1, sizeof(input), f);
	fclose(f);
	copy = fuzz_copy(input, n);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	printf("ok %d - %s\n", number, strrchr(path, '/') + 1);
	return 0;
}

/* The directory of the target's seeds; false when it is not known. */
static bool
corpus_of(char path[PATH_MAX], const char *program)
{
	const char *folder = getenv("CAUSERIE_CORPUS");
	const char *slash = strrchr(program, '/');
	const char *name = slash == NULL ? program : slash + 1;
	int n;

	if (folder == NULL || strncmp(name, "fuzz_", strlen("fuzz_")) != 0)
		return false;
	n = snprintf(path, PATH_MAX, "%s/%s", folder, name + strlen("fuzz_"));
	return n > 0 && n < PATH_MAX;
}

static int
replay_folder(const char *folder)
{
	char path[PATH_MAX];
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	int i, count = 0, failed = 0;

	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", folder,
			names[i]->d_name) < (int)sizeof(path))
			failed += replay(path, ++count);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	printf("1..%d\n", count);
	return count == 0 ? 1 : failed;
}

int
main(int argc, char **argv)
{
	char folder[PATH_MAX];
	int i, failed = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		failed += replay(argv[i], i);
	if (argc == 1) {
		if (!corpus_of(folder, argv[0])) {
			fprintf(stderr, "usage: %s FILE...\n", argv[0]);
			return EXIT_FAILURE;
		}
		failed = replay_folder(folder);
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
