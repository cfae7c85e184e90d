/*
 * The bodies of the directory's records: accounts, stores, login names. JSON,
 * so that an operator can read them; members that are empty, 0 or false are
 * not written. Private to kernel/directory*.c.
 */
#ifndef TB_KERNEL_DIRECTORY_CODEC_H
#define TB_KERNEL_DIRECTORY_CODEC_H

#include <stdint.h>

#include "base/arena.h"
#include "kernel/directory.h"
#include "kernel/record.h"
#include "kernel/view.h"

/* Where an account's record is: its collection, and the scope that lists
 * those of its kind. */
struct tb_account_place {
	uint64_t coll;
	uint64_t scope;           /* enum tb_known_scope */
	const char *login_prefix; /* NULL: this kind has no login names */
};
const struct tb_account_place *tb_account_place(enum tb_account_kind kind);

/* Whom a login name, or an org's name, belongs to. */
struct tb_login {
	uint32_t org;
	struct tb_str key; /* of the account; empty for an org's name */
};

/* Bodies, in the arena. INVALID: a string is not UTF-8 or has a NUL. */
enum tb_err tb_account_encode(struct tb_arena *arena,
			      const struct tb_account *account,
			      struct tb_str *ret) tb_must_check;
enum tb_err tb_store_info_encode(struct tb_arena *arena,
				 const struct tb_store_info *store,
				 struct tb_str *ret) tb_must_check;
enum tb_err tb_login_encode(struct tb_arena *arena,
			    const struct tb_login *login,
			    struct tb_str *ret) tb_must_check;

/* From records, which the results borrow from. CORRUPT. */
enum tb_err tb_account_decode(struct tb_arena *arena, enum tb_account_kind kind,
			      const struct tb_record *record,
			      struct tb_account *ret) tb_must_check;
/* All but the scope. */
enum tb_err tb_store_info_decode(struct tb_arena *arena,
				 const struct tb_record *record,
				 struct tb_store_info *ret) tb_must_check;
enum tb_err tb_login_decode(struct tb_arena *arena,
			    const struct tb_record *record,
			    struct tb_login *ret) tb_must_check;

/* Writes an account's record, to the lists that it belongs to. */
enum tb_err tb_account_put(struct tb_view *view,
			   const struct tb_account *account) tb_must_check;

/* True if this is the account's login name: a user's without regard to ASCII
 * case. */
bool tb_directory_has_username(const struct tb_account *account,
			       struct tb_str username);
/* The key of a login name in TB_COLL_LOGIN. */
enum tb_err tb_directory_login_key(struct tb_arena *arena,
				   enum tb_account_kind kind,
				   struct tb_str username,
				   struct tb_str *ret) tb_must_check;
enum tb_err tb_directory_org_key(struct tb_arena *arena, struct tb_str name,
				 struct tb_str *ret) tb_must_check;
/* The id in a site's key. INVALID: not a decimal number from 1 to
 * TB_SITE_ID_MAX as one writes it. */
enum tb_err tb_directory_site_id(struct tb_str key,
				 uint32_t *ret) tb_must_check;

#endif
