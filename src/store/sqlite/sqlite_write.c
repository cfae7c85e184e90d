#include "store/sqlite/sqlite_write.h"

#include "base/assert.h"
#include "store/sqlite/sqlite_conn.h"

/* Runs what was bound, unless binding failed. */
static enum tb_err run_bound(struct tb_sqlite_conn *conn,
			     const struct tb_sqlite_binder *b)
{
	if (b->rc != SQLITE_OK)
		return tb_sqlite_err(conn->db, b->rc);
	return tb_sqlite_finish(conn, b->stmt);
}

/* For a statement that must meet its row. */
static enum tb_err run_bound_on_one(struct tb_sqlite_conn *conn,
				    const struct tb_sqlite_binder *b)
{
	enum tb_err err = run_bound(conn, b);

	if (err == TB_OK && sqlite3_changes(conn->db) == 0)
		return TB_ERR_NOT_FOUND;
	return err;
}

static enum tb_err put_feed_row(struct tb_sqlite_conn *conn, uint64_t rid,
				const struct tb_entry *e, bool is_new)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(
		conn, is_new ? TB_SQLITE_FEED_INSERT : TB_SQLITE_FEED_UPDATE,
		&b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, e->scope);
	tb_sqlite_bind(&b, e->num);
	tb_sqlite_bind(&b, rid);
	tb_sqlite_bind(&b, e->entered);
	tb_sqlite_bind(&b, (uint64_t)e->time_us);
	tb_sqlite_bind(&b, e->origin);
	tb_sqlite_bind(&b, e->flags);
	return is_new ? run_bound(conn, &b) : run_bound_on_one(conn, &b);
}

static enum tb_err delete_feed_row(struct tb_sqlite_conn *conn,
				   const struct tb_entry *e)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_FEED_DELETE, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, e->scope);
	tb_sqlite_bind(&b, e->num);
	return run_bound_on_one(conn, &b);
}

/* Brings the feed rows of `old` (NULL: none) to those of `record`. */
static enum tb_err put_feed_rows(struct tb_sqlite_conn *conn,
				 const struct tb_record *record,
				 const struct tb_record *old)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; old && i < old->n_entries && err == TB_OK; i++) {
		const struct tb_entry *e = &old->entries[i];
		const struct tb_entry *now = tb_record_entry(record, e->scope);

		if (!now || now->num != e->num)
			err = delete_feed_row(conn, e);
	}
	for (size_t i = 0; i < record->n_entries && err == TB_OK; i++) {
		const struct tb_entry *e = &record->entries[i];
		const struct tb_entry *was =
			old ? tb_record_entry(old, e->scope) : NULL;

		if (!was || was->num != e->num)
			err = put_feed_row(conn, record->rid, e, true);
		else if (!tb_entry_equal(was, e))
			err = put_feed_row(conn, record->rid, e, false);
	}
	return err;
}

static enum tb_err encode_entries(struct tb_sqlite_conn *conn,
				  const struct tb_record *record)
{
	tb_buf_reset(&conn->entries);
	tb_entries_encode(&conn->entries, tb_rid_org(record->rid),
			  record->entries, record->n_entries);
	return tb_buf_err(&conn->entries);
}

static enum tb_err put_record(struct tb_sqlite_conn *conn,
			      const struct tb_record *record, bool is_new)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn,
					is_new ? TB_SQLITE_RECORD_INSERT
					       : TB_SQLITE_RECORD_UPDATE,
					&b.stmt);

	if (err == TB_OK)
		err = encode_entries(conn, record);
	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, record->rid);
	tb_sqlite_bind(&b, record->version);
	tb_sqlite_bind(&b, (uint64_t)record->created_us);
	tb_sqlite_bind(&b, (uint64_t)record->updated_us);
	tb_sqlite_bind(&b, record->origin);
	tb_sqlite_bind(&b, record->deleted);
	tb_sqlite_bind_bytes(&b, tb_buf_str(&conn->entries));
	tb_sqlite_bind_bytes(&b, record->body);
	tb_sqlite_bind(&b, (uint64_t)record->synced_us);
	if (!is_new)
		return run_bound_on_one(conn, &b);
	tb_sqlite_bind(&b, tb_rid_org(record->rid));
	tb_sqlite_bind(&b, record->coll);
	tb_sqlite_bind_bytes(&b, record->key);
	return run_bound(conn, &b);
}

static enum tb_err apply_record(struct tb_sqlite_conn *conn,
				const struct tb_op *op)
{
	enum tb_err err;

	TB_ASSERT(op->record->key.n <= TB_KEY_MAX);
	TB_ASSERT(!op->old || op->old->rid == op->record->rid);
	err = put_record(conn, op->record, op->old == NULL);
	return err == TB_OK ? put_feed_rows(conn, op->record, op->old) : err;
}

static enum tb_err apply_remove(struct tb_sqlite_conn *conn,
				const struct tb_op *op)
{
	static const struct tb_record nothing;
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_RECORD_DELETE, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, op->old->rid);
	err = run_bound_on_one(conn, &b);
	return err == TB_OK ? put_feed_rows(conn, &nothing, op->old) : err;
}

static enum tb_err apply_link(struct tb_sqlite_conn *conn,
			      const struct tb_op *op)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err =
		tb_sqlite_get(conn,
			      op->kind == TB_OP_LINK ? TB_SQLITE_LINK_INSERT
						     : TB_SQLITE_LINK_DELETE,
			      &b.stmt);

	if (err != TB_OK)
		return err;
	TB_ASSERT(op->link_key.n <= TB_KEY_MAX);
	tb_sqlite_bind(&b, op->org_id);
	tb_sqlite_bind(&b, op->link_coll);
	tb_sqlite_bind_bytes(&b, op->link_key);
	tb_sqlite_bind(&b, op->link_child);
	return run_bound(conn, &b);
}

static enum tb_err apply_org(struct tb_sqlite_conn *conn,
			     const struct tb_op *op)
{
	const struct tb_org *org = op->org;
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_ORG_PUT, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, org->id);
	tb_sqlite_bind_text(&b, org->name);
	tb_sqlite_bind_text(&b, org->title);
	tb_sqlite_bind(&b, org->epoch);
	tb_sqlite_bind(&b, org->head);
	tb_sqlite_bind(&b, (uint64_t)org->last_us);
	tb_sqlite_bind(&b, org->dense[TB_DENSE_CENTRAL]);
	tb_sqlite_bind(&b, org->dense[TB_DENSE_EVENTS]);
	tb_sqlite_bind(&b, org->floor[TB_DENSE_CENTRAL]);
	tb_sqlite_bind(&b, org->floor[TB_DENSE_EVENTS]);
	tb_sqlite_bind(&b, org->generation);
	tb_sqlite_bind(&b, org->commits);
	tb_sqlite_bind(&b, org->audit_n);
	tb_sqlite_bind_bytes(&b, tb_str((const char *)org->audit_hash,
					sizeof(org->audit_hash)));
	tb_sqlite_bind(&b, (uint64_t)org->audit_us);
	return run_bound(conn, &b);
}

static enum tb_err apply_audit(struct tb_sqlite_conn *conn,
			       const struct tb_op *op)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_AUDIT_INSERT, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, tb_rid(op->org_id, op->audit.n));
	tb_sqlite_bind_bytes(&b, op->audit.row);
	tb_sqlite_bind_bytes(&b, tb_str((const char *)op->audit.hash,
					sizeof(op->audit.hash)));
	if (op->audit.detail.p)
		tb_sqlite_bind_bytes(&b, op->audit.detail);
	else
		tb_sqlite_bind_null(&b);
	return run_bound(conn, &b);
}

/* Runs a statement that takes from the chain what is to be gone: pages that
 * become free by it are overwritten, too. */
static enum tb_err run_forgetting(struct tb_sqlite_conn *conn,
				  const struct tb_sqlite_binder *b)
{
	enum tb_err err = tb_sqlite_exec(conn->db, "PRAGMA secure_delete = ON");

	if (err != TB_OK)
		return err;
	err = run_bound(conn, b);
	if (err == TB_OK)
		err = tb_sqlite_exec(conn->db, "PRAGMA secure_delete = FAST");
	return err;
}

static enum tb_err apply_audit_erase(struct tb_sqlite_conn *conn,
				     const struct tb_op *op)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_AUDIT_ERASE, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, tb_rid(op->org_id, op->audit.n));
	return run_forgetting(conn, &b);
}

static enum tb_err apply_audit_drop(struct tb_sqlite_conn *conn,
				    const struct tb_op *op)
{
	struct tb_sqlite_binder b = { 0 };
	enum tb_err err = tb_sqlite_get(conn, TB_SQLITE_AUDIT_DROP, &b.stmt);

	if (err != TB_OK)
		return err;
	tb_sqlite_bind(&b, tb_rid(op->org_id, 0));
	tb_sqlite_bind(&b, tb_rid(op->org_id, op->audit.n));
	return run_forgetting(conn, &b);
}

typedef enum tb_err apply_fn(struct tb_sqlite_conn *conn,
			     const struct tb_op *op);

static apply_fn *const appliers[] = {
	[TB_OP_RECORD] = apply_record,
	[TB_OP_REMOVE] = apply_remove,
	[TB_OP_LINK] = apply_link,
	[TB_OP_UNLINK] = apply_link,
	[TB_OP_ORG] = apply_org,
	[TB_OP_AUDIT] = apply_audit,
	[TB_OP_AUDIT_ERASE] = apply_audit_erase,
	[TB_OP_AUDIT_DROP] = apply_audit_drop,
};

enum tb_err tb_sqlite_apply(struct tb_tx *tx, const struct tb_op *ops, size_t n)
{
	struct tb_sqlite_conn *conn = tb_sqlite_conn_of(tx);
	enum tb_err err = TB_OK;

	TB_ASSERT(conn->mode == TB_TX_WRITE && !conn->spoiled);
	/* A read that failed may have ended the transaction. */
	TB_ASSERT(!sqlite3_get_autocommit(conn->db));
	for (size_t i = 0; i < n && err == TB_OK; i++) {
		TB_ASSERT((size_t)ops[i].kind < TB_ARRAY_LEN(appliers));
		err = appliers[ops[i].kind](conn, &ops[i]);
	}
	conn->spoiled = err != TB_OK;
	return err;
}
