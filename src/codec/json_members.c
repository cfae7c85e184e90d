#include "codec/json_members.h"

#include "codec/json_text.h"

/* Quotes and backslashes are looked for in blocks of so many bytes, a bit for
 * each byte: strings are short, and to look anew in each would be to wait for
 * where the one before ends. */
#define BLOCK_BYTES 64

#ifdef TB_JSON_SSE2

static inline uint64_t marks_of_16(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i is_mark = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
				       _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));

	return (unsigned)_mm_movemask_epi8(is_mark);
}

#else

static inline uint64_t marks_of_16(const char *p)
{
	uint64_t marks = 0;

	for (size_t i = 0; i < 16; i++)
		marks |= (uint64_t)(p[i] == '"' || p[i] == '\\') << i;
	return marks;
}

#endif

static inline uint64_t marks_of(const char *p)
{
	return marks_of_16(p) | marks_of_16(p + 16) << 16 |
	       marks_of_16(p + 32) << 32 | marks_of_16(p + 48) << 48;
}

static void load_short(struct tb_json_members *it)
{
	char block[BLOCK_BYTES] = { 0 };

	memcpy(block, it->begin, (size_t)(it->end - it->begin));
	it->block = it->begin;
	it->marks = marks_of(block);
}

/* Looks at the block that begins at `at`, or earlier where less is left. */
static inline void load_marks(struct tb_json_members *it, const char *at)
{
	if (it->end - it->begin < BLOCK_BYTES) {
		load_short(it);
		return;
	}
	it->block = it->end - at < BLOCK_BYTES ? it->end - BLOCK_BYTES : at;
	it->marks = marks_of(it->block);
}

/* The functions below take a place in the text and give the one behind what
 * they stand for; NULL: it is not there. */

static const char *skip_space(const char *at, const char *end)
{
	while (at < end &&
	       (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

/* A byte with spaces before it, of which bodies mostly have none. */
static inline const char *skip_char(const char *at, const char *end, char c)
{
	if (at < end && *at == c)
		return at + 1;
	at = skip_space(at, end);
	return at < end && *at == c ? at + 1 : NULL;
}

/* `at` is behind the quote that opens it. */
static inline const char *skip_string(struct tb_json_members *it,
				      const char *at)
{
	while (at < it->end) {
		if (at - it->block >= BLOCK_BYTES)
			load_marks(it, at);
		uint64_t marks = it->marks >> (at - it->block);
		if (marks == 0) {
			if (it->end - it->block <= BLOCK_BYTES)
				return NULL;
			at = it->block + BLOCK_BYTES;
			continue;
		}
		at += __builtin_ctzll(marks);
		if (*at == '"')
			return at + 1;
		/* A backslash goes with the byte behind it. */
		if (it->end - at < 2)
			return NULL;
		at += 2;
	}
	return NULL;
}

/* `at` is on the bracket that opens it. */
static const char *skip_nested(struct tb_json_members *it, const char *at)
{
	size_t depth = 0;

	while (at && at < it->end) {
		char c = *at++;

		if (c == '"')
			at = skip_string(it, at);
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at;
	}
	return NULL;
}

/* A number, true, false or null: up to what cannot be in one. */
static inline const char *skip_word(const char *at, const char *end)
{
	const char *begin = at;

	while (at<end && * at> ' ' && *at != ',' && *at != '}' && *at != ']')
		at++;
	return at > begin ? at : NULL;
}

static inline const char *skip_value(struct tb_json_members *it, const char *at)
{
	if (at == it->end)
		return NULL;
	if (*at == '"')
		return skip_string(it, at + 1);
	if (*at == '{' || *at == '[')
		return skip_nested(it, at);
	return skip_word(at, it->end);
}

static bool stop(struct tb_json_members *it, bool is_broken)
{
	it->key = it->value = TB_STR_NONE;
	it->at = NULL;
	it->is_broken = is_broken;
	return false;
}

/* Nothing more begins at `at`: it has ended there, or it is broken. */
static bool stop_at(struct tb_json_members *it, const char *at, char bracket)
{
	at = skip_char(at, it->end, bracket);
	return stop(it, !at || skip_space(at, it->end) < it->end);
}

struct tb_json_members tb_json_members(struct tb_str text)
{
	/* Where there are no bytes, there need not be a pointer. */
	const char *p = text.n > 0 ? text.p : "";
	struct tb_json_members it = { .begin = p, .at = p, .end = p + text.n };

	load_marks(&it, p);
	return it;
}

/* Only behind the first bracket may it end at once. */
static const char *open_container(struct tb_json_members *it, char opening,
				  char closing)
{
	const char *at = skip_char(it->at, it->end, opening);

	if (!at) {
		stop(it, true);
		return NULL;
	}
	it->is_open = true;
	if (skip_char(at, it->end, closing)) {
		stop_at(it, at, closing);
		return NULL;
	}
	return at;
}

bool tb_json_members_next(struct tb_json_members *it)
{
	const char *end = it->end, *at, *key_end, *value;

	if (!it->at)
		return false;
	at = it->is_open ? skip_char(it->at, end, ',')
			 : open_container(it, '{', '}');
	if (!at)
		return it->at ? stop_at(it, it->at, '}') : false;
	at = skip_char(at, end, '"');
	key_end = at ? skip_string(it, at) : NULL;
	value = key_end ? skip_char(key_end, end, ':') : NULL;
	if (!value)
		return stop(it, true);
	if (value < end && *value <= ' ')
		value = skip_space(value, end);
	it->at = skip_value(it, value);
	if (!it->at)
		return stop(it, true);
	it->key = tb_str(at - 1, (size_t)(key_end - at) + 1);
	it->value = tb_str(value, (size_t)(it->at - value));
	return true;
}

bool tb_json_elements_next(struct tb_json_members *it)
{
	const char *at;

	if (!it->at)
		return false;
	at = it->is_open ? skip_char(it->at, it->end, ',')
			 : open_container(it, '[', ']');
	if (!at)
		return it->at ? stop_at(it, it->at, ']') : false;
	at = skip_space(at, it->end);
	it->at = skip_value(it, at);
	if (!it->at)
		return stop(it, true);
	it->value = tb_str(at, (size_t)(it->at - at));
	return true;
}

/* True if `lead` is what stands there; an object opens with a bracket. */
static inline bool is_lead(const struct tb_json_members *it, struct tb_str lead)
{
	return it->at && (size_t)(it->end - it->at) > lead.n &&
	       *it->at == (it->is_open ? ',' : '{') &&
	       memcmp(it->at + 1, lead.p + 1, lead.n - 1) == 0;
}

bool tb_json_members_meet(struct tb_json_members *it, struct tb_str lead)
{
	const char *value;

	if (!is_lead(it, lead) || it->at[lead.n] <= ' ')
		return false;
	value = it->at + lead.n;
	it->key = tb_str(it->at + 1, lead.n - 2);
	it->is_open = true;
	it->at = skip_value(it, value);
	if (!it->at)
		return stop(it, true);
	it->value = tb_str(value, (size_t)(it->at - value));
	return true;
}
