/*
 * An org with a site and a user, and requests of theirs to authentication.
 */
#ifndef TB_TESTS_AUTH_FIXTURE_H
#define TB_TESTS_AUTH_FIXTURE_H

#include "../kernel/inline_core.h"

#include "auth/admit.h"
#include "auth/token.h"
#include "base/assert.h"
#include "key_folder.h"

#define SECOND_US 1000000ll
#define ADDRESS "192.0.2.1"

/* The vector of contract 1. */
#define SITE_HASH                                                              \
	"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

struct fixture {
	struct inline_core ic;
	struct key_folder folder;
	struct tb_keys *keys;
	struct tb_auth *auth;
	struct tb_passwords *passwords;
	uint32_t org;
};

static const struct tb_auth_options cheap = {
	.token_life_s = 3600,
	.verified_max = 8,
	.verified_life_s = 600,
	.failures_max = 5,
	.lock_s = 1800,
	.site_delay_max_s = 30,
	.address_failures_max = 300,
	.argon2_mem_bytes = 8192,
	.argon2_ops = 1,
};

static inline void add_account(struct fixture *f, enum tb_account_kind kind,
			       const char *key, const char *username,
			       const char *password)
{
	char hash[TB_PASSWORD_HASH_BYTES];
	struct tb_account account = { .kind = kind,
				      .org = f->org,
				      .key = tb_str_z(key),
				      .username = tb_str_z(username) };

	if (password != NULL) {
		MUST(tb_passwords_make(f->passwords, kind, tb_str_z(password),
				       hash));
		account.password = tb_str_z(hash);
	}
	MUST(tb_directory_add_account(f->ic.core, &f->ic.note, &account));
}

static inline int setup(void **state)
{
	static struct fixture f;
	struct tb_passwords_options options = { .mem_bytes = 8192,
						.ops = 1,
						.wait_ms = 5000 };

	inline_core_init(&f.ic);
	key_folder_init(&f.folder);
	MUST(tb_keys_open(f.folder.path, &f.keys));
	MUST(tb_passwords_create(&options, &f.passwords));
	MUST(tb_auth_create(f.ic.core, f.keys, &cheap, &f.auth));
	f.org = inline_core_add_org(&f.ic, "clinics");
	MUST(tb_directory_add_store(f.ic.core, &f.ic.note, f.org, TB_STR("s1"),
				    TB_STR_NONE));
	add_account(&f, TB_ACCOUNT_SITE, "63", "username", "password");
	add_account(&f, TB_ACCOUNT_USER, "u1", "Anna", "testpass123");
	MUST(tb_directory_assign_store(f.ic.core, &f.ic.note, f.org,
				       TB_STR("s1"), TB_STR("63")));
	*state = &f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	tb_auth_destroy(f->auth);
	tb_passwords_destroy(f->passwords);
	tb_keys_destroy(f->keys);
	key_folder_fini(&f->folder);
	inline_core_fini(&f->ic);
	return 0;
}

/* ---- requests ---- */

static inline struct tb_str basic(struct fixture *f, const char *name,
				  const char *password)
{
	struct tb_str text;
	struct tb_str header;
	struct tb_buf buf;

	MUST(tb_arena_printf(f->ic.arena, &text, "%s:%s", name, password));
	tb_buf_init(&buf, 8192);
	tb_buf_append_z(&buf, "Basic ");
	tb_base64_put(&buf, text);
	MUST(tb_arena_strdup(f->ic.arena, tb_buf_str(&buf), &header));
	tb_buf_fini(&buf);
	return header;
}

static inline struct tb_str bearer(struct fixture *f, struct tb_str token)
{
	struct tb_str header;

	MUST(tb_arena_printf(f->ic.arena, &header, "Bearer %.*s",
			     TB_STR_ARG(token)));
	return header;
}

static inline struct tb_auth_result ask(struct fixture *f, struct tb_str header,
					const char *hardware, bool may_block)
{
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BASIC_SITE | TB_AUTH_BEARER,
		.authorization = header,
		.hardware = tb_str_z(hardware),
		.address = TB_STR(ADDRESS),
		.now_us = f->ic.now_us,
	};

	return tb_auth_check(f->auth, &credentials, may_block);
}

static inline const struct tb_principal *admitted(struct tb_auth_result result)
{
	assert_int_equal(result.outcome, TB_AUTH_OK);
	assert_non_null(result.principal);
	return result.principal;
}

static inline void must_admit(struct fixture *f, struct tb_str header,
			      const char *hardware)
{
	tb_principal_unref(admitted(ask(f, header, hardware, true)));
}

/* Admitted from memory. */
static inline void must_admit_at_once(struct fixture *f, struct tb_str header,
				      const char *hardware)
{
	tb_principal_unref(admitted(ask(f, header, hardware, false)));
}

static inline void must_refuse(struct fixture *f, struct tb_str header,
			       const char *hardware,
			       enum tb_auth_failure failure)
{
	struct tb_auth_result result = ask(f, header, hardware, true);

	assert_int_equal(result.outcome, TB_AUTH_REFUSED);
	assert_int_equal(result.failure, failure);
}

static inline void must_block(struct fixture *f, struct tb_str header,
			      const char *hardware)
{
	assert_int_equal(ask(f, header, hardware, false).outcome,
			 TB_AUTH_WOULD_BLOCK);
}

/* A token for whoever the header admits. */
static inline struct tb_str issue(struct fixture *f, struct tb_str header,
				  const char *hardware)
{
	const struct tb_principal *principal =
		admitted(ask(f, header, hardware, true));
	struct tb_str token;

	MUST(tb_auth_issue(f->auth, f->ic.arena, principal, f->ic.now_us, 3600,
			   &token));
	tb_principal_unref(principal);
	return token;
}

static inline void update(struct fixture *f, enum tb_account_kind kind,
			  const char *key, struct tb_account to,
			  unsigned changes)
{
	to.kind = kind;
	to.org = f->org;
	to.key = tb_str_z(key);
	MUST(tb_directory_update_account(f->ic.core, &f->ic.note, &to, changes,
					 false));
}

static inline void set_password(struct fixture *f, const char *password)
{
	char hash[TB_PASSWORD_HASH_BYTES];

	MUST(tb_passwords_make(f->passwords, TB_ACCOUNT_SITE,
			       tb_str_z(password), hash));
	update(f, TB_ACCOUNT_SITE, "63",
	       (struct tb_account) { .password = tb_str_z(hash) },
	       TB_CHANGE_PASSWORD);
}

static inline uint64_t finds(struct fixture *f)
{
	return tb_fail_calls(f->ic.store, TB_FAIL_FIND);
}

static inline void count_anew(struct fixture *f)
{
	tb_fail_set_plan(f->ic.store, NULL);
}

#endif
