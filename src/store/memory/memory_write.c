#include "store/memory/memory.h"

#include "base/assert.h"
#include "store/memory/memory_key.h"

static bool has(struct tb_memory_tx *tx, const struct tb_memory_key *key)
{
	return tb_tree_get(&tx->tree, tb_memory_key_str(key)) != NULL;
}

static enum tb_err put(struct tb_memory_tx *tx, const struct tb_memory_key *key,
		       const void *value, size_t size)
{
	void *p = tb_tree_put(&tx->tree, tb_memory_key_str(key), size);

	if (!p)
		return TB_ERR_NOMEM;
	if (size > 0)
		memcpy(p, value, size);
	return TB_OK;
}

static enum tb_err take(struct tb_memory_tx *tx,
			const struct tb_memory_key *key)
{
	return tb_tree_remove(&tx->tree, tb_memory_key_str(key));
}

static enum tb_err put_feed_row(struct tb_memory_tx *tx, uint64_t rid,
				const struct tb_entry *e, bool is_new)
{
	struct tb_memory_key key =
		tb_memory_key_2(TB_MEMORY_FEED, e->scope, e->num);
	struct tb_memory_feed_row row = { .rid = rid, .entry = *e };

	if (has(tx, &key) == is_new)
		return is_new ? TB_ERR_EXISTS : TB_ERR_NOT_FOUND;
	return put(tx, &key, &row, sizeof(row));
}

/* Brings the feed rows of `old` (NULL: none) to those of `record`. */
static enum tb_err put_feed_rows(struct tb_memory_tx *tx,
				 const struct tb_record *record,
				 const struct tb_record *old)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; old && i < old->n_entries && err == TB_OK; i++) {
		const struct tb_entry *e = &old->entries[i];
		const struct tb_entry *now = tb_record_entry(record, e->scope);
		struct tb_memory_key key =
			tb_memory_key_2(TB_MEMORY_FEED, e->scope, e->num);

		if (!now || now->num != e->num)
			err = take(tx, &key);
	}
	for (size_t i = 0; i < record->n_entries && err == TB_OK; i++) {
		const struct tb_entry *e = &record->entries[i];
		const struct tb_entry *was =
			old ? tb_record_entry(old, e->scope) : NULL;

		if (!was || was->num != e->num)
			err = put_feed_row(tx, record->rid, e, true);
		else if (!tb_entry_equal(was, e))
			err = put_feed_row(tx, record->rid, e, false);
	}
	return err;
}

/* Lays the record and all its bytes out in one piece. */
static enum tb_err put_record(struct tb_memory_tx *tx,
			      const struct tb_record *record)
{
	struct tb_memory_key key =
		tb_memory_key_1(TB_MEMORY_RECORD, record->rid);
	size_t entries_size = record->n_entries * sizeof(*record->entries);
	struct tb_memory_record *copy = tb_tree_put(
		&tx->tree, tb_memory_key_str(&key),
		sizeof(*copy) + entries_size + record->key.n + record->body.n);
	char *p;

	if (!copy)
		return TB_ERR_NOMEM;
	copy->record = *record;
	copy->record.entries = record->n_entries > 0 ? copy->entries : NULL;
	p = (char *)copy->entries;
	if (entries_size > 0)
		memcpy(p, record->entries, entries_size);
	p += entries_size;
	copy->record.key.p = p;
	if (record->key.n > 0)
		memcpy(p, record->key.p, record->key.n);
	p += record->key.n;
	copy->record.body.p = p;
	if (record->body.n > 0)
		memcpy(p, record->body.p, record->body.n);
	return TB_OK;
}

static enum tb_err apply_record(struct tb_memory_tx *tx, const struct tb_op *op)
{
	const struct tb_record *record = op->record;
	struct tb_memory_key key = tb_memory_key_record(
		tb_rid_org(record->rid), record->key, record->coll);
	const struct tb_record *was = tb_memory_record(tx, record->rid);
	enum tb_err err = TB_OK;

	TB_ASSERT(!op->old || op->old->rid == record->rid);
	if (op->old && !was)
		return TB_ERR_NOT_FOUND;
	if (!op->old && (was || has(tx, &key)))
		return TB_ERR_EXISTS;
	if (!op->old)
		err = put(tx, &key, &record->rid, sizeof(record->rid));
	if (err == TB_OK)
		err = put_record(tx, record);
	return err == TB_OK ? put_feed_rows(tx, record, op->old) : err;
}

static enum tb_err apply_remove(struct tb_memory_tx *tx, const struct tb_op *op)
{
	static const struct tb_record nothing;
	const struct tb_record *was = tb_memory_record(tx, op->old->rid);
	struct tb_memory_key key;
	enum tb_err err;

	if (!was)
		return TB_ERR_NOT_FOUND;
	key = tb_memory_key_record(tb_rid_org(was->rid), was->key, was->coll);
	err = take(tx, &key);
	key = tb_memory_key_1(TB_MEMORY_RECORD, op->old->rid);
	if (err == TB_OK)
		err = take(tx, &key);
	return err == TB_OK ? put_feed_rows(tx, &nothing, op->old) : err;
}

static struct tb_memory_key link_key(const struct tb_op *op)
{
	return tb_memory_key_link(op->org_id, op->link_coll, op->link_key,
				  op->link_child);
}

static enum tb_err apply_link(struct tb_memory_tx *tx, const struct tb_op *op)
{
	struct tb_memory_key key = link_key(op);

	return put(tx, &key, NULL, 0);
}

/* What is not there needs not to be taken away. */
static enum tb_err take_if_there(struct tb_memory_tx *tx,
				 const struct tb_memory_key *key)
{
	enum tb_err err = take(tx, key);

	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err apply_unlink(struct tb_memory_tx *tx, const struct tb_op *op)
{
	struct tb_memory_key key = link_key(op);

	return take_if_there(tx, &key);
}

static enum tb_err apply_org(struct tb_memory_tx *tx, const struct tb_op *op)
{
	struct tb_memory_key key = tb_memory_key_1(TB_MEMORY_ORG, op->org->id);

	return put(tx, &key, op->org, sizeof(*op->org));
}

static enum tb_err apply_audit(struct tb_memory_tx *tx, const struct tb_op *op)
{
	const struct tb_audit_row *row = &op->audit;
	struct tb_memory_key key =
		tb_memory_key_2(TB_MEMORY_AUDIT, op->org_id, row->n);
	struct tb_memory_audit *copy;

	if (has(tx, &key))
		return TB_ERR_EXISTS;
	copy = tb_tree_put(&tx->tree, tb_memory_key_str(&key),
			   sizeof(*copy) + row->row.n);
	if (!copy)
		return TB_ERR_NOMEM;
	memcpy(copy->hash, row->hash, sizeof(copy->hash));
	copy->n = row->row.n;
	if (copy->n > 0)
		memcpy(copy->row, row->row.p, copy->n);
	key = tb_memory_key_2(TB_MEMORY_DETAIL, op->org_id, row->n);
	return row->detail.p ? put(tx, &key, row->detail.p, row->detail.n)
			     : TB_OK;
}

static enum tb_err apply_audit_erase(struct tb_memory_tx *tx,
				     const struct tb_op *op)
{
	struct tb_memory_key key =
		tb_memory_key_2(TB_MEMORY_DETAIL, op->org_id, op->audit.n);

	return take_if_there(tx, &key);
}

/* Removes all rows of one of the chain's tables up to op->audit.n. */
static enum tb_err drop_rows(struct tb_memory_tx *tx, const struct tb_op *op,
			     enum tb_memory_table table)
{
	struct tb_memory_key start = tb_memory_key_2(table, op->org_id, 0);
	enum tb_err err = TB_OK;

	while (err == TB_OK) {
		const struct tb_tree_item *item =
			tb_tree_next(&tx->tree, tb_memory_key_str(&start));
		struct tb_memory_key key;

		if (!item ||
		    !tb_memory_key_is_near(item->key,
					   tb_memory_key_str(&start)) ||
		    tb_memory_key_last(item->key) > op->audit.n)
			break;
		key = tb_memory_key_2(table, op->org_id,
				      tb_memory_key_last(item->key));
		err = take(tx, &key);
	}
	return err;
}

static enum tb_err apply_audit_drop(struct tb_memory_tx *tx,
				    const struct tb_op *op)
{
	enum tb_err err = drop_rows(tx, op, TB_MEMORY_DETAIL);

	return err == TB_OK ? drop_rows(tx, op, TB_MEMORY_AUDIT) : err;
}

typedef enum tb_err apply_fn(struct tb_memory_tx *tx, const struct tb_op *op);

static apply_fn *const appliers[] = {
	[TB_OP_RECORD] = apply_record,
	[TB_OP_REMOVE] = apply_remove,
	[TB_OP_LINK] = apply_link,
	[TB_OP_UNLINK] = apply_unlink,
	[TB_OP_ORG] = apply_org,
	[TB_OP_AUDIT] = apply_audit,
	[TB_OP_AUDIT_ERASE] = apply_audit_erase,
	[TB_OP_AUDIT_DROP] = apply_audit_drop,
};

enum tb_err tb_memory_apply(struct tb_tx *base, const struct tb_op *ops,
			    size_t n)
{
	struct tb_memory_tx *tx = tb_memory_tx_of(base);
	enum tb_err err = TB_OK;

	TB_ASSERT(tx->mode == TB_TX_WRITE && !tx->spoiled);
	for (size_t i = 0; i < n && err == TB_OK; i++) {
		TB_ASSERT((size_t)ops[i].kind < TB_ARRAY_LEN(appliers));
		err = appliers[ops[i].kind](tx, &ops[i]);
	}
	tx->spoiled = err != TB_OK;
	return err;
}
