/*
 * Query strings: what is read is text, and any text that is escaped comes
 * back.
 */
#include "fuzz.h"

#include "http/request.h"
#include "http/uri.h"

#define ARENA_MAX_BYTES (1 << 20)

/* Every byte escaped, whatever it is. */
static struct tb_str escaped(struct tb_arena *arena, struct tb_str s)
{
	static const char digits[] = "0123456789abcDEF";
	char *p = tb_arena_alloc(arena, 3 * s.n);

	TB_ASSERT(p);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		p[3 * i] = '%';
		p[3 * i + 1] = digits[c >> 4];
		p[3 * i + 2] = digits[c & 15];
	}
	return tb_str(p, 3 * s.n);
}

static void escape_and_read(struct tb_arena *arena, struct tb_str text)
{
	struct tb_str back;

	TB_ASSERT(text.n == 0 || !memchr(text.p, '\0', text.n));
	TB_ASSERT(!tb_uri_decode(arena, escaped(arena, text), true, &back));
	TB_ASSERT(tb_str_eq(text, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_request req = { .query = fuzz_input(data, n),
				  .arena = arena };
	struct tb_str value;
	uint64_t number;

	TB_ASSERT(arena);
	if (!tb_request_query(&req, "x", &value))
		escape_and_read(arena, value);
	if (!tb_request_query_u64(&req, "x", 7, &number))
		TB_ASSERT(value.p || number == 7);
	if (!tb_uri_decode(arena, req.query, false, &value))
		escape_and_read(arena, value);
	if (tb_uri_is_valid(req.query))
		TB_ASSERT(n > 0 && data[0] == '/');
	tb_arena_destroy(arena);
	return 0;
}
