/* SPDX-License-Identifier: MIT */
/*
 * Opening the folder of a db with suspicion (LMDB itself believes whatever
 * file it is given), and keeping room: the map's size and the zeros written
 * ahead of the data.
 */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "store/db.h"
#include "store/db_priv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define DATA "data.mdb"
#define LOCK "lock.mdb"
/* Written after the first commit: from then on a data file that is missing
 * or cut off is damage, not a new journal. */
#define MADE "made"

static struct db *opened;

/* clang-format off */
static const struct {
	unsigned long magic;
	const char *name;
} network_fs[] = {
	{ 0x6969,     "NFS" },
	{ 0x517b,     "SMB" },
	{ 0xff534d42, "CIFS" },
	{ 0xfe534d42, "SMB2" },
	{ 0x65735546, "FUSE" },
	{ 0x01021997, "9P" },
	{ 0x00c36400, "Ceph" },
	{ 0x5346414f, "AFS" },
	{ 0x6b414653, "AFS" },
	{ 0x73757245, "Coda" },
	{ 0x564c,     "NCP" },
	{ 0x7461636f, "OCFS2" },
	{ 0x01161970, "GFS2" },
	{ 0x0bd00bd0, "Lustre" },
	{ 0x786f4256, "VirtualBox shared folders" },
};
/* clang-format on */

const char *
db_fs_refused(long magic)
{
	for (size_t i = 0; i < ARRAY_LEN(network_fs); i++)
		if (network_fs[i].magic == ((unsigned long)magic & 0xffffffff))
			return network_fs[i].name;
	return NULL;
}

static int
check_stat(const char *path, const char *name, const struct stat *st,
	mode_t type, struct err *e)
{
	if ((st->st_mode & S_IFMT) != type)
		return err_set(e, ERR_PERM, "'%s%s' is not a %s", path, name,
			type == S_IFDIR ? "folder" : "plain file");
	if (st->st_uid != geteuid())
		return err_set(e, ERR_PERM,
			"'%s%s' belongs to uid %u, the agent is uid %u", path,
			name, st->st_uid, geteuid());
	if (st->st_mode & 077)
		return err_set(e, ERR_PERM,
			"'%s%s' can be used by others (mode %04o): chmod it "
			"to %s",
			path, name, st->st_mode & 07777,
			type == S_IFDIR ? "0700" : "0600");
	return 0;
}

static int
open_folder(struct db *db, const struct db_opts *o, struct err *e)
{
	const char *kind;
	struct statfs fs;
	struct stat st;

	if (!o->must_exist && mkdir(db->path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir '%s'", db->path);
	db->dirfd =
		open(db->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (db->dirfd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_PERM, "'%s' is not a folder", db->path);
	if (db->dirfd < 0)
		return err_sys(e, "open '%s'", db->path);
	if (fstat(db->dirfd, &st) < 0 || fstatfs(db->dirfd, &fs) < 0)
		return err_sys(e, "stat '%s'", db->path);
	if (check_stat(db->path, "", &st, S_IFDIR, e) < 0)
		return -1;
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	kind = db_fs_refused((long)fs.f_type);
	if (kind && !o->any_fs)
		return err_set(e, ERR_PERM,
			"'%s' is on a network file system (%s), where the "
			"journal is not safe",
			db->path, kind);
	for (const struct db *p = opened; p; p = p->next)
		if (p->pid == getpid() && p->dev == db->dev &&
			p->ino == db->ino)
			return err_set(e, ERR_PERM,
				"'%s' is open in this process already",
				db->path);
	return 0;
}

/* 1 there, 0 absent. */
static int
check_file(struct db *db, const char *name, int64_t *ret_size, struct err *e)
{
	char at[NAME_MAX];
	struct stat st;

	if (fstatat(db->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(e, "stat '%s/%s'", db->path, name);
	snprintf(at, sizeof(at), "/%s", name);
	if (check_stat(db->path, at, &st, S_IFREG, e) < 0)
		return -1;
	*ret_size = st.st_size;
	return 1;
}

/* What is left of a first start that was cut short is removed; what is
 * missing later is damage. */
static int
check_files(
	struct db *db, const struct db_opts *o, bool *ret_made, struct err *e)
{
	int64_t size = 0, other = 0;
	int have = check_file(db, DATA, &size, e);
	int made = have < 0 ? -1 : check_file(db, MADE, &other, e);

	if (made < 0 || check_file(db, LOCK, &other, e) < 0)
		return -1;
	*ret_made = made;
	if (have && size >= 2 * sysconf(_SC_PAGESIZE))
		return 0;
	if (made)
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/" DATA
			"' is %s; put a backup in its place",
			db->path, have ? "cut off" : "missing");
	if (o->must_exist)
		return err_set(
			e, ERR_ABSENT, "'%s' holds no journal", db->path);
	if (have && unlinkat(db->dirfd, DATA, 0) < 0)
		return err_sys(e, "remove '%s/" DATA "'", db->path);
	return 0;
}

/* Reading a page that the file does not have would be a SIGBUS. */
static int
check_size(struct db *db, struct err *e)
{
	MDB_stat ms;
	struct stat st;
	int rc = mdb_env_stat(db->env, &ms);

	if (rc)
		return db_error(db, rc, e, "read");
	db->page_bytes = (int64_t)ms.ms_psize;
	if (fstat(db->datafd, &st) < 0)
		return err_sys(e, "stat '%s/" DATA "'", db->path);
	if (st.st_size < db_used_bytes(db))
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/" DATA "' has %" PRId64
			" bytes and should have %" PRId64
			"; put a backup in its place",
			db->path, (int64_t)st.st_size, db_used_bytes(db));
	return 0;
}

static int
open_env(struct db *db, struct err *e)
{
	unsigned int flags = 0;
	MDB_envinfo info;
	int rc = mdb_env_create(&db->env);

	if (!rc)
		rc = mdb_env_set_maxdbs(db->env, DB_TABLES_MAX);
	if (!rc)
		rc = mdb_env_set_mapsize(db->env, (size_t)db->map_bytes);
	if (!rc)
		rc = mdb_env_open(db->env, db->path, DB_FLAGS, 0600);
	if (!rc)
		rc = mdb_env_get_fd(db->env, &db->datafd);
	if (!rc)
		rc = mdb_env_get_flags(db->env, &flags);
	if (!rc)
		rc = mdb_env_info(db->env, &info);
	if (rc)
		return db_error(db, rc, e, "open");
	/* LMDB takes more where the data needs it. */
	db->map_bytes = (int64_t)info.me_mapsize;
	assert(!(flags & DB_FORBIDDEN));
	return 0;
}

static int
open_tables(struct db *db, const struct db_opts *o, struct err *e)
{
	unsigned int flags = o->must_exist ? 0 : MDB_CREATE;
	MDB_txn *txn;
	int rc = mdb_txn_begin(
		db->env, NULL, o->must_exist ? MDB_RDONLY : 0, &txn);

	if (rc)
		return db_error(db, rc, e, "open");
	for (size_t i = 0; !rc && i < o->n_tables; i++) {
		const char *name = o->tables[i];

		rc = mdb_dbi_open(txn, name, flags, &db->dbi[i]);
		db->seed[i] = crc32c(0, name, strlen(name) + 1);
	}
	if (rc) {
		mdb_txn_abort(txn);
		if (rc == MDB_NOTFOUND)
			return err_set(e, ERR_ABSENT, "'%s' holds no journal",
				db->path);
		return db_error(db, rc, e, "open");
	}
	rc = mdb_txn_commit(txn);
	return rc ? db_error(db, rc, e, "open") : 0;
}

static int
open_all(struct db *db, const struct db_opts *o, struct err *e)
{
	bool made;
	int dead;

	if (open_folder(db, o, e) < 0 || check_files(db, o, &made, e) < 0 ||
		open_env(db, e) < 0 || check_size(db, e) < 0)
		return -1;
	/* Readers that died keep old pages alive until this. */
	mdb_reader_check(db->env, &dead);
	if (open_tables(db, o, e) < 0)
		return -1;
	if (made || o->must_exist)
		return 0;
	if (fsync(db->dirfd) < 0)
		return err_sys(e, "sync '%s'", db->path);
	return fd_put_file(db->dirfd, MADE, "", 0, 0600, e);
}

int
db_open(struct db **ret, const char *path, const struct db_opts *o,
	struct err *e)
{
	struct db *db = xcalloc(1, sizeof(*db));

	assert(o->n_tables <= DB_TABLES_MAX);
	db->path = xstrdup(path);
	db->dirfd = db->datafd = -1;
	db->pid = getpid();
	db->names = o->tables;
	db->n_tables = o->n_tables;
	db->map_bytes = o->map_bytes > 0 ? o->map_bytes : DB_MAP_BYTES;
	db->map_bytes = (db->map_bytes + 0xffff) & ~(int64_t)0xffff;
	db->map_max_bytes =
		o->map_max_bytes > 0 ? o->map_max_bytes : DB_MAP_MAX_BYTES;
	db->map_max_bytes = MAX(db->map_max_bytes, db->map_bytes);
	if (open_all(db, o, e) < 0) {
		db_close(db);
		return -1;
	}
	db->next = opened;
	opened = db;
	*ret = db;
	return 0;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	assert(db->pid == getpid());
	for (struct db **p = &opened; *p; p = &(*p)->next)
		if (*p == db) {
			*p = db->next;
			break;
		}
	db_abort(db);
	if (db->read)
		mdb_txn_abort(db->read);
	if (db->env)
		mdb_env_close(db->env);
	fd_closep(&db->dirfd);
	free(db->path);
	free(db);
}

int64_t
db_used_bytes(const struct db *db)
{
	MDB_envinfo info;

	if (mdb_env_info(db->env, &info))
		return 0;
	return ((int64_t)info.me_last_pgno + 1) * db->page_bytes;
}

static int
grow_map(struct db *db, struct err *e)
{
	int64_t to = MIN(db->map_bytes * 2, db->map_max_bytes);
	int rc = mdb_env_set_mapsize(db->env, (size_t)to);

	if (rc) {
		/* The old map is gone already. */
		db->dead = true;
		return db_error(db, rc, e, "grow the map of");
	}
	db->map_bytes = to;
	db->want_grow = false;
	return 0;
}

/*
 * Zeros that are really written: blocks that are only reserved would still
 * cost a second journal commit of the file system when they are first used.
 * They always start at the end of the file, so that they can not meet data.
 */
static void
fill_ahead(struct db *db)
{
	static const char zeros[65536];
	int64_t left = DB_AHEAD_STEP;
	struct stat st;
	off_t at;

	if (fstat(db->datafd, &st) < 0)
		return;
	at = st.st_size;
	if (at - db_used_bytes(db) >= DB_AHEAD_BYTES ||
		at + DB_AHEAD_STEP > db->map_bytes) {
		db->no_room = false;
		return;
	}
	while (left > 0) {
		ssize_t n = pwrite(db->datafd, zeros,
			(size_t)MIN(left, (int64_t)sizeof(zeros)), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += n;
		left -= n;
	}
	db->no_room = left > 0;
}

int
db_make_room(struct db *db, struct err *e)
{
	int64_t room = db->map_bytes - db_used_bytes(db);

	if ((db->want_grow || room < db->map_bytes / 4) &&
		db->map_bytes < db->map_max_bytes && grow_map(db, e) < 0)
		return -1;
	fill_ahead(db);
	return 0;
}

bool
db_has_room(const struct db *db)
{
	int64_t room = db->map_max_bytes - db_used_bytes(db);

	return !db->no_room && room > db->map_max_bytes / 16;
}
