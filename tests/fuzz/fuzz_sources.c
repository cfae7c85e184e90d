/*
 * Sources as they are configured: what is read is what the runner takes for
 * granted, it is shown, and what is shown is read back to the same.
 */
#include "fuzz.h"

#include "app/config.h"
#include "app/config_sources.h"

#define TEXT_MAX_BYTES ((size_t)1 << 26)

static void report(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static enum tb_err load(struct tb_str text, struct tb_config **ret)
{
	struct tb_config_source source = { .preset = text };

	return tb_config_load(&source, report, NULL, ret);
}

static bool leads_out(struct tb_str path)
{
	while (path.p)
		if (tb_str_eq(tb_str_cut(&path, '/'), TB_STR("..")))
			return true;
	return false;
}

static void check_source(const struct tb_config *config,
			 const struct tb_source *source)
{
	struct tb_str url = tb_str_z(source->url);

	TB_ASSERT(source->name.n > 0 && source->n_entities > 0);
	TB_ASSERT(!tb_str_eq(source->name, TB_STR(TB_SOURCE_LOCAL)));
	TB_ASSERT(source->page_size >= 1 && source->page_max_bytes >= 1024);
	TB_ASSERT(!source->url || tb_str_starts(url, TB_STR("https://")) ||
		  tb_str_starts(url, TB_STR("http://")));
	TB_ASSERT(url.n == 0 ||
		  (!memchr(url.p, '@', url.n) && !memchr(url.p, '?', url.n) &&
		   url.p[url.n - 1] != '/'));
	for (size_t i = 0; i < source->n_entities; i++) {
		const struct tb_source_entity *entity = &source->entities[i];

		TB_ASSERT(entity->key.n > 0 && entity->path.n > 0);
		TB_ASSERT(!source->path || !leads_out(entity->path));
		TB_ASSERT(tb_declaration_find(&config->declaration,
					      entity->collection));
		TB_ASSERT(tb_source_entity_find(source, entity->name) ==
			  entity);
	}
}

static void check(const struct tb_config *config)
{
	struct tb_config *again;
	struct tb_buf first;
	struct tb_buf second;

	for (size_t i = 0; i < config->sources.n; i++)
		check_source(config, &config->sources.list[i]);
	tb_buf_init(&first, TEXT_MAX_BYTES);
	tb_buf_init(&second, TEXT_MAX_BYTES);
	tb_config_put(&first, config);
	TB_ASSERT(!tb_buf_err(&first));
	TB_ASSERT(!load(tb_buf_str(&first), &again));
	tb_config_put(&second, again);
	TB_ASSERT(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
	tb_config_destroy(again);
	tb_buf_fini(&first);
	tb_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tb_config *config;

	if (load(fuzz_input(data, size), &config))
		return 0;
	check(config);
	tb_config_destroy(config);
	return 0;
}
