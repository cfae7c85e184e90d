#include "api/sites/sites.h"

#include "api/api.h"
#include "api/sites/handlers.h"
#include "api/sites/state.h"

#include "base/alloc.h"
#include "base/assert.h"

#define MIB ((uint64_t)1 << 20)

const struct tb_sites_options tb_sites_default_options = {
	.central_site_id = 1,
	.public_url = "",
	.token_lifetime_s = 3600,
	.page_default = 500,
	.page_max = 5000,
	.page_max_bytes = 16 * MIB,
	.cache_max_bytes = 64 * MIB,
	.push_max = 50000,
	.acknowledge_max = 100000,
};

enum tb_err tb_sites_create(struct tb_core *core, struct tb_auth *auth,
			    const struct tb_sites_options *options,
			    struct tb_sites **ret)
{
	struct tb_sites *sites = tb_calloc(1, sizeof(*sites));

	if (!sites)
		return TB_ERR_NOMEM;
	sites->core = core;
	sites->auth = auth;
	sites->options = options;
	sites->cache = tb_page_cache_create(options->cache_max_bytes);
	sites->activity = tb_activity_create();
	if (!sites->cache || !sites->activity) {
		tb_sites_destroy(sites);
		return TB_ERR_NOMEM;
	}
	*ret = sites;
	return TB_OK;
}

void tb_sites_destroy(struct tb_sites *sites)
{
	if (!sites)
		return;
	tb_activity_destroy(sites->activity);
	tb_page_cache_destroy(sites->cache);
	tb_free(sites);
}

void tb_sites_flush_activity(struct tb_sites *sites)
{
	tb_activity_flush(sites->activity, sites->core);
}

/* ---- settings ---- */

/* Empty, or a scheme, a host and no spaces: what a URL cannot do without. */
static bool is_url_or_empty(struct tb_str text)
{
	struct tb_str rest = text;
	size_t scheme_n;

	if (text.n == 0)
		return true;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	if (tb_str_starts(text, TB_STR("https://")))
		scheme_n = strlen("https://");
	else if (tb_str_starts(text, TB_STR("http://")))
		scheme_n = strlen("http://");
	else
		return false;
	rest = tb_str(text.p + scheme_n, text.n - scheme_n);
	return tb_str_cut(&rest, '/').n > 0;
}

#define OPTIONS struct tb_sites_options
#define NUMBER(member, lowest, highest)                                        \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(OPTIONS, member), .min = (lowest), .max = (highest)

static const struct tb_setting rows[] = {
	{ NUMBER(central_site_id, 1, INT32_MAX),
	  .doc = "The site id under which the centre's own records are "
		 "shown." },
	{ .name = "public_url",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(OPTIONS, public_url),
	  .is_valid = is_url_or_empty,
	  .expected = "a URL as https://sync.example.org, or nothing",
	  .doc = "The server's address as sites know it; behind a proxy it "
		 "must be set. Without it the address that a site calls is "
		 "taken." },
	{ NUMBER(token_lifetime_s, 1, 31536000),
	  .doc = "How long a site's token is good." },
	{ NUMBER(page_default, 1, 1000000),
	  .doc = "Records in a page where no limit is asked for." },
	{ NUMBER(page_max, 1, 1000000),
	  .doc = "A greater limit counts as this." },
	{ NUMBER(page_max_bytes, 1024, 1024 * MIB),
	  .doc = "A page ends before the record that would make it larger; "
		 "one record always fits." },
	{ NUMBER(cache_max_bytes, 0, 1024 * 1024 * MIB),
	  .doc = "Memory for pages of the central feed." },
	{ NUMBER(push_max, 1, 1000000),
	  .doc = "Records in one push; over it 413." },
	{ NUMBER(acknowledge_max, 1, 1000000),
	  .doc = "Elements in one acknowledgement; over it 413." },
};

static const struct tb_settings settings = {
	.section = "sites",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_sites_default_options,
	.size = sizeof(tb_sites_default_options),
};

/* ---- the module ---- */

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
	.follow = tb_sites_follow,
	.follow_peek = tb_sites_follow_peek,
};
