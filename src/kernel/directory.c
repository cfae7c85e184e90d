#include "kernel/directory.h"

#include "base/assert.h"
#include "kernel/directory_codec.h"
#include "kernel/system.h"

/* A record that is there and not deleted. NOT_FOUND. */
static enum tb_err find_record(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, uint64_t coll, struct tb_str key,
			       struct tb_record **ret)
{
	struct tb_key wanted = { .org = org, .coll = coll, .key = key };
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, &wanted, 1, &record);

	if (err == TB_OK && (record == NULL || record->deleted))
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		*ret = record;
	return err;
}

enum tb_err tb_directory_find(struct tb_tx *tx, struct tb_arena *arena,
			      enum tb_account_kind kind, uint32_t org,
			      struct tb_str key, struct tb_account *ret)
{
	struct tb_record *record;
	enum tb_err err = find_record(
		tx, arena, org, tb_account_place(kind)->coll, key, &record);

	return err == TB_OK ? tb_account_decode(arena, kind, record, ret) : err;
}

enum tb_err tb_directory_find_login(struct tb_core *core, struct tb_tx *tx,
				    struct tb_arena *arena,
				    enum tb_account_kind kind,
				    struct tb_str username,
				    struct tb_account *ret)
{
	struct tb_record *record;
	struct tb_account account;
	struct tb_login login;
	struct tb_str key;
	enum tb_err err;

	(void)core;
	if (tb_account_place(kind)->login_prefix == NULL ||
	    !tb_directory_is_username(kind, username))
		return TB_ERR_NOT_FOUND;
	err = tb_directory_login_key(arena, kind, username, &key);
	if (err == TB_OK)
		err = find_record(tx, arena, TB_ORG_SYSTEM, TB_COLL_LOGIN, key,
				  &record);
	if (err == TB_OK)
		err = tb_login_decode(arena, record, &login);
	if (err == TB_OK)
		err = tb_directory_find(tx, arena, kind, login.org, login.key,
					&account);
	/* The name may be claimed and not carried: its account was given
	 * another one, or never came to be. */
	if (err == TB_OK && !tb_directory_has_username(&account, username))
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		*ret = account;
	return err;
}

enum tb_err tb_directory_org_born(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org, int64_t *ret_us)
{
	struct tb_record *record;
	struct tb_org row;
	struct tb_str key;
	enum tb_err err = tx->store->ops->org_get(tx, org, &row);

	if (err == TB_OK)
		err = tb_directory_org_key(arena, tb_str_z(row.name), &key);
	if (err == TB_OK)
		err = find_record(tx, arena, TB_ORG_SYSTEM, TB_COLL_LOGIN, key,
				  &record);
	if (err == TB_OK)
		*ret_us = record->created_us;
	return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_directory_find_org(struct tb_tx *tx, struct tb_str name,
				  struct tb_org *ret)
{
	struct tb_arena *arena = tb_arena_create(64u << 10);
	struct tb_record *record;
	struct tb_login login;
	struct tb_str key;
	enum tb_err err = TB_ERR_NOMEM;

	if (arena == NULL)
		return err;
	if (name.n > TB_ORG_NAME_MAX)
		err = TB_ERR_NOT_FOUND;
	else
		err = tb_directory_org_key(arena, name, &key);
	if (err == TB_OK)
		err = find_record(tx, arena, TB_ORG_SYSTEM, TB_COLL_LOGIN, key,
				  &record);
	if (err == TB_OK)
		err = tb_login_decode(arena, record, &login);
	tb_arena_destroy(arena);
	return err == TB_OK ? tx->store->ops->org_get(tx, login.org, ret) : err;
}

static enum tb_err find_only_org(struct tb_tx *tx, struct tb_org *ret)
{
	struct tb_org first;
	struct tb_org second;
	enum tb_err err = tx->store->ops->org_next(tx, TB_ORG_SYSTEM, &first);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->org_next(tx, first.id, &second);
	if (err != TB_ERR_NOT_FOUND)
		return err == TB_OK ? TB_ERR_NOT_FOUND : err;
	*ret = first;
	return TB_OK;
}

enum tb_err tb_directory_find_set_org(struct tb_tx *tx, struct tb_str name,
				      struct tb_org *ret)
{
	return name.n > 0 ? tb_directory_find_org(tx, name, ret)
			  : find_only_org(tx, ret);
}

/* The rid of a scope named by a prefix and an id. NOT_FOUND. */
static enum tb_err scope_of(struct tb_core *core, struct tb_tx *tx,
			    struct tb_arena *arena, uint32_t org,
			    const char *prefix, struct tb_str id, uint64_t *ret)
{
	struct tb_str name;
	enum tb_err err =
		tb_arena_printf(arena, &name, "%s%.*s", prefix, TB_STR_ARG(id));

	return err == TB_OK ? tb_core_name_rid(core, tx, org, TB_COLL_SCOPE,
					       name, ret)
			    : err;
}

static enum tb_err decode_store(struct tb_core *core, struct tb_tx *tx,
				struct tb_arena *arena,
				const struct tb_record *record,
				struct tb_store_info *ret)
{
	struct tb_store_info store;
	enum tb_err err = tb_store_info_decode(arena, record, &store);

	if (err == TB_OK)
		err = scope_of(core, tx, arena, tb_rid_org(record->rid),
			       TB_SCOPE_STORE_PREFIX, store.id, &store.scope);
	if (err == TB_ERR_NOT_FOUND)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		*ret = store;
	return err;
}

enum tb_err tb_directory_find_store(struct tb_core *core, struct tb_tx *tx,
				    struct tb_arena *arena, uint32_t org,
				    struct tb_str id, struct tb_store_info *ret)
{
	struct tb_record *record;
	enum tb_err err =
		find_record(tx, arena, org, TB_COLL_STORE, id, &record);

	return err == TB_OK ? decode_store(core, tx, arena, record, ret) : err;
}

/* ---- lists ---- */

/* A walk along a feed that lists records. */
struct walk {
	struct tb_tx *tx;
	struct tb_arena *arena;
	struct tb_cursor *cursor;
	uint64_t next;
};

static enum tb_err walk_open(struct walk *walk, struct tb_tx *tx,
			     struct tb_arena *arena, uint64_t scope,
			     uint64_t after)
{
	struct tb_feed_query query = {
		.scope = scope,
		.after = after,
		.until = UINT64_MAX,
		.limit = UINT64_MAX,
		.with_records = true,
	};

	*walk = (struct walk) { .tx = tx, .arena = arena, .next = after };
	return tx->store->ops->feed_open(tx, &query, &walk->cursor);
}

static void walk_close(struct walk *walk)
{
	walk->tx->store->ops->feed_close(walk->cursor);
}

/* The next record that is in the scope, copied to the arena, because rows are
 * borrowed until the next one. NOT_FOUND behind the last. */
static enum tb_err walk_next(struct walk *walk, struct tb_record *ret)
{
	struct tb_feed_row row;
	struct tb_record record;
	enum tb_err err;

	do {
		err = walk->tx->store->ops->feed_next(walk->cursor, &row);
		if (err != TB_OK)
			return err;
		walk->next = row.num;
	} while (!(row.flags & TB_ENTRY_PRESENT) || row.record.deleted);
	record = row.record;
	record.entries = NULL;
	record.n_entries = 0;
	err = tb_arena_strdup(walk->arena, row.record.key, &record.key);
	if (err == TB_OK)
		err = tb_arena_strdup(walk->arena, row.record.body,
				      &record.body);
	if (err == TB_OK)
		*ret = record;
	return err;
}

static enum tb_err list_accounts(struct tb_tx *tx, struct tb_arena *arena,
				 enum tb_account_kind kind, uint64_t scope,
				 uint64_t after, struct tb_account *rets,
				 size_t max, size_t *ret_n, uint64_t *ret_next)
{
	struct tb_record record;
	struct walk walk;
	size_t n = 0;
	enum tb_err err = walk_open(&walk, tx, arena, scope, after);

	if (err != TB_OK)
		return err;
	while (err == TB_OK && n < max) {
		err = walk_next(&walk, &record);
		if (err == TB_OK)
			err = tb_account_decode(arena, kind, &record, &rets[n]);
		if (err == TB_OK)
			n++;
	}
	walk_close(&walk);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	*ret_next = walk.next;
	return TB_OK;
}

enum tb_err tb_directory_list(struct tb_tx *tx, struct tb_arena *arena,
			      enum tb_account_kind kind, uint32_t org,
			      uint64_t after, struct tb_account *rets,
			      size_t max, size_t *ret_n, uint64_t *ret_next)
{
	uint64_t scope = tb_rid(org, tb_account_place(kind)->scope);

	return list_accounts(tx, arena, kind, scope, after, rets, max, ret_n,
			     ret_next);
}

enum tb_err tb_directory_list_store_users(struct tb_core *core,
					  struct tb_tx *tx,
					  struct tb_arena *arena, uint32_t org,
					  struct tb_str store, uint64_t after,
					  struct tb_account *rets, size_t max,
					  size_t *ret_n, uint64_t *ret_next)
{
	uint64_t scope;
	enum tb_err err = scope_of(core, tx, arena, org, TB_SCOPE_USERS_PREFIX,
				   store, &scope);

	if (err != TB_OK)
		return err;
	return list_accounts(tx, arena, TB_ACCOUNT_USER, scope, after, rets,
			     max, ret_n, ret_next);
}

enum tb_err tb_directory_list_stores(struct tb_core *core, struct tb_tx *tx,
				     struct tb_arena *arena, uint32_t org,
				     uint64_t after, struct tb_store_info *rets,
				     size_t max, size_t *ret_n,
				     uint64_t *ret_next)
{
	struct tb_record record;
	struct walk walk;
	size_t n = 0;
	enum tb_err err = walk_open(
		&walk, tx, arena, tb_scope_known(org, TB_SCOPE_STORES), after);

	if (err != TB_OK)
		return err;
	while (err == TB_OK && n < max) {
		err = walk_next(&walk, &record);
		if (err == TB_OK)
			err = decode_store(core, tx, arena, &record, &rets[n]);
		if (err == TB_OK)
			n++;
	}
	walk_close(&walk);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err;
	*ret_n = n;
	*ret_next = walk.next;
	return TB_OK;
}
