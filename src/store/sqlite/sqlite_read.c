#include "store/sqlite/sqlite_read.h"

#include "kernel/system.h"
#include "store/sqlite/sqlite_conn.h"

/* Bytes of a fixed size, or CORRUPT. */
static enum tb_err column_fixed(sqlite3_stmt *stmt, int i, void *ret, size_t n)
{
	struct tb_str bytes = tb_sqlite_column_bytes(stmt, i);

	if (bytes.n != n)
		return TB_ERR_CORRUPT;
	memcpy(ret, bytes.p, n);
	return TB_OK;
}

/* Text into an array that holds `max` bytes and a NUL. */
static enum tb_err column_text(sqlite3_stmt *stmt, int i, char *ret, size_t max)
{
	struct tb_str text = tb_sqlite_column_bytes(stmt, i);

	if (text.n > max)
		return TB_ERR_CORRUPT;
	memcpy(ret, text.n > 0 ? text.p : "", text.n);
	ret[text.n] = '\0';
	return TB_OK;
}

static enum tb_err read_org(sqlite3_stmt *stmt, struct tb_org *ret)
{
	struct tb_org org = {
		.id = (uint32_t)tb_sqlite_column(stmt, 0),
		.epoch = tb_sqlite_column(stmt, 3),
		.head = tb_sqlite_column(stmt, 4),
		.last_us = sqlite3_column_int64(stmt, 5),
		.dense = { tb_sqlite_column(stmt, 6),
			   tb_sqlite_column(stmt, 7) },
		.floor = { tb_sqlite_column(stmt, 8),
			   tb_sqlite_column(stmt, 9) },
		.generation = tb_sqlite_column(stmt, 10),
		.commits = tb_sqlite_column(stmt, 11),
		.audit_n = tb_sqlite_column(stmt, 12),
		.audit_us = sqlite3_column_int64(stmt, 14),
	};
	enum tb_err err = column_text(stmt, 1, org.name, TB_ORG_NAME_MAX);

	if (err == TB_OK)
		err = column_text(stmt, 2, org.title, TB_ORG_TITLE_MAX);
	if (err == TB_OK)
		err = column_fixed(stmt, 13, org.audit_hash,
				   sizeof(org.audit_hash));
	if (err == TB_OK)
		*ret = org;
	return err;
}

static enum tb_err find_org(struct tb_tx *tx, enum tb_sqlite_statement which,
			    uint32_t id, struct tb_org *ret)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, which, &stmt);

	if (err != TB_OK)
		return err;
	sqlite3_bind_int64(stmt, 1, id);
	err = tb_sqlite_row(conn, stmt);
	if (err == TB_OK)
		err = read_org(stmt, ret);
	sqlite3_reset(stmt);
	return err;
}

enum tb_err tb_sqlite_org_get(struct tb_tx *tx, uint32_t id, struct tb_org *ret)
{
	return find_org(tx, TB_SQLITE_ORG_GET, id, ret);
}

enum tb_err tb_sqlite_org_next(struct tb_tx *tx, uint32_t after,
			       struct tb_org *ret)
{
	return find_org(tx, TB_SQLITE_ORG_NEXT, after, ret);
}

/* The record in the row, copied to the arena. */
static enum tb_err copy_record(sqlite3_stmt *stmt, struct tb_arena *arena,
			       bool with_body, struct tb_record **ret)
{
	struct tb_record *record = tb_arena_calloc(arena, 1, sizeof(*record));
	enum tb_err err;

	if (!record)
		return TB_ERR_NOMEM;
	record->rid = tb_sqlite_column(stmt, 0);
	record->coll = tb_sqlite_column(stmt, 1);
	record->version = tb_sqlite_column(stmt, 2);
	record->created_us = sqlite3_column_int64(stmt, 3);
	record->updated_us = sqlite3_column_int64(stmt, 4);
	record->origin = (uint32_t)tb_sqlite_column(stmt, 5);
	record->deleted = sqlite3_column_int(stmt, 6) != 0;
	record->synced_us = sqlite3_column_int64(stmt, 10);
	err = tb_arena_strdup(arena, tb_sqlite_column_bytes(stmt, 7),
			      &record->key);
	if (err == TB_OK && with_body)
		err = tb_arena_strdup(arena, tb_sqlite_column_bytes(stmt, 8),
				      &record->body);
	if (err == TB_OK)
		err = tb_entries_decode(arena, tb_rid_org(record->rid),
					tb_sqlite_column_bytes(stmt, 9),
					&record->entries, &record->n_entries);
	if (err == TB_OK)
		*ret = record;
	return err;
}

static enum tb_err bind_key(struct tb_sqlite_conn *conn,
			    const struct tb_key *key, sqlite3_stmt **ret)
{
	bool any = key->coll == TB_COLL_ANY;
	enum tb_sqlite_statement which = key->rid ? TB_SQLITE_RECORD_BY_RID
					 : any    ? TB_SQLITE_RECORD_BY_ANY
						  : TB_SQLITE_RECORD_BY_KEY;
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, which, &b.stmt);

	if (err != TB_OK)
		return err;
	if (key->rid) {
		tb_sqlite_bind(&b, key->rid);
	} else {
		tb_sqlite_bind(&b, key->org);
		tb_sqlite_bind_bytes(&b, key->key);
		tb_sqlite_bind(&b, any ? TB_COLL_SYSTEM_LAST : key->coll);
	}
	if (!key->rid && any)
		tb_sqlite_bind(&b, key->after);
	*ret = b.stmt;
	return tb_sqlite_err(conn->db, b.rc);
}

static enum tb_err find_one(struct tb_sqlite_conn *conn, struct tb_arena *arena,
			    const struct tb_key *key, struct tb_record **ret)
{
	sqlite3_stmt *stmt;
	enum tb_err err = bind_key(conn, key, &stmt);

	if (err != TB_OK)
		return err;
	err = tb_sqlite_row(conn, stmt);
	if (err == TB_OK)
		err = copy_record(stmt, arena, !key->without_body, ret);
	sqlite3_reset(stmt);
	return err;
}

enum tb_err tb_sqlite_find(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_key *keys, size_t n,
			   struct tb_record **rets)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);

	for (size_t i = 0; i < n; i++) {
		struct tb_record *record = NULL;
		enum tb_err err = find_one(conn, arena, &keys[i], &record);

		if (err != TB_OK && err != TB_ERR_NOT_FOUND)
			return err;
		rets[i] = record;
	}
	return TB_OK;
}

enum tb_err tb_sqlite_children(struct tb_tx *tx, uint32_t org, uint64_t coll,
			       struct tb_str key, uint64_t after,
			       uint64_t *rets, size_t max, size_t *ret_n)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	struct tb_sqlite_binder b = { 0 };
	size_t n = 0;
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_LINK_CHILDREN, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, org);
	tb_sqlite_bind(&b, coll);
	tb_sqlite_bind_bytes(&b, key);
	tb_sqlite_bind(&b, after);
	tb_sqlite_bind(&b, max);
	err = tb_sqlite_err(conn->db, b.rc);
	while (err == TB_OK && n < max) {
		err = tb_sqlite_row(conn, b.stmt);
		if (err == TB_OK)
			rets[n++] = tb_sqlite_column(b.stmt, 0);
	}
	sqlite3_reset(b.stmt);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	return TB_OK;
}

static enum tb_err copy_audit_row(sqlite3_stmt *stmt, struct tb_arena *arena,
				  struct tb_audit_row *ret)
{
	struct tb_audit_row row = { .n = tb_sqlite_column(stmt, 0) &
					 TB_NUM_MAX };
	enum tb_err err = column_fixed(stmt, 2, row.hash, sizeof(row.hash));

	if (err == TB_OK)
		err = tb_arena_strdup(arena, tb_sqlite_column_bytes(stmt, 1),
				      &row.row);
	if (err == TB_OK && sqlite3_column_type(stmt, 3) != SQLITE_NULL)
		err = tb_arena_strdup(arena, tb_sqlite_column_bytes(stmt, 3),
				      &row.detail);
	if (err == TB_OK)
		*ret = row;
	return err;
}

enum tb_err tb_sqlite_audit_next(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, uint64_t after,
				 struct tb_audit_row *ret)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	sqlite3_stmt *stmt;
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_AUDIT_NEXT, &stmt);

	if (err != TB_OK)
		return err;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)tb_rid(org, after));
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)tb_rid(org, TB_NUM_MAX));
	err = tb_sqlite_row(conn, stmt);
	if (err == TB_OK)
		err = copy_audit_row(stmt, arena, ret);
	sqlite3_reset(stmt);
	return err;
}
