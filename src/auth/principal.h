/*
 * Who is calling: a user, a site or a device, with what it may do. Made by
 * authentication from the stored account, counted, never changed afterwards;
 * caches and requests share it across threads.
 */
#ifndef TB_AUTH_PRINCIPAL_H
#define TB_AUTH_PRINCIPAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum tb_principal_kind {
	TB_PRINCIPAL_USER,
	TB_PRINCIPAL_SITE,
	TB_PRINCIPAL_DEVICE,
};

/* What a route asks of its caller; a mask of these. */
enum tb_who {
	TB_WHO_ANYONE = 1, /* no credentials needed */
	TB_WHO_USER = 2,
	TB_WHO_SITE = 4,
	TB_WHO_DEVICE = 8,
	TB_WHO_ADMIN = 16, /* a user who is an administrator */
};

struct tb_account;
struct tb_org;

struct tb_principal {
	enum tb_principal_kind kind;
	uint32_t org;
	struct tb_str org_name;
	uint64_t rid;           /* of the account's record */
	uint64_t credential;    /* its credential version */
	uint64_t generation;    /* the org's, when it was read */
	struct tb_str key;      /* uuid of a user, id of a site or device */
	struct tb_str name;     /* login name */
	struct tb_str hardware; /* site: bound database UUID, or empty */
	uint32_t site_id;       /* site: its integer id, else 0 */
	bool is_admin;          /* user */
	bool may_edit_central;  /* site */
	const struct tb_str *stores; /* ids of the stores: active on the site,
				      * or those the user works in */
	size_t n_stores;
	const struct tb_str *roles; /* user */
	size_t n_roles;
	struct tb_str profile; /* user: id of the record that the user is, or
				* empty */
	/* When it began to see other records than before, as the account has
	 * it. */
	uint64_t sight_num;
	int64_t sight_us;
	int64_t issued_s; /* when the bearer token was issued; 0: it came
			   * with a password */
};

/* The principal of an account, as it was read together with its org's row;
 * copies everything. One reference, the caller's. NULL: no memory. */
const struct tb_principal *tb_principal_create(const struct tb_account *account,
					       const struct tb_org *org);
/* The same of a bearer token that was issued at this Unix time. */
const struct tb_principal *
tb_principal_create_issued(const struct tb_account *account,
			   const struct tb_org *org, int64_t issued_s);
/* One more reference; returns its argument. */
const struct tb_principal *tb_principal_ref(const struct tb_principal *p);
/* Gives one back; takes NULL. */
void tb_principal_unref(const struct tb_principal *p);

/* "user", "site", "device": what its key is the key of, for people. */
const char *tb_principal_kind_name(enum tb_principal_kind kind);
/* True if one of the kinds in the mask `who` (enum tb_who) fits; `p` may be
 * NULL (nobody). */
bool tb_principal_is(const struct tb_principal *p, unsigned who);
/* How much memory it takes, about. */
size_t tb_principal_bytes(const struct tb_principal *p);
bool tb_principal_has_store(const struct tb_principal *p, struct tb_str id);

#endif
