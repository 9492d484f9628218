/* In a file of its own, so that tests need not wait so long. */
#include "owner/owner_patience.h"

int
owner_patience(enum owner_patience what)
{
	static const int ms[] = {
#define PATIENCE_ROW(name, value) [name] = value,
		PATIENCE_LIST(PATIENCE_ROW)
#undef PATIENCE_ROW
	};

	return ms[what];
}
