#include "auth/token.h"

#include <jwt.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"

#define US_PER_S 1000000ll
/* The hosts of one installation may disagree on the time by this much. An
 * end is not put off, because it was somebody's promise. */
#define ISSUED_LEEWAY_S 30
#define JSON_MAX_NODES 128

static const char *const kind_names[] = {
	[TB_PRINCIPAL_USER] = "user",
	[TB_PRINCIPAL_SITE] = "site",
	[TB_PRINCIPAL_DEVICE] = "device",
};

static const char *const type_names[] = {
	[TB_TOKEN_ACCESS] = "access",
	[TB_TOKEN_REFRESH] = "refresh",
};

/* ---- making ---- */

static void put_claims(struct tb_buf *buf, const struct tb_token *token)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "token_type", tb_str_z(type_names[token->type]));
	tb_json_kv_str(&w, "kind", tb_str_z(kind_names[token->kind]));
	tb_json_kv_str(&w, "sub", token->key);
	tb_json_kv_str(&w, "name", token->name);
	tb_json_kv_str(&w, "org", token->org_name);
	tb_json_kv_uint(&w, "org_id", token->org);
	tb_json_kv_str(&w, "jti", token->id);
	tb_json_kv_uint(&w, "cv", token->credential);
	tb_json_kv_int(&w, "iat", token->issued_s);
	tb_json_kv_int(&w, "exp", token->expires_s);
	if (token->family.n > 0) {
		tb_json_kv_str(&w, "fam", token->family);
		tb_json_kv_uint(&w, "seq", token->seq);
	}
	if (token->kind == TB_PRINCIPAL_SITE) {
		tb_json_kv_uint(&w, "site_id", token->site_id);
		tb_json_kv_str(&w, "hardware", token->hardware);
	}
	if (token->kind == TB_PRINCIPAL_USER) {
		tb_json_kv_str(&w, "user_uuid", token->key);
		tb_json_kv_str(&w, "user_id", token->key);
		tb_json_kv_str(&w, "username", token->name);
		tb_json_kv_bool(&w, "is_admin", token->is_admin);
	}
	tb_json_end_object(&w);
	tb_buf_append_char(buf, '\0');
}

/* Signs; the result is of the library's malloc, so tb_free takes it. NULL: no
 * memory. */
static char *sign(const struct tb_signing_key *key, const char *claims)
{
	char *text = NULL;
	jwt_t *jwt;

	if (jwt_new(&jwt) != 0)
		return NULL;
	if (jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, sizeof(key->secret)) ==
		    0 &&
	    jwt_add_header(jwt, "kid", key->kid) == 0 &&
	    jwt_add_grants_json(jwt, claims) == 0)
		text = jwt_encode_str(jwt);
	jwt_free(jwt);
	return text;
}

enum tb_err tb_token_encode(struct tb_arena *arena,
			    const struct tb_signing_key *key,
			    const struct tb_token *token, struct tb_str *ret)
{
	struct tb_buf claims;
	char *text = NULL;
	enum tb_err err;

	tb_buf_init(&claims, TB_TOKEN_MAX_BYTES);
	put_claims(&claims, token);
	err = tb_buf_err(&claims);
	if (err == TB_OK) {
		text = sign(key, claims.p);
		err = TB_ERR_NOMEM;
	}
	tb_buf_fini(&claims);
	if (text != NULL)
		err = strlen(text) > TB_TOKEN_MAX_BYTES
			      ? TB_ERR_TOO_LARGE
			      : tb_arena_strdup(arena, tb_str_z(text), ret);
	tb_free(text);
	return err;
}

/* ---- reading ---- */

struct parts {
	struct tb_str header;
	struct tb_str claims;
};

static bool is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Cuts a token at its two dots. Everything else must be of the base64url
 * alphabet, and no part empty: a token without a signature is none. */
static enum tb_err cut(struct tb_str text, struct parts *ret)
{
	struct tb_str rest = text;
	struct tb_str parts[3];

	if (text.n > TB_TOKEN_MAX_BYTES)
		return TB_ERR_INVALID;
	for (size_t i = 0; i < TB_ARRAY_LEN(parts); i++) {
		if (rest.p == NULL)
			return TB_ERR_INVALID;
		parts[i] = tb_str_cut(&rest, '.');
		if (parts[i].n == 0)
			return TB_ERR_INVALID;
		for (size_t j = 0; j < parts[i].n; j++)
			if (!is_base64url(parts[i].p[j]))
				return TB_ERR_INVALID;
	}
	if (rest.p != NULL)
		return TB_ERR_INVALID;
	*ret = (struct parts) { parts[0], parts[1] };
	return TB_OK;
}

/* Decodes unpadded base64url (RFC 7515, section 2) into the arena. */
static enum tb_err decode(struct tb_arena *arena, struct tb_str part,
			  struct tb_str *ret)
{
	char padded[TB_TOKEN_MAX_BYTES + 4];
	size_t n = part.n;
	struct tb_buf buf;
	enum tb_err err;

	for (size_t i = 0; i < n; i++)
		padded[i] = part.p[i] == '-'   ? '+'
			    : part.p[i] == '_' ? '/'
					       : part.p[i];
	while (n % 4 != 0)
		padded[n++] = '=';
	tb_buf_init(&buf, TB_TOKEN_MAX_BYTES);
	err = tb_base64_parse(tb_str(padded, n), &buf);
	if (err == TB_OK)
		err = tb_arena_strdup(arena, tb_buf_str(&buf), ret);
	tb_buf_fini(&buf);
	return err;
}

/* The object in one part of a token. */
static enum tb_err parse_object(struct tb_arena *arena, struct tb_str part,
				struct tb_json_value *ret)
{
	const struct tb_json_limits limits = {
		.max_depth = 4,
		.max_nodes = JSON_MAX_NODES,
		.tape_depth = UINT32_MAX,
	};
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));
	struct tb_str text;
	enum tb_err err;

	if (json == NULL)
		return TB_ERR_NOMEM;
	err = decode(arena, part, &text);
	if (err == TB_OK)
		err = tb_json_parse(arena, text, &limits, json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_INVALID;
	if (!tb_json_is(tb_json_root(json), TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	*ret = tb_json_root(json);
	return TB_OK;
}

enum tb_err tb_token_parse_header(struct tb_arena *arena, struct tb_str text,
				  struct tb_str *ret_kid)
{
	struct tb_json_value header;
	struct tb_json_iter it;
	struct tb_str kid = TB_STR_NONE;
	bool is_hs256 = false;
	struct parts parts;
	enum tb_err err = cut(text, &parts);

	if (err == TB_OK)
		err = parse_object(arena, parts.header, &header);
	if (err != TB_OK)
		return err;
	it = tb_json_iter(header);
	while (err == TB_OK && tb_json_next(&it)) {
		if (tb_json_string_is(it.key, TB_STR("alg")))
			is_hs256 = tb_json_string_is(it.value, TB_STR("HS256"));
		else if (tb_json_string_is(it.key, TB_STR("kid")))
			err = tb_json_string(arena, it.value, &kid);
		else if (!tb_json_string_is(it.key, TB_STR("typ")) ||
			 !tb_json_string_is(it.value, TB_STR("JWT")))
			/* Ours say nothing else, and what a `crit` or `jku`
			 * asks for is not done here. */
			err = TB_ERR_INVALID;
	}
	if (err == TB_OK && (!is_hs256 || kid.n == 0 || kid.n > TB_KID_MAX))
		err = TB_ERR_INVALID;
	if (err == TB_OK)
		*ret_kid = kid;
	return err;
}

static enum tb_err find_name(struct tb_json_value v, const char *const *names,
			     size_t n, unsigned *ret)
{
	for (size_t i = 0; i < n; i++)
		if (tb_json_string_is(v, tb_str_z(names[i]))) {
			*ret = (unsigned)i;
			return TB_OK;
		}
	return TB_ERR_INVALID;
}

static enum tb_err get_u32(struct tb_json_value v, uint32_t *ret)
{
	uint64_t n;

	if (tb_json_u64(v, &n) != TB_OK || n > UINT32_MAX)
		return TB_ERR_INVALID;
	*ret = (uint32_t)n;
	return TB_OK;
}

/* The claims of every token. */
static enum tb_err read_common(struct tb_arena *arena,
			       struct tb_json_value claims,
			       struct tb_token *token)
{
	const struct {
		const char *name;
		struct tb_str *into;
	} strings[] = { { "sub", &token->key },
			{ "name", &token->name },
			{ "org", &token->org_name },
			{ "jti", &token->id } };
	unsigned type;
	unsigned kind;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(strings); i++)
		err = tb_json_string(
			arena, tb_json_get(claims, tb_str_z(strings[i].name)),
			strings[i].into);
	if (err == TB_OK)
		err = find_name(tb_json_get(claims, TB_STR("token_type")),
				type_names, TB_ARRAY_LEN(type_names), &type);
	if (err == TB_OK)
		err = find_name(tb_json_get(claims, TB_STR("kind")), kind_names,
				TB_ARRAY_LEN(kind_names), &kind);
	if (err == TB_OK)
		err = get_u32(tb_json_get(claims, TB_STR("org_id")),
			      &token->org);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(claims, TB_STR("cv")),
				  &token->credential);
	if (err == TB_OK)
		err = tb_json_i64(tb_json_get(claims, TB_STR("iat")),
				  &token->issued_s);
	if (err == TB_OK)
		err = tb_json_i64(tb_json_get(claims, TB_STR("exp")),
				  &token->expires_s);
	if (err != TB_OK)
		return err;
	token->type = (enum tb_token_type)type;
	token->kind = (enum tb_principal_kind)kind;
	return token->key.n > 0 ? TB_OK : TB_ERR_INVALID;
}

static bool is_family(struct tb_str s)
{
	if (s.n == 0 || s.n > TB_TOKEN_FAMILY_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_base64url(s.p[i]))
			return false;
	return true;
}

/* The claims of a token that has a family. */
static enum tb_err read_family(struct tb_arena *arena,
			       struct tb_json_value claims,
			       struct tb_token *token)
{
	struct tb_json_value family = tb_json_get(claims, TB_STR("fam"));
	enum tb_err err;

	if (tb_json_is_absent(family))
		return TB_OK;
	err = tb_json_string(arena, family, &token->family);
	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(claims, TB_STR("seq")),
				  &token->seq);
	/* The library that signs has integers of 64 bits with a sign. */
	if (err == TB_OK && (!is_family(token->family) || token->seq == 0 ||
			     token->seq >= INT64_MAX))
		err = TB_ERR_INVALID;
	return err;
}

enum tb_err tb_token_parse_claims(struct tb_arena *arena, struct tb_str text,
				  struct tb_token *ret)
{
	struct tb_token token = { 0 };
	struct tb_json_value claims;
	struct parts parts;
	enum tb_err err = cut(text, &parts);

	if (err == TB_OK)
		err = parse_object(arena, parts.claims, &claims);
	if (err == TB_OK)
		err = read_common(arena, claims, &token);
	if (err == TB_OK)
		err = read_family(arena, claims, &token);
	if (err == TB_OK && token.kind == TB_PRINCIPAL_SITE)
		err = get_u32(tb_json_get(claims, TB_STR("site_id")),
			      &token.site_id);
	if (err == TB_OK && token.kind == TB_PRINCIPAL_SITE)
		err = tb_json_string(arena,
				     tb_json_get(claims, TB_STR("hardware")),
				     &token.hardware);
	if (err == TB_OK && token.kind == TB_PRINCIPAL_USER)
		err = tb_json_bool(tb_json_get(claims, TB_STR("is_admin")),
				   &token.is_admin);
	if (err == TB_OK)
		*ret = token;
	return err;
}

/* The library's verdict on the signature. It needs a NUL behind the text. */
static enum tb_err verify_signature(const struct tb_signing_key *key,
				    struct tb_str text)
{
	char z[TB_TOKEN_MAX_BYTES + 1];
	enum tb_err err = TB_ERR_INVALID;
	jwt_t *jwt = NULL;

	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (jwt_decode(&jwt, z, key->secret, sizeof(key->secret)) != 0)
		return TB_ERR_INVALID;
	if (jwt_get_alg(jwt) == JWT_ALG_HS256)
		err = TB_OK;
	jwt_free(jwt);
	return err;
}

static enum tb_err verify_times(const struct tb_token *token, int64_t now_us)
{
	int64_t now_s = now_us / US_PER_S;

	if (token->issued_s > now_s + ISSUED_LEEWAY_S)
		return TB_ERR_INVALID;
	return now_s < token->expires_s ? TB_OK : TB_ERR_TIMEOUT;
}

enum tb_err tb_token_verify(struct tb_keys *keys, struct tb_arena *arena,
			    struct tb_str text, int64_t now_us,
			    struct tb_token *ret)
{
	struct tb_signing_key key;
	struct tb_token token;
	struct tb_str kid;
	enum tb_err err = tb_token_parse_header(arena, text, &kid);

	if (err != TB_OK)
		return err;
	if (tb_keys_find(keys, kid, &key) != TB_OK)
		return TB_ERR_INVALID;
	err = verify_signature(&key, text);
	tb_signing_key_wipe(&key);
	if (err == TB_OK)
		err = tb_token_parse_claims(arena, text, &token);
	if (err == TB_OK)
		err = verify_times(&token, now_us);
	if (err == TB_OK)
		*ret = token;
	return err;
}
