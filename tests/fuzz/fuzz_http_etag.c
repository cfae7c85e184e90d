/*
 * Lists of entity tags: a weak tag and a strong one are found alike, a list
 * that is put behind a tag keeps it or is none, and nothing is found that is
 * not written there. What If-Match lets through by the strong comparison the
 * weak one finds as well, and a weak tag gets through no list.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "http/etag.h"

#define TAG TB_STR("\"x\"")

static bool is_star(struct tb_str list)
{
	for (size_t i = 0; i < list.n; i++)
		if (list.p[i] != '*' && list.p[i] != ',' && list.p[i] != ' ' &&
		    list.p[i] != '\t')
			return false;
	return true;
}

/* A list is good with this tag before it, or without one: both must agree. */
static void put_before(struct tb_str list)
{
	struct tb_buf first;
	bool is_good;

	tb_buf_init(&first, list.n + 100);
	tb_buf_append_z(&first, "\"only-here\", ");
	tb_buf_append_str(&first, list);
	is_good = tb_etag_list_has(tb_buf_str(&first), TB_STR("\"only-here\""));
	if (!is_good)
		TB_ASSERT(is_star(list) || !tb_etag_list_has(list, TAG));
	else
		TB_ASSERT(tb_etag_list_has(tb_buf_str(&first), TAG) ==
			  tb_etag_list_has(list, TAG));
	tb_buf_fini(&first);
}

static bool passes(struct tb_str list, struct tb_str etag)
{
	struct tb_header header = { TB_STR("If-Match"), list };
	struct tb_request req = { .headers = &header, .n_headers = 1 };
	bool has;
	bool is_match = tb_request_matches(&req, etag, &has);

	TB_ASSERT(has);
	return is_match;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str list = fuzz_input(data, n);
	bool is_there = tb_etag_list_has(list, TAG);

	TB_ASSERT(is_there == tb_etag_list_has(list, TB_STR("W/\"x\"")));
	if (is_there && !is_star(list))
		TB_ASSERT(memmem(list.p, list.n, "\"x\"", 3));
	TB_ASSERT(is_there || !passes(list, TAG));
	TB_ASSERT(!passes(list, TB_STR("W/\"x\"")) || is_star(list));
	put_before(list);
	return 0;
}
