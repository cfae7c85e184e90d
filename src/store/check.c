#include "store/check.h"

#include "kernel/system.h"

/* For one record, or one row of the audit chain, at a time. */
#define ARENA_MAX_BYTES ((size_t)1 << 31)

enum tb_err tb_check_init(struct tb_check *check, struct tb_tx *tx,
			  tb_check_fn *report, void *ctx)
{
	*check = (struct tb_check) { .tx = tx, .report = report, .ctx = ctx };
	check->arena = tb_arena_create(ARENA_MAX_BYTES);
	return check->arena ? TB_OK : TB_ERR_NOMEM;
}

void tb_check_fini(struct tb_check *check)
{
	tb_arena_destroy(check->arena);
}

static void broken(struct tb_check *check, const char *invariant, uint64_t rid,
		   const char *what)
{
	check->report(check->ctx, invariant, rid, what);
}

static const struct tb_store_ops *ops_of(struct tb_check *check)
{
	return check->tx->store->ops;
}

/* Looks up the org of what `rid` names; NULL when it is reported missing. */
static enum tb_err org_of(struct tb_check *check, uint32_t id, uint64_t rid,
			  const struct tb_org **ret)
{
	enum tb_err err = TB_OK;

	if (!check->org_known || check->org.id != id) {
		err = ops_of(check)->org_get(check->tx, id, &check->org);
		check->org_known = err == TB_OK;
	}
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	if (err == TB_ERR_NOT_FOUND)
		broken(check, TB_CHECK_ORGS, rid, "its org is not there");
	*ret = check->org_known ? &check->org : NULL;
	return TB_OK;
}

/* The head of a scope's numbers: its own when they are dense. */
static uint64_t head_of(const struct tb_org *org, uint64_t scope)
{
	for (unsigned i = 0; i < TB_DENSE_COUNT; i++)
		if (scope == tb_scope_known(org->id, TB_SCOPE_CENTRAL + i))
			return org->dense[i];
	return org->head;
}

static bool row_is_entry(const struct tb_feed_row *row, uint64_t rid,
			 const struct tb_entry *e)
{
	return row->rid == rid && row->num == e->num &&
	       row->entered == e->entered && row->time_us == e->time_us &&
	       row->origin == e->origin && row->flags == e->flags;
}

static bool numbers_can_be(const struct tb_entry *e)
{
	if (e->flags & TB_ENTRY_FIXED)
		return e->num <= TB_FIXED_NUM_MAX && e->entered == e->num;
	return e->entered <= e->num;
}

static enum tb_err check_entry(struct tb_check *check, uint64_t rid,
			       const struct tb_entry *e)
{
	const struct tb_store_ops *ops = ops_of(check);
	const struct tb_feed_query query = { .scope = e->scope,
					     .after = e->num - 1,
					     .until = e->num,
					     .limit = 1 };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err;

	if (e->num == 0 || !numbers_can_be(e)) {
		broken(check, TB_CHECK_ENTRIES, rid,
		       "an entry's numbers cannot be");
		return TB_OK;
	}
	err = ops->feed_open(check->tx, &query, &cursor);
	if (err != TB_OK)
		return err;
	err = ops->feed_next(cursor, &row);
	if (err == TB_ERR_NOT_FOUND)
		broken(check, TB_CHECK_ENTRIES, rid,
		       "an entry has no row in its feed");
	else if (err == TB_OK && !row_is_entry(&row, rid, e))
		broken(check, TB_CHECK_ENTRIES, rid,
		       "an entry and its row in the feed differ");
	ops->feed_close(cursor);
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_check_record(struct tb_check *check,
			    const struct tb_record *record)
{
	const struct tb_org *org;
	enum tb_err err =
		org_of(check, tb_rid_org(record->rid), record->rid, &org);

	if (err == TB_OK && org && record->version > org->head)
		broken(check, TB_CHECK_HEADS, record->rid,
		       "its version is above the head");
	if (err == TB_OK && org && (record->rid & TB_NUM_MAX) > org->head)
		broken(check, TB_CHECK_HEADS, record->rid,
		       "its birth is above the head");
	for (size_t i = 0; i < record->n_entries && err == TB_OK; i++)
		err = check_entry(check, record->rid, &record->entries[i]);
	return err;
}

static enum tb_err find_record(struct tb_check *check, uint64_t rid,
			       struct tb_record **ret)
{
	struct tb_key key = { .rid = rid };

	tb_arena_reset(check->arena);
	return ops_of(check)->find(check->tx, check->arena, &key, 1, ret);
}

enum tb_err tb_check_feed_row(struct tb_check *check, uint64_t scope,
			      const struct tb_feed_row *row)
{
	const struct tb_entry *e;
	const struct tb_org *org;
	struct tb_record *record;
	enum tb_err err = org_of(check, tb_rid_org(scope), row->rid, &org);

	if (err != TB_OK)
		return err;
	if (org && !(row->flags & TB_ENTRY_FIXED) &&
	    row->num > head_of(org, scope))
		broken(check, TB_CHECK_HEADS, row->rid,
		       "its row in a feed is above the head");
	err = find_record(check, row->rid, &record);
	/* Damaged entries were reported with their record. */
	if (err != TB_OK)
		return err == TB_ERR_CORRUPT ? TB_OK : err;
	e = record ? tb_record_entry(record, scope) : NULL;
	if (!e || !row_is_entry(row, record->rid, e))
		broken(check, TB_CHECK_ENTRIES, row->rid,
		       record ? "a row in a feed is none of its entries"
			      : "a row in a feed names no record");
	return TB_OK;
}

enum tb_err tb_check_link(struct tb_check *check, uint32_t org, uint64_t child)
{
	struct tb_record *record;
	const struct tb_org *found;
	enum tb_err err = org_of(check, org, child, &found);

	if (err == TB_OK)
		err = find_record(check, child, &record);
	if (err != TB_OK)
		return err == TB_ERR_CORRUPT ? TB_OK : err;
	if (!record || tb_rid_org(child) != org)
		broken(check, TB_CHECK_LINKS, child,
		       "a child is not there, or of another org");
	return TB_OK;
}

enum tb_err tb_check_audit(struct tb_check *check, uint32_t org, uint64_t n)
{
	struct tb_audit_row row;
	const struct tb_org *found;
	enum tb_err err = org_of(check, org, 0, &found);

	if (err != TB_OK)
		return err;
	if (found && n > found->audit_n)
		broken(check, TB_CHECK_AUDIT, 0,
		       "a row is behind the end of its chain");
	tb_arena_reset(check->arena);
	err = ops_of(check)->audit_next(check->tx, check->arena, org, n - 1,
					&row);
	if (err == TB_ERR_NOT_FOUND || (err == TB_OK && row.n != n)) {
		broken(check, TB_CHECK_AUDIT, 0, "a detail is of no row");
		err = TB_OK;
	}
	return err;
}

static enum tb_err check_chain(struct tb_check *check, const struct tb_org *org)
{
	struct tb_audit_row row;
	uint64_t last = 0;
	enum tb_err err;

	for (;;) {
		tb_arena_reset(check->arena);
		err = ops_of(check)->audit_next(check->tx, check->arena,
						org->id, last, &row);
		if (err != TB_OK)
			break;
		if (last != 0 && row.n != last + 1)
			broken(check, TB_CHECK_AUDIT, 0,
			       "rows of a chain are missing");
		last = row.n;
	}
	if (err != TB_ERR_NOT_FOUND)
		return err;
	if (last != 0 &&
	    (last != org->audit_n ||
	     memcmp(row.hash, org->audit_hash, sizeof(row.hash)) != 0))
		broken(check, TB_CHECK_AUDIT, 0,
		       "a chain does not end as its org says");
	return TB_OK;
}

enum tb_err tb_check_chains(struct tb_check *check)
{
	const struct tb_store_ops *ops = ops_of(check);
	struct tb_org org;
	enum tb_err err = ops->org_get(check->tx, TB_ORG_SYSTEM, &org);

	if (err == TB_ERR_NOT_FOUND)
		err = ops->org_next(check->tx, TB_ORG_SYSTEM, &org);
	while (err == TB_OK) {
		err = check_chain(check, &org);
		if (err == TB_OK)
			err = ops->org_next(check->tx, org.id, &org);
	}
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}
