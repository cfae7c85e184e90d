/*
 * The inside of JSON strings: finding the bytes that matter, escapes, UTF-8.
 * Private to the codec. Positions are pointers into a text that ends at `end`
 * and need not be terminated.
 */
#ifndef TB_CODEC_JSON_TEXT_H
#define TB_CODEC_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

#if defined(__SSE2__) && !defined(TB_JSON_PORTABLE)
#include <emmintrin.h>
#define TB_JSON_SSE2 1
#endif

/* The longest character of UTF-8. */
#define TB_UTF8_MAX_BYTES 4

static inline bool tb_json_is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

#ifdef TB_JSON_SSE2

/* Skips whole blocks of plain bytes: printable ASCII that is neither a quote
 * nor a backslash. Stops at the first other byte, or before the end where
 * less than a block is left. */
static inline const char *tb_json_skip_blocks(const char *at, const char *end)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (; end - at >= 16; at += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* Signed: bytes from 0x80 on are below the space as well. */
		__m128i other = _mm_or_si128(
			_mm_cmplt_epi8(x, space),
			_mm_or_si128(_mm_cmpeq_epi8(x, quote),
				     _mm_cmpeq_epi8(x, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(other);
		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
	return at;
}

#else

static inline const char *tb_json_skip_blocks(const char *at, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = ones << 7;

	for (; end - at >= 8; at += 8) {
		uint64_t x;
		memcpy(&x, at, sizeof(x));
		uint64_t quote = x ^ ones * '"';
		uint64_t backslash = x ^ ones * '\\';
		/* A lane's top bit says: below a space, zero (so equal), or
		 * not ASCII. A borrow can only add lanes where there is one
		 * already. */
		if (((x - ones * ' ') | (quote - ones) | (backslash - ones) |
		     x) &
		    tops)
			break;
	}
	return at;
}

#endif

/* The first byte from `at` on that is not plain, or `end`. */
static inline const char *tb_json_skip_plain(const char *at, const char *end)
{
	at = tb_json_skip_blocks(at, end);
	while (at < end && tb_json_is_plain(*at))
		at++;
	return at;
}

/* The bytes of the well-formed UTF-8 character at `at` (RFC 3629, section 4);
 * 0 when it is none. */
size_t tb_utf8_char_bytes(const char *at, const char *end);

/* One escape. `at` is on its backslash. Gives the position behind it and the
 * code point; a pair of surrogates is one escape. NULL when it is malformed or
 * a lone surrogate; then `ret_what` says which. */
const char *tb_json_read_escape(const char *at, const char *end,
				uint32_t *ret_code, const char **ret_what);

/* Writes a code point as UTF-8 and says how many bytes that took. */
size_t tb_utf8_put(uint32_t code, char to[TB_UTF8_MAX_BYTES]);

/* Decodes the inside of a string that was accepted, into `to`, which has room
 * for `inside.n` bytes: decoding never lengthens. Gives the bytes written. */
size_t tb_json_decode(struct tb_str inside, char *to);

/* The same, compared with `s` instead of written. */
bool tb_json_decoded_is(struct tb_str inside, struct tb_str s);

#endif
