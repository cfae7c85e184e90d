/*
 * The commits that change stores and where they are active.
 */
#include "kernel/directory.h"

#include "kernel/consumer.h"
#include "kernel/directory_codec.h"
#include "kernel/system.h"

#define ARENA_MAX_BYTES ((size_t)1 << 20)

struct store_change {
	struct tb_commit commit;
	struct tb_str id;
	struct tb_str name; /* add */
	struct tb_str site; /* assign: its key, or empty */
	bool disabled;      /* disable */
};

static enum tb_err put_store(struct tb_view *view,
			     const struct tb_store_info *store)
{
	struct tb_target target = {
		.scope = tb_scope_known(tb_view_org_id(view), TB_SCOPE_STORES),
	};
	struct tb_put put = {
		.coll = TB_COLL_STORE,
		.key = store->id,
		.origin = TB_ORIGIN_CENTRE,
		.targets = &target,
		.n_targets = 1,
	};
	enum tb_err err =
		tb_store_info_encode(tb_view_arena(view), store, &put.body);

	if (err == TB_OK)
		err = tb_view_put(view, &put, NULL);
	if (err == TB_OK)
		tb_view_bump_generation(view);
	return err;
}

static enum tb_err get_store(struct tb_view *view, struct tb_str id,
			     struct tb_store_info *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_STORE, id, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK
		       ? tb_store_info_decode(tb_view_arena(view), record, ret)
		       : err;
}

enum tb_err tb_directory_store_site(struct tb_view *view, struct tb_str store,
				    uint32_t *ret)
{
	struct tb_store_info info;
	uint64_t id = 0;
	enum tb_err err = get_store(view, store, &info);

	if (err == TB_OK && info.site.n > 0)
		err = tb_str_to_u64(info.site, &id);
	if (err != TB_OK && err != TB_ERR_NOT_FOUND)
		return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
	*ret = (uint32_t)id;
	return TB_OK;
}

static enum tb_err store_gather(struct tb_commit *commit, struct tb_view *view)
{
	struct store_change *change = (struct store_change *)commit;

	return tb_view_want(view, TB_COLL_STORE, change->id);
}

static enum tb_err add_store_decide(struct tb_commit *commit,
				    struct tb_view *view)
{
	struct store_change *change = (struct store_change *)commit;
	struct tb_store_info store = { .id = change->id, .name = change->name };
	const struct tb_record *record;
	uint64_t scope;
	enum tb_err err = tb_view_get(view, TB_COLL_STORE, change->id, &record);

	if (err == TB_OK && record != NULL)
		err = TB_ERR_EXISTS;
	/* Its two scopes are there from the start, so that looking for them
	 * tells whether there is such a store. */
	if (err == TB_OK)
		err = tb_view_scope(view, TB_SCOPE_STORE_PREFIX, change->id,
				    &scope);
	if (err == TB_OK)
		err = tb_view_scope(view, TB_SCOPE_USERS_PREFIX, change->id,
				    &scope);
	return err == TB_OK ? put_store(view, &store) : err;
}

enum tb_err tb_directory_add_store(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, struct tb_str id,
				   struct tb_str name)
{
	static const struct tb_commit_kind kind = {
		.name = "add_store",
		.gather = store_gather,
		.decide = add_store_decide,
	};
	struct store_change change = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 3 },
		.id = id,
		.name = name,
	};
	struct tb_login words = { .key = id };
	struct tb_store_info store = { .name = name };
	struct tb_arena *arena;
	struct tb_str body;
	enum tb_err err;

	if (!tb_directory_is_text(id, 1, TB_ACCOUNT_TEXT_MAX_BYTES) ||
	    !tb_directory_is_text(name, 0, TB_ACCOUNT_TEXT_MAX_BYTES))
		return TB_ERR_INVALID;
	arena = tb_arena_create(ARENA_MAX_BYTES);
	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_login_encode(arena, &words, &body);
	if (err == TB_OK)
		err = tb_store_info_encode(arena, &store, &body);
	tb_arena_destroy(arena);
	return err == TB_OK ? tb_core_commit(core, &change.commit) : err;
}

/* One site's part in moving a store: the list in its account, and what it
 * follows. */
struct mover {
	struct tb_account account;
	struct tb_consumer consumer;
};

static enum tb_err mover_load(struct tb_view *view, struct tb_str site,
			      struct mover *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_SITE, site, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_account_decode(tb_view_arena(view), TB_ACCOUNT_SITE,
					record, &ret->account);
	return err == TB_OK ? tb_consumer_load(view, ret->account.site_id,
					       &ret->consumer)
			    : err;
}

static enum tb_err mover_save(struct tb_view *view, const struct mover *mover)
{
	enum tb_err err = tb_account_put(view, &mover->account);

	return err == TB_OK ? tb_consumer_save(view, &mover->consumer) : err;
}

/* A copy of a site's stores without `id`, with room for one more. */
static enum tb_err mover_copy_stores(struct tb_view *view, struct mover *mover,
				     struct tb_str id, struct tb_str **ret)
{
	struct tb_account *account = &mover->account;
	struct tb_str *stores = tb_arena_calloc(
		tb_view_arena(view), account->n_stores + 1, sizeof(*stores));
	size_t n = 0;

	if (stores == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < account->n_stores; i++)
		if (!tb_str_eq(account->stores[i], id))
			stores[n++] = account->stores[i];
	account->stores = stores;
	account->n_stores = n;
	*ret = stores;
	return TB_OK;
}

static enum tb_err mover_lose(struct tb_view *view, struct mover *mover,
			      struct tb_str id, uint64_t scope)
{
	struct tb_str *stores;
	enum tb_err err = mover_copy_stores(view, mover, id, &stores);

	if (err != TB_OK)
		return err;
	tb_consumer_unsubscribe(&mover->consumer, scope);
	return mover_save(view, mover);
}

static enum tb_err mover_gain(struct tb_view *view, struct mover *mover,
			      struct tb_str id, uint64_t scope)
{
	struct tb_str *stores;
	enum tb_err err = mover_copy_stores(view, mover, id, &stores);

	if (err != TB_OK)
		return err;
	stores[mover->account.n_stores++] = id;
	err = tb_consumer_subscribe(tb_view_arena(view), &mover->consumer,
				    scope);
	if (err != TB_OK)
		return err;
	/* The store comes from its beginning, with what this very site may
	 * have written there when it had it before. */
	tb_consumer_subscription(&mover->consumer, scope)->own_above =
		tb_view_org_row(view)->head;
	return mover_save(view, mover);
}

static enum tb_err assign_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct store_change *change = (struct store_change *)commit;
	struct tb_store_info store;
	struct mover from;
	struct mover to;
	uint64_t scope;
	bool was_active;
	enum tb_err err = get_store(view, change->id, &store);

	if (err != TB_OK || tb_str_eq(store.site, change->site))
		return err;
	was_active = store.site.n > 0;
	if (was_active)
		err = mover_load(view, store.site, &from);
	if (err == TB_OK && change->site.n > 0)
		err = mover_load(view, change->site, &to);
	if (err == TB_OK)
		err = tb_view_scope(view, TB_SCOPE_STORE_PREFIX, change->id,
				    &scope);
	if (err == TB_OK && was_active)
		err = mover_lose(view, &from, change->id, scope);
	if (err == TB_OK && change->site.n > 0)
		err = mover_gain(view, &to, change->id, scope);
	store.site = change->site;
	return err == TB_OK ? put_store(view, &store) : err;
}

enum tb_err tb_directory_assign_store(struct tb_core *core,
				      const struct tb_audit_note *note,
				      uint32_t org, struct tb_str store,
				      struct tb_str site)
{
	static const struct tb_commit_kind kind = {
		.name = "assign_store",
		.gather = store_gather,
		.decide = assign_decide,
	};
	struct store_change change = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 5 },
		.id = store,
		.site = site,
	};

	return tb_core_commit(core, &change.commit);
}

static enum tb_err disable_decide(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct store_change *change = (struct store_change *)commit;
	struct tb_store_info store;
	enum tb_err err = get_store(view, change->id, &store);

	if (err != TB_OK || store.disabled == change->disabled)
		return err;
	store.disabled = change->disabled;
	return put_store(view, &store);
}

enum tb_err tb_directory_disable_store(struct tb_core *core,
				       const struct tb_audit_note *note,
				       uint32_t org, struct tb_str store,
				       bool disabled)
{
	static const struct tb_commit_kind kind = {
		.name = "disable_store",
		.gather = store_gather,
		.decide = disable_decide,
	};
	struct store_change change = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 1 },
		.id = store,
		.disabled = disabled,
	};

	return tb_core_commit(core, &change.commit);
}
