/*
 * What the commands on accounts and stores share: finding them by the names
 * that people use, and printing them.
 */
#ifndef TB_APP_ACCOUNTS_H
#define TB_APP_ACCOUNTS_H

#include "app/session.h"
#include "codec/json.h"
#include "kernel/directory.h"

/* The kind that a command is about, by the first word of its name. */
enum tb_account_kind tb_accounts_kind(const struct tb_session *session);
/* "site", "user", "device". */
const char *tb_accounts_kind_name(enum tb_account_kind kind);

/* An account by login name (sites, users: over all orgs) or id (devices: in
 * the org). Says what is wrong. */
enum tb_exit tb_accounts_find(struct tb_session *session,
			      enum tb_account_kind kind, const char *name,
			      struct tb_account *ret);

/* Checks that the stores of --store exist, and gives them. Says what is
 * wrong. */
enum tb_exit tb_accounts_stores(struct tb_session *session, uint32_t org,
				const struct tb_str **ret, size_t *ret_n);
enum tb_exit tb_accounts_check_store(struct tb_session *session, uint32_t org,
				     struct tb_str id);

/* "--id" as a site's id: 1 to 2^31 - 1. */
enum tb_err tb_accounts_parse_site_id(struct tb_str text,
				      uint32_t *ret) tb_must_check;

/* A list of texts as a member of an object. */
void tb_accounts_put_list(struct tb_json_writer *w, const char *key,
			  const struct tb_str *list, size_t n);
/* A time as a member, null when it is 0. */
void tb_accounts_put_time(struct tb_json_writer *w, const char *key,
			  int64_t us);

#endif
