/*
 * The version alone does not tell: a distribution rebuilds the same one with
 * corrections. The linker leaves a hash of the whole program in a note.
 */
#include "base/build.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/siphash.h"

static const struct siphash_key key = { { 0, 0 } };

static size_t
padded(size_t n)
{
	return (n + 3) / 4 * 4;
}

/* Whether a segment of notes has the build id. */
static bool
find_note(const char *p, size_t n, uint64_t *hash)
{
	ElfW(Nhdr) note;
	size_t name, desc;

	while (n >= sizeof(note)) {
		memcpy(&note, p, sizeof(note));
		name = sizeof(note) + padded(note.n_namesz);
		desc = padded(note.n_descsz);
		if (name + desc > n)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(p + sizeof(note), ELF_NOTE_GNU, 4) == 0) {
			*hash = siphash(&key, p + name, note.n_descsz);
			return true;
		}
		p += name + desc;
		n -= name + desc;
	}
	return false;
}

/* The first object is the program itself; the rest is not looked at. */
static int
look(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *ph = info->dlpi_phdr;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++, ph++)
		if (ph->p_type == PT_NOTE &&
		    find_note((const char *)(info->dlpi_addr + ph->p_vaddr),
			ph->p_memsz, arg))
			break;
	return 1;
}

uint64_t
build_id(void)
{
	uint64_t hash = siphash(
	    &key, PACKAGE_VERSION, sizeof(PACKAGE_VERSION) - 1);

	dl_iterate_phdr(look, &hash);
	return hash;
}
