/*
 * Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256. libjwt signs
 * and verifies; what it is given was read strictly before, and what it
 * verified is read strictly afterwards. Thread-safe, holds no state.
 */
#ifndef TB_AUTH_TOKEN_H
#define TB_AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/keys.h"
#include "auth/principal.h"
#include "base/arena.h"
#include "base/str.h"

#define TB_TOKEN_MAX_BYTES 4096
#define TB_TOKEN_FAMILY_MAX_BYTES 64

enum tb_token_type {
	TB_TOKEN_ACCESS,  /* is a bearer credential */
	TB_TOKEN_REFRESH, /* is none */
};

/* What a token says. Strings live in the arena it was read to. */
struct tb_token {
	enum tb_token_type type;     /* `token_type` */
	enum tb_principal_kind kind; /* `kind` */
	uint32_t org;                /* `org_id` */
	struct tb_str org_name;      /* `org` */
	struct tb_str key;           /* `sub`; users: user_uuid, user_id too */
	struct tb_str name;          /* `name`; users: username too */
	struct tb_str hardware;      /* sites: `hardware`, or empty */
	struct tb_str id;            /* `jti` */
	uint64_t credential;         /* `cv` */
	uint32_t site_id;            /* sites: `site_id` */
	bool is_admin;               /* users: `is_admin` */
	int64_t issued_s;            /* `iat` */
	int64_t expires_s;           /* `exp` */
	struct tb_str family;        /* `fam`, or empty: it is of no family */
	uint64_t seq;                /* `seq`: which pair of the family */
};

/* Signs a token; result in the arena. TOO_LARGE: over TB_TOKEN_MAX_BYTES. */
enum tb_err tb_token_encode(struct tb_arena *arena,
			    const struct tb_signing_key *key,
			    const struct tb_token *token,
			    struct tb_str *ret) tb_must_check;

/* Reads a token and verifies all of it but what only the stored account can
 * say. INVALID: not a token, another algorithm than HS256, a kid that is
 * unknown or retired, a wrong signature, claims that are missing or of a wrong
 * type, issued in the future. TIMEOUT: expired. NOMEM. */
enum tb_err tb_token_verify(struct tb_keys *keys, struct tb_arena *arena,
			    struct tb_str text, int64_t now_us,
			    struct tb_token *ret) tb_must_check;

/* The parts of that which are parsers, for their tests. `text` is the whole
 * token; nothing is verified. INVALID, NOMEM. */
enum tb_err tb_token_parse_header(struct tb_arena *arena, struct tb_str text,
				  struct tb_str *ret_kid) tb_must_check;
enum tb_err tb_token_parse_claims(struct tb_arena *arena, struct tb_str text,
				  struct tb_token *ret) tb_must_check;

#endif
