/* The owner's directory, and what others may have put there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "owner/owner_dir.h"

struct place {
	char parent[64];
	char path[96];
	struct err err;
	struct owner_dir od;
};

static int
setup(void **state)
{
	struct place *pl = calloc(1, sizeof(*pl));

	assert_non_null(pl);
	snprintf(pl->parent, sizeof(pl->parent), "/tmp/causerie-test-XXXXXX");
	assert_non_null(mkdtemp(pl->parent));
	snprintf(pl->path, sizeof(pl->path), "%s/own", pl->parent);
	pl->od.fd = -1;
	*state = pl;
	return 0;
}

static int
teardown(void **state)
{
	struct place *pl = *state;
	char command[128];

	owner_dir_close(&pl->od);
	snprintf(command, sizeof(command), "rm -r '%s'", pl->parent);
	assert_int_equal(system(command), 0);
	free(pl);
	return 0;
}

static bool
opens(struct place *pl, bool make)
{
	bool ok = owner_dir_open(
	    &pl->od, pl->path, make ? OWNER_DIR_MAKE : 0, &pl->err);

	assert_true(ok || strstr(pl->err.text, pl->path) != NULL);
	return ok;
}

static void
in_place(char out[128], const struct place *pl, const char *name)
{
	snprintf(out, 128, "%s/%s", pl->path, name);
}

static void
it_is_made_when_its_parent_exists(void **state)
{
	struct place *pl = *state;
	struct stat st;

	assert_false(opens(pl, false));
	assert_true(opens(pl, true));
	assert_int_equal(stat(pl->path, &st), 0);
	assert_int_equal(st.st_mode & ALLPERMS, S_IRWXU);
	owner_dir_close(&pl->od);
	assert_true(opens(pl, true));
	owner_dir_close(&pl->od);
	snprintf(pl->path, sizeof(pl->path), "%s/no/own", pl->parent);
	assert_false(opens(pl, true));
	assert_non_null(strstr(pl->err.text, "cannot be created"));
}

static void
it_must_be_ours_alone(void **state)
{
	struct place *pl = *state;
	char elsewhere[128];

	assert_int_equal(mkdir(pl->path, S_IRWXU), 0);
	assert_int_equal(chmod(pl->path, 0750), 0);
	assert_false(opens(pl, true));
	assert_non_null(strstr(pl->err.text, "mode 0750"));
	assert_int_equal(rmdir(pl->path), 0);

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", pl->parent);
	assert_int_equal(mkdir(elsewhere, S_IRWXU), 0);
	assert_int_equal(symlink(elsewhere, pl->path), 0);
	assert_false(opens(pl, true));
	assert_non_null(strstr(pl->err.text, "symbolic link"));
	assert_int_equal(unlink(pl->path), 0);

	fclose(fopen(pl->path, "w"));
	assert_false(opens(pl, true));
	assert_int_equal(unlink(pl->path), 0);

	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir(pl->path, S_IRWXU), 0);
	assert_int_equal(chown(pl->path, 12345, 12345), 0);
	assert_false(opens(pl, true));
	assert_non_null(strstr(pl->err.text, "belongs to user 12345"));
	assert_true(owner_dir_open(&pl->od, pl->path, OWNER_DIR_ANY, &pl->err));
	assert_int_equal(pl->od.uid, 12345);
}

static enum owner_lock
lock(struct place *pl, int *fd)
{
	err_clear(&pl->err);
	return owner_dir_lock(&pl->od, OWNER_LOCK, fd, &pl->err);
}

static void
one_has_the_lock(void **state)
{
	struct place *pl = *state;
	int first, second, copy;

	assert_true(opens(pl, true));
	assert_int_equal(lock(pl, &first), OWNER_LOCKED);
	assert_int_equal(lock(pl, &second), OWNER_TAKEN);
	assert_int_equal(second, -1);
	copy = dup(first);
	close(first);
	assert_int_equal(lock(pl, &second), OWNER_TAKEN);
	close(copy);
	assert_int_equal(lock(pl, &second), OWNER_LOCKED);
	close(second);
}

static void
a_planted_lock_is_refused(void **state)
{
	struct place *pl = *state;
	char path[128], other[128];
	int fd;

	assert_true(opens(pl, true));
	in_place(path, pl, OWNER_LOCK);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(lock(pl, &fd), OWNER_REFUSED);
	assert_non_null(strstr(pl->err.text, "symbolic link"));
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(lock(pl, &fd), OWNER_REFUSED);
	assert_non_null(strstr(pl->err.text, "is not a file"));
	assert_int_equal(unlink(path), 0);

	snprintf(other, sizeof(other), "%s/other", pl->parent);
	fclose(fopen(other, "w"));
	assert_int_equal(link(other, path), 0);
	assert_int_equal(lock(pl, &fd), OWNER_REFUSED);
	assert_int_equal(unlink(path), 0);
	if (geteuid() != 0)
		return;
	fclose(fopen(path, "w"));
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(lock(pl, &fd), OWNER_REFUSED);
}

static int
dial(struct place *pl)
{
	return owner_dir_connect(&pl->od, &pl->err);
}

static void
who_listens_is_found(void **state)
{
	struct place *pl = *state;
	struct owner_cred cred;
	int door, again, fd;

	assert_true(opens(pl, true));
	assert_int_equal(dial(pl), -1);
	assert_string_equal(pl->err.text, "");
	door = owner_dir_listen(&pl->od, &pl->err);
	assert_int_not_equal(door, -1);
	fd = dial(pl);
	assert_int_not_equal(fd, -1);
	assert_true(owner_cred(fd, &cred));
	assert_int_equal(cred.pid, getpid());
	assert_int_equal(cred.uid, geteuid());
	close(fd);
	close(door);
	assert_int_equal(dial(pl), -1);
	assert_string_equal(pl->err.text, "");
	again = owner_dir_listen(&pl->od, &pl->err);
	assert_int_not_equal(again, -1);
	close(again);
}

static void
a_planted_socket_is_refused(void **state)
{
	struct place *pl = *state;
	char path[128];
	int fd;

	assert_true(opens(pl, true));
	in_place(path, pl, OWNER_SOCKET);
	assert_int_equal(symlink("/run/other.sock", path), 0);
	assert_int_equal(dial(pl), -1);
	assert_non_null(strstr(pl->err.text, "is not a socket"));
	assert_int_equal(owner_dir_listen(&pl->od, &pl->err), -1);
	assert_int_equal(unlink(path), 0);

	fclose(fopen(path, "w"));
	assert_int_equal(owner_dir_listen(&pl->od, &pl->err), -1);
	assert_non_null(strstr(pl->err.text, "is not a socket"));
	assert_int_equal(unlink(path), 0);
	if (geteuid() != 0)
		return;
	fd = owner_dir_listen(&pl->od, &pl->err);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(dial(pl), -1);
	assert_non_null(strstr(pl->err.text, "is not a socket of"));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    it_is_made_when_its_parent_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    it_must_be_ours_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    one_has_the_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_planted_lock_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    who_listens_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_planted_socket_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
