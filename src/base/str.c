#include "base/str.h"

#include <pthread.h>
#include <sys/random.h>

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool tb_str_eq_nocase(struct tb_str a, struct tb_str b)
{
	if (a.n != b.n)
		return false;
	/* Mostly they are written alike. */
	if (tb_str_eq(a, b))
		return true;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

bool tb_str_starts(struct tb_str s, struct tb_str prefix)
{
	return s.n >= prefix.n && tb_str_eq(tb_str(s.p, prefix.n), prefix);
}

bool tb_str_ends(struct tb_str s, struct tb_str suffix)
{
	if (s.n < suffix.n)
		return false;
	if (suffix.n == 0)
		return true;
	return memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

bool tb_str_has_control(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

int tb_str_cmp(struct tb_str a, struct tb_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct tb_str tb_str_trim(struct tb_str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct tb_str tb_str_cut(struct tb_str *rest, char sep)
{
	struct tb_str s = *rest;
	const char *at = s.n > 0 ? memchr(s.p, sep, s.n) : NULL;

	if (at == NULL) {
		*rest = TB_STR_NONE;
		return s;
	}
	size_t n = (size_t)(at - s.p);
	*rest = tb_str(at + 1, s.n - n - 1);
	return tb_str(s.p, n);
}

enum tb_err tb_str_to_u64(struct tb_str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return TB_ERR_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return TB_ERR_INVALID;
	}
	*ret = v;
	return TB_OK;
}

enum tb_err tb_str_to_i64(struct tb_str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (negative)
		s = tb_str(s.p + 1, s.n - 1);
	enum tb_err err = tb_str_to_u64(s, &v);
	if (err != TB_OK)
		return err;
	if (v > (uint64_t)INT64_MAX + negative)
		return TB_ERR_INVALID;
	/* Negating as unsigned is defined also for the smallest number. */
	*ret = (int64_t)(negative ? 0 - v : v);
	return TB_OK;
}

/* ---- hashing ---- */

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

/* Without the system's randomness the hash still is one, only that it can be
 * foreseen. */
static void make_hash_key(void)
{
	ssize_t n = getrandom(hash_key, sizeof(hash_key), 0);

	(void)n;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* The last bytes, less than eight of them, and the length's low byte. */
static uint64_t last_word(struct tb_str s)
{
	uint64_t word = (uint64_t)s.n << 56;

	for (size_t i = s.n & ~(size_t)7; i < s.n; i++)
		word |= (uint64_t)(unsigned char)s.p[i] << 8 * (i & 7);
	return word;
}

uint64_t tb_str_hash(struct tb_str s)
{
	uint64_t v[4];

	pthread_once(&hash_key_once, make_hash_key);
	v[0] = hash_key[0] ^ 0x736f6d6570736575u;
	v[1] = hash_key[1] ^ 0x646f72616e646f6du;
	v[2] = hash_key[0] ^ 0x6c7967656e657261u;
	v[3] = hash_key[1] ^ 0x7465646279746573u;
	for (size_t i = 0; i + 8 <= s.n; i += 8) {
		uint64_t word;

		memcpy(&word, s.p + i, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[3] ^= last_word(s);
	sip_round(v);
	v[0] ^= last_word(s);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
