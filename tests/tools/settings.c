/* Prints the table of settings for docs/operating.md or for the manual page. */
#include <stdio.h>
#include <string.h>

#include "conf/conf_doc.h"

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "markdown") == 0)
		conf_markdown(stdout);
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		conf_man(stdout);
	else {
		fputs("usage: settings markdown | man\n", stderr);
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
