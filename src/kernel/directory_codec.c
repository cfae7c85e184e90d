#include "kernel/directory_codec.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/system.h"

/* A site with all the stores that it can follow, with room to spare. */
#define BODY_MAX_BYTES ((size_t)1 << 20)

/* ---- members as a table ---- */

enum member_type {
	MEMBER_STRING,
	MEMBER_BOOL,
	MEMBER_U32,
	MEMBER_U64,
	MEMBER_I64,
	MEMBER_LIST, /* of strings; its count is at `count_at` */
};

struct member {
	const char *name;
	enum member_type type;
	size_t at;
	size_t count_at;
};

#define MEMBER(type, of, member)                                               \
	{                                                                      \
#member, type, offsetof(struct of, member)                     \
	}
#define LIST(of, member)                                                       \
	{                                                                      \
#member, MEMBER_LIST, offsetof(struct of, member),             \
			offsetof(struct of, n_##member)                        \
	}

static const struct member account_members[] = {
	MEMBER(MEMBER_STRING, tb_account, username),
	MEMBER(MEMBER_STRING, tb_account, name),
	MEMBER(MEMBER_STRING, tb_account, code),
	MEMBER(MEMBER_STRING, tb_account, password),
	MEMBER(MEMBER_STRING, tb_account, hardware),
	MEMBER(MEMBER_U64, tb_account, credential),
	MEMBER(MEMBER_BOOL, tb_account, disabled),
	MEMBER(MEMBER_BOOL, tb_account, is_admin),
	MEMBER(MEMBER_BOOL, tb_account, may_edit_central),
	LIST(tb_account, stores),
	LIST(tb_account, roles),
	LIST(tb_account, permissions),
	MEMBER(MEMBER_STRING, tb_account, profile),
	MEMBER(MEMBER_U64, tb_account, sight_num),
	MEMBER(MEMBER_I64, tb_account, sight_us),
	MEMBER(MEMBER_STRING, tb_account, email),
	MEMBER(MEMBER_STRING, tb_account, first_name),
	MEMBER(MEMBER_STRING, tb_account, last_name),
};

static const struct member store_members[] = {
	MEMBER(MEMBER_STRING, tb_store_info, name),
	MEMBER(MEMBER_STRING, tb_store_info, site),
	MEMBER(MEMBER_BOOL, tb_store_info, disabled),
};

static const struct member login_members[] = {
	MEMBER(MEMBER_U32, tb_login, org),
	MEMBER(MEMBER_STRING, tb_login, key),
};

static void put_list(struct tb_json_writer *w, const char *name,
		     const struct tb_str *list, size_t n)
{
	tb_json_key(w, tb_str_z(name));
	tb_json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		tb_json_str(w, list[i]);
	tb_json_end_array(w);
}

static void put_member(struct tb_json_writer *w, const struct member *member,
		       const char *object)
{
	const void *at = object + member->at;

	switch (member->type) {
	case MEMBER_STRING: {
		const struct tb_str *s = at;

		if (s->n > 0)
			tb_json_kv_str(w, member->name, *s);
		break;
	}
	case MEMBER_BOOL:
		if (*(const bool *)at)
			tb_json_kv_bool(w, member->name, true);
		break;
	case MEMBER_U32:
		if (*(const uint32_t *)at != 0)
			tb_json_kv_uint(w, member->name, *(const uint32_t *)at);
		break;
	case MEMBER_U64:
		if (*(const uint64_t *)at != 0)
			tb_json_kv_uint(w, member->name, *(const uint64_t *)at);
		break;
	case MEMBER_I64:
		if (*(const int64_t *)at != 0)
			tb_json_kv_int(w, member->name, *(const int64_t *)at);
		break;
	case MEMBER_LIST: {
		const struct tb_str *const *list = at;
		size_t n = *(const size_t *)(object + member->count_at);

		if (n > 0)
			put_list(w, member->name, *list, n);
		break;
	}
	}
}

/* What goes into a record must come out of it again, so what the strict
 * reader refuses is refused here. */
static enum tb_err check_readable(struct tb_arena *arena, struct tb_str body)
{
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	return err == TB_OK || err == TB_ERR_NOMEM ? err : TB_ERR_INVALID;
}

static enum tb_err encode(struct tb_arena *arena, const void *object,
			  const struct member *members, size_t n,
			  struct tb_str *ret)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);
	struct tb_str body;
	enum tb_err err;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	tb_json_begin_object(&w);
	for (size_t i = 0; i < n; i++)
		put_member(&w, &members[i], object);
	tb_json_end_object(&w);
	err = tb_buf_err(&buf);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, tb_buf_str(&buf), &body);
	tb_buf_fini(&buf);
	if (err == TB_OK)
		err = check_readable(arena, body);
	if (err == TB_OK)
		*ret = body;
	return err;
}

static enum tb_err take_list(struct tb_arena *arena, struct tb_json_value v,
			     const struct tb_str **ret, size_t *ret_n)
{
	struct tb_json_iter it = tb_json_iter(v);
	struct tb_str *list;
	enum tb_err err;
	size_t n = 0;

	if (!tb_json_is(v, TB_JSON_ARRAY))
		return TB_ERR_INVALID;
	while (tb_json_next(&it))
		n++;
	list = tb_arena_calloc(arena, n + 1, sizeof(*list));
	if (list == NULL)
		return TB_ERR_NOMEM;
	it = tb_json_iter(v);
	for (size_t i = 0; tb_json_next(&it); i++) {
		err = tb_json_string(arena, it.value, &list[i]);
		if (err != TB_OK)
			return err;
	}
	*ret = list;
	*ret_n = n;
	return TB_OK;
}

static enum tb_err take_u32(struct tb_json_value v, uint32_t *ret)
{
	uint64_t n;

	if (tb_json_u64(v, &n) != TB_OK || n > UINT32_MAX)
		return TB_ERR_INVALID;
	*ret = (uint32_t)n;
	return TB_OK;
}

static enum tb_err take_member(struct tb_arena *arena,
			       const struct member *member,
			       struct tb_json_value v, char *object)
{
	void *at = object + member->at;

	switch (member->type) {
	case MEMBER_STRING:
		return tb_json_string(arena, v, at);
	case MEMBER_BOOL:
		return tb_json_bool(v, at);
	case MEMBER_U32:
		return take_u32(v, at);
	case MEMBER_U64:
		return tb_json_u64(v, at);
	case MEMBER_I64:
		return tb_json_i64(v, at);
	case MEMBER_LIST:
		return take_list(arena, v, at,
				 (size_t *)(object + member->count_at));
	}
	TB_UNREACHABLE();
}

/* Members that the table does not know are a later version's. */
static enum tb_err decode(struct tb_arena *arena, struct tb_str body,
			  const struct member *members, size_t n, void *object)
{
	struct tb_json json;
	struct tb_json_iter it;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err != TB_OK || !tb_json_is(tb_json_root(&json), TB_JSON_OBJECT))
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	it = tb_json_iter(tb_json_root(&json));
	while (err == TB_OK && tb_json_next(&it)) {
		for (size_t i = 0; i < n; i++) {
			if (!tb_json_string_is(it.key,
					       tb_str_z(members[i].name)))
				continue;
			err = take_member(arena, &members[i], it.value, object);
			break;
		}
	}
	return err == TB_OK || err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
}

/* ---- the three kinds of records ---- */

enum tb_err tb_account_encode(struct tb_arena *arena,
			      const struct tb_account *account,
			      struct tb_str *ret)
{
	return encode(arena, account, account_members,
		      TB_ARRAY_LEN(account_members), ret);
}

enum tb_err tb_store_info_encode(struct tb_arena *arena,
				 const struct tb_store_info *store,
				 struct tb_str *ret)
{
	return encode(arena, store, store_members, TB_ARRAY_LEN(store_members),
		      ret);
}

enum tb_err tb_login_encode(struct tb_arena *arena,
			    const struct tb_login *login, struct tb_str *ret)
{
	return encode(arena, login, login_members, TB_ARRAY_LEN(login_members),
		      ret);
}

enum tb_err tb_account_decode(struct tb_arena *arena, enum tb_account_kind kind,
			      const struct tb_record *record,
			      struct tb_account *ret)
{
	struct tb_account account = {
		.kind = kind,
		.org = tb_rid_org(record->rid),
		.rid = record->rid,
		.key = record->key,
		.created_us = record->created_us,
		.updated_us = record->updated_us,
	};
	enum tb_err err = decode(arena, record->body, account_members,
				 TB_ARRAY_LEN(account_members), &account);

	if (err == TB_OK && kind == TB_ACCOUNT_SITE &&
	    tb_directory_site_id(record->key, &account.site_id) != TB_OK)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		*ret = account;
	return err;
}

enum tb_err tb_store_info_decode(struct tb_arena *arena,
				 const struct tb_record *record,
				 struct tb_store_info *ret)
{
	struct tb_store_info store = { .id = record->key };
	enum tb_err err = decode(arena, record->body, store_members,
				 TB_ARRAY_LEN(store_members), &store);

	if (err == TB_OK)
		*ret = store;
	return err;
}

enum tb_err tb_login_decode(struct tb_arena *arena,
			    const struct tb_record *record,
			    struct tb_login *ret)
{
	struct tb_login login = { 0 };
	enum tb_err err = decode(arena, record->body, login_members,
				 TB_ARRAY_LEN(login_members), &login);

	if (err == TB_OK)
		*ret = login;
	return err;
}

/* ---- names and keys ---- */

const struct tb_account_place *tb_account_place(enum tb_account_kind kind)
{
	static const struct tb_account_place places[] = {
		[TB_ACCOUNT_SITE] = { TB_COLL_SITE, TB_SCOPE_SITES, "site/" },
		[TB_ACCOUNT_USER] = { TB_COLL_USER, TB_SCOPE_USERS, "user/" },
		[TB_ACCOUNT_DEVICE] = { TB_COLL_DEVICE, TB_SCOPE_DEVICES,
					NULL },
	};

	return &places[kind];
}

bool tb_directory_is_text(struct tb_str s, size_t min, size_t max)
{
	if (s.n < min || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return false;
		/* U+0080 to U+009F are control characters, too. */
		if (c == 0xc2 && i + 1 < s.n &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			return false;
	}
	return true;
}

static bool is_word(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool tb_directory_is_username(enum tb_account_kind kind, struct tb_str s)
{
	switch (kind) {
	case TB_ACCOUNT_SITE:
		/* RFC 7617, section 2: a colon would end it. */
		return tb_directory_is_text(s, 1, TB_SITE_USERNAME_MAX_BYTES) &&
		       memchr(s.p, ':', s.n) == NULL;
	case TB_ACCOUNT_USER:
		return s.n >= TB_USER_USERNAME_MIN_BYTES &&
		       s.n <= TB_USER_USERNAME_MAX_BYTES && is_word(s);
	case TB_ACCOUNT_DEVICE:
		return s.n == 0;
	}
	TB_UNREACHABLE();
}

bool tb_directory_has_username(const struct tb_account *account,
			       struct tb_str username)
{
	return account->kind == TB_ACCOUNT_USER
		       ? tb_str_eq_nocase(account->username, username)
		       : tb_str_eq(account->username, username);
}

static enum tb_err prefixed(struct tb_arena *arena, const char *prefix,
			    struct tb_str name, bool lower, struct tb_str *ret)
{
	size_t n_prefix = strlen(prefix);
	char *p = tb_arena_alloc(arena, n_prefix + name.n);

	if (p == NULL)
		return TB_ERR_NOMEM;
	memcpy(p, prefix, n_prefix);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (lower && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		p[n_prefix + i] = c;
	}
	*ret = tb_str(p, n_prefix + name.n);
	return TB_OK;
}

enum tb_err tb_directory_login_key(struct tb_arena *arena,
				   enum tb_account_kind kind,
				   struct tb_str username, struct tb_str *ret)
{
	return prefixed(arena, tb_account_place(kind)->login_prefix, username,
			kind == TB_ACCOUNT_USER, ret);
}

enum tb_err tb_directory_org_key(struct tb_arena *arena, struct tb_str name,
				 struct tb_str *ret)
{
	return prefixed(arena, "org/", name, false, ret);
}

enum tb_err tb_directory_site_id(struct tb_str key, uint32_t *ret)
{
	uint64_t id;

	if (tb_str_to_u64(key, &id) != TB_OK || id == 0 ||
	    id > TB_SITE_ID_MAX || key.p[0] == '0')
		return TB_ERR_INVALID;
	*ret = (uint32_t)id;
	return TB_OK;
}
