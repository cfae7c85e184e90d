#include "app/accounts.h"

#include <string.h>

#include "base/assert.h"

static const char *const kind_names[] = {
	[TB_ACCOUNT_SITE] = "site",
	[TB_ACCOUNT_USER] = "user",
	[TB_ACCOUNT_DEVICE] = "device",
};

enum tb_account_kind tb_accounts_kind(const struct tb_session *session)
{
	struct tb_str rest = tb_str_z(session->cli->command->name);
	struct tb_str word = tb_str_cut(&rest, ' ');

	for (unsigned kind = 0; kind < TB_ARRAY_LEN(kind_names); kind++) {
		if (tb_str_eq(word, tb_str_z(kind_names[kind])))
			return (enum tb_account_kind)kind;
	}
	TB_UNREACHABLE();
}

const char *tb_accounts_kind_name(enum tb_account_kind kind)
{
	return kind_names[kind];
}

static enum tb_err find(struct tb_session *session, struct tb_tx *tx,
			enum tb_account_kind kind, uint32_t org,
			struct tb_str name, struct tb_account *ret)
{
	if (kind == TB_ACCOUNT_DEVICE)
		return tb_directory_find(tx, session->arena, kind, org, name,
					 ret);
	return tb_directory_find_login(session->core, tx, session->arena, kind,
				       name, ret);
}

enum tb_exit tb_accounts_find(struct tb_session *session,
			      enum tb_account_kind kind, const char *name,
			      struct tb_account *ret)
{
	bool needs_org = kind == TB_ACCOUNT_DEVICE ||
			 tb_cli_has(session->cli, TB_OPT_ORG);
	struct tb_org org = { .id = TB_ORG_SYSTEM };
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_tx *tx;
	enum tb_err err;

	if (needs_org)
		exit = tb_session_org(session, &org);
	if (exit)
		return exit;
	err = tb_core_read(session->core, &tx);
	if (!err) {
		err = find(session, tx, kind, org.id, tb_str_z(name), ret);
		tb_core_read_end(tx);
	}
	if (!err && needs_org && ret->org != org.id)
		err = TB_ERR_NOT_FOUND;
	if (err)
		return tb_fail(err, "%s `%s`", kind_names[kind], name);
	return TB_EXIT_OK;
}

enum tb_exit tb_accounts_check_store(struct tb_session *session, uint32_t org,
				     struct tb_str id)
{
	struct tb_store_info info;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (!err) {
		err = tb_directory_find_store(session->core, tx, session->arena,
					      org, id, &info);
		tb_core_read_end(tx);
	}
	if (err)
		return tb_fail(err, "store `%.*s`", TB_STR_ARG(id));
	return TB_EXIT_OK;
}

enum tb_exit tb_accounts_stores(struct tb_session *session, uint32_t org,
				const struct tb_str **ret, size_t *ret_n)
{
	struct tb_str *stores = tb_arena_calloc(
		session->arena, TB_CLI_GIVEN_MAX, sizeof(*stores));
	enum tb_exit exit = TB_EXIT_OK;
	const char *id;
	size_t i = 0;
	size_t n = 0;

	if (!stores)
		return tb_fail(TB_ERR_NOMEM, "stores");
	while (!exit &&
	       (id = tb_cli_next_value(session->cli, TB_OPT_STORE, &i))) {
		stores[n++] = tb_str_z(id);
		exit = tb_accounts_check_store(session, org, tb_str_z(id));
	}
	*ret = stores;
	*ret_n = n;
	return exit;
}

enum tb_err tb_accounts_parse_site_id(struct tb_str text, uint32_t *ret)
{
	uint64_t v;
	enum tb_err err = tb_str_to_u64(text, &v);

	if (err || v == 0 || v > INT32_MAX)
		return TB_ERR_INVALID;
	*ret = (uint32_t)v;
	return TB_OK;
}

void tb_accounts_put_list(struct tb_json_writer *w, const char *key,
			  const struct tb_str *list, size_t n)
{
	tb_json_key(w, tb_str_z(key));
	tb_json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		tb_json_str(w, list[i]);
	tb_json_end_array(w);
}

void tb_accounts_put_time(struct tb_json_writer *w, const char *key, int64_t us)
{
	if (us == 0)
		tb_json_kv_null(w, key);
	else
		tb_json_kv_time(w, key, us);
}
