/*
 * Accounts and stores: sites, users, devices, orgs, and which site a store is
 * active on. Each is a system record with a JSON body; here are their values,
 * their look-up, and the commits that change them. Secrets in them are hashes
 * that auth made.
 */
#ifndef TB_KERNEL_DIRECTORY_H
#define TB_KERNEL_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"
#include "kernel/core.h"

enum tb_account_kind {
	TB_ACCOUNT_SITE,
	TB_ACCOUNT_USER,
	TB_ACCOUNT_DEVICE,
};

/* A site, a user or a device. Strings live in the arena they were read to. */
struct tb_account {
	enum tb_account_kind kind;
	uint32_t org;
	uint64_t rid;
	struct tb_str key;      /* site: integer id in decimal; user: uuid;
				 * device: its id */
	struct tb_str username; /* login name; sites and users; unique over
				 * all orgs within the kind, users' without
				 * regard to ASCII case */
	struct tb_str name;     /* what people read */
	struct tb_str code;     /* site */
	struct tb_str password; /* encoded argon2id string */
	struct tb_str hardware; /* site: bound database UUID, or empty */
	uint32_t site_id;       /* site */
	uint64_t credential;    /* rises when password or hardware change, or
				 * it is disabled: ends tokens */
	bool disabled;
	bool is_admin;               /* user */
	bool may_edit_central;       /* site */
	const struct tb_str *stores; /* sites: stores active on it, changed by
				      * tb_directory_assign_store alone;
				      * users: may work in */
	size_t n_stores;
	const struct tb_str *roles; /* user */
	size_t n_roles;
	const struct tb_str *permissions; /* user */
	size_t n_permissions;
	struct tb_str profile; /* user: id of the record that the user is
				* ("10": doctor 10), or empty */
	/* The org's number and time when roles, profile or is_admin changed
	 * last, so that it sees other records; 0: never since it was made. */
	uint64_t sight_num;
	int64_t sight_us;
	struct tb_str email; /* user, or empty; so the next two */
	struct tb_str first_name;
	struct tb_str last_name;
	int64_t created_us;
	int64_t updated_us;
};

/* Ceilings of what they hold; over them is INVALID. */
#define TB_SITE_ID_MAX 2147483647u
#define TB_SITE_USERNAME_MAX_BYTES 100
#define TB_USER_USERNAME_MIN_BYTES 3
#define TB_USER_USERNAME_MAX_BYTES 50
#define TB_ACCOUNT_TEXT_MAX_BYTES 200 /* name, code, key, role, ... */
#define TB_ACCOUNT_LIST_MAX 256       /* roles; permissions */
/* Each is a feed that lists the user. */
#define TB_USER_STORES_MAX 62

/* True for `min` to `max` bytes without control characters. */
bool tb_directory_is_text(struct tb_str s, size_t min, size_t max);
/* True for what may be a login name of this kind. */
bool tb_directory_is_username(enum tb_account_kind kind, struct tb_str s);

struct tb_store_info {
	struct tb_str id;
	struct tb_str name;
	struct tb_str site; /* key of the site it is active on, or empty */
	bool disabled;
	uint64_t scope; /* rid of its scope */
};

/* By login name, over all orgs. NOT_FOUND. Everything in the arena. */
enum tb_err tb_directory_find_login(struct tb_core *core, struct tb_tx *tx,
				    struct tb_arena *arena,
				    enum tb_account_kind kind,
				    struct tb_str username,
				    struct tb_account *ret) tb_must_check;
enum tb_err tb_directory_find(struct tb_tx *tx, struct tb_arena *arena,
			      enum tb_account_kind kind, uint32_t org,
			      struct tb_str key,
			      struct tb_account *ret) tb_must_check;
enum tb_err tb_directory_find_store(struct tb_core *core, struct tb_tx *tx,
				    struct tb_arena *arena, uint32_t org,
				    struct tb_str id,
				    struct tb_store_info *ret) tb_must_check;
/* The integer id of the site that a store is active on, as a commit sees it;
 * 0: none, or no such store. */
enum tb_err tb_directory_store_site(struct tb_view *view, struct tb_str store,
				    uint32_t *ret) tb_must_check;
/* DENIED: as a commit sees it, the user `by` (uuid; empty: nobody is asked) is
 * no administrator. */
enum tb_err tb_directory_check_admin(struct tb_view *view,
				     struct tb_str by) tb_must_check;
/* When this org was made. CORRUPT: its name is not there. */
enum tb_err tb_directory_org_born(struct tb_tx *tx, struct tb_arena *arena,
				  uint32_t org, int64_t *ret_us) tb_must_check;
/* The org of this name. NOT_FOUND. */
enum tb_err tb_directory_find_org(struct tb_tx *tx, struct tb_str name,
				  struct tb_org *ret) tb_must_check;
/* The org that a setting means: the one of this name, or, where that is empty,
 * the only one there is. NOT_FOUND: there is none of this name; there is none,
 * or there are several. */
enum tb_err tb_directory_find_set_org(struct tb_tx *tx, struct tb_str name,
				      struct tb_org *ret) tb_must_check;

/* Lists in the order of their last change: up to `max` with a number above
 * `after` to `rets`; `*ret_next` is the `after` for the next call. */
enum tb_err tb_directory_list(struct tb_tx *tx, struct tb_arena *arena,
			      enum tb_account_kind kind, uint32_t org,
			      uint64_t after, struct tb_account *rets,
			      size_t max, size_t *ret_n,
			      uint64_t *ret_next) tb_must_check;
enum tb_err tb_directory_list_stores(struct tb_core *core, struct tb_tx *tx,
				     struct tb_arena *arena, uint32_t org,
				     uint64_t after, struct tb_store_info *rets,
				     size_t max, size_t *ret_n,
				     uint64_t *ret_next) tb_must_check;
/* The users who may work in a store (scope "users/<store>"). */
enum tb_err tb_directory_list_store_users(struct tb_core *core,
					  struct tb_tx *tx,
					  struct tb_arena *arena, uint32_t org,
					  struct tb_str store, uint64_t after,
					  struct tb_account *rets, size_t max,
					  size_t *ret_n,
					  uint64_t *ret_next) tb_must_check;

/* Changes. Each runs one commit and returns when it is durable. `note` says
 * who does it. */

/* Makes the system's own org when it is not there, and gives it its epoch
 * (random, not 0) when it has none. */
enum tb_err tb_directory_init(struct tb_core *core,
			      uint64_t epoch) tb_must_check;

/* EXISTS: the name is taken. INVALID: it is not 1 to TB_ORG_NAME_MAX of
 * [A-Za-z0-9_.-], or the title is no text. The org gets the next free id. */
enum tb_err tb_directory_add_org(struct tb_core *core,
				 const struct tb_audit_note *note,
				 struct tb_str name, struct tb_str title,
				 uint64_t epoch, uint32_t *ret) tb_must_check;

/* The store was restored from a backup: numbers that were given after it was
 * taken will be given again, so the org gets a new epoch (random, not 0), and
 * who read further than the backup goes starts over. NOT_FOUND. */
enum tb_err tb_directory_renew_epoch(struct tb_core *core,
				     const struct tb_audit_note *note,
				     uint32_t org,
				     uint64_t epoch) tb_must_check;

/* EXISTS: key or username taken. INVALID: a name or id that cannot be one.
 * NOT_FOUND: a user's store. BUSY: the store did not take it in time; ask
 * again. A site's stores are given by tb_directory_assign_store; `credential`,
 * `sight_num` and the times are not read. */
enum tb_err
tb_directory_add_account(struct tb_core *core, const struct tb_audit_note *note,
			 const struct tb_account *account) tb_must_check;

/* The same for an administrator of the org, by uuid (empty: nobody is asked).
 * DENIED: `by` is none, or is none any more when the commit runs. */
enum tb_err
tb_directory_add_account_as(struct tb_core *core,
			    const struct tb_audit_note *note, struct tb_str by,
			    const struct tb_account *account) tb_must_check;

/* What an update changes; the rest stays. */
enum tb_account_change {
	TB_CHANGE_PASSWORD = 1,
	TB_CHANGE_HARDWARE = 2, /* empty: released */
	TB_CHANGE_DISABLED = 4,
	TB_CHANGE_USERNAME = 8,
	TB_CHANGE_NAME = 16,
	TB_CHANGE_STORES = 32, /* users only */
	TB_CHANGE_ROLES = 64,
	TB_CHANGE_ADMIN = 128,
	TB_CHANGE_CENTRAL = 256,
	/* The hash of the same password, made anew; alone. CONFLICT: the
	 * account's credential version is not `credential` any more. */
	TB_CHANGE_REHASH = 512,
	TB_CHANGE_PROFILE = 1024,
	TB_CHANGE_EMAIL = 2048,
	TB_CHANGE_FIRST_NAME = 4096,
	TB_CHANGE_LAST_NAME = 8192,
};
/* Changes of password, hardware and disabled raise the credential version.
 * `bind` (with CHANGE_HARDWARE): only if none is bound yet or the same is,
 * else CONFLICT; the credential version stays. Kind, org and key say which
 * account. NOT_FOUND: it, or a user's store. EXISTS: username taken. INVALID,
 * BUSY as above. */
enum tb_err tb_directory_update_account(struct tb_core *core,
					const struct tb_audit_note *note,
					const struct tb_account *account,
					unsigned changes,
					bool bind) tb_must_check;
/* The same for an administrator of the org, by uuid. DENIED: `by` is none, or
 * is none any more when the commit runs; so of two administrators who disable
 * or demote each other at the same time one remains. */
enum tb_err tb_directory_update_account_as(struct tb_core *core,
					   const struct tb_audit_note *note,
					   struct tb_str by,
					   const struct tb_account *account,
					   unsigned changes) tb_must_check;

/* Makes a store, not active anywhere yet. EXISTS, INVALID. */
enum tb_err tb_directory_add_store(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, struct tb_str id,
				   struct tb_str name) tb_must_check;
/* Activates a store on a site (empty: on none). The site it was on gets
 * nothing more of it; the new one gets it from its beginning; marks are in
 * kernel/consumer.h. NOT_FOUND: store or site. */
enum tb_err tb_directory_assign_store(struct tb_core *core,
				      const struct tb_audit_note *note,
				      uint32_t org, struct tb_str store,
				      struct tb_str site) tb_must_check;
enum tb_err tb_directory_disable_store(struct tb_core *core,
				       const struct tb_audit_note *note,
				       uint32_t org, struct tb_str store,
				       bool disabled) tb_must_check;

#endif
