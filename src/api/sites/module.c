/*
 * The sites API as the program sees it: its settings, and how its state is
 * made.
 */
#include "api/api.h"
#include "api/sites/sites.h"
#include "base/assert.h"

#define NUMBER(member, lowest, highest)                                        \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(struct tb_sites_options, member), .min = (lowest),       \
	.max = (highest)

static bool is_url_or_empty(struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	}
	return text.n == 0 || tb_str_starts(text, TB_STR("https://")) ||
	       tb_str_starts(text, TB_STR("http://"));
}

static const struct tb_setting rows[] = {
	{ NUMBER(central_site_id, 0, INT32_MAX),
	  .doc = "What sites are told of the centre's own site id." },
	{ .name = "public_url",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(struct tb_sites_options, public_url),
	  .is_valid = is_url_or_empty,
	  .expected = "a URL, as https://sync.example.org, or nothing",
	  .doc = "The address at which sites call; where it is empty they are "
		 "told the one that they used." },
	{ NUMBER(token_lifetime_s, 1, 31536000),
	  .doc = "How long a token of POST auth is good." },
	{ NUMBER(page_default, 1, 100000),
	  .doc = "Records on a page when the request names no limit." },
	{ NUMBER(page_max, 1, 100000),
	  .doc = "A greater limit counts as this." },
	{ NUMBER(page_max_bytes, 1024, 1ull << 30),
	  .doc = "Bytes on a page; a single record may be over it." },
	{ NUMBER(cache_max_bytes, 0, 1ull << 40),
	  .doc = "Memory for pages of the central feed that several sites "
		 "read." },
	{ NUMBER(push_max, 1, 1000000), .doc = "Records in one push." },
	{ NUMBER(acknowledge_max, 1, 10000000),
	  .doc = "Elements in one acknowledgement." },
};

static const struct tb_settings settings = {
	.section = "sites",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_sites_default_options,
	.size = sizeof(tb_sites_default_options),
};

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct tb_sites *sites;
	enum tb_err err =
		tb_sites_create(env->core, env->auth, env->options, &sites);

	if (!err)
		*ret_state = sites;
	return err;
}

static void destroy(void *state)
{
	tb_sites_destroy(state);
}

static void upkeep(void *state)
{
	tb_sites_flush_activity(state);
}

const struct tb_api_module tb_sites_module = {
	.api = &tb_sites_api,
	.settings = &settings,
	.create = create,
	.destroy = destroy,
	.upkeep = upkeep,
};
