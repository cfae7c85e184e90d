#include "auth/admit.h"

#include <sodium.h>

#define HARDWARE_MAX_BYTES 128

enum tb_account_kind tb_auth_account_kind(enum tb_principal_kind kind)
{
	static const enum tb_account_kind kinds[] = {
		[TB_PRINCIPAL_USER] = TB_ACCOUNT_USER,
		[TB_PRINCIPAL_SITE] = TB_ACCOUNT_SITE,
		[TB_PRINCIPAL_DEVICE] = TB_ACCOUNT_DEVICE,
	};

	return kinds[kind];
}

struct tb_auth_result tb_auth_admitted(const struct tb_principal *principal)
{
	return (struct tb_auth_result) { .outcome = TB_AUTH_OK,
					 .principal = principal };
}

struct tb_auth_result tb_auth_refused(enum tb_auth_failure failure)
{
	return (struct tb_auth_result) { .outcome = TB_AUTH_REFUSED,
					 .failure = failure };
}

struct tb_auth_result tb_auth_would_block(void)
{
	return (struct tb_auth_result) { .outcome = TB_AUTH_WOULD_BLOCK };
}

static enum tb_err read_family(struct tb_tx *tx, struct tb_arena *arena,
			       const struct tb_wanted_account *wanted,
			       struct tb_stored_account *stored)
{
	enum tb_err err = tb_family_read(tx, arena, stored->account.org,
					 wanted->family, &stored->family);

	stored->has_family = err == TB_OK;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

enum tb_err tb_auth_read_account(struct tb_auth *auth, struct tb_arena *arena,
				 const struct tb_wanted_account *wanted,
				 struct tb_stored_account *ret)
{
	struct tb_stored_account stored = { .has_family = false };
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(auth->core, &tx);

	if (err != TB_OK)
		return err == TB_ERR_NOT_FOUND ? TB_ERR_IO : err;
	if (wanted->username.p != NULL)
		err = tb_directory_find_login(auth->core, tx, arena,
					      wanted->kind, wanted->username,
					      &stored.account);
	else
		err = tb_directory_find(tx, arena, wanted->kind, wanted->org,
					wanted->key, &stored.account);
	if (err == TB_OK)
		err = tx->store->ops->org_get(tx, stored.account.org,
					      &stored.org);
	/* In the same snapshot as the org's generation: who ends the family
	 * afterwards raises it. */
	if (err == TB_OK && wanted->family.n > 0)
		err = read_family(tx, arena, wanted, &stored);
	tb_core_read_end(tx);
	if (err == TB_OK)
		*ret = stored;
	return err;
}

struct tb_audit_note tb_auth_note(struct tb_arena *arena,
				  const struct tb_account *account,
				  const char *operation, struct tb_str address)
{
	struct tb_audit_note note = {
		.event_type = "auth",
		.operation = operation,
		.status = "ok",
		.address = address,
	};
	enum tb_err err = tb_arena_printf(
		arena, &note.principal, "%s/%.*s",
		account->kind == TB_ACCOUNT_SITE ? "site" : "user",
		TB_STR_ARG(account->key));

	/* Without memory the row lacks who it was, which the change says. */
	(void)err;
	randombytes_buf(note.salt, sizeof(note.salt));
	return note;
}

static bool is_hardware(struct tb_str s)
{
	if (s.n == 0 || s.n > HARDWARE_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* Contract 1: "A site sends its database UUID in `msupply-site-uuid`; the
 * first one binds, and from then on another one, or none, is refused". Binding
 * is durable when this returns OK. DENIED: refused. */
static enum tb_err admit_hardware(struct tb_auth *auth, struct tb_arena *arena,
				  struct tb_account *account,
				  const struct tb_credentials *credentials)
{
	struct tb_account bound = *account;
	struct tb_audit_note note;
	enum tb_err err;

	if (account->kind != TB_ACCOUNT_SITE ||
	    tb_str_eq(account->hardware, credentials->hardware))
		return TB_OK;
	if (account->hardware.n > 0 || !is_hardware(credentials->hardware))
		return TB_ERR_DENIED;
	bound.hardware = credentials->hardware;
	note = tb_auth_note(arena, account, "bind_hardware",
			    credentials->address);
	note.device = bound.hardware;
	err = tb_directory_update_account(auth->core, &note, &bound,
					  TB_CHANGE_HARDWARE, true);
	if (err == TB_OK)
		account->hardware = bound.hardware;
	/* Another request was faster, with another UUID. */
	return err == TB_ERR_CONFLICT ? TB_ERR_DENIED : err;
}

struct tb_auth_result tb_auth_admit(struct tb_auth *auth,
				    struct tb_arena *arena,
				    struct tb_stored_account *stored,
				    const struct tb_credentials *credentials,
				    const struct tb_verified_key *key,
				    int64_t until_us)
{
	const struct tb_principal *principal;
	enum tb_err err;

	if (stored->account.disabled)
		return tb_auth_refused(TB_AUTH_DISABLED);
	err = admit_hardware(auth, arena, &stored->account, credentials);
	if (err != TB_OK && err != TB_ERR_DENIED)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	/* After binding, the org's generation is a later one than this
	 * principal's, so its next request reads the account again. */
	principal = tb_principal_create_issued(&stored->account, &stored->org,
					       stored->issued_s);
	if (principal == NULL)
		return tb_auth_refused(TB_AUTH_UNAVAILABLE);
	/* Also of a refused database: the credentials were right, and the one
	 * who asks again and again shall not cost a hash each time. */
	if (key != NULL)
		tb_verified_put(auth->verified, key, principal, until_us);
	if (err == TB_OK)
		return tb_auth_admitted(principal);
	tb_principal_unref(principal);
	return tb_auth_refused(TB_AUTH_HARDWARE);
}

/* True if the principal is as the account is now and the request comes from
 * its database. */
static bool is_current(struct tb_auth *auth,
		       const struct tb_principal *principal,
		       const struct tb_credentials *credentials)
{
	struct tb_heads heads;

	if (tb_core_heads(auth->core, principal->org, &heads) != TB_OK ||
	    heads.generation != principal->generation)
		return false;
	return principal->kind != TB_PRINCIPAL_SITE ||
	       tb_str_eq(principal->hardware, credentials->hardware);
}

const struct tb_principal *
tb_auth_find_verified(struct tb_auth *auth, const struct tb_verified_key *key,
		      const struct tb_credentials *credentials)
{
	struct tb_verified_entry entry = tb_verified_get(auth->verified, key);

	if (entry.principal != NULL && credentials->now_us < entry.until_us &&
	    is_current(auth, entry.principal, credentials))
		return entry.principal;
	tb_principal_unref(entry.principal);
	return NULL;
}

/* UNAUTHENTICATED: the credentials have ended since. */
static enum tb_err read_again(struct tb_auth *auth, struct tb_arena *arena,
			      const struct tb_principal *principal,
			      struct tb_stored_account *ret)
{
	struct tb_wanted_account wanted = {
		.kind = tb_auth_account_kind(principal->kind),
		.org = principal->org,
		.key = principal->key,
	};
	struct tb_stored_account stored;
	enum tb_err err = tb_auth_read_account(auth, arena, &wanted, &stored);

	if (err == TB_ERR_NOT_FOUND)
		return TB_ERR_UNAUTHENTICATED;
	if (err != TB_OK)
		return err;
	if (stored.account.disabled ||
	    stored.account.credential != principal->credential)
		return TB_ERR_UNAUTHENTICATED;
	*ret = stored;
	return TB_OK;
}

static enum tb_err renew(struct tb_auth *auth, struct tb_arena *arena,
			 const struct tb_principal *principal,
			 const struct tb_principal **ret)
{
	const struct tb_principal *renewed;
	struct tb_stored_account stored;
	enum tb_err err = read_again(auth, arena, principal, &stored);

	if (err != TB_OK)
		return err;
	renewed = tb_principal_create_issued(&stored.account, &stored.org,
					     principal->issued_s);
	if (renewed == NULL)
		return TB_ERR_NOMEM;
	*ret = renewed;
	return TB_OK;
}

enum tb_err tb_auth_renew(struct tb_auth *auth,
			  const struct tb_principal *principal,
			  const struct tb_principal **ret)
{
	struct tb_arena *arena = tb_arena_create(TB_AUTH_ARENA_MAX_BYTES);
	enum tb_err err = TB_ERR_NOMEM;

	if (arena != NULL)
		err = renew(auth, arena, principal, ret);
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_auth_read_user(struct tb_auth *auth, struct tb_arena *arena,
			      const struct tb_principal *principal,
			      struct tb_account *ret)
{
	struct tb_stored_account stored;
	enum tb_err err = read_again(auth, arena, principal, &stored);

	if (err == TB_OK)
		*ret = stored.account;
	return err;
}
