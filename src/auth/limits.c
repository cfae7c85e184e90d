#include "auth/limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/cache.h"
#include "base/clock.h"
#include "base/cond.h"

#define SECOND_US 1000000ll
/* No login name is longer, so longer ones may share a count. */
#define NAME_MAX_BYTES 256
#define ADDRESS_MAX_BYTES 64
#define KEY_BYTES 16
/* The key, the entry and the cache's own of each. */
#define ENTRY_BYTES 256

/* What is remembered under one key; which members count depends on which
 * cache it is in. Guarded by the limits' lock, its count too. */
struct entry {
	unsigned refs;
	uint32_t failures; /* in a row */
	uint32_t pending;  /* attempts under way */
	int64_t last_us;   /* last failure; a slowed site: last attempt */
	int64_t level_us;  /* address: how far ahead its failures are */
	uint8_t passed[KEY_BYTES]; /* known: keyed hash of what passed last */
};

struct tb_limits {
	struct tb_limits_options options;
	uint8_t secret[32];
	pthread_mutex_t lock;
	pthread_cond_t ended;       /* an attempt */
	struct tb_cache *pairs;     /* account and address: failures */
	struct tb_cache *known;     /* account and address that logged in */
	struct tb_cache *addresses; /* failures over all names */
};

struct key {
	uint8_t bytes[KEY_BYTES];
};

static void entry_ref(void *value)
{
	struct entry *entry = value;

	entry->refs++;
}

static void entry_unref(void *value)
{
	struct entry *entry = value;

	if (--entry->refs == 0)
		tb_free(entry);
}

static const struct tb_cache_value_ops entry_ops = { entry_ref, entry_unref };

static struct tb_cache *make_cache(const struct tb_limits_options *options)
{
	return tb_cache_create(options->tracked_max,
			       (size_t)options->tracked_max * ENTRY_BYTES,
			       &entry_ops);
}

struct tb_limits *tb_limits_create(const struct tb_limits_options *options,
				   const uint8_t secret[32])
{
	struct tb_limits *limits = tb_calloc(1, sizeof(*limits));

	TB_ASSERT(options->failures_max > 0 &&
		  options->address_failures_max > 0 &&
		  options->tracked_max > 0);
	if (limits == NULL)
		return NULL;
	limits->options = *options;
	memcpy(limits->secret, secret, sizeof(limits->secret));
	TB_ASSERT(pthread_mutex_init(&limits->lock, NULL) == 0);
	TB_ASSERT(pthread_cond_init(&limits->ended, NULL) == 0);
	limits->pairs = make_cache(options);
	limits->known = make_cache(options);
	limits->addresses = make_cache(options);
	if (limits->pairs == NULL || limits->known == NULL ||
	    limits->addresses == NULL) {
		tb_limits_destroy(limits);
		return NULL;
	}
	return limits;
}

void tb_limits_destroy(struct tb_limits *limits)
{
	if (limits == NULL)
		return;
	tb_cache_destroy(limits->pairs);
	tb_cache_destroy(limits->known);
	tb_cache_destroy(limits->addresses);
	pthread_cond_destroy(&limits->ended);
	pthread_mutex_destroy(&limits->lock);
	sodium_memzero(limits->secret, sizeof(limits->secret));
	tb_free(limits);
}

/* An address as it is counted. Who has one IPv6 address has at least the 2^64
 * of its /64, so those count as one; a mapped IPv4 address is that address. */
static size_t address_bytes(struct tb_str address,
			    uint8_t ret[ADDRESS_MAX_BYTES])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[ADDRESS_MAX_BYTES];
	size_t n = address.n < sizeof(text) ? address.n : sizeof(text) - 1;
	struct in6_addr six;
	struct in_addr four;

	if (n > 0)
		memcpy(text, address.p, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &four) == 1) {
		memcpy(ret, &four, sizeof(four));
		return sizeof(four);
	}
	if (inet_pton(AF_INET6, text, &six) != 1) {
		memcpy(ret, text, n);
		return n;
	}
	if (memcmp(&six, mapped, sizeof(mapped)) == 0) {
		memcpy(ret, (const uint8_t *)&six + sizeof(mapped), 4);
		return 4;
	}
	memcpy(ret, &six, 8);
	return 8;
}

static void lower_ascii(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] - 'A' + 'a');
}

static struct key pair_key(const struct tb_limits *limits,
			   const struct tb_attempt *attempt)
{
	crypto_generichash_state state;
	uint8_t address[ADDRESS_MAX_BYTES];
	uint8_t n_address = (uint8_t)address_bytes(attempt->address, address);
	uint8_t kind = (uint8_t)attempt->kind;
	char name[NAME_MAX_BYTES];
	size_t n =
		attempt->name.n < sizeof(name) ? attempt->name.n : sizeof(name);
	struct key key;

	if (n > 0)
		memcpy(name, attempt->name.p, n);
	/* Users log in without regard to case, so they fail so, too. */
	if (attempt->kind == TB_ACCOUNT_USER)
		lower_ascii(name, n);
	crypto_generichash_init(&state, limits->secret, sizeof(limits->secret),
				sizeof(key.bytes));
	crypto_generichash_update(&state, &kind, 1);
	crypto_generichash_update(&state, &n_address, 1);
	crypto_generichash_update(&state, address, n_address);
	crypto_generichash_update(&state, (const uint8_t *)name, n);
	crypto_generichash_final(&state, key.bytes, sizeof(key.bytes));
	return key;
}

static struct key address_key(const struct tb_limits *limits,
			      struct tb_str text)
{
	uint8_t address[ADDRESS_MAX_BYTES];
	size_t n = address_bytes(text, address);
	struct key key;

	crypto_generichash(key.bytes, sizeof(key.bytes), address, n,
			   limits->secret, sizeof(limits->secret));
	return key;
}

/* A password as it is remembered: under the key of this process. */
static struct key secret_key(const struct tb_limits *limits,
			     struct tb_str secret)
{
	struct key key;

	crypto_generichash(key.bytes, sizeof(key.bytes),
			   (const uint8_t *)secret.p, secret.n, limits->secret,
			   sizeof(limits->secret));
	return key;
}

static struct tb_str key_str(const struct key *key)
{
	return tb_str((const char *)key->bytes, sizeof(key->bytes));
}

/* The entry of a key with a reference for the caller; NULL: none, and, if it
 * was to be made, no memory. */
static struct entry *get(struct tb_cache *cache, const struct key *key,
			 bool make)
{
	struct entry *entry = tb_cache_get(cache, key_str(key));

	if (entry != NULL || !make)
		return entry;
	entry = tb_calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->refs = 1;
	if (tb_cache_put(cache, key_str(key), entry, ENTRY_BYTES) != TB_OK) {
		entry_unref(entry);
		return NULL;
	}
	return entry;
}

static void put_back(struct entry *entry)
{
	if (entry != NULL)
		entry_unref(entry);
}

static uint32_t seconds_up(int64_t us)
{
	int64_t s = (us + SECOND_US - 1) / SECOND_US;

	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* The failures of an address fill a bucket that drains evenly over the
 * window: `level_us` is when it will be empty. */
static int64_t address_step_us(const struct tb_limits *limits)
{
	return limits->options.address_window_s * SECOND_US /
	       limits->options.address_failures_max;
}

static uint32_t address_wait(struct tb_limits *limits, struct tb_str address,
			     int64_t now_us)
{
	struct key key = address_key(limits, address);
	struct entry *entry = get(limits->addresses, &key, false);
	int64_t window_us = limits->options.address_window_s * SECOND_US;
	int64_t room_us = window_us - address_step_us(limits);
	uint32_t wait = 0;

	if (entry != NULL && entry->level_us > now_us + window_us)
		entry->level_us = now_us + window_us;
	if (entry != NULL && entry->level_us - now_us > room_us)
		wait = seconds_up(entry->level_us - now_us - room_us);
	put_back(entry);
	return wait;
}

static void address_failed(struct tb_limits *limits, struct tb_str address,
			   int64_t now_us)
{
	struct key key = address_key(limits, address);
	struct entry *entry = get(limits->addresses, &key, true);

	if (entry == NULL)
		return;
	if (entry->level_us < now_us)
		entry->level_us = now_us;
	entry->level_us += address_step_us(limits);
	put_back(entry);
}

static uint32_t user_wait(struct tb_limits *limits, struct entry *entry,
			  int64_t now_us)
{
	uint32_t max = limits->options.failures_max;
	int64_t until_us =
		tb_clock_monotonic_us() + limits->options.wait_ms * 1000ll;
	bool is_over = false;

	while (entry->failures < max &&
	       entry->failures + entry->pending >= max && !is_over)
		is_over = !tb_cond_wait_until(&limits->ended, &limits->lock,
					      until_us);
	if (entry->failures >= max)
		return seconds_up(entry->last_us +
				  limits->options.lock_s * SECOND_US - now_us);
	return is_over ? 1 : 0;
}

/* Contract 1: sites are slowed, never locked. The delay doubles with each
 * failure, up to its ceiling. */
static uint32_t site_wait(const struct tb_limits *limits, struct entry *entry,
			  int64_t now_us)
{
	int64_t delay_s = limits->options.site_delay_max_s;
	int64_t next_us;
	uint32_t over;

	if (entry->failures < limits->options.failures_max)
		return 0;
	over = entry->failures - limits->options.failures_max;
	if (over < 31 && (1ll << over) < delay_s)
		delay_s = 1ll << over;
	next_us = entry->last_us + delay_s * SECOND_US;
	if (now_us < next_us)
		return seconds_up(next_us - now_us);
	/* Whoever asks while this one is under way has to wait. */
	entry->last_us = now_us;
	return 0;
}

/* True for a site's attempt with what passed for it there before. */
static bool passed_before(const struct tb_limits *limits,
			  const struct entry *known,
			  const struct tb_attempt *attempt)
{
	struct key secret;

	if (known == NULL || attempt->kind != TB_ACCOUNT_SITE)
		return false;
	secret = secret_key(limits, attempt->secret);
	return sodium_memcmp(secret.bytes, known->passed,
			     sizeof(known->passed)) == 0;
}

static uint32_t pair_wait(struct tb_limits *limits, const struct key *key,
			  const struct tb_attempt *attempt, bool is_known)
{
	struct entry *entry = get(limits->pairs, key, true);
	uint32_t wait = 0;

	/* Without memory to count in, nobody gets to guess. */
	if (entry == NULL)
		return 1;
	/* A clock that was set back must not make anyone wait for longer. */
	if (entry->last_us > attempt->now_us)
		entry->last_us = attempt->now_us;
	if (attempt->now_us - entry->last_us >=
	    limits->options.lock_s * SECOND_US)
		entry->failures = 0;
	if (!is_known)
		wait = attempt->kind == TB_ACCOUNT_SITE
			       ? site_wait(limits, entry, attempt->now_us)
			       : user_wait(limits, entry, attempt->now_us);
	if (wait == 0)
		entry->pending++;
	put_back(entry);
	return wait;
}

uint32_t tb_limits_begin(struct tb_limits *limits,
			 const struct tb_attempt *attempt)
{
	struct key key = pair_key(limits, attempt);
	struct entry *known;
	bool is_known;
	uint32_t wait = 0;

	pthread_mutex_lock(&limits->lock);
	/* Who logged in from here before is not held back by what others
	 * behind the same address try. */
	known = get(limits->known, &key, false);
	if (known == NULL)
		wait = address_wait(limits, attempt->address, attempt->now_us);
	is_known = passed_before(limits, known, attempt);
	put_back(known);
	if (wait == 0)
		wait = pair_wait(limits, &key, attempt, is_known);
	pthread_mutex_unlock(&limits->lock);
	return wait;
}

static void passed(struct tb_limits *limits, const struct key *key,
		   const struct tb_attempt *attempt, struct entry *entry)
{
	struct entry *known = get(limits->known, key, true);
	struct key secret = secret_key(limits, attempt->secret);

	entry->failures = 0;
	if (known == NULL)
		return;
	memcpy(known->passed, secret.bytes, sizeof(known->passed));
	put_back(known);
}

static void failed(struct tb_limits *limits, const struct tb_attempt *attempt,
		   struct entry *entry)
{
	if (entry->failures < UINT32_MAX)
		entry->failures++;
	if (entry->last_us < attempt->now_us)
		entry->last_us = attempt->now_us;
	address_failed(limits, attempt->address, attempt->now_us);
}

void tb_limits_end(struct tb_limits *limits, const struct tb_attempt *attempt,
		   enum tb_attempt_outcome outcome)
{
	struct key key = pair_key(limits, attempt);
	struct entry *entry;

	pthread_mutex_lock(&limits->lock);
	/* It may have been forgotten since the attempt began. */
	entry = get(limits->pairs, &key, outcome != TB_ATTEMPT_UNDECIDED);
	if (entry != NULL) {
		if (entry->pending > 0)
			entry->pending--;
		if (outcome == TB_ATTEMPT_PASSED)
			passed(limits, &key, attempt, entry);
		else if (outcome == TB_ATTEMPT_FAILED)
			failed(limits, attempt, entry);
		put_back(entry);
		pthread_cond_broadcast(&limits->ended);
	}
	pthread_mutex_unlock(&limits->lock);
}
