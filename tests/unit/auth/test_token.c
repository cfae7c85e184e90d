/* What cmocka.h needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/token.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "forge.h"
#include "key_folder.h"

#define MUST(call) assert_int_equal(call, TB_OK)
#define NOW_S 1700000000ll
#define NOW_US (NOW_S * 1000000)

/* Claims that are right, but for what a test puts in their place. */
#define KIND "\"kind\":\"user\""
#define TYPE "\"token_type\":\"access\""
#define WHO "\"sub\":\"u1\",\"name\":\"anna\",\"org\":\"o\",\"org_id\":1"
#define VERSION "\"cv\":1"
#define TIMES "\"iat\":1700000000,\"exp\":1700003600"
#define REST "\"jti\":\"x\",\"is_admin\":false"
#define RIGHT "{" KIND "," TYPE "," WHO "," VERSION "," TIMES "," REST "}"

#define FAMILY(claims)                                                         \
	"{" KIND "," TYPE "," WHO "," VERSION "," TIMES "," REST "," claims "}"

struct fixture {
	struct key_folder folder;
	struct tb_keys *keys;
	struct tb_signing_key key;
	struct tb_arena *arena;
	char header[128];
};

static int setup(void **state)
{
	static struct fixture f;

	MUST(tb_digest_init());
	key_folder_init(&f.folder);
	MUST(tb_keys_open(f.folder.path, &f.keys));
	tb_keys_signing(f.keys, &f.key);
	snprintf(f.header, sizeof(f.header),
		 "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		 f.key.kid);
	f.arena = tb_arena_create((size_t)16 << 20);
	assert_non_null(f.arena);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tb_arena_destroy(f->arena);
	tb_keys_destroy(f->keys);
	key_folder_fini(&f->folder);
	return 0;
}

static enum tb_err verify(struct fixture *f, struct tb_str text,
			  struct tb_token *ret)
{
	return tb_token_verify(f->keys, f->arena, text, NOW_US, ret);
}

/* The outcome for a header and claims that are signed with our own key. */
static enum tb_err verify_signed(struct fixture *f, const char *header,
				 const char *claims)
{
	struct tb_token token;
	struct tb_str text = forge(f->arena, header, claims, f->key.secret);

	assert_true(text.n > 0);
	return verify(f, text, &token);
}

static struct tb_token a_site(void)
{
	return (struct tb_token) {
		.type = TB_TOKEN_ACCESS,
		.kind = TB_PRINCIPAL_SITE,
		.org = 7,
		.org_name = TB_STR("clinics"),
		.key = TB_STR("63"),
		.name = TB_STR("Clinic \"\xc3\x89\""),
		.hardware = TB_STR("uuid-a"),
		.id = TB_STR("0123"),
		.credential = 12,
		.site_id = 63,
		.issued_s = NOW_S,
		.expires_s = NOW_S + 3600,
	};
}

static struct tb_str encode(struct fixture *f, const struct tb_token *token)
{
	struct tb_str text;

	MUST(tb_token_encode(f->arena, &f->key, token, &text));
	return text;
}

static void test_a_sites_token_says_what_was_put_into_it(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;

	MUST(verify(f, encode(f, &token), &read));
	assert_int_equal(read.type, TB_TOKEN_ACCESS);
	assert_int_equal(read.kind, TB_PRINCIPAL_SITE);
	assert_int_equal(read.org, 7);
	assert_true(tb_str_eq(read.org_name, token.org_name));
	assert_true(tb_str_eq(read.key, token.key));
	assert_true(tb_str_eq(read.name, token.name));
	assert_true(tb_str_eq(read.hardware, token.hardware));
	assert_true(tb_str_eq(read.id, token.id));
	assert_int_equal(read.credential, 12);
	assert_int_equal(read.site_id, 63);
	assert_int_equal(read.issued_s, NOW_S);
	assert_int_equal(read.expires_s, NOW_S + 3600);
}

static void test_a_users_token_has_the_claims_that_clients_read(void **state)
{
	static const char *const claims[] = {
		"\"sub\":\"user123\"",     "\"user_uuid\":\"user123\"",
		"\"user_id\":\"user123\"", "\"username\":\"testuser\"",
		"\"name\":\"testuser\"",   "\"is_admin\":true",
		"\"org\":\"clinics\"",     "\"token_type\":\"access\"",
		"\"iat\":1700000000",      "\"exp\":1700003600",
		"\"jti\":\"0123\"",
	};
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;
	struct tb_str text;
	struct tb_str part;
	struct tb_buf padded;
	struct tb_buf json;

	token.kind = TB_PRINCIPAL_USER;
	token.key = TB_STR("user123");
	token.name = TB_STR("testuser");
	token.is_admin = true;
	text = encode(f, &token);
	MUST(verify(f, text, &read));
	assert_true(read.is_admin);
	assert_int_equal(read.site_id, 0);
	/* The claims are ASCII, so that only the padding has to be added. */
	(void)tb_str_cut(&text, '.');
	part = tb_str_cut(&text, '.');
	tb_buf_init(&padded, 4096);
	tb_buf_init(&json, 4096);
	tb_buf_append_str(&padded, part);
	while (padded.n % 4 != 0)
		tb_buf_append_char(&padded, '=');
	MUST(tb_base64_parse(tb_buf_str(&padded), &json));
	tb_buf_append_char(&json, '\0');
	for (size_t i = 0; i < TB_ARRAY_LEN(claims); i++)
		assert_non_null(strstr(json.p, claims[i]));
	tb_buf_fini(&padded);
	tb_buf_fini(&json);
}

static void test_what_the_other_tests_vary_is_right(void **state)
{
	struct fixture *f = *state;

	MUST(verify_signed(f, f->header, RIGHT));
	MUST(verify_signed(f, f->header, FAMILY("\"fam\":\"f\",\"seq\":1")));
	MUST(verify_signed(f, f->header, FAMILY("\"seq\":\"other\"")));
}

static void test_a_familys_token_says_which_pair_it_is_of(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;

	token.type = TB_TOKEN_REFRESH;
	token.family = TB_STR("0a1b-_");
	token.seq = INT64_MAX - 1;
	MUST(verify(f, encode(f, &token), &read));
	assert_int_equal(read.type, TB_TOKEN_REFRESH);
	assert_true(tb_str_eq(read.family, token.family));
	assert_true(read.seq == token.seq);
	token.family = TB_STR_NONE;
	MUST(verify(f, encode(f, &token), &read));
	assert_int_equal(read.family.n, 0);
	assert_int_equal(read.seq, 0);
}

static void test_other_algorithms_are_refused(void **state)
{
	static const char *const algs[] = {
		"none",  "None",  "NONE",  "",       "HS384",  "HS512",
		"RS256", "ES256", "hs256", "HS256 ", "HS2560",
	};
	struct fixture *f = *state;
	struct tb_token token;
	struct tb_str text;
	char header[128];

	for (size_t i = 0; i < TB_ARRAY_LEN(algs); i++) {
		snprintf(header, sizeof(header),
			 "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
			 algs[i], f->key.kid);
		assert_int_equal(verify_signed(f, header, RIGHT),
				 TB_ERR_INVALID);
	}
	/* And without a signature at all. */
	text = forge(f->arena, header, RIGHT, f->key.secret);
	while (text.p[text.n - 1] != '.')
		text.n--;
	assert_int_equal(verify(f, text, &token), TB_ERR_INVALID);
	text.n--;
	assert_int_equal(verify(f, text, &token), TB_ERR_INVALID);
}

static void test_headers_that_are_not_ours_are_refused(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
		"{\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":\"HS256\",\"kid\":\"%s\",\"crit\":[\"x\"]}",
		"{\"alg\":\"HS256\",\"kid\":\"%s\",\"jku\":\"http://x\"}",
		"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWE\"}",
		"{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"%s\"}",
		"{\"alg\":[\"HS256\"],\"kid\":\"%s\"}",
		"{\"alg\":\"HS256\",\"kid\":7}",
		"{\"alg\":\"HS256\",\"kid\":\"\"}",
		"{\"alg\":\"HS256\",\"kid\":\"../%s\"}",
		"{\"alg\":\"HS256\",\"kid\":\"%s \"}",
		"[\"HS256\",\"%s\"]",
		"null",
		"{\"alg\":\"HS256\",\"kid\":\"%s\"} ,",
		"",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(headers); i++) {
		char header[160];
		const char *at = strstr(headers[i], "%s");
		int before =
			at ? (int)(at - headers[i]) : (int)strlen(headers[i]);

		snprintf(header, sizeof(header), "%.*s%s%s", before, headers[i],
			 at ? f->key.kid : "", at ? at + 2 : "");
		assert_int_equal(verify_signed(f, header, RIGHT),
				 TB_ERR_INVALID);
	}
}

static void test_claims_that_are_missing_or_wrong_are_refused(void **state)
{
	static const char *const claims[] = {
		"{" TYPE "," WHO "," VERSION "," TIMES "," REST "}",
		"{" KIND "," WHO "," VERSION "," TIMES "," REST "}",
		"{" KIND "," TYPE "," VERSION "," TIMES "," REST "}",
		"{" KIND "," TYPE "," WHO "," TIMES "," REST "}",
		"{" KIND "," TYPE "," WHO "," VERSION "," REST "}",
		"{" KIND "," TYPE "," WHO "," VERSION "," TIMES "}",
		"{\"kind\":\"root\"," TYPE "," WHO "," VERSION "," TIMES
		"," REST "}",
		"{" KIND ",\"token_type\":\"id\"," WHO "," VERSION "," TIMES
		"," REST "}",
		"{" KIND "," TYPE "," WHO ",\"cv\":\"1\"," TIMES "," REST "}",
		"{" KIND "," TYPE "," WHO ",\"cv\":-1," TIMES "," REST "}",
		"{" KIND "," TYPE "," WHO "," VERSION
		",\"iat\":1700000000,\"exp\":1.7e10," REST "}",
		"{" KIND "," TYPE "," WHO "," VERSION
		",\"iat\":1700000000,\"exp\":99999999999999999999," REST "}",
		"{" KIND "," TYPE
		",\"sub\":\"\",\"name\":\"a\",\"org\":\"o\",\"org_id\":1"
		"," VERSION "," TIMES "," REST "}",
		"{" KIND "," TYPE ",\"sub\":\"a\",\"name\":\"a\",\"org\":\"o\","
		"\"org_id\":4294967296," VERSION "," TIMES "," REST "}",
		/* A site without a number. */
		"{\"kind\":\"site\"," TYPE "," WHO "," VERSION "," TIMES
		"," REST "}",
		"{" KIND "," KIND "," TYPE "," WHO "," VERSION "," TIMES
		"," REST "}",
		"[]",
		"\"\"",
		"{",
		/* Families that are none. */
		FAMILY("\"fam\":\"f\""),
		FAMILY("\"fam\":\"f\",\"seq\":0"),
		FAMILY("\"fam\":\"f\",\"seq\":-1"),
		FAMILY("\"fam\":\"f\",\"seq\":\"1\""),
		FAMILY("\"fam\":\"f\",\"seq\":9223372036854775807"),
		FAMILY("\"fam\":\"\",\"seq\":1"),
		FAMILY("\"fam\":\"a b\",\"seq\":1"),
		FAMILY("\"fam\":null,\"seq\":1"),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TB_ARRAY_LEN(claims); i++)
		assert_int_equal(verify_signed(f, f->header, claims[i]),
				 TB_ERR_INVALID);
}

static void test_a_wrong_signature_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_str text = encode(f, &token);
	uint8_t other[TB_KEY_SECRET_BYTES] = { 1 };
	char *p = tb_arena_alloc(f->arena, text.n);

	assert_non_null(p);
	assert_int_equal(
		verify(f, forge(f->arena, f->header, RIGHT, other), &token),
		TB_ERR_INVALID);
	/* Any single character that is changed, wherever it is. */
	for (size_t i = 0; i < text.n; i++) {
		memcpy(p, text.p, text.n);
		p[i] = p[i] == 'A' ? 'B' : 'A';
		assert_int_equal(verify(f, tb_str(p, text.n), &token),
				 TB_ERR_INVALID);
	}
}

static void test_every_truncated_token_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_str text = encode(f, &token);

	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(verify(f, tb_str(text.p, n), &token),
				 TB_ERR_INVALID);
}

static void test_what_is_no_token_is_refused(void **state)
{
	static char large[TB_TOKEN_MAX_BYTES + 1];
	const struct tb_str texts[] = {
		TB_STR(""),           TB_STR("."),
		TB_STR(".."),         TB_STR("..."),
		TB_STR("a.b.c"),      TB_STR("invalid.token.here"),
		TB_STR("a.b.c.d"),    TB_STR("e30.e30.e30"),
		TB_STR("e30=.e30.x"), TB_STR("a\0b.c.d"),
		TB_STR("e+0.e/0.x"),  tb_str(large, sizeof(large)),
	};
	struct fixture *f = *state;
	struct tb_token token;

	memset(large, 'e', sizeof(large));
	large[10] = '.';
	large[20] = '.';
	for (size_t i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(verify(f, texts[i], &token), TB_ERR_INVALID);
}

static void test_an_expired_token_is_said_to_be(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;
	struct tb_str text;

	token.expires_s = NOW_S + 1;
	text = encode(f, &token);
	MUST(tb_token_verify(f->keys, f->arena, text, NOW_US, &read));
	MUST(tb_token_verify(f->keys, f->arena, text, NOW_US + 999999, &read));
	assert_int_equal(tb_token_verify(f->keys, f->arena, text,
					 NOW_US + 1000000, &read),
			 TB_ERR_TIMEOUT);
	/* One that is forged, too, is only that. */
	((char *)(uintptr_t)text.p)[text.n - 3] ^= 1;
	assert_int_equal(tb_token_verify(f->keys, f->arena, text,
					 NOW_US + 1000000, &read),
			 TB_ERR_INVALID);
}

static void test_a_token_from_the_future_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;

	token.issued_s = NOW_S + 30;
	MUST(verify(f, encode(f, &token), &read));
	token.issued_s = NOW_S + 31;
	assert_int_equal(verify(f, encode(f, &token), &read), TB_ERR_INVALID);
}

static void test_keys_overlap_until_the_old_one_is_retired(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;
	struct tb_str old = encode(f, &token);
	struct tb_signing_key old_key = f->key;

	MUST(tb_keys_rotate(f->keys));
	tb_keys_signing(f->keys, &f->key);
	MUST(verify(f, old, &read));
	MUST(verify(f, encode(f, &token), &read));
	MUST(tb_keys_retire(f->keys, tb_str_z(old_key.kid)));
	assert_int_equal(verify(f, old, &read), TB_ERR_INVALID);
	MUST(verify(f, encode(f, &token), &read));
}

static void test_a_key_signs_under_its_own_name_only(void **state)
{
	struct fixture *f = *state;
	struct tb_token token;
	struct tb_signing_key old_key = f->key;

	/* Signed with the new key, said to be of the old one. */
	MUST(tb_keys_rotate(f->keys));
	tb_keys_signing(f->keys, &f->key);
	assert_string_not_equal(old_key.kid, f->key.kid);
	assert_int_equal(
		verify(f, forge(f->arena, f->header, RIGHT, f->key.secret),
		       &token),
		TB_ERR_INVALID);
}

static void test_a_token_has_a_ceiling(void **state)
{
	static char name[TB_TOKEN_MAX_BYTES];
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_str text;

	memset(name, 'x', sizeof(name));
	token.name = tb_str(name, sizeof(name));
	assert_int_equal(tb_token_encode(f->arena, &f->key, &token, &text),
			 TB_ERR_TOO_LARGE);
	token.name.n = TB_TOKEN_MAX_BYTES - 600;
	assert_int_equal(tb_token_encode(f->arena, &f->key, &token, &text),
			 TB_ERR_TOO_LARGE);
}

static void test_a_refresh_token_says_so(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	struct tb_token read;

	token.type = TB_TOKEN_REFRESH;
	MUST(verify(f, encode(f, &token), &read));
	assert_int_equal(read.type, TB_TOKEN_REFRESH);
}

static void test_any_allocation_may_fail(void **state)
{
	struct fixture *f = *state;
	struct tb_token token = a_site();
	enum tb_err err = TB_ERR_NOMEM;

	for (uint64_t n = 1; err != TB_OK; n++) {
		struct tb_arena *arena;
		struct tb_str text;

		assert_true(n < 100);
		tb_alloc_fail_at(n);
		arena = tb_arena_create(1 << 20);
		err = TB_ERR_NOMEM;
		if (arena != NULL)
			err = tb_token_encode(arena, &f->key, &token, &text);
		if (err == TB_OK)
			err = tb_token_verify(f->keys, arena, text, NOW_US,
					      &token);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		token = a_site();
		tb_arena_destroy(arena);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_sites_token_says_what_was_put_into_it),
		TEST(test_a_users_token_has_the_claims_that_clients_read),
		TEST(test_what_the_other_tests_vary_is_right),
		TEST(test_other_algorithms_are_refused),
		TEST(test_headers_that_are_not_ours_are_refused),
		TEST(test_a_familys_token_says_which_pair_it_is_of),
		TEST(test_claims_that_are_missing_or_wrong_are_refused),
		TEST(test_a_wrong_signature_is_refused),
		TEST(test_every_truncated_token_is_refused),
		TEST(test_what_is_no_token_is_refused),
		TEST(test_an_expired_token_is_said_to_be),
		TEST(test_a_token_from_the_future_is_refused),
		TEST(test_keys_overlap_until_the_old_one_is_retired),
		TEST(test_a_key_signs_under_its_own_name_only),
		TEST(test_a_token_has_a_ceiling),
		TEST(test_a_refresh_token_says_so),
		TEST(test_any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
