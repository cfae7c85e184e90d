/*
 * The commits that change accounts.
 *
 * A login name belongs to all orgs, so it is a record of org 0, while its
 * account is a record of the account's org: two commits, of which a crash may
 * leave the first alone. Therefore the name is *claimed* first, then the
 * account is written, and a claim by itself means nothing: look-ups ask
 * whether the account carries the name. A claim that no account bears out may
 * be taken over, but not before its lease has run out; and the commit that
 * writes the account refuses once the lease of its claim has. So of two who
 * want one name at the same time only one gets it, and what a crash leaves
 * behind holds the name for no longer than the lease.
 *
 * Who takes another name releases the old one: its claim is removed, if it is
 * still the one that was read before the change. Nobody can be about to write
 * the account under that claim, because whoever gives an account another name
 * reads the account first, then claims, and refuses if the account has changed
 * since.
 */
#include "kernel/directory.h"

#include "base/assert.h"
#include "kernel/consumer.h"
#include "kernel/directory_codec.h"
#include "kernel/system.h"

#define CLAIM_LEASE_US (60 * 1000000ll)
/* Of giving a name to an account that others change at the same time. */
#define RENAME_ATTEMPTS 8
/* Holds an account before and after. */
#define ARENA_MAX_BYTES ((size_t)8 << 20)

/* ---- login names ---- */

struct claim {
	struct tb_commit commit;
	enum tb_account_kind kind;
	struct tb_str username;
	struct tb_str login_key;
	struct tb_login login; /* who claims it */
	struct tb_str body;    /* the same, encoded */
	int64_t claimed_us;    /* the result: when the lease began */
};

static enum tb_err claim_gather(struct tb_commit *commit, struct tb_view *view)
{
	struct claim *claim = (struct claim *)commit;

	return tb_view_want(view, TB_COLL_LOGIN, claim->login_key);
}

/* EXISTS: the name is held by another account, or may be about to be. The
 * other account is read as the transaction found it; an account that is
 * changed in the same group to carry the name has a claim whose lease runs. */
static enum tb_err check_holder(struct tb_view *view, const struct claim *claim,
				const struct tb_record *record)
{
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_account account;
	struct tb_login holder;
	enum tb_err err = tb_login_decode(arena, record, &holder);

	if (err != TB_OK)
		return err;
	if (holder.org == claim->login.org &&
	    tb_str_eq(holder.key, claim->login.key))
		return TB_OK;
	if (tb_view_now_us(view) < record->updated_us + CLAIM_LEASE_US)
		return TB_ERR_EXISTS;
	err = tb_directory_find(tb_view_tx(view), arena, claim->kind,
				holder.org, holder.key, &account);
	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err == TB_OK &&
	    tb_directory_has_username(&account, claim->username))
		err = TB_ERR_EXISTS;
	return err;
}

static enum tb_err claim_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct claim *claim = (struct claim *)commit;
	struct tb_put put = {
		.coll = TB_COLL_LOGIN,
		.key = claim->login_key,
		.body = claim->body,
		.origin = TB_ORIGIN_CENTRE,
	};
	const struct tb_record *record;
	enum tb_err err =
		tb_view_get(view, TB_COLL_LOGIN, claim->login_key, &record);

	if (err == TB_OK && record != NULL)
		err = check_holder(view, claim, record);
	if (err == TB_OK)
		err = tb_view_put(view, &put, &record);
	if (err == TB_OK)
		claim->claimed_us = record->updated_us;
	return err;
}

/* Claims the account's username for it. EXISTS. */
static enum tb_err claim_username(struct tb_core *core, struct tb_arena *arena,
				  const struct tb_account *account,
				  int64_t *ret_claimed_us)
{
	static const struct tb_commit_kind kind = {
		.name = "claim",
		.gather = claim_gather,
		.decide = claim_decide,
	};
	struct claim claim = {
		.commit = { .kind = &kind, .org = TB_ORG_SYSTEM, .weight = 1 },
		.kind = account->kind,
		.username = account->username,
		.login = { .org = account->org, .key = account->key },
	};
	enum tb_err err = tb_directory_login_key(
		arena, account->kind, account->username, &claim.login_key);

	if (err == TB_OK)
		err = tb_login_encode(arena, &claim.login, &claim.body);
	if (err == TB_OK)
		err = tb_core_commit(core, &claim.commit);
	if (err == TB_OK)
		*ret_claimed_us = claim.claimed_us;
	return err;
}

/* The claim of a name as it was read; removed when the name is given up. */
struct release {
	struct tb_commit commit;
	struct tb_str login_key;
	int64_t claimed_us;
};

static enum tb_err release_gather(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct release *release = (struct release *)commit;

	return tb_view_want(view, TB_COLL_LOGIN, release->login_key);
}

static enum tb_err release_decide(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct release *release = (struct release *)commit;
	const struct tb_record *record;
	enum tb_err err =
		tb_view_get(view, TB_COLL_LOGIN, release->login_key, &record);

	/* A record's times never come twice. */
	if (err != TB_OK || record == NULL ||
	    record->updated_us != release->claimed_us)
		return err;
	return tb_view_remove(view, TB_COLL_LOGIN, release->login_key);
}

static enum tb_err release_username(struct tb_core *core,
				    struct release *release)
{
	static const struct tb_commit_kind kind = {
		.name = "release",
		.gather = release_gather,
		.decide = release_decide,
	};

	release->commit = (struct tb_commit) {
		.kind = &kind,
		.org = TB_ORG_SYSTEM,
		.weight = 1,
	};
	return tb_core_commit(core, &release->commit);
}

/* ---- accounts ---- */

struct account_change {
	struct tb_commit commit;
	const struct tb_account *account; /* new, or the values of `changes` */
	unsigned changes;                 /* enum tb_account_change */
	bool bind;
	struct tb_str by;   /* the administrator; empty: it needs none */
	bool claimed;       /* the username */
	int64_t claimed_us; /* and when */
	int64_t seen_us;    /* update: the account's time before the claim */
};

enum tb_err tb_directory_check_admin(struct tb_view *view, struct tb_str by)
{
	const struct tb_record *record;
	struct tb_account user;
	enum tb_err err;

	if (by.n == 0)
		return TB_OK;
	err = tb_view_get(view, TB_COLL_USER, by, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_DENIED;
	if (err == TB_OK)
		err = tb_account_decode(tb_view_arena(view), TB_ACCOUNT_USER,
					record, &user);
	if (err == TB_OK && (user.disabled || !user.is_admin))
		err = TB_ERR_DENIED;
	return err;
}

static bool is_list(const struct tb_str *list, size_t n, size_t max)
{
	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!tb_directory_is_text(list[i], 1,
					  TB_ACCOUNT_TEXT_MAX_BYTES))
			return false;
	return true;
}

static bool are_distinct(const struct tb_str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (tb_str_eq(list[i], list[j]))
				return false;
	return true;
}

/* True if everything in it is as it may be. Its stores are checked against
 * those that there are in the commit. */
static bool is_valid(const struct tb_account *account)
{
	const struct tb_str texts[] = {
		account->name,       account->code,      account->password,
		account->hardware,   account->profile,   account->email,
		account->first_name, account->last_name,
	};
	size_t stores_max = account->kind == TB_ACCOUNT_SITE
				    ? TB_SUBSCRIPTIONS_MAX
				    : TB_USER_STORES_MAX;
	uint32_t site_id;

	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		if (!tb_directory_is_text(texts[i], 0,
					  TB_ACCOUNT_TEXT_MAX_BYTES))
			return false;
	if (account->kind == TB_ACCOUNT_SITE &&
	    (tb_directory_site_id(account->key, &site_id) != TB_OK ||
	     (account->site_id != 0 && account->site_id != site_id)))
		return false;
	return tb_directory_is_text(account->key, 1,
				    TB_ACCOUNT_TEXT_MAX_BYTES) &&
	       tb_directory_is_username(account->kind, account->username) &&
	       is_list(account->stores, account->n_stores, stores_max) &&
	       are_distinct(account->stores, account->n_stores) &&
	       is_list(account->roles, account->n_roles, TB_ACCOUNT_LIST_MAX) &&
	       is_list(account->permissions, account->n_permissions,
		       TB_ACCOUNT_LIST_MAX);
}

/* NOT_FOUND: one of the stores that a user is to work in. */
static enum tb_err check_stores(struct tb_view *view,
				const struct tb_account *account)
{
	const struct tb_record *record;
	enum tb_err err = TB_OK;

	if (account->kind != TB_ACCOUNT_USER)
		return TB_OK;
	for (size_t i = 0; err == TB_OK && i < account->n_stores; i++) {
		err = tb_view_get(view, TB_COLL_STORE, account->stores[i],
				  &record);
		if (err == TB_OK && record == NULL)
			err = TB_ERR_NOT_FOUND;
	}
	return err;
}

/* Writes an account's record: to the list of its kind, and a user to those of
 * the stores, too. */
static enum tb_err put_account(struct tb_view *view,
			       const struct tb_account *account,
			       struct tb_str body)
{
	const struct tb_account_place *place = tb_account_place(account->kind);
	struct tb_target targets[1 + TB_USER_STORES_MAX] = {
		{ .scope = tb_rid(account->org, place->scope) },
	};
	struct tb_put put = {
		.coll = place->coll,
		.key = account->key,
		.body = body,
		.origin = TB_ORIGIN_CENTRE,
		.targets = targets,
		.n_targets = 1,
	};
	enum tb_err err = TB_OK;

	if (account->kind == TB_ACCOUNT_USER)
		for (size_t i = 0; err == TB_OK && i < account->n_stores; i++)
			err = tb_view_scope(view, TB_SCOPE_USERS_PREFIX,
					    account->stores[i],
					    &targets[put.n_targets++].scope);
	if (err == TB_OK)
		err = tb_view_put(view, &put, NULL);
	return err;
}

enum tb_err tb_account_put(struct tb_view *view,
			   const struct tb_account *account)
{
	struct tb_str body;
	enum tb_err err =
		tb_account_encode(tb_view_arena(view), account, &body);

	return err == TB_OK ? put_account(view, account, body) : err;
}

static enum tb_err account_gather(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct account_change *change = (struct account_change *)commit;
	const struct tb_account *account = change->account;
	enum tb_err err = tb_view_want(
		view, tb_account_place(account->kind)->coll, account->key);

	if (err == TB_OK && change->by.n > 0)
		err = tb_view_want(view, TB_COLL_USER, change->by);
	if (account->kind == TB_ACCOUNT_USER)
		for (size_t i = 0; err == TB_OK && i < account->n_stores; i++)
			err = tb_view_want(view, TB_COLL_STORE,
					   account->stores[i]);
	return err;
}

/* The lease of the claim, see above. CONFLICT: it has run out. */
static enum tb_err check_claim(const struct tb_view *view,
			       const struct account_change *change)
{
	if (change->claimed &&
	    tb_view_now_us(view) >= change->claimed_us + CLAIM_LEASE_US)
		return TB_ERR_CONFLICT;
	return TB_OK;
}

/* A new site follows what it pushes that belongs to no store. */
static enum tb_err subscribe_to_own(struct tb_view *view,
				    const struct tb_account *account)
{
	struct tb_consumer consumer;
	uint64_t scope;
	uint32_t site_id;
	enum tb_err err = tb_directory_site_id(account->key, &site_id);

	TB_ASSERT(err == TB_OK);
	err = tb_consumer_load(view, site_id, &consumer);
	if (err == TB_OK)
		err = tb_view_scope(view, TB_SCOPE_SITE_PREFIX, account->key,
				    &scope);
	if (err == TB_OK)
		err = tb_consumer_subscribe(tb_view_arena(view), &consumer,
					    scope);
	return err == TB_OK ? tb_consumer_save(view, &consumer) : err;
}

static enum tb_err add_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct account_change *change = (struct account_change *)commit;
	struct tb_account account = *change->account;
	const struct tb_record *record;
	enum tb_err err =
		tb_view_get(view, tb_account_place(account.kind)->coll,
			    account.key, &record);

	if (err == TB_OK)
		err = tb_directory_check_admin(view, change->by);
	if (err == TB_OK && record != NULL)
		err = TB_ERR_EXISTS;
	if (err == TB_OK)
		err = check_claim(view, change);
	if (err == TB_OK)
		err = check_stores(view, &account);
	if (err != TB_OK)
		return err;
	account.credential = 1;
	account.sight_num = 0;
	account.sight_us = 0;
	err = tb_account_put(view, &account);
	if (err == TB_OK && account.kind == TB_ACCOUNT_SITE)
		err = subscribe_to_own(view, &account);
	if (err == TB_OK)
		tb_view_bump_generation(view);
	return err;
}

/* True if the key is free, so far as one can tell before the commit. A name
 * claimed for an account that then cannot be would be held by its lease. */
static enum tb_err check_key_is_free(struct tb_core *core,
				     struct tb_arena *arena,
				     const struct tb_account *account)
{
	struct tb_account there;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_directory_find(tx, arena, account->kind, account->org,
				account->key, &there);
	tb_core_read_end(tx);
	if (err == TB_OK)
		return TB_ERR_EXISTS;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* INVALID: something in it cannot be. */
static enum tb_err check_new(struct tb_arena *arena,
			     const struct tb_account *account)
{
	struct tb_login login = { .org = account->org, .key = account->key };
	struct tb_str body;
	enum tb_err err;

	if (!is_valid(account) ||
	    (account->kind == TB_ACCOUNT_SITE && account->n_stores > 0))
		return TB_ERR_INVALID;
	/* Encoding says whether everything is UTF-8, the key too. */
	err = tb_login_encode(arena, &login, &body);
	return err == TB_OK ? tb_account_encode(arena, account, &body) : err;
}

static enum tb_err commit_claimed(struct tb_core *core,
				  struct account_change *change,
				  struct tb_arena *arena,
				  const struct tb_account *named)
{
	enum tb_err err =
		claim_username(core, arena, named, &change->claimed_us);

	change->claimed = true;
	return err == TB_OK ? tb_core_commit(core, &change->commit) : err;
}

static enum tb_err add_account(struct tb_core *core,
			       struct account_change *change,
			       struct tb_arena *arena)
{
	const struct tb_account *account = change->account;
	enum tb_err err = check_new(arena, account);

	if (err == TB_OK)
		err = check_key_is_free(core, arena, account);
	if (err != TB_OK)
		return err;
	if (tb_account_place(account->kind)->login_prefix == NULL)
		return tb_core_commit(core, &change->commit);
	err = commit_claimed(core, change, arena, account);
	return err == TB_ERR_CONFLICT ? TB_ERR_BUSY : err;
}

enum tb_err tb_directory_add_account(struct tb_core *core,
				     const struct tb_audit_note *note,
				     const struct tb_account *account)
{
	return tb_directory_add_account_as(core, note, TB_STR_NONE, account);
}

enum tb_err tb_directory_add_account_as(struct tb_core *core,
					const struct tb_audit_note *note,
					struct tb_str by,
					const struct tb_account *account)
{
	static const struct tb_commit_kind kind = {
		.name = "add_account",
		.gather = account_gather,
		.decide = add_decide,
	};
	struct account_change change = {
		.commit = { .kind = &kind,
			    .org = account->org,
			    .note = *note,
			    .weight = 3 + account->n_stores },
		.account = account,
		.by = by,
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	enum tb_err err = TB_ERR_NOMEM;

	if (arena != NULL)
		err = add_account(core, &change, arena);
	tb_arena_destroy(arena);
	return err;
}

static void raise_credential(struct tb_account *account)
{
	account->credential++;
}

/* Hardware, as an operator sets it or a site's first call binds it. */
static enum tb_err change_hardware(const struct account_change *change,
				   struct tb_account *now)
{
	struct tb_str hardware = change->account->hardware;

	if (tb_str_eq(now->hardware, hardware))
		return TB_OK;
	if (change->bind && now->hardware.n > 0)
		return TB_ERR_CONFLICT;
	now->hardware = hardware;
	if (!change->bind)
		raise_credential(now);
	return TB_OK;
}

/* What people read of an account; nothing is decided by it but who a user is.
 */
static void change_texts(struct tb_account *now, const struct tb_account *to,
			 unsigned changes)
{
	if (changes & TB_CHANGE_NAME)
		now->name = to->name;
	if (changes & TB_CHANGE_PROFILE)
		now->profile = to->profile;
	if (changes & TB_CHANGE_EMAIL)
		now->email = to->email;
	if (changes & TB_CHANGE_FIRST_NAME)
		now->first_name = to->first_name;
	if (changes & TB_CHANGE_LAST_NAME)
		now->last_name = to->last_name;
}

/* The account as it is to be. */
static enum tb_err apply_changes(const struct account_change *change,
				 struct tb_account *now)
{
	const struct tb_account *to = change->account;
	unsigned changes = change->changes;

	if (changes & TB_CHANGE_REHASH) {
		if (now->credential != to->credential)
			return TB_ERR_CONFLICT;
		now->password = to->password;
		return TB_OK;
	}
	if (changes & TB_CHANGE_PASSWORD) {
		now->password = to->password;
		raise_credential(now);
	}
	if ((changes & TB_CHANGE_DISABLED) && now->disabled != to->disabled) {
		now->disabled = to->disabled;
		raise_credential(now);
	}
	if (changes & TB_CHANGE_USERNAME)
		now->username = to->username;
	change_texts(now, to, changes);
	if (changes & TB_CHANGE_STORES) {
		now->stores = to->stores;
		now->n_stores = to->n_stores;
	}
	if (changes & TB_CHANGE_ROLES) {
		now->roles = to->roles;
		now->n_roles = to->n_roles;
	}
	if (changes & TB_CHANGE_ADMIN)
		now->is_admin = to->is_admin;
	if (changes & TB_CHANGE_CENTRAL)
		now->may_edit_central = to->may_edit_central;
	if (changes & TB_CHANGE_HARDWARE)
		return change_hardware(change, now);
	return TB_OK;
}

static bool sees_alike(const struct tb_account *a, const struct tb_account *b)
{
	bool alike = a->is_admin == b->is_admin &&
		     tb_str_eq(a->profile, b->profile) &&
		     a->n_roles == b->n_roles;

	for (size_t i = 0; alike && i < a->n_roles; i++)
		alike = tb_str_eq(a->roles[i], b->roles[i]);
	return alike;
}

/* Changes of records do not tell what came into a user's sight so, nor what
 * went out of it: by this readers know that they must start over. Later than
 * everything so far, and no later than the account's change itself. */
static void note_sight(const struct tb_view *view,
		       const struct tb_account *before, struct tb_account *now)
{
	if (sees_alike(before, now))
		return;
	now->sight_num = tb_view_org_row(view)->head + 1;
	now->sight_us = tb_view_next_time(view, NULL);
}

static enum tb_err update_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct account_change *change = (struct account_change *)commit;
	enum tb_account_kind kind = change->account->kind;
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record;
	struct tb_account before, now;
	struct tb_str body;
	enum tb_err err = tb_view_get(view, tb_account_place(kind)->coll,
				      change->account->key, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_directory_check_admin(view, change->by);
	if (err == TB_OK)
		err = tb_account_decode(arena, kind, record, &before);
	if (err == TB_OK)
		err = check_claim(view, change);
	if (err == TB_OK && change->claimed &&
	    before.updated_us != change->seen_us)
		err = TB_ERR_CONFLICT;
	if (err != TB_OK)
		return err;
	now = before;
	err = apply_changes(change, &now);
	if (err == TB_OK && (!is_valid(&now)))
		err = TB_ERR_INVALID;
	if (err == TB_OK)
		err = check_stores(view, &now);
	if (err != TB_OK)
		return err;
	note_sight(view, &before, &now);
	err = tb_account_encode(arena, &now, &body);
	if (err != TB_OK || tb_str_eq(body, record->body))
		return err;
	err = put_account(view, &now, body);
	/* The same password's newer hash changes nothing that is cached. */
	if (err == TB_OK && !(change->changes & TB_CHANGE_REHASH))
		tb_view_bump_generation(view);
	return err;
}

/* The account before it gets another name, and the claim of the one it has
 * (p NULL: there is none). NOT_FOUND: there is no such account. */
static enum tb_err read_before(struct tb_core *core, struct tb_arena *arena,
			       const struct tb_account *account,
			       struct tb_account *ret,
			       struct release *ret_claim)
{
	struct tb_key key = { .org = TB_ORG_SYSTEM, .coll = TB_COLL_LOGIN };
	struct release claim = { .login_key = TB_STR_NONE };
	struct tb_record *record = NULL;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tb_directory_find(tx, arena, account->kind, account->org,
				account->key, ret);
	if (err == TB_OK)
		err = tb_directory_login_key(arena, account->kind,
					     ret->username, &key.key);
	if (err == TB_OK)
		err = tx->store->ops->find(tx, arena, &key, 1, &record);
	tb_core_read_end(tx);
	if (err == TB_OK && record != NULL) {
		claim.login_key = key.key;
		claim.claimed_us = record->updated_us;
	}
	if (err == TB_OK)
		*ret_claim = claim;
	return err;
}

/* CONFLICT: the account was changed in the middle of it. */
static enum tb_err rename_account(struct tb_core *core,
				  struct account_change *change,
				  struct tb_arena *arena)
{
	const struct tb_account *account = change->account;
	struct tb_account before;
	struct release release;
	enum tb_err err = read_before(core, arena, account, &before, &release);

	if (err != TB_OK)
		return err;
	change->seen_us = before.updated_us;
	err = commit_claimed(core, change, arena, account);
	/* If this fails, the name is free when somebody wants it later. */
	if (err == TB_OK && release.login_key.p != NULL &&
	    !tb_directory_has_username(&before, account->username))
		(void)!release_username(core, &release);
	return err;
}

static enum tb_err update_account(struct tb_core *core,
				  struct account_change *change,
				  struct tb_arena *arena)
{
	const struct tb_account *account = change->account;
	enum tb_err err = TB_ERR_CONFLICT;

	if ((change->changes & TB_CHANGE_STORES) &&
	    account->kind != TB_ACCOUNT_USER)
		return TB_ERR_INVALID;
	if (!(change->changes & TB_CHANGE_USERNAME))
		return tb_core_commit(core, &change->commit);
	if (tb_account_place(account->kind)->login_prefix == NULL ||
	    !tb_directory_is_username(account->kind, account->username))
		return TB_ERR_INVALID;
	for (int i = 0; i < RENAME_ATTEMPTS && err == TB_ERR_CONFLICT; i++)
		err = rename_account(core, change, arena);
	return err == TB_ERR_CONFLICT ? TB_ERR_BUSY : err;
}

static enum tb_err run_update(struct tb_core *core,
			      const struct tb_audit_note *note,
			      struct account_change *change)
{
	static const struct tb_commit_kind kind = {
		.name = "update_account",
		.gather = account_gather,
		.decide = update_decide,
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	enum tb_err err = TB_ERR_NOMEM;

	change->commit = (struct tb_commit) {
		.kind = &kind,
		.org = change->account->org,
		.note = *note,
		.weight = 1 + change->account->n_stores,
	};
	if (arena != NULL)
		err = update_account(core, change, arena);
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_directory_update_account(struct tb_core *core,
					const struct tb_audit_note *note,
					const struct tb_account *account,
					unsigned changes, bool bind)
{
	struct account_change change = {
		.account = account,
		.changes = changes,
		.bind = bind,
	};

	return run_update(core, note, &change);
}

enum tb_err tb_directory_update_account_as(struct tb_core *core,
					   const struct tb_audit_note *note,
					   struct tb_str by,
					   const struct tb_account *account,
					   unsigned changes)
{
	struct account_change change = {
		.account = account,
		.changes = changes,
		.by = by,
	};

	TB_ASSERT(by.n > 0);
	return run_update(core, note, &change);
}
