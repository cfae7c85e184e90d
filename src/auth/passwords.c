#include "auth/passwords.h"

#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/cond.h"
#include "codec/digest.h"

_Static_assert(TB_PASSWORD_HASH_BYTES == crypto_pwhash_STRBYTES,
	       "the size of libsodium's encoded hashes");

struct tb_passwords {
	struct tb_passwords_options options;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	uint32_t running;
};

static uint32_t cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

enum tb_err tb_passwords_create(const struct tb_passwords_options *options,
				struct tb_passwords **ret)
{
	struct tb_passwords *passwords;

	if (sodium_init() < 0)
		return TB_ERR_UNSUPPORTED;
	passwords = tb_calloc(1, sizeof(*passwords));
	if (passwords == NULL)
		return TB_ERR_NOMEM;
	passwords->options = *options;
	if (passwords->options.parallel == 0)
		passwords->options.parallel = cores();
	TB_ASSERT(pthread_mutex_init(&passwords->lock, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&passwords->turn, NULL) == 0);
	*ret = passwords;
	return TB_OK;
}

void tb_passwords_destroy(struct tb_passwords *passwords)
{
	if (passwords == NULL)
		return;
	TB_ASSERT(passwords->running == 0);
	pthread_cond_destroy(&passwords->turn);
	pthread_mutex_destroy(&passwords->lock);
	tb_free(passwords);
}

bool tb_password_is_site_secret(struct tb_str password)
{
	if (password.n != TB_SITE_SECRET_BYTES)
		return false;
	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

void tb_password_site_secret(struct tb_str password,
			     char ret[TB_SITE_SECRET_BYTES])
{
	uint8_t digest[TB_SHA256_BYTES];
	char hex[TB_SITE_SECRET_BYTES + 1];

	if (tb_password_is_site_secret(password)) {
		memcpy(ret, password.p, TB_SITE_SECRET_BYTES);
		return;
	}
	tb_sha256(password, digest);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	memcpy(ret, hex, TB_SITE_SECRET_BYTES);
}

static bool may_be_set(enum tb_account_kind kind, struct tb_str password)
{
	size_t min = kind == TB_ACCOUNT_USER ? TB_PASSWORD_USER_MIN_BYTES : 1;

	if (password.n < min || password.n > TB_PASSWORD_MAX_BYTES)
		return false;
	if (kind != TB_ACCOUNT_SITE)
		return true;
	/* Contract 1: "A Basic password of 64 lower-case hex digits is always
	 * the hash; such passwords cannot be set." RFC 7617, section 2: "The
	 * user-id and password MUST NOT contain any control characters". */
	return !tb_password_is_site_secret(password) &&
	       !tb_str_has_control(password);
}

enum tb_err tb_passwords_make(struct tb_passwords *passwords,
			      enum tb_account_kind kind, struct tb_str password,
			      char ret[TB_PASSWORD_HASH_BYTES])
{
	char site_secret[TB_SITE_SECRET_BYTES];
	struct tb_str secret = password;
	enum tb_err err;

	if (!may_be_set(kind, password))
		return TB_ERR_INVALID;
	if (kind == TB_ACCOUNT_SITE) {
		tb_password_site_secret(password, site_secret);
		secret = tb_str(site_secret, sizeof(site_secret));
	}
	err = tb_passwords_begin(passwords);
	if (err != TB_OK)
		return err;
	err = tb_passwords_hash(passwords, secret, ret);
	tb_passwords_end(passwords);
	return err;
}

enum tb_err tb_passwords_begin(struct tb_passwords *passwords)
{
	int64_t until_us =
		tb_clock_monotonic_us() + passwords->options.wait_ms * 1000ll;
	enum tb_err err = TB_ERR_BUSY;
	bool is_over = false;

	pthread_mutex_lock(&passwords->lock);
	while (passwords->running >= passwords->options.parallel && !is_over)
		is_over = !tb_cond_wait_until(&passwords->turn,
					      &passwords->lock, until_us);
	if (passwords->running < passwords->options.parallel) {
		passwords->running++;
		err = TB_OK;
	}
	pthread_mutex_unlock(&passwords->lock);
	return err;
}

void tb_passwords_end(struct tb_passwords *passwords)
{
	pthread_mutex_lock(&passwords->lock);
	TB_ASSERT(passwords->running > 0);
	passwords->running--;
	pthread_cond_signal(&passwords->turn);
	pthread_mutex_unlock(&passwords->lock);
}

/* True if somebody has a turn, which is as much as can be told. */
static bool is_running(struct tb_passwords *passwords)
{
	bool running;

	pthread_mutex_lock(&passwords->lock);
	running = passwords->running > 0;
	pthread_mutex_unlock(&passwords->lock);
	return running;
}

/* libsodium wants the hash with a NUL behind it. */
static bool copy_hash(struct tb_str hash, char ret[TB_PASSWORD_HASH_BYTES])
{
	if (hash.n == 0 || hash.n >= TB_PASSWORD_HASH_BYTES)
		return false;
	memcpy(ret, hash.p, hash.n);
	ret[hash.n] = '\0';
	return true;
}

bool tb_passwords_verify(struct tb_passwords *passwords, struct tb_str hash,
			 struct tb_str secret)
{
	char encoded[TB_PASSWORD_HASH_BYTES];

	TB_ASSERT(is_running(passwords));
	return copy_hash(hash, encoded) &&
	       crypto_pwhash_str_verify(encoded, secret.n > 0 ? secret.p : "",
					secret.n) == 0;
}

enum tb_err tb_passwords_hash(struct tb_passwords *passwords,
			      struct tb_str secret,
			      char ret[TB_PASSWORD_HASH_BYTES])
{
	char encoded[TB_PASSWORD_HASH_BYTES];

	TB_ASSERT(is_running(passwords));
	if (crypto_pwhash_str_alg(encoded, secret.n > 0 ? secret.p : "",
				  secret.n, passwords->options.ops,
				  passwords->options.mem_bytes,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return TB_ERR_NOMEM;
	memcpy(ret, encoded, sizeof(encoded));
	return TB_OK;
}

bool tb_passwords_is_outdated(const struct tb_passwords *passwords,
			      struct tb_str hash)
{
	char encoded[TB_PASSWORD_HASH_BYTES];

	return !copy_hash(hash, encoded) ||
	       crypto_pwhash_str_needs_rehash(encoded, passwords->options.ops,
					      passwords->options.mem_bytes) !=
		       0;
}
